"""cdktr-logd: the recorder's command line, and the order of its start.

The lock first, then the database, then the sockets: a second logd learns at once who owns the
directory and touches nothing.
"""

from __future__ import annotations

import os
from pathlib import Path

from cdktr_common import cli
from cdktr_common.arguments import parse
from cdktr_common.errors import BUSY, DAMAGED, OK
from cdktr_common.lock import Lock
from cdktr_common.settings import Settings, logd_binds, principal_endpoint, socket_path

PROGRAM = "cdktr-logd"

USAGE = f"""\
cdktr-logd: the recorder. It stores the output of tasks and the facts of the principal, publishes
output live and answers searches.

Examples:
  cdktr-logd
  cdktr-logd --home /var/lib/cdktr
  CDKTR_LOGS_LISTENING_PORT=5562 cdktr-logd --insecure

Usage:
  cdktr-logd [--insecure] [--host-port HOST:PORT] [--principal NAME] [--home DIR]

Options:
  --insecure              Serve TCP without keys: anyone who reaches the port can read output.
{cli.OPTIONS}
Stops cleanly on SIGTERM and SIGINT. Exit codes: 0 stopped, 2 usage, 74 the store is damaged,
75 another logd owns the directory or an address is in use, 78 bad settings.
"""


def main(argv: list[str]) -> int:
    """Serve until told to stop."""
    cli.show_and_exit(USAGE, argv)
    args = parse(USAGE, argv)
    settings = cli.load_settings(args).settings
    os.umask(0o077)
    requests, live = logd_binds(settings)
    cli.refuse_open_tcp(PROGRAM, settings, [*requests, *live])
    directory = Path(settings.home) / "logd"
    lock = Lock(directory / "lock", PROGRAM)
    return _serve(settings, lock, requests, live)


def _serve(settings: Settings, lock: Lock, requests: list[str], live: list[str]) -> int:
    from cdktr_logd.partitions import Retention
    from cdktr_logd.service import Recorder
    from cdktr_logd.store import StoreDamaged, StoreFull, StoreLost

    log = cli.Log(PROGRAM, settings.log_level)
    try:
        retention = Retention(settings.retention_days * 86400)
        recorder = Recorder(Path(settings.home), _principal(settings), log, retention)
    except (StoreDamaged, StoreLost) as fault:
        cli.fail(PROGRAM, str(fault), DAMAGED)
    except StoreFull as fault:
        cli.fail(PROGRAM, str(fault), BUSY)
    endpoints = recorder.bind(requests, live)
    lock.update(program=PROGRAM, endpoints=endpoints)
    cli.ready(PROGRAM, endpoints)
    recorder.run()
    return OK


def _principal(settings: Settings) -> str:
    """Where the principal is; with port 0 nobody can know but by its ipc socket."""
    if settings.principal_port == 0:
        return socket_path(settings, "principal")
    return principal_endpoint(settings)


def run() -> None:
    """The console script."""
    cli.program_main(PROGRAM, main)


if __name__ == "__main__":
    run()

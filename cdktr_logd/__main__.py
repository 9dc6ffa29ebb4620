"""cdktr-logd: the recorder's command line, and the order of its start.

The lock first, then the database, then the sockets: a second logd learns at once who owns the
directory and touches nothing.
"""

from __future__ import annotations

import os
from pathlib import Path

from cdktr_common import cli
from cdktr_common.arguments import parse
from cdktr_common.errors import BUSY, DAMAGED, FAILED, OK
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
  cdktr-logd rebuild

Usage:
  cdktr-logd [rebuild] [--insecure] [--host-port HOST:PORT] [--principal NAME] [--home DIR]

`rebuild` makes history.duckdb again while logd is stopped: from the facts of the principal, which
has to run, and from all output that can still be read. It says what could not be carried over,
and keeps the old file under a dated name.

Options:
  --insecure              Serve TCP without keys: anyone who reaches the port can read output.
{cli.OPTIONS}
Stops cleanly on SIGTERM and SIGINT. Exit codes: 0 stopped or rebuilt, 1 rebuilt but not all could
be carried over, 2 usage, 69 no principal to rebuild from, 74 the store is damaged, 75 another logd
owns the directory, an address is in use or the disk is full, 78 bad settings.
"""


def main(argv: list[str]) -> int:
    """Serve until told to stop."""
    cli.show_and_exit(USAGE, argv)
    args = parse(USAGE, argv)
    settings = cli.load_settings(args, changes=True).settings
    os.umask(0o077)
    if args["rebuild"]:
        return _rebuild(settings)
    requests, live = logd_binds(settings)
    cli.refuse_open_tcp(PROGRAM, settings, [*requests, *live])
    directory = Path(settings.home) / "logd"
    lock = Lock(directory / "lock", PROGRAM)
    return _serve(settings, lock, requests, live)


def _rebuild(settings: Settings) -> int:
    from cdktr_common.client import Client
    from cdktr_logd.rebuild import rebuild
    from cdktr_logd.store import StoreDamaged, StoreFull, StoreLost

    directory = Path(settings.home) / "logd"
    lock = Lock(directory / "lock", f"{PROGRAM} rebuild")
    try:
        with Client(_principal(settings), settings.default_zmq_timeout_ms / 1000) as principal:
            whole = rebuild(directory, principal, print)
    except StoreFull as fault:
        cli.fail(PROGRAM, f"{fault}; nothing was changed", BUSY)
    except (StoreDamaged, StoreLost) as fault:
        cli.fail(PROGRAM, f"the new file cannot be written: {fault}", DAMAGED)
    lock.release()
    return OK if whole else FAILED


def _serve(settings: Settings, lock: Lock, requests: list[str], live: list[str]) -> int:
    from cdktr_logd import anew, memory

    memory.bound()
    from cdktr_logd.partitions import Retention
    from cdktr_logd.rebuild import finish
    from cdktr_logd.service import Recorder
    from cdktr_logd.store import StoreDamaged, StoreFull

    log = cli.Log(PROGRAM, settings.log_level)
    try:
        finish(Path(settings.home) / "logd")  # of a rebuild that was cut off at its very end
        retention = Retention(settings.retention_days * 86400)
        recorder = Recorder(Path(settings.home), _principal(settings), log, retention)
    except StoreDamaged as fault:
        cli.fail(PROGRAM, str(fault), DAMAGED)
    except StoreFull as fault:
        cli.fail(PROGRAM, str(fault), BUSY)
    endpoints = recorder.bind(requests, live)
    lock.update(program=PROGRAM, endpoints=endpoints)
    cli.ready(PROGRAM, endpoints)
    recorder.run()
    if recorder.begin_anew:
        anew.begin()
    if recorder.threads_left():
        os._exit(OK)  # tidying up would wait for them, or complain
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

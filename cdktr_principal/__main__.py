"""cdktr-principal: settings, lock, recovery, then the loop.

The order is what must stay true: lock first, then the journal, then the sockets; nothing is
touched before the directory is ours.
"""

from __future__ import annotations

import gc
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from cdktr_common import cli
from cdktr_common.arguments import parse
from cdktr_common.errors import BUSY, DAMAGED
from cdktr_common.lock import Lock
from cdktr_common.loop import Loop
from cdktr_common.settings import Settings, principal_binds
from cdktr_principal.decisions.core import Core, Timing
from cdktr_principal.decisions.pools import Pools
from cdktr_principal.definitions import Definitions
from cdktr_principal.service import Service
from cdktr_principal.state.state import State
from cdktr_principal.store import snapshot
from cdktr_principal.store.ballast import Ballast
from cdktr_principal.store.journal import Damaged, Journal
from cdktr_principal.store.keeper import Keeper

USAGE = f"""\
cdktr-principal: keeps workflows and runs, decides what runs where.

Examples:
  cdktr-principal                                 On ipc sockets in $CDKTR_HOME/run.
  cdktr-principal --workflow-dir ~/jobs           Workflows from there.
  cdktr-principal --host-port 0.0.0.0:5561 --insecure    Over TCP too, without keys.

Usage:
  cdktr-principal [--workflow-dir DIR] [--insecure] [--host-port HOST:PORT] [--principal NAME]
                  [--home DIR]
  cdktr-principal (--help | --version | --protocol)

Options:
  --workflow-dir DIR      Directory of workflow files; default: workflows.
  --insecure              Serve TCP although there are no keys.
{cli.OPTIONS}
SIGTERM and SIGINT stop it; tasks go on and are reported when it is back. SIGHUP looks at the
workflow files now. Exit codes: 0 stopped, 2 usage, 74 store damaged, 75 directory or port in use,
78 bad settings.
"""

PROGRAM = "cdktr-principal"

T = TypeVar("T")


def recover(journal: Journal) -> State:
    """The state as the journal has it. Raises Damaged."""
    state = snapshot.newest(journal.directory)
    for fact in journal.recover(state.seq):
        state.apply(fact, fact.topic())
    return state


def main(argv: list[str]) -> int:
    """Run until told to stop."""
    cli.show_and_exit(USAGE, argv)
    args = parse(USAGE, argv)
    settings = cli.load_settings(args, changes=True, workflow_dir=args["--workflow-dir"]).settings
    os.umask(0o077)
    log = cli.Log(PROGRAM, settings.log_level)
    request_binds, event_binds = principal_binds(settings)
    cli.refuse_open_tcp(PROGRAM, settings, request_binds + event_binds)
    lock = Lock(Path(settings.home) / "principal" / "lock", PROGRAM)
    ballast = Ballast(lock.path.parent / "ballast", settings.disk_reserve_mb << 20)
    journal = Journal(lock.path.parent / "journal", ballast.give_up)
    began = time.monotonic()
    try:
        state = recover(journal)
    except Damaged as damage:
        cli.fail(PROGRAM, str(damage), DAMAGED)
    log("info", "recovered", facts=journal.seq, runs=len(state.runs),
        seconds=f"{time.monotonic() - began:.2f}")  # fmt: skip
    # Facts and rows form no cycles: looking for them often took a tenth of the time of a busy turn.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    loop = Loop()
    core = Core(state, _timing(settings))
    core.session.pools = Pools(settings.pools)
    keeper = Keeper(core, journal, ballast, settings.retention_days, log)
    service = Service(core, keeper, _definitions(settings, loop), loop, log)
    bound = _until_disk_full(lambda: service.serve(request_binds, event_binds))
    lock.update(program=PROGRAM, endpoints=bound)
    loop.on_signals((signal.SIGTERM, signal.SIGINT), lambda _: loop.stop())
    loop.on_signals((signal.SIGHUP,), lambda _: service.reload())
    cli.ready(PROGRAM, [*bound, *service.endpoints["events"]])
    _until_disk_full(loop.run)
    _until_disk_full(service.finish)
    return 0


def _until_disk_full(work: Callable[[], T]) -> T:
    try:
        return work()
    except OSError as fault:
        cli.fail(PROGRAM, f"cannot write the journal: {fault}; nothing unsaved was answered", BUSY)


def _timing(settings: Settings) -> Timing:
    return Timing(
        beat_s=settings.agent_beat_s,
        silent_s=settings.agent_heartbeat_timeout_ms / 1000,
        lost_after_s=settings.lost_after_s,
        lease_grace_s=settings.lease_grace_s,
    )


def _definitions(settings: Settings, loop: Loop) -> Definitions:
    path = Path(settings.workflow_dir).absolute()
    return Definitions(path, settings.workflow_dir_refresh_frequency_s, loop.wake)


def run() -> None:
    """The console script."""
    cli.program_main(PROGRAM, main)


if __name__ == "__main__":
    run()

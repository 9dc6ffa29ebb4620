"""cdktr stop: ask all that runs in this home to stop, and wait until it has.

Who runs is told by the locks, which are held by living processes alone. A `cdktr start` is asked
first, since it would start again what is taken from under it.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cdktr_common import arguments, cli
from cdktr_common.errors import BUSY, NOT_FOUND, OK, USAGE
from cdktr_common.lock import holder

PROGRAM = "cdktr"

usage = f"""\
cdktr stop - stop all that runs in this home, and wait for it

Examples:
  cdktr stop
  cdktr stop --now        Tasks that run are ended instead of being waited for.

Usage:
  cdktr stop [options]

Options:
  --now                   Do not let running tasks finish.
  --timeout TIME          Wait at most so long; default: the drain time and half a minute.
{cli.OPTIONS}
Exit codes: 0 all stopped - 3 nothing was running - 75 something still runs.
"""

STARTERS = ("start.lock", "agent/*/start.lock", "logd/start.lock")
SOURCES = ("http/*.lock", "watch/*/lock")
DAEMONS = ("agent/*/lock", "agent/*/supervisor.lock", "cron/*lock", "logd/lock", "principal/lock")


def main(argv: list[str]) -> int:
    """Run the command."""
    cli.show_and_exit(usage, argv)
    args = arguments.parse(usage, ["stop", *argv])
    if args["--principal"] or args["--host-port"]:
        words = (
            "it stops what runs in a home, whatever principal that talks to: --home DIR names it"
        )
        cli.fail(PROGRAM, words, USAGE)
    settings = cli.load_settings(args).settings
    home = Path(settings.home)
    limit_s = settings.drain_timeout_s + 30.0
    if args["--timeout"] is not None:
        from cdktr_common.durations import seconds

        try:
            limit_s = seconds(args["--timeout"])
        except ValueError as fault:
            cli.fail(PROGRAM, f"--timeout: {fault}", 2)
    end = time.monotonic() + limit_s
    stopped = 0
    for pattern in (*STARTERS, *SOURCES, *DAEMONS):
        for path, owner in _held(home, pattern):
            _stop(path, owner, end, hurry=args["--now"])
            stopped += 1
    if not stopped:
        cli.fail(PROGRAM, f"nothing runs in {home}", NOT_FOUND)
    return OK


def _held(home: Path, pattern: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted(home.glob(pattern)):
        owner = holder(path)
        if owner is not None:
            yield path, owner


def _stop(path: Path, owner: dict[str, Any], end: float, *, hurry: bool) -> None:
    """Ask one owner and wait for its end."""
    name, pid = owner.get("program", "a program"), owner.get("pid")
    host = owner.get("host")
    if not isinstance(pid, int) or host != socket.gethostname():
        where = f" on {host}" if host else ""
        cli.fail(PROGRAM, f"{path} is held by {name}{where}, which cannot be stopped here", BUSY)
    began = time.monotonic()
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return  # gone by itself meanwhile
    try:
        signal.pidfd_send_signal(process, signal.SIGTERM)
        if hurry and not _ended(process, 0.1):
            signal.pidfd_send_signal(process, signal.SIGTERM)
        if not _ended(process, max(0.0, end - time.monotonic())):
            cli.fail(PROGRAM, f"{name} (pid {pid}) still runs; `cdktr stop --now` hurries it", BUSY)
    except ProcessLookupError:
        pass
    finally:
        os.close(process)
    print(f"stopped {name} (pid {pid}) in {time.monotonic() - began:.2f} s", flush=True)


def _ended(process: int, wait_s: float) -> bool:
    poller = select.poll()
    poller.register(process, select.POLLIN)
    return bool(poller.poll(wait_s * 1000))

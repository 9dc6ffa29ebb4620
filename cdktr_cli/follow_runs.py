"""cdktr-trigger --follow: the output of the runs as it comes, then how they ended.

Each run is followed on its own in a thread, as `cdktr-logs tail` would; whole lines are printed,
so they never mix. Whether the runs go on, and how they end, is watched as `--wait` does it: the
output of a run never decides its exit code, and Ctrl-C leaves the runs alone.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from typing import Final

from cdktr_cli import quick, recorded, unprinted, waiting
from cdktr_cli.connection import Connection
from cdktr_cli.log_follow import GRACE_S, Follower
from cdktr_cli.log_lines import Assembler, as_text
from cdktr_cli.logs import Wanted
from cdktr_common import cli
from cdktr_common.errors import ProtocolError

PROGRAM: Final = "cdktr-trigger"

MOST: Final = 50
"""Runs whose output is followed; an event that starts more is one to be looked at otherwise."""

_EVERYTHING: Final = Wanted(None, None, None, None, None, None, None, None)


def follow(
    args: cli.Args, principal: quick.Dealer, runs: Sequence[str], timeout_s: float | None
) -> list[waiting.Row]:
    """The runs as they ended, once their output is printed."""
    printing = threading.Lock()
    threads = [
        threading.Thread(target=_print, args=(args, run, printing), daemon=True)
        for run in runs[:MOST]
    ]
    for thread in threads:
        thread.start()
    if len(runs) > MOST:
        said = f"{len(runs)} runs: the output of the first {MOST} is shown"
        print(f"{PROGRAM}: {said}", file=sys.stderr)
    try:
        rows = waiting.wait_all(principal, runs, timeout_s, show=False)
    except waiting.GaveUp as fault:
        with printing:  # no line is left half
            cli.fail(PROGRAM, str(fault), fault.code)
    for thread in threads:
        thread.join(2 * GRACE_S)
    return rows


def _print(args: cli.Args, name: str, printing: threading.Lock) -> None:
    try:
        principal = Connection.of(args)
        run = recorded.find_run(principal, name)
        request = recorded.query(_EVERYTHING, run)
        follower = Follower(principal, request, run, None, program=PROGRAM)
        lines, terminal = Assembler(), sys.stdout.isatty()
        for chunks in follower.batches():
            shown = [as_text(line, terminal) for chunk in chunks for line in lines.feed(chunk)]
            _write(printing, shown)
        _write(printing, [as_text(line, terminal) for line in lines.rest()])
        for what in follower.missing:
            said = f"not all output of {name} has come yet ({what}); cdktr-logs query --run {name}"
            print(f"{PROGRAM}: {said}", file=sys.stderr)
    except ProtocolError as fault:
        said = f"its output cannot be shown: {fault.detail}; later: cdktr-logs query --run {name}"
        print(f"{PROGRAM}: {name}: {said}", file=sys.stderr)
    except OSError as fault:
        said = f"{unprinted.why(fault)}; the runs go on: cdktr-ctl wait {name}"
        print(f"{PROGRAM}: {said}", file=sys.stderr, flush=True)
        os._exit(unprinted.give_up(fault))


def _write(printing: threading.Lock, lines: list[bytes]) -> None:
    if lines:
        with printing:
            sys.stdout.buffer.write(b"\n".join(lines) + b"\n")
            sys.stdout.buffer.flush()

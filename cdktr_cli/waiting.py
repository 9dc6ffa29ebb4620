"""Waiting for runs, and the exit code that tells how they ended.

A wait is made of short long-polls, so that a principal may be restarted under it. Ctrl-C detaches:
the run goes on, and the command says how to come back.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from cdktr_cli.connection import Connection
from cdktr_common.catalogue.principal import RunStatus, RunWait
from cdktr_common.catalogue.values import RunRow
from cdktr_common.errors import BUSY, CANCELLED, OWN_FAULT, UNREACHABLE, ProtocolError, Unreachable

POLL_S = 2.0
SILENCE_S = 60.0
"""How long a principal may be away while somebody waits for a run."""

FINAL = ("COMPLETED", "FAILED", "CANCELLED")


class GaveUp(Exception):
    """The waiting ended before the run; carries what to say and the exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def exit_code(run: RunRow) -> int:
    """What a command that waited for `run` exits with."""
    if run.state == "COMPLETED":
        return 0
    if run.state == "CANCELLED":
        return run.code or CANCELLED
    # A failure without a code of its own is no task's fault: an agent was lost.
    return run.code or OWN_FAULT


def first_failure(codes: Sequence[int]) -> int:
    """Of several runs: the first code that is not 0, in the order printed."""
    return next((code for code in codes if code), 0)


def wait_all(principal: Connection, runs: Sequence[str], timeout_s: float | None) -> list[RunRow]:
    """All runs as they ended. Raises GaveUp."""
    end = None if timeout_s is None else time.monotonic() + timeout_s
    try:
        return [_wait(principal, run, end) for run in runs]
    except KeyboardInterrupt:
        raise _gave_up(f"detached; {_goes_on(runs)}", CANCELLED) from None


def _goes_on(runs: Sequence[str]) -> str:
    verb = "the run goes on" if len(runs) == 1 else "the runs go on"
    return f"{verb}: cdktr-ctl wait {' '.join(runs)}"


def _wait(principal: Connection, run: str, end: float | None) -> RunRow:
    heard = time.monotonic()
    while True:
        wait_s = POLL_S if end is None else max(0.0, min(POLL_S, end - time.monotonic()))
        try:
            row = principal.ask(RunWait(run=run, wait_s=wait_s), RunStatus, wait_s=wait_s).run
        except Unreachable as away:
            if time.monotonic() - heard > SILENCE_S:
                raise _gave_up(f"{away.detail}; {_goes_on([run])}", UNREACHABLE) from None
        except ProtocolError as refusal:
            if not refusal.retry:
                raise
        else:
            heard = time.monotonic()
            if row.state in FINAL:
                clear_progress()
                return row
            _progress(row)
        if end is not None and time.monotonic() >= end:
            raise _gave_up(f"not ended in time; {_goes_on([run])}", BUSY)


def _gave_up(message: str, code: int) -> GaveUp:
    clear_progress()
    return GaveUp(message, code)


def _progress(row: RunRow) -> None:
    if sys.stderr.isatty():
        failed = f", {row.failed} failed" if row.failed else ""
        line = f"{row.run} {row.workflow}: {row.done} of {row.tasks} tasks{failed}"
        print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)


def clear_progress() -> None:
    """Take the progress line away, so that what follows stands alone."""
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)

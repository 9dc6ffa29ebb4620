"""Waiting for runs, and the exit code that tells how they ended.

A wait is made of short long-polls, so that a principal may be restarted under it. Ctrl-C detaches:
the run goes on, and the command says how to come back.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cdktr_cli import quick
from cdktr_cli.obstacles import LOOK_S, Obstacles
from cdktr_common.errors import BUSY, CANCELLED, OWN_FAULT, UNREACHABLE, ProtocolError, Unreachable

if TYPE_CHECKING:
    from cdktr_common.catalogue.values import RunRow

Row = dict[str, Any]
"""A run as it came over the wire: without the keys whose values are the defaults."""

POLL_S = 2.0
SILENCE_S = 60.0
"""How long a principal may be away while somebody waits for a run."""

LAG_S = 5.0
"""How long the recorder may be behind the principal with the end of a run."""

FINAL = ("COMPLETED", "FAILED", "CANCELLED")


class GaveUp(Exception):
    """The waiting ended before the run; carries what to say and the exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def exit_code(state: str, code: int | None) -> int:
    """What a command exits with that waited for a run which ended so."""
    if state == "COMPLETED":
        return 0
    if state == "CANCELLED":
        return code or CANCELLED
    # A failure without a code of its own is no task's fault: an agent was lost.
    return code or OWN_FAULT


def first_failure(codes: Sequence[int]) -> int:
    """Of several runs: the first code that is not 0, in the order printed."""
    return next((code for code in codes if code), 0)


def wait_all(
    principal: quick.Dealer, runs: Sequence[str], timeout_s: float | None, *, show: bool = True
) -> list[Row]:
    """All runs as they ended. `show`: how far they are, on a terminal. Raises GaveUp."""
    end = None if timeout_s is None else time.monotonic() + timeout_s
    try:
        return [_wait(principal, run, end, show) for run in runs]
    except KeyboardInterrupt:
        raise _gave_up(f"detached; {_goes_on(runs)}", CANCELLED) from None


def whole(rows: Sequence[Row]) -> list[RunRow]:
    """The runs with all their fields."""
    import msgspec

    from cdktr_common.catalogue.values import RunRow

    return msgspec.convert(rows, list[RunRow])


def _goes_on(runs: Sequence[str]) -> str:
    verb = "the run goes on" if len(runs) == 1 else "the runs go on"
    return f"{verb}: cdktr-ctl wait {' '.join(runs)}"


def _wait(principal: quick.Dealer, run: str, end: float | None, show: bool) -> Row:
    heard = looked = time.monotonic()
    obstacles = Obstacles()
    while True:
        wait_s = POLL_S if end is None else max(0.0, min(POLL_S, end - time.monotonic()))
        try:
            row = _status(principal, run, wait_s)
        except Unreachable as away:
            if time.monotonic() - heard > SILENCE_S:
                raise _gave_up(f"{away.detail}; {_goes_on([run])}", UNREACHABLE) from None
        except ProtocolError as refusal:
            if refusal.code == "not_found":
                return forgotten(principal, run, refusal)
            if not refusal.retry:
                raise
            time.sleep(0.2)
        else:
            heard = time.monotonic()
            if row["state"] in FINAL:
                clear_progress()
                return row
            if show:
                _progress(row)
            if heard - looked > LOOK_S:
                looked = heard
                _look(principal, run, obstacles)
        if end is not None and time.monotonic() >= end:
            raise _gave_up(f"not ended in time; {_goes_on([run])}; cdktr-ctl why {run}", BUSY)


def _status(principal: quick.Dealer, run: str, wait_s: float) -> Row:
    rid = os.urandom(8).hex()
    request = {"type": "run.wait", "run": run, "wait_s": wait_s, "id": rid}
    row: Row = principal.ask(json.dumps(request).encode(), rid, wait_s)["run"]
    return row


def _look(principal: quick.Dealer, run: str, obstacles: Obstacles) -> None:
    """Say what keeps the run from going on, if something does."""
    rid = os.urandom(8).hex()
    request = {"type": "run.why", "run": run, "id": rid}
    try:
        causes = principal.ask(json.dumps(request).encode(), rid).get("causes", [])
    except ProtocolError:
        return  # the wait itself says who does not answer
    told = obstacles.new(causes)
    if told is not None:
        from cdktr_cli.table import harmless

        clear_progress()
        print(f"{run}: {harmless(told)}", file=sys.stderr, flush=True)


def forgotten(principal: quick.Dealer, run: str, unknown: ProtocolError) -> Row:
    """A run that only the recorder remembers. The principal forgets none that goes on; the
    recorder may have a moment to go until it has heard of the end."""
    until = time.monotonic() + LAG_S
    while True:
        row = _recorded(principal, run, unknown)
        if row["state"] in FINAL:
            clear_progress()
            return row
        if time.monotonic() > until:
            raise unknown
        time.sleep(0.2)


def _recorded(principal: quick.Dealer, run: str, unknown: ProtocolError) -> Row:
    from cdktr_common.sockets import resolve

    rid = os.urandom(8).hex()
    hello = {"type": "hello", "program": "cdktr", "id": rid}
    welcome = principal.ask(json.dumps(hello).encode(), rid)
    endpoint = resolve(welcome.get("endpoints", {}).get("logd", []), principal.endpoint)
    if endpoint is None:
        raise ProtocolError("unavailable", f"{unknown.detail}, and no logd is there to be asked")
    request = {"type": "history.list", "table": "runs", "run": run, "limit": 1, "id": rid}
    with quick.Dealer(endpoint, principal.timeout_s) as logd:
        page = logd.ask(json.dumps(request).encode(), rid)
    if not page.get("rows"):
        raise unknown
    values = zip(page["columns"], page["rows"][0], strict=True)
    return {name: value for name, value in values if value is not None}


def _gave_up(message: str, code: int) -> GaveUp:
    clear_progress()
    return GaveUp(message, code)


def _progress(row: Row) -> None:
    if sys.stderr.isatty():
        failed = f", {row['failed']} failed" if row.get("failed") else ""
        tasks = f"{row.get('done', 0)} of {row['tasks']} tasks{failed}"
        if row.get("queued"):
            tasks = "waits for other runs of its workflow to end"
        line = f"\r\x1b[K{row['run']} {row['workflow']}: {tasks}"
        print(line, end="", file=sys.stderr, flush=True)


def clear_progress() -> None:
    """Take the progress line away, so that what follows stands alone."""
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)

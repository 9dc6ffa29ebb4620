"""The runs that tasks of a run have called: when such a task began and ended, and, when its call
was tried again, how each run that it had called has ended.

Pure: rows of tasks and the facts about their run go in, times and lines come out; knows nothing of
where they came from.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from cdktr_cli.story import Fact, Line, clock
from cdktr_cli.table import Row, rfc3339
from cdktr_common.durations import rough

KINDS: Final = ("task.called", "task.retrying", "task.ended")
"""Facts that tell of calls."""


def has_called(tasks: Iterable[Row]) -> bool:
    """Is there a task that has called a run, so that it is worth asking for facts?"""
    return any(_waited(task) for task in tasks)


def _waited(task: Row) -> bool:
    return bool(task.get("calls")) and not task.get("attempts") and not task.get("reused")


def tell(run: Row, tasks: Iterable[Row], facts: Iterable[Fact]) -> list[Line]:
    """Puts into the rows of calling tasks when they began and ended; a line for each of several
    calls of one task."""
    found: dict[str, list[Fact]] = {}
    for fact in facts:
        if fact.get("run") == run["run"] and fact["type"] in KINDS:
            found.setdefault(fact["task"], []).append(fact)
    told: list[Line] = []
    for task in tasks:
        mine = found.get(task["task"], []) if _waited(task) else []
        calls = [at for at, fact in enumerate(mine) if fact["type"] == "task.called"]
        if not calls:
            continue
        task["started"] = rfc3339(mine[calls[0]]["ts"])
        if mine[-1]["type"] == "task.ended":
            task["ended"] = rfc3339(mine[-1]["ts"])
        if len(calls) > 1 or mine[-1]["type"] == "task.retrying":
            told += [_call(run, mine[at], *mine[at + 1 : at + 2]) for at in calls]
    return told


def _call(run: Row, call: Fact, end: Fact | None = None) -> Line:
    start = rfc3339(call["ts"])
    n = call.get("n", 1)
    course = f"began {clock(run, start)}, runs" if end is None else _course(run, call, end)
    return Line(call["task"], n, start, f"call {n}: run {call['calls']} {course}")


def _course(run: Row, call: Fact, end: Fact) -> str:
    after = rough(end["ts"] - call["ts"])
    if end.get("state") == "COMPLETED":
        return f"completed in {after}"
    why = _why(end, call["calls"])
    reason = f" ({why})" if why else ""
    if end.get("state") == "CANCELLED":
        return f"cancelled after {after}{reason}"
    text = f"failed with {end.get('code')} after {after}{reason}"
    if end["type"] == "task.retrying":
        delay = end.get("delay_s")
        text += f"; again at {clock(run, rfc3339(end['retry_ts']))}" if delay else "; tried again"
    return text


def _why(end: Fact, called: Any) -> str:
    """The reason without what the line says already."""
    reason = str(end.get("reason") or "")
    said = f"run {called} failed"
    return reason.removeprefix(said).removeprefix(": ") if reason.startswith(said) else reason

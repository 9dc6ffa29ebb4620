"""What became of every attempt of a task, in plain words: the story of retries and failovers.

A task has a story when something happened besides one attempt that ended by itself: it was tried
again, an attempt was lost or handed back, the task is held, a result came too late. Times are UTC.
Pure: rows of tasks and the facts about their run go in, lines come out; knows nothing of where
they came from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from shlex import quote
from typing import Any, Final, NamedTuple

from cdktr_cli.table import Row, began, rfc3339, span
from cdktr_common.durations import rough

Fact = dict[str, Any]

KINDS: Final = ("task.assigned", "task.crashed", "task.stale", "task.unheld")
"""Facts that a story is made of, besides the rows."""


class Line(NamedTuple):
    """One sentence: about which task, which attempt (if one), when it happened."""

    task: str
    attempt: int | None
    time: str | None
    text: str


def interesting(tasks: Iterable[Row]) -> bool:
    """Is there anything to tell, so that it is worth asking for facts?"""
    return any(_has_story(task) for task in tasks)


def _has_story(task: Row) -> bool:
    attempts = task.get("attempts") or []
    left = any(attempt["state"] in ("CRASHED", "RELEASED") for attempt in attempts)
    waits = task["state"] == "PENDING" and bool(task.get("retry"))
    return left or len(attempts) > 1 or waits or bool(task.get("held"))


def tell(run: Row, tasks: Iterable[Row], facts: Iterable[Fact]) -> list[Line]:
    """The stories of all tasks that have one, each in the order in which it happened."""
    numbers: dict[str, int] = {}
    held: set[tuple[str, int]] = set()
    late: dict[str, list[Fact]] = {}
    for fact in facts:
        if fact.get("run") != run["run"]:
            continue
        if fact["type"] == "task.assigned":
            numbers[fact["token"]] = fact["n"]
        elif fact["type"] == "task.crashed" and fact.get("held"):
            held.add((fact["task"], fact["n"]))
        elif fact["type"] in ("task.stale", "task.unheld") and not _said(fact, late):
            late.setdefault(fact["task"], []).append(fact)
    told: list[Line] = []
    for task in tasks:
        if _has_story(task) or task["task"] in late:
            lines = [_attempt(run, task, attempt, held) for attempt in task.get("attempts") or []]
            lines += [_late(run, fact, numbers) for fact in late.get(task["task"], [])]
            told += sorted(lines, key=lambda line: line.time or "")
    return told


def _said(fact: Fact, late: dict[str, list[Fact]]) -> bool:
    """The same result, reported again because the answer to the first report was lost?"""
    before = late.get(fact["task"], [])
    return any(one["type"] == "task.stale" and one["token"] == fact.get("token") for one in before)


def render(lines: Iterable[Line]) -> Iterator[str]:
    """For people: the name of a task stands once, before its first sentence."""
    listed = list(lines)
    width = max((len(line.task) for line in listed), default=0)
    before = None
    for line in listed:
        name = "" if line.task == before else line.task
        before = line.task
        yield f"{name.ljust(width)}  {line.text}"


def _attempt(run: Row, task: Row, attempt: Row, held: set[tuple[str, int]]) -> Line:
    start = began(attempt)
    n = attempt["n"]
    where = f" on {attempt['agent']}" if attempt["agent"] else ""
    text = f"attempt {n}{where}: {_course(run, attempt, start)}"
    if attempt["state"] == "FAILED":
        text += _after_failure(run, task, attempt)
    elif attempt["state"] in ("CRASHED", "RELEASED"):
        was_held = (task["task"], n) in held
        text += f"; {_then(run, task, attempt, was_held)}"
    return Line(task["task"], n, start, text)


def _course(run: Row, attempt: Row, start: str | None) -> str:
    """How it went: when it began, how it ended, why."""
    began = f"{'began' if attempt.get('started') else 'given out'} {clock(run, start)}"
    after = rough(span(start, attempt.get("ended")))
    why = attempt.get("reason") or ""
    reason = f" ({why})" if why and why != attempt["state"].lower() else ""
    return {
        "RUNNING": f"{began}, runs",
        "CRASHED": f"{began}, lost after {after}{reason}",
        "RELEASED": f"{began}, handed back after {after}{reason}",
        "COMPLETED": f"completed in {after}{reason}",
        "FAILED": f"failed with {attempt.get('code')} after {after}{reason}",
        "CANCELLED": f"cancelled after {after}{reason}",
    }[attempt["state"]]


def _after_failure(run: Row, task: Row, attempt: Row) -> str:
    """A failure that was not the last word."""
    if attempt is not task["attempts"][-1]:
        return "; tried again"
    if task.get("retry") and task["state"] == "PENDING":
        return f"; next attempt at {clock(run, task['retry'])}"
    return ""


def _then(run: Row, task: Row, attempt: Row, held: bool) -> str:
    """What followed from it that this attempt was lost or handed back."""
    if attempt is not task["attempts"][-1]:
        return "held" if held else "queued again"
    if task.get("held"):
        return f"held: cdktr-ctl continue {run['run']} {quote(task['task'])} lets it run again"
    if task["state"] == "PENDING":
        return "held, then let go on; waits" if held else "queued again, waits"
    code = f" with {task['code']}" if task.get("code") else ""
    times = f", lost {task['losses']} times" if (task.get("losses") or 0) > 1 else ""
    reason = task.get("reason") or ""
    known = attempt.get("reason") or ""
    why = f" ({reason})" if reason and known not in reason else ""
    return f"so the task is {task['state']}{code}{times}{why}"


def _late(run: Row, fact: Fact, numbers: dict[str, int]) -> Line:
    moment = rfc3339(fact.get("ts"))
    if fact["type"] == "task.unheld":
        text = f"somebody let it go on at {clock(run, moment)}"
        return Line(fact["task"], None, moment, text)
    n = numbers.get(fact["token"])
    attempt = f"attempt {n}" if n else "an older attempt"
    source = ", ".join(word for word in (fact.get("state"), fact.get("agent")) if word)
    text = f"a result of {attempt} ({source}) came at {clock(run, moment)}, too late: it changed"
    return Line(fact["task"], n, moment, f"{text} nothing")


def clock(run: Row, moment: str | None) -> str:
    """A time of the run's first day without its date."""
    if not moment:
        return "?"
    same_day = moment[:10] == (run.get("created") or "")[:10]
    return moment[11:19] if same_day else f"{moment[:19]}Z"

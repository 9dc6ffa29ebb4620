"""Attempts of tasks as bars over the time of their run, and the axis above them.

A bar that is there takes a cell at least. What failed, what goes on and what waits for its next
attempt look different without colour. Times are seconds of the same clock; which one is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from cdktr_common.catalogue.values import AttemptRow, AttemptState, TaskRow
from cdktr_tui.draw import times
from cdktr_tui.draw.glyphs import Glyphs, of_task
from cdktr_tui.draw.line import Line, Style

_BAD = ("FAILED", "CRASHED")


class Scale(NamedTuple):
    """What time is where: from `start`, `length` seconds over so many cells."""

    start: float
    length: float
    cells: int

    def cell(self, ts: float) -> int:
        """Where an instant is; before the start the first cell, after the end the last."""
        share = (ts - self.start) / self.length if self.length > 0 else 0.0
        return min(self.cells - 1, max(0, int(share * self.cells)))


def scale(start: float, end: float, cells: int) -> Scale:
    """One over a run. The length is rounded up to a sixteenth of what it is, so that the bars of a
    run that goes on keep their places for a while."""
    length = max(1.0, end - start)
    unit = 2.0 ** int(length).bit_length() / 32
    return Scale(start, -(-length // unit) * unit, max(1, cells))


def axis(one: Scale) -> Line:
    """Marks at round distances, each where its time is: `0s     1m      2m`."""
    distance = times.step(one.length, max(1, one.cells // 9))
    text, at = "", 0.0
    while at <= one.length:
        cell = int(at / one.length * one.cells) if one.length else 0
        mark = times.mark(at)
        if cell + len(mark) > one.cells:
            break
        if cell > len(text) or not text:
            text += " " * (cell - len(text)) + mark
        at += distance
    return ((text.ljust(one.cells)[: one.cells], "head"),)


def bar(task: TaskRow, one: Scale, now: float, glyphs: Glyphs) -> Line:
    """The attempts of a task. For one that waits the present moment is marked."""
    texts, styles = [" "] * one.cells, [""] * one.cells

    def put(first: int, last: int, text: str, style: Style) -> None:
        for cell in range(first, min(last, one.cells - 1) + 1):
            texts[cell], styles[cell] = text, style

    for attempt in task.attempts:
        begin = attempt.started_ts if attempt.started_ts is not None else attempt.assigned_ts
        if begin > attempt.assigned_ts:
            put(one.cell(attempt.assigned_ts), one.cell(begin), glyphs.gap, "dim")
        end = attempt.ended_ts if attempt.ended_ts is not None else max(now, begin)
        text, style = _shape(attempt, glyphs)
        put(one.cell(begin), one.cell(end), text, style)
        if attempt.ended_ts is None:
            put(one.cell(end), one.cell(end), glyphs.tip, style)
    if task.state == "PENDING" and of_task(task) != "HELD":
        _wait(task, one, now, glyphs, texts, styles)
    return _joined(texts, styles)


def _wait(
    task: TaskRow, one: Scale, now: float, glyphs: Glyphs, texts: list[str], styles: list[str]
) -> None:
    cell = one.cell(now)
    if task.retry_ts is not None:
        for at in range(cell, one.cell(task.retry_ts) + 1):
            texts[at], styles[at] = glyphs.gap, "warn"
    texts[cell], styles[cell] = glyphs.now, "dim"


def _shape(attempt: AttemptRow, glyphs: Glyphs) -> tuple[str, Style]:
    if attempt.state in _BAD:
        return glyphs.failed, "bad"
    if attempt.state == "RUNNING":
        return glyphs.done, "run"
    return (glyphs.done, "ok") if attempt.state == "COMPLETED" else (glyphs.left, "warn")


def spanned(task: TaskRow, made: Sequence[TaskRow]) -> TaskRow:
    """A task that is a group as if it were one attempt, from the first of what it has made to the
    last."""
    ran = [attempt for one in made for attempt in one.attempts]
    if task.attempts or not ran:
        return task
    ends = [one.ended_ts for one in ran if one.ended_ts is not None]
    over = len(ends) == len(ran) and task.state not in ("PENDING", "RUNNING")
    state: AttemptState = "RUNNING"
    if over:
        state = "COMPLETED" if task.state in ("COMPLETED", "SKIPPED") else "FAILED"
    whole = AttemptRow(
        n=1, state=state, agent="", fence=0, assigned_ts=min(one.assigned_ts for one in ran),
        ended_ts=max(ends) if over else None,
    )  # fmt: skip
    return replace(task, attempts=[whole])


def took(task: TaskRow, now: float) -> float | None:
    """How long the attempt of a task took that counts, its last; None while there is none."""
    if not task.attempts:
        return None
    last = task.attempts[-1]
    begin = last.started_ts if last.started_ts is not None else last.assigned_ts
    return max(0.0, (last.ended_ts if last.ended_ts is not None else now) - begin)


def _joined(texts: Sequence[str], styles: Sequence[Style]) -> Line:
    spans: list[tuple[str, Style]] = []
    for text, style in zip(texts, styles, strict=True):
        if spans and spans[-1][1] == style:
            spans[-1] = (spans[-1][0] + text, style)
        else:
            spans.append((text, style))
    return tuple(spans)

"""Schedules in lines: an instant to come, a day by the hour, all that is known of one schedule.

Pure. Instants are given; which zone times are shown in is the caller's `Shown`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from rich.cells import cell_len

from cdktr_common import clean, schedules
from cdktr_common.calendar import zones
from cdktr_common.catalogue.values import ScheduleRow
from cdktr_tui.draw import glyphs, times
from cdktr_tui.draw.line import Line, Span, fit, line
from cdktr_tui.model.coming import MOST_AN_HOUR, Due, Hour

HOURS: Final = 24
NEXT: Final = 5
MOMENT_S: Final = 10.0
"""For so long after an instant it need not be known when the next one is fired."""
CELL: Final = 2
"""Cells of an hour in the grid."""
APART_S: Final = 1.0
"""What was computed here and what was told are the same when they are not farther apart."""


class Shown(NamedTuple):
    """How times are shown: what time it is, and the form."""

    now: float
    mode: times.Mode = "absolute"
    zone: times.Zone = None

    def at(self, ts: float | None) -> str:
        return times.told(ts, self.now, self.mode, self.zone)


def said(row: ScheduleRow) -> str:
    """The schedule in a few words."""
    return clean.line(schedules.shown(row.spec))


def until(due: Due, now: float) -> str:
    """How long it is to it."""
    return times.age(max(0.0, due.ts - now)) if due.ts > now else "now"


def note(due: Due, row: ScheduleRow | None) -> Span:
    """What is out of the ordinary with an instant."""
    if row is not None and row.paused:
        return "paused: no start", "dim"
    words = []
    if due.note:
        words.append(due.note)
    if due.coalesced:
        words.append(f"stands for {due.coalesced + 1}")
    if due.delay_s:
        words.append(f"started {times.span(due.delay_s)} later (jitter)")
    return ", ".join(words), "warn" if due.note else "dim"


def hours(counted: Sequence[Hour], paused: bool, signs: glyphs.Glyphs) -> Line:
    """A day: a sign an hour, the number of times when it is more than one."""
    spans: list[Span] = []
    for hour in counted:
        style = "dim" if paused or not hour.times else "warn bold" if hour.moved else "run"
        spans.append((fit(_sign(hour.times, signs), CELL), style))
    return tuple(spans)


def _sign(count: int, signs: glyphs.Glyphs) -> str:
    if count == 0:
        return signs.gap
    if count == 1:
        return signs.node
    return str(count) if count < MOST_AN_HOUR else "+"


def ruler(begin_ts: float, zone: times.Zone) -> str:
    """The hours of the day over the grid: every other one has its number."""
    return "".join(
        fit(times.minute(begin_ts + number * 3600.0, zone)[:2], 2 * CELL)
        for number in range(0, HOURS, 2)
    )


def about(
    row: ScheduleRow, coming: Sequence[Due], fault: str, shown: Shown, signs: glyphs.Glyphs,
    width: int,
) -> list[Line]:  # fmt: skip
    """All that is known of one schedule."""
    rule = "-" if signs.ascii else "─"
    title = clean.line(row.workflow)
    more = rule * max(0, width - cell_len(title) - 3)
    lines = [
        line((f"{rule} ", "dim"), (title, "title"), " ", (more, "dim")),
        line(("when    ", "dim"), said(row), ("" if row.spec.timezone else " UTC", "")),
    ]  # fmt: skip
    if row.paused:
        since = f" since {shown.at(row.paused_ts)}" if row.paused_ts is not None else ""
        lines.append(line(("paused  ", "warn"), (f"its instants start nothing{since}", "")))
    if fault:
        lines.append(line(("cannot be told here: ", "warn"), clean.line(fault)))
    for number, due in enumerate(coming):
        word = "next    " if number == 0 else "        "
        wall = _wall(due, row)
        lines.append(line((word, "dim"), fit(shown.at(due.ts), 13), (wall, "dim"), note(due, None)))
    lines += _fired(row, coming, shown)
    lines.append(_last(row, shown, signs))
    return lines


def _wall(due: Due, row: ScheduleRow) -> str:
    """The same instant by the clock of the schedule's zone."""
    if not row.spec.timezone:
        return ""
    return f"{times.minute(due.ts, zones.zone(row.spec.timezone).info)} there  "


def _fired(row: ScheduleRow, coming: Sequence[Due], shown: Shown) -> list[Line]:
    """Whether somebody is there who fires it, and at the same time."""
    if row.paused or not coming:
        return []
    if row.next_ts is None and not unfired(row, shown.now):
        return []
    if row.next_ts is None:
        return [line(("nobody has said to fire it: is cdktr-cron at work?", "warn"))]
    if abs(row.next_ts - coming[0].ts) > APART_S and row.next_ts > shown.now:
        told = shown.at(row.next_ts)
        return [line((f"cdktr-cron is to fire it at {told}: its zone table is another", "warn"))]
    return []


def unfired(row: ScheduleRow, now: float) -> bool:
    """Has nobody said when it is to fire next, although there was time to say it?"""
    fresh = row.due_ts is not None and now - row.due_ts < MOMENT_S
    return row.next_ts is None and not row.paused and not fresh


def _last(row: ScheduleRow, shown: Shown, signs: glyphs.Glyphs) -> Line:
    if row.due_ts is None:
        return line(("last    ", "dim"), ("none since it is in force", "dim"))
    spans: list[Span | str] = [("last    ", "dim"), fit(shown.at(row.due_ts), 13)]
    if row.state:
        spans.append(signs.said(row.state))
    if row.run:
        spans.append((f"  {clean.line(row.run, 40)}", "accent"))
    return line(*spans)

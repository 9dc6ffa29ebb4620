"""The tasks of a run as rows of a table: which there are, in which order, and their cells.

In the order of the run the lanes stand before the names and tell what follows on what; what a group
has made is told below it, or hidden. Sorted otherwise, or filtered, there are no lanes. Pure: what
is known of the run is given, and what time it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from cdktr_common import clean
from cdktr_common.catalogue.values import TaskPlan, TaskRow
from cdktr_tui.draw import gantt, glyphs, lanes, times
from cdktr_tui.draw.glyphs import Glyphs
from cdktr_tui.draw.line import Line, Span, line

UNFOLDED: Final = 60
"""A run of no more tasks than this shows from the beginning what its groups have made."""


class Ask(NamedTuple):
    """What the reader wants: only tasks with these words; sorted by this column."""

    filter: str = ""
    sort: str = ""
    descending: bool = False


class Table:
    """The tasks of one run. `keys` are those to be shown, in order."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.top: dict[str, list[str]] = {}
        """What each task that no group has made needs."""
        self.members: dict[str, list[str]] = {}
        """What each group has made."""
        self.failed: dict[str, int] = {}
        """How many of these have failed."""
        self.unfolded: set[str] | None = None
        self.room = 40
        """Cells that lanes may take; of a run that needs more there are none, but the names."""
        self._rows: dict[str, lanes.Row] = {}
        self._lanes = 0
        self._drawn: list[str] = []
        self._made_of: object = None

    def take(self, order: Sequence[str], rows: Mapping[str, TaskRow]) -> None:
        """These tasks there are."""
        self.members = {}
        for task in order:
            if rows[task].group:
                self.members.setdefault(rows[task].group, []).append(task)
        self.top = {
            task: rows[task].depends
            for task in order
            if not rows[task].group or rows[task].group not in rows
        }
        if self.unfolded is None and len(order) > UNFOLDED:
            self.unfolded = set()
        made_of = [(task, tuple(of)) for task, of in self.top.items()]
        if made_of != self._made_of:
            self._made_of = made_of
            drawn = lanes.layout(self.top)
            self._lanes = drawn.lanes
            self._rows = {row.task: row for row in drawn.rows}
            self._drawn = [row.task for row in drawn.rows]

    def arrange(self, ask: Ask, rows: Mapping[str, TaskRow], now: float) -> None:
        """Set `keys` for what the reader wants."""
        self.count(rows)
        every = [
            each for task in self._drawn for each in self._with_members(task, bool(ask.filter))
        ]
        if ask.filter:
            every = [task for task in every if fits(rows[task], ask.filter)]
        if ask.sort:
            every.sort(key=lambda task: _rank(rows[task], ask.sort, now), reverse=ask.descending)
        self.keys = every
        self._plain = bool(ask.filter or ask.sort)

    def count(self, rows: Mapping[str, TaskRow]) -> None:
        """Count anew what has failed of what groups have made."""
        self.failed = {
            group: sum(rows[one].state == "FAILED" for one in made if one in rows)
            for group, made in self.members.items()
        }

    _plain = False

    def _with_members(self, task: str, everything: bool) -> list[str]:
        made = self.members.get(task)
        if not made or not (everything or self.is_unfolded(task)):
            return [task]
        return [task, *(each for one in made for each in self._with_members(one, everything))]

    def is_unfolded(self, task: str) -> bool:
        return self.unfolded is None or task in self.unfolded

    def reveal(self, task: str, rows: Mapping[str, TaskRow]) -> None:
        """Unfold all groups that a task is in."""
        while task in rows and rows[task].group:
            task = rows[task].group
            if not self.is_unfolded(task):
                self.fold(task)

    def fold(self, group: str) -> None:
        """Show what the group has made, or hide it again."""
        if self.unfolded is None:
            self.unfolded = set(self.members)
        self.unfolded ^= {group}

    @property
    def lane_cells(self) -> int:
        """How wide the lanes are, with the blank after them."""
        return 2 if self._bare else 2 * self._lanes

    @property
    def _bare(self) -> bool:
        """Are there no lanes?"""
        return self._plain or 2 * self._lanes > self.room

    def name(self, row: TaskRow, signs: Glyphs) -> Line:
        """The lanes and the name of a task."""
        state = glyphs.of_task(row)
        if self._bare:
            indent = 2 * row.task.count("[") if row.group else 0
            before: Line = line(" " * indent, signs.span(state), " ")
            return (*before, *self._called(row))
        known = self._rows.get(row.task)
        if known is None:
            return (*self._beside(row, signs), *self._called(row))
        sign = (signs.node, glyphs.style(state)) if signs.ascii else signs.span(state)
        drawn = lanes.paint(known, {row.task: sign}, signs)
        pad = self.lane_cells - (2 * len(known.sides) - 1)
        return (*drawn, (" " * max(1, pad), ""), *self._called(row))

    def _beside(self, row: TaskRow, signs: Glyphs) -> Line:
        """What a group has made: the lanes that pass, then how deep it lies."""
        depth, group = 1, row.group
        while group and group not in self._rows and depth < 8:
            parent = next((one for one, made in self.members.items() if group in made), "")
            group, depth = parent, depth + 1
        passing = lanes.below(self._rows[group], signs) if group in self._rows else ()
        used = sum(len(text) for text, _ in passing)
        state = glyphs.of_task(row)
        sign = (signs.node, glyphs.style(state)) if signs.ascii else signs.span(state)
        pad = " " * max(1, self.lane_cells - used)
        return (*passing, (pad + "  " * (depth - 1), ""), sign, (" ", ""))

    def _called(self, row: TaskRow) -> Line:
        name = clean.line(row.task[len(row.group) :] if row.group else row.task, 200)
        made = self.members.get(row.task)
        if not made:
            return ((name or row.task, ""),)
        more = "" if self.is_unfolded(row.task) else " +"
        bad = self.failed.get(row.task, 0)
        said: Line = ((name or row.task, ""), (f" ({len(made)}){more}", "dim"))
        return (*said, (f" {bad} failed", "bad")) if bad else said


def fits(row: TaskRow, words: str) -> bool:
    """Does a task have all these words in its name, state or agent?"""
    last = row.attempts[-1].agent if row.attempts else ""
    state = glyphs.word(glyphs.of_task(row))
    text = f"{row.task} {row.name} {row.state} {state} {last} {row.reason}".lower()
    return all(word in text for word in words.lower().split())


_SORTED: Final = ("FAILED", "CRASHED", "TOLERATED", "HELD", "RETRYING", "RUNNING", "PENDING")


def _rank(row: TaskRow, column: str, now: float) -> tuple[float | str, ...]:
    last = row.attempts[-1] if row.attempts else None
    if column == "state":
        state = glyphs.of_task(row)
        return (_SORTED.index(state) if state in _SORTED else len(_SORTED), row.task)
    if column == "try":
        return (len(row.attempts), row.task)
    if column == "agent":
        return (last.agent if last else "\uffff", row.task)
    if column in ("start", "time", "queued"):
        return (last.assigned_ts if last else float("inf"), row.task)
    if column == "dur":
        return (gantt.took(row, now) or 0.0, row.task)
    return (row.task,)


def state(row: TaskRow, signs: Glyphs) -> Span:
    """How a task stands, in a word."""
    told = glyphs.of_task(row)
    if told == "RUNNING" and row.progress is not None:
        return f"{signs.sign(told) + ' ' if signs.ascii else ''}{row.progress:.0f} %", "run"
    return (signs.said(told)[0] if signs.ascii else glyphs.word(told)), glyphs.style(told)


def attempt(row: TaskRow, plan: TaskPlan | None) -> str:
    """Which attempt it is in, of how many there may be."""
    n = row.attempts[-1].n if row.attempts else 0
    most = 1 + plan.retry.limit if plan is not None and plan.retry is not None else 1
    if not n:
        return ""
    return f"{n}/{most}" if most > 1 else str(n)


def duration(row: TaskRow, now: float, usual: float | None) -> Span:
    """How long its last attempt took or takes; of one that is to come, how long it usually does."""
    took = gantt.took(row, now)
    if row.state == "PENDING" and row.retry_ts is not None:
        return f"in {times.running(row.retry_ts - now)}", "warn"
    if took is None or row.state == "SKIPPED":
        return (f"~{times.span(usual)}", "dim") if usual is not None and not took else ("", "")
    return (times.running(took), "run") if row.state == "RUNNING" else (times.span(took), "")


def queued(row: TaskRow) -> str:
    """How long the last attempt was with its agent before it began."""
    last = row.attempts[-1] if row.attempts else None
    if last is None or last.started_ts is None:
        return ""
    return times.span(last.started_ts - last.assigned_ts)

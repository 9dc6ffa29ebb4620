"""All runs, the newest first, as they go: filtered, sorted, and paged back through the whole
history.

Facts bring new runs at the top. The cursor stays on its run; while it is not at the top, what is
new above it is counted.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence, Set
from typing import Final

from textual.app import ComposeResult

from cdktr_common import clean
from cdktr_common.catalogue.principal import RunDetail, RunShow
from cdktr_common.catalogue.values import RunRow
from cdktr_common.errors import ProtocolError
from cdktr_tui import views
from cdktr_tui.acting.actions import Subject
from cdktr_tui.draw import bars, glyphs, times
from cdktr_tui.draw.line import Line, Span, line
from cdktr_tui.model import filters, orders, terms
from cdktr_tui.model.runs import FINAL, MOST
from cdktr_tui.model.terms import Fault
from cdktr_tui.session import Session
from cdktr_tui.terminal.patience import Patience
from cdktr_tui.view import View
from cdktr_tui.views.run_pages import NOTHING, RunPages
from cdktr_tui.views.workflows import counts
from cdktr_tui.widgets.columns import Cell
from cdktr_tui.widgets.prompt import Note
from cdktr_tui.widgets.rows import Column, RowsView

BAR: Final = 5
ID: Final = 10
ASKED_AT_ONCE: Final = 8
"""Rows that are asked for one by one, of those in sight that may be old."""

COLUMNS: Final = (
    Column("state", "STATE", 11),
    Column("run", "RUN", ID),
    Column("workflow", "WORKFLOW", 11, flex=3),
    Column("by", "BY", 10, flex=1, rank=1),
    Column("start", "START", 11),
    Column("dur", "DUR", 6, align=">"),
    Column("tasks", "TASKS", BAR + 6, rank=1),
    Column("reason", "REASON", 16, flex=3, rank=2),
)


class Runs(View):
    """Key `2`."""

    NAME = "runs"
    TITLE_ = "Runs"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._pages = RunPages(self, self._all)
        self._wanted = filters.ALL
        self._fit: set[str] = set()
        self._top = 0
        self._asked: set[str] = set()
        self._drawn_old: set[str] = set()
        self.times: times.Mode = "absolute"

    def topics(self) -> set[str]:
        return {"run/"}

    def body(self) -> ComposeResult:
        rows = RowsView(COLUMNS, self._cells, id="rows")
        rows.sort = orders.NEWEST
        yield rows

    @property
    def rows(self) -> RowsView:
        return self.query_one("#rows", RowsView)

    # What is asked for.

    def load(self) -> None:
        self._wanted = self._read(self.filter)
        cursor = self.model.runs.rows.get(self.rows.cursor or "")
        self._asked.clear()
        self._pages.begin(self._wanted, cursor.seq if cursor is not None else NOTHING)

    def _read(self, text: str) -> filters.Filter:
        try:
            return filters.of_runs(text, self.now, Patience)
        except Fault:
            return self._wanted

    def on_rows_view_near_end(self, event: RowsView.NearEnd) -> None:
        self._pages.older()

    def _ask_stale(self) -> None:
        """Rows that were drawn and could not be folded are asked for, a few at a time."""
        drawn, self._drawn_old = self._drawn_old, set()
        for run in drawn - self._asked:
            if ("run", run) in self.model.stale and len(self._asked) < ASKED_AT_ONCE:
                self._asked.add(run)
                self._ask_one(run)

    def _ask_one(self, run: str) -> None:
        def told(detail: RunDetail) -> None:
            self._asked.discard(run)
            self.changed(self.model.runs.detail(detail))

        def refused(fault: ProtocolError) -> None:
            self._asked.discard(run)
            if fault.code == "not_found":
                self.model.stale.discard(("run", run))

        self.ask(RunShow(run=run), told, refused)

    # What is shown.

    def changed(self, dirty: Set[tuple[str, ...]]) -> None:
        runs = {key[1] for key in dirty if key[0] == "run"}
        before = len(self._fit)
        left = self._fit_some(runs)
        moved = self.rows.sort != orders.NEWEST and bool(runs & self._fit)
        if ("runs",) in dirty or left or moved or len(self._fit) != before:
            self._order()
        self.rows.touch(*runs)
        self._ask_stale()

    def _fit_some(self, runs: Collection[str]) -> set[str]:
        """Hold these against the filter; which of those that were shown are so no longer."""
        known, wanted, on = self.model.runs.rows, self._wanted, self.model.runs.agents
        fit = {run for run in runs if run in known and wanted.fits(known[run], on.get(run, ()))}
        left = (self._fit & set(runs)) - fit
        self._fit = (self._fit | fit) - left
        return left

    def _all(self) -> None:
        self._fit_some(self.model.runs.rows)
        self._order()
        self._ask_stale()
        if len(self.rows.keys) < self.rows.page and self._pages.reach < NOTHING:
            self._pages.older()

    def _order(self) -> None:
        known, reach, fit = self.model.runs, self._pages.reach, self._fit
        rows, at_top = self.rows, self.rows.at == 0
        column, falling = rows.sort or orders.NEWEST
        found = [known.rows[run] for run in known.order if run in fit]
        found = [row for row in found if row.seq >= reach]
        rows.set_keys(orders.of_runs(found, column, falling, self.now))
        if at_top and rows.keys and (column, falling) == orders.NEWEST and not rows.marks:
            rows.move_to(rows.keys[0])
        self._note()

    def _note(self) -> None:
        known, rows = self.model.runs, self.rows
        parts = []
        newest = known.rows[rows.keys[0]].seq if rows.keys and rows.keys[0] in known.rows else 0
        if rows.at == 0 or rows.sort != orders.NEWEST:
            self._top = newest
        elif newest > self._top:
            new = sum(known.rows[run].seq > self._top for run in rows.keys[: rows.at])
            parts += [f"{new} new"] if new else []
        if self.filter:
            parts.append(f"{len(rows.keys)} match")
        if rows.marks:
            parts.append(f"{len(rows.marks)} marked")
        if self._wanted.late:
            parts.append(filters.LATE)
        elif self._pages.fault:
            parts.append(self._pages.fault)
        elif len(known.rows) >= MOST:
            parts.append(f"the newest {MOST}: filter for others")
        rows.set_note(", ".join(parts))

    def filtered(self, text: str) -> Note | None:
        try:
            wanted = filters.of_runs(text, self.now, Patience)
        except Fault as fault:
            return f"{fault.what} (at {fault.at + 1})", "bad"
        again = wanted.asked != self._wanted.asked
        self._wanted = wanted
        self._fit.clear()
        if again:
            self._pages.narrow(wanted)
        self._all()
        if self._wanted.late:
            return filters.LATE, "bad"
        return (f"{len(self.rows.keys)} match", "dim") if text else None

    def filter_words(self, text: str) -> list[str]:
        rows = self.model.runs.rows.values()
        values = {
            "state": tuple(filters.WORDS),
            "wf": {row.workflow for row in rows},
            "event": {row.event for row in rows if row.event},
            "agent": {name for names in self.model.runs.agents.values() for name in names},
            "since": ("1h", "24h", "7d"),
        }
        return terms.keys(text, filters.OF_RUNS, values)

    def empty(self) -> list[Line]:
        if self.filter:
            return self.nothing(f"no run matches {self.filter}", "esc clears the filter")
        return self.nothing("nothing has run yet", "start a workflow: 1, then r")

    def record(self, key: str) -> RunRow | None:
        return self.model.runs.rows.get(key)

    def _cells(self, key: str, now: int) -> Sequence[Cell]:
        row = self.model.runs.rows[key]
        old = ("run", key) in self.model.stale
        if old:
            self._drawn_old.add(key)
        return (
            self.signs.said(glyphs.of_run(row)),
            row.run,
            (row.workflow, "dim" if old else ""),
            (_by(row), "dim"),
            times.told(row.created_ts, self.now, self.times),
            _took(row, self.now),
            _tasks(row, self.signs),
            _reason(row),
        )

    def tick(self, now: float) -> None:
        unknown = self.model.runs.unknown
        if unknown and self._wanted.asked:
            self._pages.newest()
        unknown.clear()
        self.rows.tick(int(now))
        self._ask_stale()

    def summary(self) -> Line:
        if self.filter:
            return line((f"/{clean.line(self.filter, 60)}", "accent"))
        return counts(self.model.counts, self.signs)

    def action_times(self) -> None:
        """Instants, ages, or UTC."""
        self.times = times.MODES[(times.MODES.index(self.times) + 1) % len(times.MODES)]
        self.rows.tick(int(self.now))

    # What is selected.

    def subjects(self) -> list[Subject]:
        known = self.model.runs.rows
        return [
            Subject("run", run, run=run, workflow=known[run].workflow, state=known[run].state)
            for run in self.rows.selected()
            if run in known
        ]

    def on_rows_view_moved(self, event: RowsView.Moved) -> None:
        self._note()

    def on_rows_view_marked(self, event: RowsView.Marked) -> None:
        self._note()

    def on_rows_view_sorted(self, event: RowsView.Sorted) -> None:
        falling = event.key in orders.FALLING
        if self.rows.sort == (event.key, falling):
            falling = not falling
        self.rows.set_sort((event.key, falling))
        self._order()

    def on_rows_view_opened(self, event: RowsView.Opened) -> None:
        self.cdktr.open(views.make("run", self.session, run=event.key))


def _by(row: RunRow) -> str:
    if row.retry_of:
        return f"retry {row.retry_of}"
    if row.parent:
        return row.parent
    if row.tick is not None:
        return f"{row.tick.state if row.tick.state != 'fired' else 'time'}"
    return row.event if row.event is not None else times.NONE


def _took(row: RunRow, now: float) -> str:
    if row.started_ts is None:
        return times.NONE
    if row.ended_ts is None:
        return times.running(now - row.started_ts)
    return times.span(row.ended_ts - row.started_ts)


def _tasks(row: RunRow, signs: glyphs.Glyphs) -> Line:
    drawn = bars.progress(row.done, row.failed, row.tasks, BAR, signs)
    return (*drawn, (f" {row.done}/{row.tasks}", "dim"))


def _reason(row: RunRow) -> Span:
    code = f"exit {row.code}" if row.code and row.state == "FAILED" else ""
    text = " ".join(part for part in (code, row.reason) if part)
    if row.state not in FINAL and row.settled:
        text = text or "ends"
    return text, "bad" if row.state == "FAILED" else "dim"

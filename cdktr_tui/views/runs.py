"""Runs, the newest first: as they go on, and back to the first one on record.

A page is what the principal remembers; when it has no more, the recorder goes on where it ends.
What happens meanwhile is folded on the rows; rows that facts cannot tell are asked for one by one,
those in sight first.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any, Final

import msgspec
from textual.app import ComposeResult

from cdktr_common.catalogue.logd import HistoryPage
from cdktr_common.catalogue.principal import RunDetail, RunPage, RunShow
from cdktr_common.catalogue.values import RunRow
from cdktr_common.errors import ProtocolError
from cdktr_tui import filters, orders, views
from cdktr_tui.actions import Subject
from cdktr_tui.draw import bars, glyphs, times
from cdktr_tui.draw.line import Line, Span
from cdktr_tui.model.runs import FINAL
from cdktr_tui.session import Session
from cdktr_tui.view import View
from cdktr_tui.views.workflows import counts
from cdktr_tui.widgets.columns import Cell
from cdktr_tui.widgets.prompt import Note
from cdktr_tui.widgets.rows import Column, RowsView

PAGE: Final = 200
ASKED_MOST: Final = 8
"""Rows that are asked for by themselves at the same time."""

BAR: Final = 8

COLUMNS: Final = (
    Column("state", "STATE", 11),
    Column("run", "RUN", 10, rank=1),
    Column("workflow", "WORKFLOW", 12, flex=2),
    Column("start", "START", 11),
    Column("dur", "DUR", 6, align=">"),
    Column("tasks", "TASKS", BAR + 6, rank=2),
    Column("by", "BY", 8, flex=1, rank=3),
    Column("reason", "WHY", 10, flex=3, rank=4),
)


class Runs(View):
    """Key `2`."""

    NAME = "runs"
    TITLE_ = "Runs"

    def __init__(self, session: Session, filter: str = "") -> None:
        super().__init__(session)
        self.filter = filter
        self._sieve = filters.parse("", 0.0)
        self._mode: times.Mode = "absolute"
        self._floor: int | None = None
        """Rows older than this number are not known without gaps; None: all are."""
        self._from_history = False
        self._paging = False
        self._asked: set[str] = set()
        self._seen = 0

    def topics(self) -> set[str]:
        return {"run/"}

    def body(self) -> ComposeResult:
        yield RowsView(COLUMNS, self._cells, id="rows")

    @property
    def rows(self) -> RowsView:
        return self.query_one("#rows", RowsView)

    # What is asked for.

    def load(self) -> None:
        try:
            self._sieve = filters.parse(self.filter, self.now)
        except filters.FilterError:
            self._sieve = filters.parse("", self.now)
        self._floor, self._from_history = 1 << 62, False
        self._asked.clear()
        self._page(None)

    def _page(self, before: int | None) -> None:
        """The page before that number, of the principal's or of the recorder's rows."""
        self._paging = True
        sieve = self._sieve
        if self._from_history:
            self.ask(sieve.run_history(PAGE, before), self._history(sieve), self._no_history)
            return

        def told(page: RunPage) -> None:
            if sieve is not self._sieve:
                return  # another filter is in force since
            self._paging = False
            self.model.runs.page(page, sieve.agent)
            self._from_history = not page.more
            self._reached([row.seq for row in page.runs], more=True)

        self.ask(sieve.run_list(PAGE, before), told)

    def _history(self, sieve: filters.Filter) -> Any:
        def told(page: HistoryPage) -> None:
            if sieve is not self._sieve:
                return
            self._paging = False
            rows = [
                msgspec.convert(dict(zip(page.columns, row, strict=True)), RunRow)
                for row in page.rows
            ]
            self.model.runs.history(rows, sieve.agent)
            self._reached([row.seq for row in rows], more=page.next is not None)

        return told

    def _no_history(self, fault: ProtocolError) -> None:
        """Without a recorder there is no more than the principal remembers."""
        self._paging = False
        self._reached([], more=False)

    def _reached(self, seqs: list[int], more: bool) -> None:
        if seqs:
            self._floor = min(seqs)
        if not more:
            self._floor = None
        self._order()
        if more and len(self.rows.keys) < self.rows.page:
            self._more()

    def _more(self) -> None:
        if not self._paging and self._floor is not None:
            self._page(self._floor if self._floor < 1 << 62 else None)

    def _ask_stale(self) -> None:
        """Rows in sight that facts could not tell, and runs of which only facts are known."""
        stale = {key[1] for key in self.model.stale if key[0] == "run"}
        unknown = [run for run, of in self.model.runs.unknown.items() if self._sieve.wants(of)]
        wanted = [run for run in self.rows.keys if run in stale] + unknown
        for run in wanted:
            if len(self._asked) >= ASKED_MOST:
                return
            if run not in self._asked:
                self._asked.add(run)
                self.ask(RunShow(run=run), self._shown(run), self._gone(run))

    def _shown(self, run: str) -> Any:
        def told(detail: RunDetail) -> None:
            self._asked.discard(run)
            self.changed(self.model.runs.detail(detail))

        return told

    def _gone(self, run: str) -> Any:
        def told(fault: ProtocolError) -> None:
            self.model.runs.unknown.pop(run, None)  # it stays among those that were asked for

        return told

    # What is shown.

    def changed(self, dirty: Set[tuple[str, ...]]) -> None:
        ids = {key[1] for key in dirty if key[0] == "run"}
        sorted_by_more = self.rows.sort is not None and self.rows.sort[0] not in ("start", "run")
        if ("runs",) in dirty or (ids and (self.filter or sorted_by_more)):
            self._order()
        self.rows.touch(*ids)
        if self.model.stale or self.model.runs.unknown:
            self._ask_stale()

    def _order(self) -> None:
        known, floor = self.model.runs, self._floor
        chosen = [
            run
            for run in known.order
            if (floor is None or known.rows[run].seq >= floor)
            and self._sieve.fits_run(known.rows[run], known.agents.get(run, set()))
        ]
        if self.rows.sort is not None:
            column, falling = self.rows.sort
            key = orders.run(column)
            chosen.sort(key=lambda run: key(known.rows[run]), reverse=falling)
        fresh = self._fresh(chosen)
        self.rows.set_keys(chosen)
        shown = f"{len(chosen)}{'+' if floor is not None else ''}"
        words = [f"{shown} match" if self.filter else f"{shown} runs"]
        words += [f"{fresh} new above"] if fresh else []
        words += [f"{len(self.rows.marks)} marked"] if self.rows.marks else []
        self.rows.set_note(", ".join(words) if chosen else "")

    def _fresh(self, chosen: list[str]) -> int:
        """Rows that have come above those in sight since the top was in sight."""
        newest = self.model.runs.rows[chosen[0]].seq if chosen else 0
        if self.rows.top == 0 or self.rows.sort is not None:
            self._seen = max(self._seen, newest)
            return 0
        rows = self.model.runs.rows
        return sum(1 for run in chosen if rows[run].seq > self._seen)

    def empty(self) -> list[Line]:
        if self.filter:
            return self.nothing(f"no run matches {self.filter}", "esc clears the filter")
        return self.nothing("nothing has run yet", "start a workflow: 1, then r on it")

    def _cells(self, key: str, now: int) -> Sequence[Cell]:
        row = self.model.runs.rows[key]
        signs = self.signs
        return (
            signs.said(glyphs.of_run(row)),
            row.run,
            row.workflow,
            times.told(row.started_ts or row.created_ts, self.now, self._mode),
            took(row, self.now),
            _tasks(row, signs),
            (by(row), "dim"),
            why(row),
        )

    def tick(self, now: float) -> None:
        self.rows.tick(int(now))

    def summary(self) -> Line:
        return counts(self.model.counts, self.signs)

    # What is done here.

    def filtered(self, text: str) -> Note | None:
        """Rows that are known are sifted at once; then those that fit are asked for."""
        try:
            self._sieve = filters.parse(text, self.now)
        except filters.FilterError as fault:
            return str(fault), "bad"
        self.filter = text
        self.load()
        self._order()
        return (f"{len(self.rows.keys)} match", "dim") if text else None

    def filter_words(self, text: str) -> list[str]:
        return filters.words(text)

    def undo(self) -> bool:
        if self.rows.unmark():
            return True
        if self.filter:
            self.filtered("")
            return True
        return False

    def action_times(self) -> None:
        """Absolute, relative, UTC."""
        self._mode = times.MODES[(times.MODES.index(self._mode) + 1) % len(times.MODES)]
        self.rows.paint()

    def record(self, key: str) -> RunRow | None:
        return self.model.runs.rows.get(key)

    def subjects(self) -> list[Subject]:
        known = self.model.runs.rows
        return [subject(known[run]) for run in self.rows.selected() if run in known]

    def sorted_by(self, column: str, descending: bool) -> None:
        self.rows.set_sort((column, descending))
        self._order()

    def on_rows_view_sorted(self, event: RowsView.Sorted) -> None:
        self.sorted_by(event.key, self.rows.sort == (event.key, False))

    def on_rows_view_marked(self, event: RowsView.Marked) -> None:
        self._order()

    def on_rows_view_near_end(self, event: RowsView.NearEnd) -> None:
        self._more()

    def on_rows_view_opened(self, event: RowsView.Opened) -> None:
        self.cdktr.open(views.make("run", self.session, run=event.key))


def subject(row: RunRow) -> Subject:
    """What cancel, retry and so on are about."""
    return Subject("run", row.run, run=row.run, workflow=row.workflow, state=glyphs.of_run(row))


def took(row: RunRow, now: float) -> str:
    """How long it took, or takes."""
    if row.started_ts is None:
        return times.NONE
    if row.ended_ts is None:
        return times.running(now - row.started_ts)
    return times.span(row.ended_ts - row.started_ts)


def _tasks(row: RunRow, signs: glyphs.Glyphs) -> Line:
    bar = bars.progress(row.done, row.failed, row.tasks, BAR, signs)
    return (*bar, (f" {row.done}/{row.tasks}", "dim"))


def by(row: RunRow) -> str:
    """What started it."""
    if row.tick is not None:
        return "cron" if row.tick.state != "backfill" else "backfill"
    if row.event is not None:
        return row.event
    if row.retry_of:
        return f"retry of {row.retry_of}"
    return row.parent or "manual"


def why(row: RunRow) -> Span:
    """Why it stands as it does, where that needs a reason."""
    if row.state == "FAILED":
        code = f"exit {row.code}" if row.code is not None else ""
        return " ".join(part for part in (code, row.reason) if part), "bad"
    if row.state in FINAL:
        return row.reason, "dim"
    return ("waits for others of its workflow", "wait") if row.queued else (row.reason, "")

"""All workflows: how their last runs went, when they start next, what starts them; below, the one
under the cursor.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from functools import partial

from textual.app import ComposeResult
from textual.timer import Timer

from cdktr_common import clean
from cdktr_common.catalogue.principal import (
    RunList,
    RunPage,
    WorkflowDetail,
    WorkflowList,
    WorkflowPage,
    WorkflowShow,
)
from cdktr_common.catalogue.values import RunMark, WorkflowRow
from cdktr_tui import views
from cdktr_tui.acting.actions import Subject
from cdktr_tui.draw import glyphs, times
from cdktr_tui.draw.line import Line, Span, line
from cdktr_tui.model import filters, terms
from cdktr_tui.model.terms import Fault
from cdktr_tui.session import Session
from cdktr_tui.terminal.patience import Patience
from cdktr_tui.view import View
from cdktr_tui.views.workflow_pane import Figures, WorkflowPane
from cdktr_tui.widgets.columns import Cell
from cdktr_tui.widgets.prompt import Note
from cdktr_tui.widgets.rows import Column, RowsView

STRIP = 14
AT_ONCE = 20
"""Workflows that are asked for one by one; of more all are."""
PAGE = 500
FIGURES_OF = 100
"""Runs that medians and rates are made of."""
STAYS_S = 0.25

COLUMNS = (
    Column("workflow", "WORKFLOW", 12, flex=3),
    Column("last14", f"LAST {STRIP}", STRIP, align=">", rank=1),
    Column("last", "LAST RUN", 13, flex=1),
    Column("dur", "DUR", 6, align=">"),
    Column("next", "NEXT", 8, rank=1),
    Column("triggers", "TRIGGERS", 8, flex=1, rank=2),
)


class Workflows(View):
    """Key `1`."""

    NAME = "workflows"
    TITLE_ = "Workflows"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._stays: Timer | None = None
        self._renewing: set[str] = set()
        self._wanted = filters.ALL
        self._asked_of: WorkflowRow | None = None

    def topics(self) -> set[str]:
        return {"workflow/", "run/", "tick/"}

    def body(self) -> ComposeResult:
        yield RowsView(COLUMNS, self._cells, id="rows")
        yield WorkflowPane(id="detail")

    @property
    def rows(self) -> RowsView:
        return self.query_one("#rows", RowsView)

    # What is asked for.

    def load(self) -> None:
        self._renewing.clear()
        self._load_page("")

    def _load_page(self, after: str) -> None:
        def told(page: WorkflowPage) -> None:
            self.model.workflows.page(page, after)
            self._order()
            self._load_detail()
            if page.next is not None:
                self._load_page(page.next)

        self.ask(WorkflowList(after=after, limit=PAGE, last=STRIP), told)

    def _renew(self) -> None:
        """Ask again for what facts cannot tell, as when a workflow fires next: once a second."""
        stale = {key for key in self.model.stale if key[0] in ("workflow", "workflows")}
        if not stale or self._renewing:
            return
        if len(stale) > AT_ONCE or ("workflows",) in stale:
            self.load()
            return
        for _, name in stale:
            self._renewing.add(name)
            asked = WorkflowList(workflow=name, last=STRIP)
            self.ask(asked, partial(self._renewed, name), lambda fault: self._renewing.clear())

    def _renewed(self, name: str, page: WorkflowPage) -> None:
        self._renewing.discard(name)
        self.model.stale.discard(("workflow", name))
        self.changed(self.model.workflows.page(page, None))

    def _load_figures(self) -> None:
        """The cursor has stayed where it is for a moment."""
        chosen, pane = self.rows.cursor, self.query_one(WorkflowPane)
        if chosen is None or not pane.needs_figures:
            return

        def told(page: RunPage) -> None:
            if self.rows.cursor == chosen:
                pane.figures(Figures(page.runs), self.signs, self.now)

        self.ask(RunList(workflow=chosen, limit=FIGURES_OF), told)

    def _load_detail(self) -> None:
        """What is shown of the workflow under the cursor."""
        chosen = self.rows.cursor
        pane = self.query_one(WorkflowPane)
        row = self.model.workflows.rows.get(chosen or "")
        pane.show_row(row, self.signs, self.now)
        if row is not None and pane.needs_figures:
            if self._stays is not None:
                self._stays.stop()
            self._stays = self.set_timer(STAYS_S, self._load_figures)
        if row is None or pane.has(row) or row is self._asked_of:
            return
        self._asked_of = row

        def told(detail: WorkflowDetail) -> None:
            if self.rows.cursor == detail.workflow.workflow:
                pane.plan(detail, self.signs, self.now)

        self.ask(WorkflowShow(workflow=row.workflow), told)

    # What is shown.

    def changed(self, dirty: Set[tuple[str, ...]]) -> None:
        ids = {key[1] for key in dirty if key[0] == "workflow"}
        if (
            ("workflows",) in dirty
            or (ids and self.filter)
            or ids - self.model.workflows.rows.keys()
        ):
            self._order()
        self.rows.touch(*ids)
        if self.rows.cursor in ids:
            self._load_detail()

    def _order(self) -> None:
        known = self.model.workflows
        chosen = [name for name in known.order if self._wanted.fits(known.rows[name])]
        self.rows.set_keys(chosen)
        marked = f", {len(self.rows.marks)} marked" if self.rows.marks else ""
        some = f"{len(chosen)} of {len(known.rows)} match" if self.filter else ""
        some = filters.LATE if self._wanted.late else some
        self.rows.set_note(some + marked)

    def filtered(self, text: str) -> Note | None:
        try:
            self._wanted = filters.of_workflows(text, Patience)
        except Fault as fault:
            return f"{fault.what} (at {fault.at + 1})", "bad"
        self._order()
        if self._wanted.late:
            return filters.LATE, "bad"
        found = len(self.rows.keys)
        return (f"{found} of {len(self.model.workflows.rows)} match", "dim") if text else None

    def filter_words(self, text: str) -> list[str]:
        rows = self.model.workflows.rows
        values = {
            "state": tuple(filters.STANDS),
            "wf": tuple(rows),
            "event": {event for row in rows.values() for event in row.events},
        }
        return terms.keys(text, filters.OF_WORKFLOWS, values)

    def record(self, key: str) -> WorkflowRow | None:
        return self.model.workflows.rows.get(key)

    def empty(self) -> list[Line]:
        if self.filter:
            return self.nothing(f"no workflow matches {self.filter}", "esc clears the filter")
        return self.nothing(
            "there are no workflows", "put files into the workflow directory: see cdktr-check"
        )

    def _cells(self, key: str, now: int) -> Sequence[Cell]:
        row = self.model.workflows.rows[key]
        last = row.last[-1] if row.last else None
        signs = self.signs
        return (
            (clean.line(row.workflow, 200), "dim" if row.paused else ""),
            strip(row.last, signs),
            _last(row, last, signs, self.now),
            _took(last, self.now),
            _next(row, self.now),
            (_triggers(row), "dim"),
        )

    def tick(self, now: float) -> None:
        self._renew()
        self.rows.tick(int(now))
        self._load_detail()

    def summary(self) -> Line:
        return counts(self.model.counts, self.signs)

    # What is selected.

    def subjects(self) -> list[Subject]:
        rows = self.model.workflows.rows
        return [_subject(rows[name]) for name in self.rows.selected() if name in rows]

    def action_form(self) -> None:
        """Its tasks against its last runs."""
        if self.rows.cursor is not None:
            self.cdktr.open(views.make("grid", self.session, workflow=self.rows.cursor))

    def on_rows_view_moved(self, event: RowsView.Moved) -> None:
        self._load_detail()

    def on_rows_view_marked(self, event: RowsView.Marked) -> None:
        self._order()

    def on_rows_view_opened(self, event: RowsView.Opened) -> None:
        row = self.model.workflows.rows.get(event.key)
        if row is not None and row.last:
            self.cdktr.open(views.make("run", self.session, run=row.last[-1].run))


def strip(last: Sequence[RunMark], signs: glyphs.Glyphs) -> Line:
    """Signs of runs, oldest first."""
    return tuple(signs.span(glyphs.of_run(mark)) for mark in last)


def _last(row: WorkflowRow, last: RunMark | None, signs: glyphs.Glyphs, now: float) -> Span:
    if row.broken:
        return "broken file", "bad"
    if last is None:
        return "never ran", "dim"
    state = glyphs.of_run(last)
    ended = last.ended_ts
    old = f" {times.age(now - ended)}" if ended is not None else ""
    return f"{glyphs.word(state)}{old}", glyphs.style(state)


def _took(last: RunMark | None, now: float) -> str:
    if last is None or last.started_ts is None:
        return times.NONE
    if last.ended_ts is None:
        return times.running(now - last.started_ts)
    return times.span(last.ended_ts - last.started_ts)


def _next(row: WorkflowRow, now: float) -> Span:
    if row.paused:
        return "paused", "warn"
    if row.next_ts is None:
        return (times.NONE, "dim") if not row.schedule else ("?", "warn")
    return times.near(row.next_ts, now), ""


def _triggers(row: WorkflowRow) -> str:
    words = ["cron"] if row.schedule else []
    words += ["event"] if row.events else []
    return " ".join(words) or "manual"


def _subject(row: WorkflowRow) -> Subject:
    last = row.last[-1].run if row.last else ""
    state = "paused" if row.paused else ""
    return Subject("workflow", row.workflow, run=last, workflow=row.workflow, state=state)


def counts(known: dict[str, int], signs: glyphs.Glyphs) -> Line:
    """What goes on with this principal, in one line."""
    if not known:
        return ()
    get = known.get
    busy, slots = get("slots_busy", 0), get("slots", 0)
    agents = get("agents_ready", 0) + get("agents_draining", 0)
    spans: list[Span] = [(f"running {get('runs_running', 0)}", "run")]
    waits = get("runs_queued", 0) + get("runs_pending", 0)
    if waits:
        spans.append((f"  queued {waits}", "wait"))
    if get("failed_day", 0):
        spans.append((f"  failed {get('failed_day', 0)}/24h", "bad"))
    if get("agents_silent", 0):
        spans.append((f"  silent {get('agents_silent', 0)}", "lost"))
    spans.append((f"  agents {agents}  slots {busy}/{slots}", "" if agents else "warn"))
    return line(*spans)

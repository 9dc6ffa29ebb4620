"""One run: its tasks as lanes over time and as a graph, what one of them writes, and its story.

On a small screen the forms follow one another at a key; on a large one the graph stands over the
table and the story beside both. The task under the cursor is the one that all panes are about: the
first that failed, when the view is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import Any

from cdktr_common import clean
from cdktr_common.catalogue.values import TaskRow
from cdktr_tui import views
from cdktr_tui.acting.actions import Subject
from cdktr_tui.draw import dag, glyphs, runs, story, tasks, times
from cdktr_tui.draw.line import Line, line
from cdktr_tui.feed.items import Output
from cdktr_tui.model.asks import Scope
from cdktr_tui.session import Session
from cdktr_tui.views.run_panes import WIDE
from cdktr_tui.views.run_told import RunTold
from cdktr_tui.widgets.canvas import Canvas
from cdktr_tui.widgets.graph import GraphView
from cdktr_tui.widgets.output import OutputPane
from cdktr_tui.widgets.prompt import Note
from cdktr_tui.widgets.rows import RowsView


class Run(RunTold):
    """Of the run with this id, or `last`. `task` is to be under the cursor first."""

    NAME = "run"
    TITLE_ = "Run"

    def __init__(
        self, session: Session, run: str, workflow: str = "", task: str = "", **_: Any
    ) -> None:
        super().__init__(session)
        self.run, self.workflow = run, workflow
        self._wanted: str | None = task
        self._moves: str | None = "" if not task else None
        """The task that the cursor was moved to last, not by a key; None: a key has moved it."""
        self._sort = ("", False)

    # What it asks for and follows.

    def topics(self) -> set[str]:
        if not self.workflow or self.recorded:
            return set()
        pane = self.query_one(OutputPane) if self.there else None
        return {f"run/{self.workflow}/"} | (pane.topics() if pane else set())

    def load(self) -> None:
        super().load()
        self.query_one(OutputPane).load()

    def on_mount(self) -> None:
        self.query_one(GraphView).glyphs = self.signs
        pane = self.query_one(OutputPane)
        pane.look = pane.look._replace(plain=self.signs.ascii)
        self.place_panes()
        self.rows.focus()

    # What has come.

    def arrived(self) -> None:
        if self.there:
            self._order()
            self.restate()

    def changed(self, dirty: Set[tuple[str, ...]]) -> None:
        if self.open is None or not self.there:
            return
        touched = {key[2] for key in dirty if key[0] == "task" and key[1] == self.run}
        if ("tasks", self.run) in dirty or (touched and (self._sort[0] or self.filter)):
            self._order()
        elif touched:
            self.rescale()
            groups = {self.known[task].group for task in touched if self.known[task].group}
            if groups:
                self.table.count(self.known)
            self.rows.touch(*touched, *groups)
            for task in (touched | groups) & self.table.top.keys():
                self.query_one(GraphView).label(task, self.label(task))
        if self.rows.cursor in touched:
            self.causes.pop(self.rows.cursor or "", None)
            self._follow_task()
        if touched:
            self._stay_with_work()
            self.tell()
        self.mend()

    def output(self, items: list[Output]) -> None:
        if self.there:
            self.query_one(OutputPane).output(items)

    def tick(self, now: float) -> None:
        if not self.there:
            return
        self.rescale()
        self.rows.tick(int(now))
        for task in self.table.top:
            if self.known[task].state == "RUNNING":
                self.query_one(GraphView).label(task, self.label(task))
        self.query_one(OutputPane).tick(now)
        self.tell()

    def restate(self) -> None:
        super().restate()
        if self.there:
            self.query_one(OutputPane).stands(self.model.link)
            old = self.model.link.state != "up"
            for pane in self.query(Canvas):
                if pane.dimmed != old:
                    pane.dim(old)

    # The tasks.

    def _order(self) -> None:
        """Other tasks, or in another order."""
        known = self.open
        if known is None:
            self.rows.set_empty(self.empty())
            return
        self.table.take(known.order, known.rows)
        self.table.arrange(tasks.Ask(self.filter, *self._sort), known.rows, self.now)
        fed = dag.feeds(self.table.top)
        for made in self.table.members.values():
            fed |= dag.feeds({task: known.rows[task].depends for task in made})
        self.feeds = fed
        self.measure()
        self.draw_graph()
        self.place_panes()
        self.rescale()
        self.rows.set_keys(self.table.keys)
        if self._wanted is not None and known.rows:
            self._first(known.rows)
        shown, every = len(self.table.keys), len(known.rows)
        marked = f", {len(self.rows.marks)} marked" if self.rows.marks else ""
        self.rows.set_note(f"{shown} of {every} match{marked}" if self.filter else marked[2:])
        self._follow_task()
        self.tell()

    def _first(self, known: dict[str, TaskRow]) -> None:
        """The cursor to the task that is most likely looked for; once, when all are known."""
        whole = self.open is not None and self.open.whole
        for state in ("", "FAILED", "RUNNING"):
            for task, row in known.items():
                if task == self._wanted or (row.state == state and not self._wanted):
                    self._wanted = None
                    self.table.reveal(task, known)
                    self._order()
                    self._move(task)
                    return
        if whole:
            self._wanted = None
            self._move(self.rows.cursor or "")

    def _stay_with_work(self) -> None:
        """Until a key has moved the cursor it goes to what fails, and on to what runs."""
        row = self.chosen
        if self._moves is None or (row is not None and row.state in ("RUNNING", "FAILED")):
            return
        for state in ("FAILED", "RUNNING"):
            for task in self.table.keys:
                if self.known[task].state == state:
                    self._move(task)
                    return

    def _move(self, task: str) -> None:
        if self._moves is not None:
            self._moves = task
        self.rows.move_to(task)

    def empty(self) -> list[Line]:
        if self.fault is not None:
            return [line((clean.line(self.fault.detail, 300), "bad")), line(("q goes back", "dim"))]
        return self.nothing("no task matches" if self.filter else "this run has no tasks")

    def action_times(self) -> None:
        self.mode = times.MODES[(times.MODES.index(self.mode) + 1) % len(times.MODES)]
        self.rows.paint()

    def placed_panes(self) -> None:
        self.measure()
        self.rescale()
        self.tell()

    # The task under the cursor.

    def _follow_task(self) -> None:
        """Its output is shown: of its last attempt, unless another one was chosen."""
        pane, row = self.query_one(OutputPane), self.chosen
        self.query_one(GraphView).select(self._top(row.task) if row is not None else "")
        if self.all_tasks:
            pane.show(Scope(self.workflow, self.run))
        elif row is None or not row.attempts:
            pane.show(None)
        else:
            pane.show(Scope(self.workflow, self.run, row.task, self.n or row.attempts[-1].n))
        if not self.recorded and self.cdktr.view is self:
            self.session.follow(self.topics())
        ready = row is not None and row.state == "PENDING" and row.retry_ts is None
        if row is not None and ready and not story.waits(row, self.known):
            self.explain(row.task)

    def _top(self, task: str) -> str:
        """The task, or the one in the graph that it was made by."""
        while task in self.known and task not in self.table.top:
            task = self.known[task].group
        return task

    # What it says of itself.

    def crumb(self) -> str:
        above = {getattr(view, "workflow", "") for view in self.session.path() if view is not self}
        return self.run if self.workflow in above else f"{self.workflow} {self.run}".strip()

    def summary(self) -> Line:
        if self.row is None:
            return ()
        wide = self.size.width >= WIDE
        said = runs.summary(self.row, self.usual, self.now, self.signs, wide)
        return (*said, ("  recorded", "warn")) if self.recorded else said

    def subjects(self) -> list[Subject]:
        known = [self.known[task] for task in self.rows.selected() if task in self.known]
        if not known and self.row is not None:
            return [Subject("run", self.run, self.run, self.workflow, state=self.row.state)]
        return [
            Subject(
                "task", f"{self.run}/{row.task}", self.run, self.workflow, row.task,
                self.n or (row.attempts[-1].n if row.attempts else 0), state=row.state,
            )
            for row in known
        ]  # fmt: skip

    def record(self, key: str) -> Any:
        return self.known.get(key)

    def filtered(self, text: str) -> Note | None:
        self.filter = text
        self._order()
        return (f"{len(self.table.keys)} of {len(self.known)}", "") if text else None

    def filter_words(self, text: str) -> list[str]:
        return sorted({glyphs.word(glyphs.of_task(row)) for row in self.known.values()})

    def sorted_by(self, column: str, descending: bool) -> None:
        self._sort = ("", False) if (column, descending) == self._sort else (column, descending)
        self.rows.set_sort(self._sort if self._sort[0] else None)
        self._order()

    # Messages of its panes.

    def on_rows_view_moved(self, event: RowsView.Moved) -> None:
        if not self.there:
            return
        if self._wanted is None and self.rows.cursor != self._moves:
            self._moves = None
        self.n = 0
        self._follow_task()
        self.tell()

    def on_rows_view_marked(self, event: RowsView.Marked) -> None:
        self.arrived()

    def on_rows_view_sorted(self, event: RowsView.Sorted) -> None:
        column, descending = self._sort
        self.sorted_by(event.key, event.key == column and not descending)

    def on_rows_view_opened(self, event: RowsView.Opened) -> None:
        row = self.known.get(event.key)
        if row is None:
            return
        if row.calls:
            self.cdktr.open(views.make("run", self.session, run=row.calls))
        elif event.key in self.table.members:
            self.table.fold(event.key)
            self._order()
        else:
            self.action_act("logs")

    def on_graph_view_moved(self, event: GraphView.Moved) -> None:
        if self.there:
            self.rows.move_to(event.key)

    def on_graph_view_opened(self, event: GraphView.Opened) -> None:
        self.on_rows_view_opened(RowsView.Opened(self.rows, event.key))

    def on_output_body_changed(self) -> None:
        if self.there:
            self.tell()

    def on_output_pane_wanted(self, event: OutputPane.Wanted) -> None:
        row = self.chosen
        if not event.step:
            self.all_tasks = not self.all_tasks
        elif row is not None and row.attempts:
            ns = [one.n for one in row.attempts]
            at = ns.index(self.n) if self.n in ns else len(ns) - 1
            self.n, self.all_tasks = ns[max(0, min(len(ns) - 1, at + event.step))], False
        self._follow_task()
        self.tell()


def _passed(action: str) -> Callable[..., None]:
    def act(self: Run, *given: Any) -> None:
        getattr(self.query_one(OutputPane), action)(*given)

    return act


for _name in (
    "follow", "next", "previous", "matches", "streams", "all_tasks", "attempt", "numbers",
):  # fmt: skip
    setattr(Run, f"action_{_name}", _passed(f"action_{_name}"))

"""The tasks of a workflow against its last runs: who fails again and again is seen in one look.

The tasks of each run are asked for once, and again after something has happened in it, at most once
a second; of runs that the principal has forgotten the recorder is asked. The rows are those of the
workflow as it is now; what older runs had besides comes after them.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any, Final

from textual.app import ComposeResult
from textual.widget import Widget

from cdktr_common import clean
from cdktr_common.catalogue.logd import HistoryList, HistoryPage
from cdktr_common.catalogue.principal import (
    RunList,
    RunPage,
    TaskList,
    TaskPage,
    WorkflowDetail,
    WorkflowShow,
)
from cdktr_common.catalogue.values import RunRow, TaskRow
from cdktr_common.errors import ProtocolError
from cdktr_tui import views
from cdktr_tui.acting.actions import Subject
from cdktr_tui.draw import dag, gantt, glyphs, grid, times
from cdktr_tui.draw.line import Line, line
from cdktr_tui.model import recorded
from cdktr_tui.session import Session
from cdktr_tui.view import View
from cdktr_tui.widgets.canvas import Canvas
from cdktr_tui.widgets.grid import GridView

RUNS: Final = 30
TASKS: Final = 500
"""Tasks of a run that are shown."""


class Grid(View):
    """Of one workflow."""

    NAME = "grid"
    TITLE_ = "Grid"
    DEFAULT_CSS = """
    Grid #grid { height: 1fr; }
    Grid #told { height: 3; }
    """

    def __init__(self, session: Session, workflow: str, **_: Any) -> None:
        super().__init__(session)
        self.workflow = workflow
        self.heat = False
        self.runs: list[str] = []
        """The oldest first."""
        self.cells: dict[str, dict[str, grid.Cell]] = {}
        self._planned: list[str] = []
        self._due: set[str] = set()
        self._asking: set[str] = set()

    def topics(self) -> set[str]:
        return {f"run/{self.workflow}/"}

    def body(self) -> ComposeResult:
        yield GridView(self._draw, id="grid")
        yield Canvas(id="told", can_focus=False)

    def on_mount(self) -> None:
        self.pane().focus()

    def pane(self) -> Widget:
        return self.query_one(GridView)

    # What is asked for.

    def load(self) -> None:
        def shown(detail: WorkflowDetail) -> None:
            if detail.plan is not None:
                order = dag.order({task.id: task.depends for task in detail.plan.tasks})
                self._planned = order
                self._redraw()

        def told(page: RunPage) -> None:
            self.model.runs.page(page)
            self._take([row.run for row in page.runs])
            for row in page.runs:
                self._tasks(row.run)
            if len(page.runs) < RUNS and self.model.link.logd:
                self._past()

        self.ask(WorkflowShow(workflow=self.workflow), shown, lambda _: None)
        self.ask(RunList(workflow=self.workflow, limit=RUNS), told)

    def _tasks(self, run: str) -> None:
        self._due.discard(run)
        if run in self._asking:
            return
        self._asking.add(run)

        def told(page: TaskPage) -> None:
            self._asking.discard(run)
            self.cells[run] = {row.task: self._cell(row) for row in page.tasks if not row.group}
            self._redraw()

        def refused(_: ProtocolError) -> None:
            self._asking.discard(run)

        self.ask(TaskList(run=run, limit=TASKS), told, refused)

    def _past(self) -> None:
        """Runs that only the recorder remembers."""

        def told(page: HistoryPage) -> None:
            rows = recorded.rows(page)
            known = set(self.runs)
            self.model.runs.history(rows)
            self._take([*self.runs[::-1], *(row.run for row in rows if row.run not in known)])
            if len(self.runs) > len(known):
                asked = HistoryList(table="tasks", workflow=self.workflow, limit=1000)
                self.ask(asked, tasks, lambda _: None)

        def tasks(page: HistoryPage) -> None:
            for values in page.rows:
                row = dict(zip(page.columns, values, strict=True))
                run = str(row.get("run"))
                if run in self.runs and run not in self._asking and "[" not in str(row["task"]):
                    self.cells.setdefault(run, {}).setdefault(str(row["task"]), _past_cell(row))
            self._redraw()

        asked = HistoryList(table="runs", workflow=self.workflow, limit=RUNS)
        self.ask(asked, told, lambda _: None)

    def _take(self, newest_first: list[str]) -> None:
        """These runs, as far as there is room for them. The cursor stays on its run."""
        if not self.there:
            return
        pane = self.query_one(GridView)
        under = self._run()
        self.runs = newest_first[:RUNS][::-1]
        if pane.cursor is not None and under in self.runs:
            pane.cursor = pane.cursor._replace(run=self.runs.index(under))
        elif pane.cursor is not None:
            pane.cursor = pane.cursor._replace(run=max(0, len(self.runs) - 1))
        for run in self.cells.keys() - set(self.runs):
            del self.cells[run]
        self._redraw()

    # What has come.

    def changed(self, dirty: Set[tuple[str, ...]]) -> None:
        rows = self.model.runs.rows
        touched = {key[1] for key in dirty if key[0] == "run" and key[1] in rows}
        ours = {run for run in touched if rows[run].workflow == self.workflow}
        new = [run for run in ours - set(self.runs) if self._is_new(rows[run])]
        if new:
            new.sort(key=lambda run: -rows[run].seq)
            self._take([*new, *self.runs[::-1]])
        self._due |= ours & set(self.runs)
        if ours:
            self._redraw()

    def _is_new(self, row: RunRow) -> bool:
        newest = self.model.runs.rows.get(self.runs[-1]) if self.runs else None
        return newest is None or row.seq > newest.seq

    def tick(self, now: float) -> None:
        for run in list(self._due):
            self._tasks(run)
        if self.runs and any(self._row(run, "RUNNING") for run in self.runs[-3:]):
            self._redraw()

    def _row(self, run: str, state: str) -> bool:
        row = self.model.runs.rows.get(run)
        return row is not None and row.state == state

    # What is shown.

    @property
    def there(self) -> bool:
        """Has it its panes? Not before it is shown, and no longer when it is being closed."""
        return self.is_mounted and bool(self.query(GridView)) and bool(self.query("#told"))

    def _redraw(self) -> None:
        if self.there:
            self.query_one(GridView).redraw()
            self._tell()

    @property
    def tasks(self) -> list[str]:
        """Rows: those of the workflow now, then what older runs had."""
        known = dict.fromkeys(self._planned)
        for run in self.runs[::-1]:
            known.update(dict.fromkeys(self.cells.get(run, ())))
        return [task for task in known if self.filter.lower() in task.lower()]

    def _draw(self, width: int, cursor: grid.Place | None) -> grid.Grid:
        past = [self._past_run(run) for run in self.runs]
        names = [(task, clean.line(task, 100)) for task in self.tasks]
        bars = 3 if self.size.height >= 20 else 1
        return grid.grid(names, past, width - 1, self.signs, cursor, bars, self.heat)

    def _past_run(self, run: str) -> grid.Past:
        row = self.model.runs.rows.get(run)
        cells: Mapping[str, grid.Cell] = self.cells.get(run, {})
        if row is None:
            return grid.Past(run, "PENDING", None, cells)
        took = None
        if row.started_ts is not None:
            took = (row.ended_ts if row.ended_ts is not None else self.now) - row.started_ts
        return grid.Past(run, glyphs.of_run(row), took, cells)

    def _cell(self, row: TaskRow) -> grid.Cell:
        last = row.attempts[-1] if row.attempts else None
        said = f"exit {row.code}" if row.code else ""
        if row.reason:
            said = f"{said}: {row.reason}" if said else row.reason
        return grid.Cell(
            glyphs.of_task(row), gantt.took(row, self.now), last.n if last else 0,
            clean.line(said, 300),
        )  # fmt: skip

    def _tell(self) -> None:
        """What is under the cursor, in words."""
        pane, run = self.query_one("#told", Canvas), self._run()
        row = self.model.runs.rows.get(run)
        if row is None:
            pane.show(self.nothing(f"{self.workflow} has not run yet", "r runs it")
                      if not self.runs else [])  # fmt: skip
            return
        begin = row.started_ts if row.started_ts is not None else row.created_ts
        took = (row.ended_ts or self.now) - begin
        told = [line(
            " ", self.signs.said(glyphs.of_run(row)), f"  {run}",
            f"  {times.near(begin, self.now)}", f"  {times.span(took)}", (f"  {row.reason}", "bad"),
        )]  # fmt: skip
        task = self._under()
        cell = self.cells.get(run, {}).get(task)
        if cell is not None:
            tries = f"  try {cell.n}" if cell.n > 1 else ""
            told.append(line(
                " ", self.signs.said(cell.state), (f"  {clean.line(task, 60)}", "bold"), tries,
                f"  {times.span(cell.seconds)}" if cell.seconds is not None else "",
                (f"  {cell.said}", "bad" if cell.state in ("FAILED", "CRASHED") else "dim"),
            ))  # fmt: skip
        if task:
            told.append(self._record(task))
        pane.show(told)

    def _record(self, task: str) -> Line:
        """How the task went in all of them."""
        cells = [self.cells[run][task] for run in self.runs if task in self.cells.get(run, ())]
        over = [cell for cell in cells if cell.state not in ("PENDING", "RUNNING", "SKIPPED")]
        bad = sum(cell.state in ("FAILED", "CRASHED") for cell in over)
        style = "bad" if bad else "ok"
        return line(" ", (f"failed {bad} of {len(over)}", style), (" of the runs shown", "dim"))

    # What is selected.

    def _run(self) -> str:
        cursor = self.query_one(GridView).cursor
        return self.runs[cursor.run] if cursor is not None and cursor.run < len(self.runs) else ""

    def _under(self) -> str:
        cursor, rows = self.query_one(GridView).cursor, self.tasks
        return rows[cursor.task] if cursor is not None and 0 <= cursor.task < len(rows) else ""

    def subjects(self) -> list[Subject]:
        run, task = self._run(), self._under()
        cell = self.cells.get(run, {}).get(task)
        if not run:
            return [Subject("workflow", self.workflow, workflow=self.workflow)]
        row = self.model.runs.rows.get(run)
        if not task or cell is None:
            state = row.state if row is not None else ""
            return [Subject("run", run, run, self.workflow, state=state)]
        return [
            Subject("task", f"{run}/{task}", run, self.workflow, task, cell.n, state=cell.state)
        ]

    def crumb(self) -> str:
        return f"{self.workflow} grid"

    def summary(self) -> Line:
        rows = (self.model.runs.rows.get(run) for run in self.runs)
        ended = [row for row in rows if row is not None and row.ended_ts is not None]
        well = sum(row.state == "COMPLETED" for row in ended)
        if not ended:
            return ()
        what = "times" if self.heat else "states"
        return line((f"{well} of the last {len(ended)} done", ""), (f"   {what}", "dim"))

    def restate(self) -> None:
        super().restate()
        if self.there:
            self.query_one(GridView).dim(self.model.link.state != "up")
            if not self.runs:
                self._tell()

    def filtered(self, text: str) -> tuple[str, str] | None:
        self.filter = text
        self._redraw()
        return (f"{len(self.tasks)} tasks", "") if text else None

    def action_form(self) -> None:
        """States, or how long each took."""
        self.heat = not self.heat
        self._redraw()
        self.restate()

    def on_grid_view_moved(self) -> None:
        if self.there:
            self._tell()

    def on_grid_view_opened(self) -> None:
        if self._run():
            task = self._under()
            self.cdktr.open(
                views.make("run", self.session, run=self._run(), workflow=self.workflow, task=task)
            )


def _past_cell(row: Mapping[str, Any]) -> grid.Cell:
    """A recorded task."""
    begin, end = row.get("started_ts"), row.get("ended_ts")
    took = end - begin if isinstance(begin, float) and isinstance(end, float) else None
    code, reason = row.get("code"), str(row.get("reason") or "")
    said = f"exit {code}" if code else ""
    said = f"{said}: {reason}" if said and reason else said or reason
    return grid.Cell(str(row.get("state")), took, int(row.get("n") or 0), clean.line(said, 300))

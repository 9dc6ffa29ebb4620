"""One agent: what it is, how busy it was over the last minutes, and all that it works on."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Final

from textual.app import ComposeResult

from cdktr_common import clean
from cdktr_common.catalogue.values import AgentTask
from cdktr_tui import views
from cdktr_tui.acting.actions import Subject
from cdktr_tui.draw import agents as draw
from cdktr_tui.draw import times
from cdktr_tui.draw.line import Line
from cdktr_tui.model.words import fits
from cdktr_tui.session import Session
from cdktr_tui.view import View
from cdktr_tui.views.agents import Held, subject
from cdktr_tui.widgets.canvas import Canvas
from cdktr_tui.widgets.columns import Cell
from cdktr_tui.widgets.rows import Column, RowsView

COLUMNS: Final = (
    Column("workflow", "WORKFLOW", 12, flex=2),
    Column("task", "TASK", 12, flex=3),
    Column("run", "RUN", 10),
    Column("n", "TRY", 3, align=">"),
    Column("slots", "SLOTS", 5, align=">", rank=1),
    Column("since", "FOR", 7, align=">"),
)
OF_AGENT: Final = ("drain", "undrain")


class Agent(View):
    """From the list of agents."""

    NAME = "agent"
    TITLE_ = "Agent"
    DEFAULT_CSS = """
    Agent #about { height: auto; max-height: 50%; min-height: 4; }
    Agent.-flat #about { display: none; }
    """

    def __init__(self, session: Session, agent: str) -> None:
        super().__init__(session)
        self.agent = agent
        self._held = Held(self, self._order, self._refused)
        self._tasks: dict[str, AgentTask] = {}

    def topics(self) -> set[str]:
        return {"agent/", "load/"}

    def body(self) -> ComposeResult:
        yield Canvas(id="about", can_focus=False)
        yield RowsView(COLUMNS, self._cells, id="rows")

    @property
    def rows(self) -> RowsView:
        return self.query_one("#rows", RowsView)

    def crumb(self) -> str:
        return self.agent

    # What is asked for, and shown.

    def load(self) -> None:
        self._held.want(self.agent)

    def changed(self, dirty: Set[tuple[str, ...]]) -> None:
        if ("agent", self.agent) in dirty:
            self._held.want(self.agent)
            self._draw()

    def _order(self) -> None:
        self._draw()
        held = self.model.agents.tasks.get(self.agent, [])
        self._tasks = {f"{task.run}/{task.task}": task for task in held if self._fits(task)}
        self.rows.set_keys(list(self._tasks))

    def _fits(self, task: AgentTask) -> bool:
        return fits(self.filter, task.workflow, task.task, task.name, task.run)

    def filtered(self, text: str) -> tuple[str, str] | None:
        """Words of the workflow, the task or the run."""
        self.filter = text
        self._order()
        self.rows.set_empty(self.empty())
        return (f"{len(self.rows.keys)} match", "dim") if text else None

    def undo(self) -> bool:
        if not self.filter:
            return False
        self.filtered("")
        return True

    def empty(self) -> list[Line]:
        if self.filter:
            return self.nothing(f"no task matches {self.filter}", "esc clears the filter")
        return self.nothing("it holds no task", "")

    def _draw(self) -> None:
        row = self.model.agents.rows.get(self.agent)
        canvas = self.query_one("#about", Canvas)
        canvas.dim(self.model.link.state != "up")
        signs, width = self.signs, self.size.width
        lines = draw.about(row, signs, self.now, width) if row else []
        lines += draw.picture(row, signs, width) if row else []
        if len(lines) != len(canvas.lines):
            canvas.styles.height = max(1, len(lines))
        canvas.show(lines)

    def tick(self, now: float) -> None:
        self.rows.tick(int(now))
        self._draw()

    def _cells(self, key: str, now: int) -> Sequence[Cell]:
        task = self._tasks[key]
        return (
            clean.line(task.workflow),
            clean.line(task.name or task.task),
            (clean.line(task.run), "dim"),
            (str(task.n), "warn" if task.n > 1 else ""),
            str(task.slots),
            times.running(self.now - task.since_ts),
        )

    # What is selected.

    def record(self, key: str) -> AgentTask | None:
        return self._tasks.get(key)

    def subjects(self) -> list[Subject]:
        """The tasks; drain and undrain are about the agent, see `action_act`."""
        return [_subject(self._tasks[key]) for key in self.rows.selected()]

    def action_act(self, verb: str) -> None:
        row = self.model.agents.rows.get(self.agent)
        if verb in OF_AGENT and row is not None:
            self.cdktr.act(verb, [subject(row)])
        else:
            super().action_act(verb)

    def on_rows_view_opened(self, event: RowsView.Opened) -> None:
        task = self._tasks.get(event.key)
        if task is not None:
            self.cdktr.open(views.make("run", self.session, run=task.run))


def _subject(task: AgentTask) -> Subject:
    return Subject(
        "task", f"{task.run}/{task.task}", run=task.run, workflow=task.workflow, task=task.task,
        n=task.n, text=task.name, state="RUNNING",
    )  # fmt: skip

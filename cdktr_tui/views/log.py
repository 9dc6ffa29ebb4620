"""The output of a run, of a task or of one attempt, on the whole screen.

Key `l` wherever a run or a task is chosen. Everything about output is the pane's; this view knows
whose output it is, which attempts there are, and how to take all of it out of the program.
"""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult
from textual.widget import Widget

from cdktr_common import clean
from cdktr_common.catalogue.principal import RunStatus, RunWait, TaskList, TaskPage
from cdktr_common.errors import ProtocolError
from cdktr_tui.acting.actions import Subject
from cdktr_tui.draw.line import Line
from cdktr_tui.feed.items import Output
from cdktr_tui.model.asks import Scope
from cdktr_tui.session import Session
from cdktr_tui.view import View
from cdktr_tui.widgets.output import OutputPane
from cdktr_tui.widgets.prompt import Note


class Log(View):
    """`task` empty: of all tasks; `n` 0: of all attempts. The workflow is asked for if need be."""

    NAME = "log"
    TITLE_ = "Log"

    def __init__(
        self, session: Session, *, run: str, workflow: str = "", task: str = "", n: int = 0
    ) -> None:
        super().__init__(session)
        self.scope = Scope(workflow, run, task, n)
        self._one = self.scope
        self._attempts: list[int] = []

    def body(self) -> ComposeResult:
        yield OutputPane(self.session.ask, lambda: self.now, id="output")

    @property
    def output_pane(self) -> OutputPane:
        return self.query_one("#output", OutputPane)

    def pane(self) -> Widget | None:
        return self.output_pane

    def told(self) -> bool:
        return self.output_pane.script.loaded or self.output_pane.fault is not None

    # What is asked for.

    def topics(self) -> set[str]:
        return {self.scope.topic} if self.scope.workflow else set()

    def load(self) -> None:
        pane = self.output_pane
        pane.focus()
        if pane.scope != self.scope:
            pane.show(self.scope)
        else:
            pane.load()
        if not self.scope.workflow:
            self.session.ask(
                RunWait(run=self.scope.run, wait_s=0.0), self._told, self._unless_gone(self._untold)
            )
        if self.scope.task:
            self._load_attempts(0)

    def _told(self, status: RunStatus) -> None:
        """The run is known: from now on its output is followed, and what came meanwhile looked
        for."""
        if not self.is_running:
            return
        self.scope = self.scope._replace(workflow=status.run.workflow)
        self._one = self._one._replace(workflow=status.run.workflow)
        self.output_pane.named(self.scope)
        if self.cdktr.view is self:
            self.session.follow(self.topics())
        self.output_pane.load()

    def _untold(self, fault: ProtocolError) -> None:
        """A run that the principal has forgotten is over: there is nothing to follow."""
        if fault.code != "not_found":
            self.output_pane.refused(fault)

    def _load_attempts(self, after: int) -> None:
        def told(page: TaskPage) -> None:
            if not self.is_running:
                return
            row = next((row for row in page.tasks if row.task == self.scope.task), None)
            if row is not None:
                self._attempts = [attempt.n for attempt in row.attempts]
            elif page.next is not None:
                self._load_attempts(page.next)

        self.session.ask(TaskList(run=self.scope.run, after=after), told, lambda _: None)

    def output(self, items: list[Output]) -> None:
        self.output_pane.output(items)

    # What is shown.

    def restate(self) -> None:
        if self.is_mounted:
            self.output_pane.stands(self.model.link)
        super().restate()

    def tick(self, now: float) -> None:
        self.output_pane.tick(now)

    def crumb(self) -> str:
        scope = self.scope
        name = clean.line(scope.task, 24) if scope.task else "all tasks"
        return f"log {scope.run[:6]} {name}" + (f" try {scope.n}" if scope.n else "")

    def summary(self) -> Line:
        return self.output_pane.heading()

    def on_output_body_changed(self) -> None:
        self.restate()

    def subjects(self) -> list[Subject]:
        scope = self.scope
        if not scope.task:
            return [Subject("run", scope.run, run=scope.run, workflow=scope.workflow)]
        return [
            Subject(
                "task", f"{scope.run}/{scope.task}", run=scope.run, workflow=scope.workflow,
                task=scope.task, n=scope.n,
            )
        ]  # fmt: skip

    # Other output of the same run.

    def turn_to(self, scope: Scope) -> None:
        """Show this from now on."""
        self.scope = scope
        self.output_pane.show(scope)
        self.session.follow(self.topics())
        if scope.task and not self._attempts:
            self._load_attempts(0)
        self.restate()

    def on_output_pane_wanted(self, event: OutputPane.Wanted) -> None:
        scope = self.scope
        if event.step:
            if scope.task:
                self.turn_to(scope._replace(n=step(self._attempts, scope.n, event.step)))
        elif scope.task:
            self._one = scope
            self.turn_to(scope._replace(task="", n=0))
        elif self._one.task:
            self.turn_to(self._one)

    # Keys.

    def undo(self) -> bool:
        return self.output_pane.undo()

    def action_filter(self) -> None:
        self.output_pane.action_filter()

    def filtered(self, text: str) -> Note | None:
        fault = self.output_pane.find(text)
        return (fault, "bad") if fault else None

    def goto(self, number: int) -> str | None:
        """To the line of this number."""
        return self.output_pane.goto_line(number)


def step(attempts: list[int], n: int, by: int) -> int:
    """The attempt before or after one; 0 are all of them, which stand after the newest."""
    row: list[Any] = [*attempts, 0]
    at = row.index(n) if n in row else len(row) - 1
    return int(row[max(0, min(len(row) - 1, at + by))])

"""What the view of a run asks for, in which order: the run and its plan, its tasks in pages, how
long its workflow usually takes; of a run that the principal has forgotten all that was recorded.

Mixed into the view. What comes is folded into the model, and the view is told by `arrived`.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any, Final

from cdktr_common.catalogue.base import Fact
from cdktr_common.catalogue.logd import HistoryList, HistoryPage
from cdktr_common.catalogue.principal import (
    RunDetail,
    RunExplained,
    RunList,
    RunPage,
    RunShow,
    RunWhy,
    TaskList,
    TaskPage,
)
from cdktr_common.catalogue.values import Cause, RunRow
from cdktr_common.errors import ProtocolError
from cdktr_tui.model import recorded
from cdktr_tui.model.tasks import OpenRun
from cdktr_tui.session import Session
from cdktr_tui.view import View

PAGE: Final = 500
USUAL: Final = 20
"""Runs of the workflow that tell how long it takes."""

FACTS_MOST: Final = 20_000
"""Recorded facts of a run that are read."""


class RunData(View):
    """The data of one run. `run` is its id; `workflow` is known at the latest with the run."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.run = self.workflow = ""
        self.recorded = False
        self.seconds: list[float] = []
        """How long the last runs of the workflow took, the oldest first."""
        self.causes: dict[str, list[Cause]] = {}
        """Why tasks wait, as far as it was asked."""
        self._asking: set[str] = set()

    def arrived(self) -> None:
        """Something of the run has come."""

    @property
    def open(self) -> OpenRun | None:
        return self.model.tasks.runs.get(self.run)

    @property
    def row(self) -> RunRow | None:
        return self.model.runs.rows.get(self.run)

    def load(self) -> None:
        if self.recorded:
            return
        if self.workflow:
            self.model.tasks.open(self.run)
        self.ask(RunShow(run=self.run), self._shown, self._unknown)
        if self.workflow:
            self._page(0)

    def _shown(self, detail: RunDetail) -> None:
        self.run = detail.run.run
        if not self.workflow:
            self.workflow = detail.run.workflow
            self.session.follow(self.topics())
            self.load()  # what was told before it was followed is in the answers to this
            return
        self.model.detail(detail)
        self.arrived()
        if not self.seconds:
            self._usual()

    def _page(self, after: int) -> None:
        def told(page: TaskPage) -> None:
            self._asking.discard("tasks")
            self.model.tasks.page(page, after)
            self.arrived()
            if page.next is not None:
                self._page(page.next)

        self.ask(TaskList(run=self.run, after=after, limit=PAGE), told, self._unknown)

    def mend(self) -> None:
        """Ask again for what could not be folded."""
        stale = self.model.stale
        if self.recorded or self.model.link.state != "up":
            return
        if ("tasks", self.run) in stale and "tasks" not in self._asking:
            self._asking.add("tasks")
            self._page(0)
        if ("run", self.run) in stale and "run" not in self._asking:
            self._asking.add("run")
            self.ask(RunShow(run=self.run), self._mended, self._unknown)

    def _mended(self, detail: RunDetail) -> None:
        self._asking.discard("run")
        self.model.detail(detail)
        self.arrived()

    # How long it usually takes.

    def _usual(self) -> None:
        def told(page: RunPage) -> None:
            ended = [row for row in page.runs[::-1] if row.run != self.run]
            self.seconds = [
                row.ended_ts - row.started_ts
                for row in ended
                if row.ended_ts is not None and row.started_ts is not None
            ]
            self.arrived()

        asked = RunList(workflow=self.workflow, limit=USUAL, states=["COMPLETED"])
        self.ask(asked, told, lambda _: None)

    @property
    def usual(self) -> float | None:
        """Seconds that a run takes, as the last ones did."""
        return median(self.seconds) if self.seconds else None

    # Why a task waits.

    def explain(self, task: str) -> None:
        """Ask why a task that nothing holds up does not run."""
        if (
            task in self._asking
            or task in self.causes
            or self.recorded
            or self.model.link.state != "up"
        ):
            return
        self._asking.add(task)

        def told(why: RunExplained) -> None:
            self._asking.discard(task)
            self.causes[task] = [cause for cause in why.causes if cause.code != "ended"]
            self.arrived()

        def refused(_: ProtocolError) -> None:
            self._asking.discard(task)

        self.ask(RunWhy(run=self.run, task=task), told, refused)

    # Runs that the principal has forgotten.

    def _unknown(self, fault: ProtocolError) -> None:
        self._asking -= {"run", "tasks"}
        if fault.code != "not_found" or self.recorded:
            self.refuse(fault)
            return
        if "past" in self._asking:
            return
        self._asking.add("past")

        def told(page: HistoryPage) -> None:
            self._asking.discard("past")
            rows = recorded.rows(page)
            if len(rows) != 1:
                self.refuse(fault)
                return
            self.recorded = True
            self.run, self.workflow = rows[0].run, rows[0].workflow
            self._facts(rows[0], [], None)

        def untold(_: ProtocolError) -> None:
            self._asking.discard("past")
            self.refuse(fault)

        self.ask(HistoryList(table="runs", run=self.run, limit=2), told, untold)

    def _facts(self, row: RunRow, known: Sequence[Fact], before: int | None) -> None:
        def told(page: HistoryPage) -> None:
            facts = [*known, *recorded.facts(page)]
            if page.next is not None and len(facts) < FACTS_MOST:
                self._facts(row, facts, page.next)
                return
            recorded.take(self.model, row, facts)
            self.arrived()

        asked = HistoryList(table="events", run=row.run, limit=1000, before=before)
        self.ask(asked, told)

    def refuse(self, fault: ProtocolError) -> None:
        """It is told as the state of the view."""
        self.fault, self.loading_since = fault, None
        self.restate()

    def facts_of(self) -> Any:
        """The run as it is on the wire, with its plan."""
        known = self.open
        return known.detail if known is not None else self.row

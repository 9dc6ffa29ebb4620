"""A principal's real core driven at random, and what it would have answered at some moments of it:
facts in order, and pages between them."""

from __future__ import annotations

import random
from typing import Any, NamedTuple

from msgspec.structs import replace

from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import Plan, Schedule
from cdktr_principal.decisions import operators, pauses, triggers
from cdktr_principal.requests import agents, queries
from cdktr_principal.state.records import Run
from cdktr_tui.model.model import Model
from tests.unit.principal.test_ticks import START, Ledger

AGENTS = ("x", "y", "z")
WORKFLOWS = ("w", "v", "u")
EVERY_10 = Schedule(every_s=10.0)
EVERY_60 = Schedule(every_s=60.0)


class Pages(NamedTuple):
    """What all questions are answered with after `at` facts; runs and tasks in small pages."""

    at: int
    runs: list[p.RunPage]
    details: list[p.RunDetail]
    tasks: list[tuple[int, p.TaskPage]]
    workflows: list[tuple[str, p.WorkflowPage]]
    agents: p.AgentPage
    held: list[p.AgentDetail]
    schedules: p.SchedulePage


class History:
    """See the module text. `facts` are the world's."""

    def __init__(self, plan: Plan, seed: int, steps: int = 80) -> None:
        self.chance = random.Random(seed)
        self.world = Ledger()
        self.pages: list[Pages] = []
        self._held: dict[str, list[Any]] = {name: [] for name in AGENTS}
        self._plan = plan
        for name in AGENTS:
            self.world.hello(name, slots=4, tasks_v=1)
        for name in WORKFLOWS[:2]:
            self._load(name)
        for _ in range(steps):
            self._step()
            if self.chance.random() < 0.2:
                self.pages.append(self.seen())
        self.pages.append(self.seen())

    def seen(self) -> Pages:
        core, limit = self.world.core, self.chance.randint(1, 6)
        state, session = core.state, core.session
        runs, before = [], None
        while not runs or runs[-1].more:
            runs.append(queries.run_list(state, p.RunList(limit=limit, before=before)))
            before = runs[-1].runs[-1].seq if runs[-1].runs else None
        tasks: list[tuple[int, p.TaskPage]] = []
        for run in state.runs.values():
            after: int | None = 0
            while after is not None:
                asked = p.TaskList(run=run.id, after=after, limit=limit)
                tasks.append((after, queries.task_list(state, session, run, asked)))
                after = tasks[-1][1].next
        workflows: list[tuple[str, p.WorkflowPage]] = []
        name: str | None = ""
        while name is not None:
            told = queries.workflow_list(
                state, session, p.WorkflowList(after=name, limit=limit, last=14)
            )
            workflows.append((name, told))
            name = told.next
        details = [queries.run_detail(state, run) for run in state.runs.values()]
        return Pages(
            len(self.world.facts), runs, details,
            tasks, workflows, agents.agent_list(state, session),
            [agents.agent_detail(state, session, name) for name in AGENTS],
            queries.schedule_list(state, session, p.ScheduleList()),
        )  # fmt: skip

    # What happens

    def _step(self) -> None:
        world, chance = self.world, self.chance
        what = chance.choice(
            ["fetch"] * 5 + ["report"] * 6 + ["time", "time", "start", "start", "rare"]
        )
        name = chance.choice(AGENTS)
        if what == "fetch" and world.core.state.agents[name].state == "ready":
            held = self._held[name]
            world.beat(name, [spec.token for spec in held])
            held += world.fetch(name, chance.randint(1, 4))
            world.core.session.fetches.clear()
        elif what == "report" and self._held[name]:
            self._report(name)
        elif what == "time":
            world.pass_time(chance.choice([1, 3, 11]))
        elif what == "start":
            self._start()
        elif what == "rare":
            getattr(self, f"_{chance.choice(self.RARE)}")()
        world.turn()

    RARE = (
        "cancel", "retry", "loss", "drain", "load", "remove", "pause", "tick", "joins", "unhold",
    )  # fmt: skip

    def _start(self) -> None:
        chance = self.chance
        most = chance.choice([0, 0, 1])
        lost = chance.choice(["rerun", "hold", "fail"])
        tasks = [replace(task, on_agent_lost=lost) for task in self._plan.tasks]
        name = chance.choice(WORKFLOWS)
        made = replace(self._plan, workflow=name, max_active_runs=most, tasks=tasks)
        self.world.start(made)

    def _report(self, name: str) -> None:
        held, chance = self._held[name], self.chance
        spec = held.pop(chance.randrange(len(held)))
        state = chance.choice(["COMPLETED"] * 5 + ["FAILED", "FAILED", "CANCELLED", "RELEASED"])
        fields: dict[str, Any] = {"started_ts": chance.choice([None, self.world.at().ts])}
        if state == "COMPLETED" and chance.random() < 0.3:
            fields |= {"outputs": {"rows": 3}, "result": "done\x1b[2J"}
        if state == "FAILED":
            fields |= {"code": chance.choice([1, 3]), "reason": "it \x1b]0;broke\x07"}
        self.world.report(name, spec.token, state, stdout_bytes=5, **fields)

    def _some_run(self, *, over: bool) -> Run | None:
        runs = [r for r in self.world.core.state.runs.values() if (r.ended_ts is not None) == over]
        return self.chance.choice(runs) if runs else None

    def _cancel(self) -> None:
        if run := self._some_run(over=False):
            self.world.core.run_cancel(run, "", self.world.at(), now=self.chance.random() < 0.3)

    def _retry(self) -> None:
        if run := self._some_run(over=True):
            asked = p.RunRetry(run=run.id, all=run.state == "COMPLETED")
            triggers.run_retry(self.world.core, run, asked, self.world.at())

    def _unhold(self) -> None:
        if run := self._some_run(over=False):
            operators.unhold(self.world.core, run, None, self.world.at())

    def _loss(self) -> None:
        name = self.chance.choice(AGENTS)
        request = p.AgentLost(agent=name, reason="burnt", force=True)
        operators.lost(self.world.core, None, request, self.world.at())
        self.world.turn()
        self._joins(name)

    def _joins(self, name: str = "") -> None:
        name = name or self.chance.choice(AGENTS)
        boot = f"b{self.chance.randint(2, 10**6)}"
        self._held[name] = []
        self.world.hello(name, boot, slots=self.chance.randint(2, 6), tasks_v=1, host="h\x07")

    def _drain(self) -> None:
        name, core, at = self.chance.choice(AGENTS), self.world.core, self.world.at()
        if core.state.agents[name].drain:
            operators.undrain(core, None, p.AgentUndrain(agent=name), at)
        else:
            operators.drain(core, None, p.AgentDrain(agent=name, reason="by hand"), at)

    def _load(self, name: str = "") -> None:
        some = self.chance.sample([EVERY_10, EVERY_60], self.chance.randint(0, 2))
        name = name or self.chance.choice(WORKFLOWS)
        self.world.load(replace(self._plan, workflow=name, schedules=some, description="d\x9b"))

    def _remove(self) -> None:
        self.world.remove(self.chance.choice(WORKFLOWS))

    def _pause(self) -> None:
        name = self.chance.choice([*WORKFLOWS, ""])
        state, at = self.world.core.state, self.world.at()
        if name and name not in state.workflows:
            return
        if name in state.schedules.pauses:
            pauses.resume(self.world.core, None, p.WorkflowResume(workflow=name or None), at)
        else:
            asked = p.WorkflowPause(workflow=name or None, reason=f"why {name}")
            pauses.pause(self.world.core, None, asked, at)

    def _tick(self) -> None:
        rows = self.seen().schedules.schedules
        mine = [row for row in rows if row.workflow == "w" and row.until_ts is None]
        if mine:
            row = self.chance.choice(mine)
            after = row.ticked_ts - START
            due = after + self.chance.choice([10.0, 60.0])
            if due <= self.world.clock:
                self.world.tell(due, schedule=row.schedule, after=after)


def fold_pages(model: Model, pages: Pages, tasks_of: set[str]) -> None:
    """All answers of a moment, for a model that looks at the tasks of these runs."""
    for runs in pages.runs:
        model.runs.page(runs)
    for detail in pages.details:
        if detail.run.run in tasks_of:
            model.detail(detail)
    for after, tasks in pages.tasks:
        if tasks.run in tasks_of:
            model.tasks.page(tasks, after)
    for name, workflows in pages.workflows:
        model.workflows.page(workflows, name)
    model.agents.page(pages.agents)
    model.schedules.page(pages.schedules)

"""A principal's core driven by hand: a clock that moves when told, names that count up."""

from __future__ import annotations

import itertools
from typing import Any

from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.base import Fact
from cdktr_common.catalogue.values import Plan, TaskPlan, TaskResult, TaskSpec
from cdktr_common.settings import Pool
from cdktr_principal.decisions import agents, assigning, triggers
from cdktr_principal.decisions.core import Core, Moment, Timing
from cdktr_principal.decisions.pools import Pools
from cdktr_principal.state.invariants import violations
from cdktr_principal.state.state import State
from cdktr_principal.store.snapshot import take


def plan(*tasks: str, workflow: str = "w", **fields: Any) -> Plan:
    """`plan("a", "b<a", "c<a,b")`: tasks and what they depend on."""
    made = []
    for text in tasks:
        name, _, depends = text.partition("<")
        needs = depends.split(",") if depends else []
        made.append(TaskPlan(id=name, argv=["true"], depends=needs))
    return Plan(workflow=workflow, tasks=made, **fields)


class World:
    """See the module text. Every fact ever emitted is kept in `facts`."""

    def __init__(self, pools: dict[str, int | Pool] | None = None, **timing: float) -> None:
        self.core = Core(State(), Timing(**timing))
        self._pools = pools
        self.core.session.pools = Pools(pools)
        self.clock = 0.0
        self.facts: list[Fact] = []
        self.late: list[Any] = []  # answers that the last `start` brought to those who waited
        self.boots: dict[str, str] = {}
        self._names = itertools.count(1)
        self.core.begin_epoch("host", self.at())
        self.turn()

    def at(self) -> Moment:
        return Moment(1e9 + self.clock, self.clock, lambda n: f"{next(self._names):0{n}d}")

    def turn(self) -> list[Any]:
        """End a turn: settle, check the invariants, hand out the answers."""
        assigning.settle(self.core, self.at())
        if self.core.session.ordered:
            agents.tick(self.core, self.at())
        self.facts += self.core.facts
        self.core.facts = []
        answers, self.core.answers = self.core.answers, []
        assert violations(self.core.state) == []
        return [answer for _, answer in answers]

    def pass_time(self, seconds: float) -> list[Any]:
        self.clock += seconds
        agents.tick(self.core, self.at())
        return self.turn()

    def restart(self) -> None:
        """The principal is killed and comes back with what the journal has."""
        timing = self.core.timing
        self.core = Core(State(), timing)
        self.core.session.pools = Pools(self._pools)
        for fact in self.facts:
            self.core.state.apply(fact, fact.topic())
        self.core.begin_epoch("host", self.at())
        self.turn()

    # What clients say

    def start(self, what: Plan, **fields: Any) -> str:
        reply = triggers.run_start(self.core, None, p.RunStart(plan=what, **fields), self.at())
        self.late = self.turn()
        return reply.runs[0].run  # type: ignore[attr-defined,no-any-return]

    def hello(self, agent: str, boot: str = "b1", slots: int = 4, **fields: Any) -> Any:
        self.boots[agent] = boot
        fields.setdefault("aid", f"aid-{agent}")
        request = p.AgentHello(agent=agent, boot=boot, slots=slots, **fields)
        reply = agents.hello(self.core, None, request, self.at())
        self.turn()
        return reply

    def fetch(
        self, agent: str, free: int = 4, request_id: str | None = None, sent_s: float = 0.0
    ) -> list[TaskSpec]:
        boot = self.boots[agent]
        request = p.TaskFetch(
            agent=agent, boot=boot, free=free, wait_s=10, id=request_id, sent_s=sent_s
        )
        reply = assigning.task_fetch(self.core, agent, request, self.at())
        answers = [reply] if reply is not None else self.turn()
        return [task for answer in answers for task in answer.tasks]

    def beat(self, agent: str, running: list[str], wait_s: float = 0.0, stuck: bool = False) -> Any:
        request = p.AgentBeat(
            agent=agent, boot=self.boots[agent], running=running, wait_s=wait_s, stuck=stuck
        )
        reply = agents.beat(self.core, agent, request, self.at())
        self.turn()
        return reply

    def report(self, agent: str, token: str, state: str = "COMPLETED", **fields: Any) -> Any:
        code = fields.pop("code", 0 if state == "COMPLETED" else 1)
        result = TaskResult(token=token, state=state, code=code, **fields)  # type: ignore[arg-type]
        request = p.TaskReport(agent=agent, boot=self.boots[agent], results=[result])
        reply = self.core.task_report(None, request, self.at())
        self.turn()
        return reply

    # What is seen

    def states(self, run: str) -> str:
        """`a:COMPLETED b:RUNNING`, in the order of the plan."""
        tasks = self.core.state.runs[run].tasks
        return " ".join(f"{task.plan.id}:{task.state}" for task in tasks)

    def run_state(self, run: str) -> str:
        return self.core.state.runs[run].state

    def kinds(self, run: str) -> list[str]:
        """Wire types of all facts about a run."""
        return [
            str(type(fact).__struct_config__.tag)
            for fact in self.facts
            if getattr(fact, "run", None) == run
        ]

    def refolded(self) -> Any:
        """The state folded anew from all facts, as an image."""
        state = State()
        for fact in self.facts:
            state.apply(fact, fact.topic())
        return take(state)

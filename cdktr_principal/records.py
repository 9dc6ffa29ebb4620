"""What the state is made of: runs, tasks, attempts, agents, workflows. Data without behaviour.

Rule: only `state.py` and `roster.py` assign to anything in here, while they apply facts (and
`snapshot.py`, when it makes a state out of an image). Everybody else reads.
"""

from __future__ import annotations

from typing import Final

import msgspec

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.values import (
    AgentState,
    AttemptState,
    Fault,
    Plan,
    RunState,
    TaskPlan,
    TaskState,
)
from cdktr_principal.dag import Graph
from cdktr_principal.demand import bounds

FINAL: Final = frozenset({"COMPLETED", "FAILED", "CANCELLED", "SKIPPED"})
"""States a task or a run never leaves."""


class Attempt(msgspec.Struct):
    """One execution of a task; `fence` is the seq of the fact that assigned it. `aid` and `boot`
    are those of the agent at that time: its name may by now be another's. So is the lease, which
    the agent goes on counting as it was told; `asked_s` is when it asked, by its own clock; `slots`
    are how many of its slots it takes."""

    n: int
    token: str
    agent: str
    boot: str
    fence: int
    assigned_ts: float
    state: AttemptState = "RUNNING"
    started_ts: float | None = None
    ended_ts: float | None = None
    code: int | None = None
    reason: str = ""
    stdout_bytes: int | None = None
    stderr_bytes: int | None = None
    aid: str = ""
    lost_after_s: float = 600.0
    asked_s: float = 0.0
    slots: int = 1


class Task:
    """A task of a run. `order` is its place in the ready queue, 0 when it is not in one; `held`:
    it waits for an operator since its agent was lost."""

    __slots__ = (
        "attempts", "code", "held", "index", "losses", "order", "plan", "reason", "run", "state",
        "waits",
    )  # fmt: skip

    def __init__(self, run: Run, index: int, plan: TaskPlan, waits: int) -> None:
        self.run = run
        self.index = index
        self.plan = plan
        self.waits = waits
        self.state: TaskState = "PENDING"
        self.attempts: list[Attempt] = []
        self.losses = 0
        self.code: int | None = None
        self.reason = ""
        self.held = False
        self.order = 0

    @property
    def last_chance(self) -> bool:
        """Was it lost before, and would one more loss fail it?"""
        return 0 < self.losses == self.plan.max_losses - 1


class Run:
    """A run with its snapshot of the plan. `open` counts tasks that are not final."""

    def __init__(self, fact: f.RunCreated, shape: Graph) -> None:
        self.id = fact.run
        self.workflow = fact.workflow
        self.topic = fact.topic()
        self.plan = fact.plan
        self.graph = shape
        self.event = fact.event
        self.payload = fact.payload
        self.key = fact.key
        self.seq = fact.seq
        self.created_ts = fact.ts
        self.state: RunState = "PENDING"
        self.started_ts: float | None = None
        self.ended_ts: float | None = None
        self.code: int | None = None
        self.reason = ""
        self.failed = 0
        self.cancelling = False
        self.home: str | None = None
        together = fact.plan.placement == "together"
        self.labels = tuple(
            sorted({label for task in fact.plan.tasks for label in task.labels if together})
        )
        self.bounds = bounds(fact.plan)
        self.open = len(fact.plan.tasks)
        self.tasks = [Task(self, i, task, shape.waits[i]) for i, task in enumerate(fact.plan.tasks)]
        self.by_id = {task.plan.id: task for task in self.tasks}


class Agent(msgspec.Struct):
    """An agent as it introduced itself last. `drain`: an operator wants no new work there;
    `older_boots`: supervisors that were followed by another, and have nothing more to say;
    `tasks_v`: the newest form of tasks that it understands."""

    name: str
    aid: str
    boot: str
    slots: int
    labels: list[str]
    host: str
    version: str
    state: AgentState = "ready"
    reason: str = ""
    losses: int = 0
    drain: bool = False
    drain_reason: str = ""
    older_boots: list[str] = []
    tasks_v: int = 0


class Workflow(msgspec.Struct):
    """A workflow in force, and the faults of a newer file that was not accepted."""

    plan: Plan | None
    hash: str
    file: str
    loaded_ts: float | None
    broken: list[Fault] = []
    broken_hash: str = ""


class KeyUse(msgspec.Struct):
    """What an idempotency key was used for."""

    digest: str
    runs: list[tuple[str, str]]
    ts: float

"""What the state is made of: runs, tasks, attempts, agents, workflows. Data without behaviour.

Rule: only `state.py` and `roster.py` assign to anything in here, while they apply facts (and
`snapshot.py`, when it makes a state out of an image). Everybody else reads.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

import msgspec

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.values import (
    AgentState,
    AttemptState,
    Fault,
    Held,
    Plan,
    RunMark,
    RunState,
    TaskPlan,
    TaskState,
)
from cdktr_principal.state.dag import Graph
from cdktr_principal.state.demand import Demand, bounds

FINAL: Final = frozenset({"COMPLETED", "FAILED", "CANCELLED", "SKIPPED"})
"""States a task or a run never leaves."""


QueueName = tuple[str, tuple[str, ...], Demand]
"""A ready queue: the agent its runs are bound to ('' for any), the labels its tasks ask for, and
what else they do."""


class Queue(OrderedDict["Task", None]):
    """Tasks that are ready and can be given out alike, in the order in which they became so."""

    def __init__(self, name: QueueName) -> None:
        super().__init__()
        self.name = name


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


class Copies:
    """The tasks that a group has made: one copy of its body for each of `items`, the first task of
    which is `first` in the run's list and which has `size` tasks each. `open` counts the tasks of
    each copy that are not final, `begun` the copies that were begun, `active` those of them that
    are not over, `left` all that are not. `stopping`: one has failed and the others are to end.
    `gathered` is no state but a note of `scope`: what all copies have given."""

    __slots__ = (
        "active", "begun", "first", "gathered", "items", "left", "open", "size", "stopping",
    )  # fmt: skip

    def __init__(self, first: int, size: int, items: list[Any]) -> None:
        self.first = first
        self.size = size
        self.items = items
        self.open = [size] * len(items)
        self.begun = 0
        self.active = 0
        self.left = len(items)
        self.stopping = False
        self.gathered: tuple[dict[str, Any], list[Any]] | None = None


class _Rare:
    """What few tasks have. It stands in the class, and in a task from when it is set, so that
    making a task is cheap; nothing of it is changed in place."""

    held = False
    losses = 0
    tolerated = False
    reused = False
    outputs: dict[str, Any] = {}
    result: str | None = None
    retry_ts: float | None = None
    retry_delay_s = 0.0
    copies: Copies | None = None
    calls = ""
    tries = 0
    given_name: str | None = None


class Task(_Rare):
    """A task of a run. `waits` counts the dependencies that are not over. `order` is its place in
    the ready queue `queue`, 0 when it is not in one; `held`: it waits for an operator since its
    agent was lost. `group` is the task that made it, `copy` which of its copies it belongs to.
    `plain`: with its dependencies completed it is ready, and nothing is to be decided. `tries`
    counts the runs it has called, `given_name` is its name when that is a template."""

    __slots__ = (
        "attempts", "code", "copy", "group", "index", "order", "plain", "plan", "queue", "reason",
        "run", "state", "waits",
    )  # fmt: skip

    def __init__(
        self, run: Run, index: int, plan: TaskPlan, waits: int,
        group: Task | None = None, copy: int = 0,
    ) -> None:  # fmt: skip
        self.run = run
        self.index = index
        self.plan = plan
        self.waits = waits
        self.group = group
        self.copy = copy
        self.plain = not (plan.rules or plan.cond or plan.group or plan.call or plan.noop)
        self.state: TaskState = "PENDING"
        self.attempts: list[Attempt] = []
        self.order = 0
        self.queue: Queue | None = None
        self.code: int | None = None
        self.reason = ""

    @property
    def name(self) -> str:
        """For people."""
        return self.plan.name if self.given_name is None else self.given_name

    def made(self) -> list[Task]:
        """The tasks of all its copies, in order; none if it is no group that was expanded."""
        made = self.copies
        if made is None:
            return []
        return self.run.tasks[made.first : made.first + made.size * len(made.items)]

    def made_in(self, copy: int) -> list[Task]:
        """The tasks of one of its copies."""
        made = self.copies
        assert made is not None
        first = made.first + copy * made.size
        return self.run.tasks[first : first + made.size]

    @property
    def last_chance(self) -> bool:
        """Was it lost before, and would one more loss fail it?"""
        return 0 < self.losses == self.plan.max_losses - 1

    @property
    def succeeded(self) -> bool:
        """Is it over as those that follow by `success` want it?"""
        return self.state == "COMPLETED" or self.tolerated

    @property
    def handled(self) -> bool:
        """Is there a task for its failure, as one is that depends on it by `failure`? It may be
        waiting still."""
        tasks = self.run.tasks
        return any(
            tasks[at].plan.rules.get(self.plan.id) == "failure"
            and tasks[at].state not in ("SKIPPED", "CANCELLED")
            for at in self.run.dependents[self.index]
        )

    @property
    def ending(self) -> bool:
        """Is it to end, because its run is cancelled or another copy has failed?"""
        if self.run.cancelling and (not self.plan.phase or self.run.cancelling_hooks):
            return True
        group = self.group
        while group is not None:
            if group.copies is not None and group.copies.stopping:
                return True
            group = group.group
        return False


class Run:
    """A run with its snapshot of the plan. `open` counts tasks that are not final, `open_main`
    those of them that are no hooks. `failures` are indexes of failed tasks that were not tolerated,
    in the order of their ends. `ruled`: some task wants another end of one before it than success.
    `settled`: how it will end, known when only hooks are left."""

    def __init__(self, fact: f.RunCreated, shape: Graph) -> None:
        self.id = fact.run
        self.workflow = fact.workflow
        self.topic = fact.topic()
        self.plan = fact.plan
        self.dependents = shape.dependents
        self.event = fact.event
        self.payload = fact.payload
        self.params = fact.params
        self.parent = fact.parent
        self.depth = fact.depth
        self.chain = fact.chain
        self.root = fact.root or fact.run
        self.retry_of = fact.retry_of
        self.tick = fact.tick
        self.reuse = fact.reused
        self.queued = fact.queued
        self.key = fact.key
        self.seq = fact.seq
        self.created_ts = fact.ts
        self.begun_ts = fact.ts
        self.state: RunState = "PENDING"
        self.started_ts: float | None = None
        self.ended_ts: float | None = None
        self.code: int | None = None
        self.reason = ""
        self.output: Any = None
        self.failed = 0
        self.failures: list[int] = []
        self.cancelling = False
        self.cancelling_hooks = False
        self.cancel_state: RunState = "CANCELLED"
        self.cancel_code = 130
        self.settled: f.RunSettled | None = None
        self.home: str | None = None
        together = fact.plan.placement == "together"
        self.labels = tuple(sorted(_labels(fact.plan.tasks))) if together else ()
        self.bounds = bounds(fact.plan)
        self.tasks = [Task(self, i, task, shape.waits[i]) for i, task in enumerate(fact.plan.tasks)]
        self.by_id = {task.plan.id: task for task in self.tasks}
        self.hooks = [task for task in self.tasks if task.plan.phase]
        self.open = len(self.tasks)
        self.open_main = self.open - len(self.hooks)
        self.ruled = any(task.plan.rules for task in self.tasks)
        self.gives = False  # has any of its tasks given outputs?

    def mark(self) -> RunMark:
        """How it went, in short."""
        return RunMark(
            run=self.id, state=self.state, created_ts=self.created_ts,
            started_ts=self.started_ts, ended_ts=self.ended_ts,
        )  # fmt: skip


def _labels(tasks: list[TaskPlan]) -> set[str]:
    """All that any of the tasks asks for, those that groups will make included."""
    wanted = {label for task in tasks for label in task.labels}
    return wanted.union(*(_labels(task.group.tasks) for task in tasks if task.group))


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


class KeyUse(msgspec.Struct, omit_defaults=True):
    """What an idempotency key was used for, and what its first answer said besides."""

    digest: str
    runs: list[tuple[str, str]]
    ts: float
    listeners: int = 0
    held: list[Held] = []
    passed: dict[str, str] = {}
    deferred: str = ""
    dropped: str = ""

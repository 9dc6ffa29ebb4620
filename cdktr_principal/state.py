"""The principal's state and the only code that changes it: `State.apply(fact)`.

Theory of operation. Everything durable is a fold over facts (`cdktr_common.catalogue.facts`).
`apply` decides nothing: what it derives (which tasks have become ready, which finished runs are
forgotten) follows from the facts alone, so replaying a journal gives the very state that the live
program had. A task moves as this table says, an attempt is the token it moves by:

    PENDING   --task.assigned-->  RUNNING      one more attempt, its token is current
    RUNNING   --task.ended----->  COMPLETED | FAILED | CANCELLED
    RUNNING   --task.crashed--->  PENDING      the attempt stays on record as CRASHED
    PENDING   --task.unheld---->  PENDING      an operator lets a held one go on
    RUNNING   --task.released-->  PENDING      the attempt is as if never made, unless it had begun
    PENDING   --task.ended----->  FAILED | CANCELLED    after its last loss; when cancelled
    PENDING   --task.skipped--->  SKIPPED

A PENDING task whose dependencies have all completed stands in a ready queue, unless it is held
since its agent was lost. Rule: only `apply` and what it calls (`roster`, for agents) may assign to
anything in here. It knows no clock, socket, disk or randomness.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any, Final

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.base import Fact
from cdktr_common.catalogue.values import TaskState
from cdktr_principal import roster
from cdktr_principal.dag import graph
from cdktr_principal.demand import Demand, demand
from cdktr_principal.records import Agent, Attempt, KeyUse, Run, Task, Workflow

RECENT_RUNS: Final = 1000
"""Finished runs that are remembered; logd has all."""

RECENT_TASKS: Final = 50_000
"""Tasks of finished runs that are remembered, the newest run always."""

KEYS: Final = 100_000
"""Idempotency keys that are remembered."""

KEY_S: Final = 86_400.0
"""Seconds for which an idempotency key is remembered."""

TRANSITIONS: Final[dict[type[Fact], dict[TaskState, frozenset[TaskState]]]] = {
    f.TaskAssigned: {"PENDING": frozenset({"RUNNING"})},
    f.TaskReleased: {"RUNNING": frozenset({"PENDING"})},
    f.TaskCrashed: {"RUNNING": frozenset({"PENDING"})},
    f.TaskUnheld: {"PENDING": frozenset({"PENDING"})},
    f.TaskSkipped: {"PENDING": frozenset({"SKIPPED"})},
    f.TaskEnded: {
        "RUNNING": frozenset({"COMPLETED", "FAILED", "CANCELLED"}),
        "PENDING": frozenset({"FAILED", "CANCELLED"}),
    },
}


class InvalidTransition(Exception):
    """A fact that does not follow from the state before it: a bug, or a journal of another."""


QueueName = tuple[str, tuple[str, ...], Demand]
"""A ready queue: the agent its runs are bound to ('' for any), the labels its tasks ask for, and
what else they do."""


class State:
    """All that the principal knows durably. Read freely; change only by `apply`."""

    def __init__(self) -> None:
        self.seq = 0
        self.epoch = 0
        self.newest: dict[str, int] = {}
        self.workflows: dict[str, Workflow] = {}
        self.runs: dict[str, Run] = {}
        self.finished: deque[Run] = deque()
        self.finished_tasks = 0
        self.keys: OrderedDict[str, KeyUse] = OrderedDict()
        self.agents: dict[str, Agent] = {}
        self.tokens: dict[str, Task] = {}
        self.held: dict[str, dict[str, Task]] = {}
        self.ready: dict[QueueName, OrderedDict[Task, None]] = {}
        self.ready_order = 0
        self.last_chances: set[Task] = set()
        self._apply: dict[type[Fact], Callable[[Any], None]] = {
            f.EpochStarted: self._epoch_started,
            f.WorkflowLoaded: self._workflow_loaded,
            f.WorkflowBroken: self._workflow_broken,
            f.WorkflowRemoved: self._workflow_removed,
            f.EventFired: self._event_fired,
            f.RunCreated: self._run_created,
            f.TaskAssigned: self._task_assigned,
            f.TaskReleased: self._task_back,
            f.TaskCrashed: self._task_back,
            f.TaskUnheld: self._task_unheld,
            f.TaskEnded: self._task_ended,
            f.TaskSkipped: self._task_skipped,
            f.TaskStale: lambda _: None,
            f.RunCancelling: self._run_cancelling,
            f.RunEnded: self._run_ended,
            f.AgentJoined: self._agent_joined,
            f.AgentChanged: self._agent_changed,
            f.AgentDraining: self._agent_draining,
        }

    def apply(self, fact: Fact, topic: str) -> None:
        """Take one fact in. Facts come in order, none missing. `topic` is the fact's own.

        Raises InvalidTransition when the fact does not follow."""
        if fact.seq != self.seq + 1:
            raise InvalidTransition(f"fact {fact.seq} after {self.seq}")
        self.seq = fact.seq
        self.newest[topic] = fact.seq
        self._apply[type(fact)](fact)

    def task(self, run: str, task: str) -> Task:
        """A task that facts speak of."""
        return self.runs[run].by_id[task]

    def task_of(self, token: str) -> Task | None:
        """The task that this token names an attempt of, current or not; None when it is not known
        (any more)."""
        run_id, _, rest = token.partition("/")
        run = self.runs.get(run_id)
        return run.by_id.get(rest.partition("/")[0]) if run is not None else None

    # Workflows and events

    def _epoch_started(self, fact: f.EpochStarted) -> None:
        self.epoch = fact.epoch

    def _workflow_loaded(self, fact: f.WorkflowLoaded) -> None:
        self.workflows[fact.workflow] = Workflow(fact.plan, fact.hash, fact.file, fact.ts)

    def _workflow_broken(self, fact: f.WorkflowBroken) -> None:
        known = self.workflows.setdefault(fact.workflow, Workflow(None, "", fact.file, None))
        known.broken = fact.faults
        known.broken_hash = fact.hash

    def _workflow_removed(self, fact: f.WorkflowRemoved) -> None:
        self.workflows.pop(fact.workflow, None)

    def _event_fired(self, fact: f.EventFired) -> None:
        if fact.key is not None:
            runs = list(zip(fact.runs, fact.workflows, strict=True))
            self._remember_key(fact.key, KeyUse(fact.digest, runs, fact.ts))

    def _remember_key(self, key: str, use: KeyUse) -> None:
        self.keys[key] = use
        while len(self.keys) > KEYS or next(iter(self.keys.values())).ts < use.ts - KEY_S:
            self.keys.popitem(last=False)

    # Runs and tasks

    def _run_created(self, fact: f.RunCreated) -> None:
        run = Run(fact, graph(fact.plan))
        self.runs[run.id] = run
        if fact.key is not None:
            use = KeyUse(fact.digest, [(run.id, run.workflow)], fact.ts)
            self._remember_key(fact.key, use)
        for task in run.tasks:
            if task.waits == 0:
                self._enqueue(task)

    def queue_name(self, task: Task) -> QueueName:
        """The ready queue a task belongs to now. A run that stays together needs an agent with
        the labels of all its tasks."""
        run, plan = task.run, task.plan
        return (run.home or "", run.labels or tuple(plan.labels), demand(plan, run.bounds))

    def _enqueue(self, task: Task) -> None:
        self.ready_order += 1
        task.order = self.ready_order
        self.requeue(task)

    def requeue(self, task: Task) -> None:
        """Put a task at the end of its queue, keeping its `order`: for restoring a snapshot."""
        name = self.queue_name(task)
        queue = self.ready.get(name)
        if queue is None:
            queue = self.ready[name] = OrderedDict()
        queue[task] = None

    def _dequeue(self, task: Task) -> None:
        name = self.queue_name(task)
        queue = self.ready[name]
        del queue[task]
        task.order = 0
        if not queue:
            del self.ready[name]

    def _move(self, fact: Fact, task: Task, to: TaskState) -> None:
        allowed = TRANSITIONS[type(fact)].get(task.state)
        if allowed is None or to not in allowed:
            raise InvalidTransition(f"{type(fact).__name__} {task.plan.id}: {task.state} to {to}")
        task.state = to

    def _task_assigned(self, fact: f.TaskAssigned) -> None:
        task = self.task(fact.run, fact.task)
        run = task.run
        self._move(fact, task, "RUNNING")
        self._dequeue(task)
        aid = self.agents[fact.agent].aid if fact.agent in self.agents else ""
        attempt = Attempt(
            fact.n, fact.token, fact.agent, fact.boot, fact.seq, fact.ts, aid=aid,
            lost_after_s=fact.lost_after_s, asked_s=fact.asked_s, slots=fact.slots,
        )  # fmt: skip
        task.attempts.append(attempt)
        self.tokens[fact.token] = task
        self.held.setdefault(fact.agent, {})[fact.token] = task
        if run.started_ts is None:
            run.state = "RUNNING"
            run.started_ts = fact.ts
        if run.home is None and run.plan.placement == "together":
            self._bind(run, fact.agent)

    def _bind(self, run: Run, home: str | None) -> None:
        waiting = sorted((task for task in run.tasks if task.order), key=lambda task: task.order)
        for task in waiting:
            self._dequeue(task)
        run.home = home
        for task in waiting:
            self._enqueue(task)

    def _forget_token(self, token: str, agent: str) -> None:
        self.tokens.pop(token, None)
        held = self.held.get(agent)
        if held is not None:
            held.pop(token, None)
            if not held:
                del self.held[agent]

    def _task_back(self, fact: f.TaskReleased | f.TaskCrashed) -> None:
        """An attempt has ended without a result: the task waits again."""
        task = self.task(fact.run, fact.task)
        self._move(fact, task, "PENDING")
        attempt = task.attempts[-1]
        self._forget_token(attempt.token, attempt.agent)
        if isinstance(fact, f.TaskCrashed):
            attempt.state = "CRASHED"
            task.losses += 1
            task.held = fact.held
            if task.last_chance:
                self.last_chances.add(task)
            else:  # one that is held each time may be lost more often than that
                self.last_chances.discard(task)
            if attempt.agent in self.agents:
                self.agents[attempt.agent].losses += 1
            if task.run.home is not None:
                self._bind(task.run, None)
        elif fact.started_ts is None:
            task.attempts.pop()
        else:
            attempt.state = "RELEASED"
        attempt.started_ts = fact.started_ts
        attempt.ended_ts = fact.ended_ts or fact.ts
        attempt.reason = fact.reason
        attempt.stdout_bytes = fact.stdout_bytes
        attempt.stderr_bytes = fact.stderr_bytes
        if not task.held:
            self._enqueue(task)

    def _task_unheld(self, fact: f.TaskUnheld) -> None:
        task = self.task(fact.run, fact.task)
        self._move(fact, task, "PENDING")
        task.held = False
        self._enqueue(task)

    def _task_ended(self, fact: f.TaskEnded) -> None:
        task = self.task(fact.run, fact.task)
        run = task.run
        was_running = task.state == "RUNNING"
        self._move(fact, task, fact.state)  # type: ignore[arg-type]
        task.code = fact.code
        task.reason = fact.reason
        if was_running:
            attempt = task.attempts[-1]
            self._forget_token(attempt.token, attempt.agent)
            attempt.state = fact.state
            attempt.started_ts = fact.started_ts
            attempt.ended_ts = fact.ended_ts or fact.ts
            attempt.code = fact.code
            attempt.reason = fact.reason
            attempt.stdout_bytes = fact.stdout_bytes
            attempt.stderr_bytes = fact.stderr_bytes
        elif task.order:
            self._dequeue(task)
        task.held = False
        self.last_chances.discard(task)
        run.open -= 1
        if fact.state == "COMPLETED":
            for index in run.graph.dependents[task.index]:
                dependent = run.tasks[index]
                dependent.waits -= 1
                if dependent.waits == 0 and dependent.state == "PENDING":
                    self._enqueue(dependent)
        elif fact.state == "FAILED":
            run.failed += 1
            if run.code is None:
                run.code = fact.code if fact.code else 1

    def _task_skipped(self, fact: f.TaskSkipped) -> None:
        task = self.task(fact.run, fact.task)
        self._move(fact, task, "SKIPPED")
        task.reason = f"{fact.because} did not complete"
        task.run.open -= 1

    def _run_cancelling(self, fact: f.RunCancelling) -> None:
        run = self.runs[fact.run]
        run.cancelling = True
        run.reason = fact.reason

    def _run_ended(self, fact: f.RunEnded) -> None:
        run = self.runs[fact.run]
        run.state = fact.state
        run.code = fact.code
        run.reason = fact.reason
        run.ended_ts = fact.ts
        self.finished.append(run)
        self.finished_tasks += len(run.tasks)
        while len(self.finished) > 1 and (
            len(self.finished) > RECENT_RUNS or self.finished_tasks > RECENT_TASKS
        ):
            oldest = self.finished.popleft()
            self.finished_tasks -= len(oldest.tasks)
            del self.runs[oldest.id]

    # Agents

    def _agent_joined(self, fact: f.AgentJoined) -> None:
        roster.join(self.agents, fact, self.held)

    def _agent_draining(self, fact: f.AgentDraining) -> None:
        roster.drain(self.agents[fact.agent], fact)

    def _agent_changed(self, fact: f.AgentChanged) -> None:
        roster.change(self.agents[fact.agent], fact)
        if fact.state == "gone":
            for run in self.runs.values():
                if run.home == fact.agent and run.open:
                    self._bind(run, None)

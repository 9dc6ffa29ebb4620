"""The principal's state and the only code that changes it: `State.apply(fact)`.

Theory of operation. Everything durable is a fold over facts (`cdktr_common.catalogue.facts`).
`apply` decides nothing: what it derives (which tasks have become ready, which finished runs are
forgotten) follows from the facts alone, so replaying a journal gives the very state that the live
program had. How tasks move stands in `lifecycle`, what groups make in `copies`, agents in `roster`,
which runs wait for others in `admission`, how far schedules are accounted for in `schedules`, who
listens to what in `listening`, what waits in `windows` and `deferred`, how many runs failed lately
in `failures`, how those went that are forgotten in `past`: parts of this file, called by `apply`
alone.

A PENDING task whose turn has come stands in a ready queue, or, when something is to be decided
about it, among those that are `due`: none is left there at the end of a turn. One that waits for
the time of its next attempt is `delayed`. Rule: only `apply` and what it calls may assign to
anything in here. It knows no clock, socket, disk or randomness.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.base import Fact
from cdktr_common.catalogue.values import Plan
from cdktr_principal.state import lifecycle, roster
from cdktr_principal.state.admission import Admission
from cdktr_principal.state.deferred import Deferred
from cdktr_principal.state.demand import demand
from cdktr_principal.state.failures import Failures
from cdktr_principal.state.lifecycle import InvalidTransition as InvalidTransition
from cdktr_principal.state.listening import Listening
from cdktr_principal.state.past import Past
from cdktr_principal.state.records import (
    Agent,
    Attempt,
    KeyUse,
    Queue,
    QueueName,
    Run,
    Task,
    Workflow,
)
from cdktr_principal.state.schedules import Schedules
from cdktr_principal.state.windows import Windows

RECENT_RUNS: Final = 1000
"""Finished runs that are remembered; logd has all."""

RECENT_TASKS: Final = 50_000
"""Tasks of finished runs that are remembered, the newest run always."""

KEYS: Final = 100_000
"""Idempotency keys that are remembered."""

CHAINS: Final = 10_000
"""Runs of which is remembered how many others have followed on them by events."""

KEY_S: Final = 86_400.0
"""Seconds for which an idempotency key is remembered."""


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
        self.failures = Failures()
        self.past = Past()
        self.keys: OrderedDict[str, KeyUse] = OrderedDict()
        self.agents: dict[str, Agent] = {}
        self.tokens: dict[str, Task] = {}
        self.held: dict[str, dict[str, Task]] = {}
        self.busy: dict[str, int] = {}
        self.ready: dict[QueueName, Queue] = {}
        self.ready_order = 0
        self.due: dict[Task, None] = {}
        self.delayed: dict[Task, None] = {}
        self.admission = Admission()
        self.schedules = Schedules()
        self.listening = Listening()
        self.windows = Windows()
        self.deferred = Deferred()
        self.followers: OrderedDict[str, int] = OrderedDict()
        self.last_chances: set[Task] = set()
        self._apply: dict[type[Fact], Callable[[Any], None]] = {
            f.EpochStarted: self._epoch_started,
            f.WorkflowLoaded: self._workflow_loaded,
            f.WorkflowBroken: self._workflow_broken,
            f.WorkflowRemoved: self._workflow_removed,
            f.WorkflowPaused: self._workflow_paused,
            f.TickRecorded: self._tick_recorded,
            f.ScheduleClosed: self._schedule_closed,
            f.EventDeferred: lambda _: None,
            f.EventDropped: lambda _: None,
            f.EventFired: self._event_fired,
            f.EventDeferred: self._event_deferred,
            f.EventDropped: self._event_dropped,
            f.RunCreated: partial(lifecycle.run_created, self),
            f.RunAdmitted: partial(lifecycle.run_admitted, self),
            f.RunCancelling: partial(lifecycle.run_cancelling, self),
            f.RunSettled: partial(lifecycle.run_settled, self),
            f.RunEnded: partial(lifecycle.run_ended, self),
            f.TaskReady: partial(lifecycle.task_ready, self),
            f.TaskAssigned: partial(lifecycle.task_assigned, self),
            f.TaskReleased: partial(lifecycle.task_back, self),
            f.TaskCrashed: partial(lifecycle.task_back, self),
            f.TaskRetrying: partial(lifecycle.task_retrying, self),
            f.TaskUnheld: partial(lifecycle.task_unheld, self),
            f.TaskExpanded: partial(lifecycle.task_expanded, self),
            f.TaskCalled: partial(lifecycle.task_called, self),
            f.TaskEnded: partial(lifecycle.task_ended, self),
            f.TaskSkipped: partial(lifecycle.task_skipped, self),
            f.TaskStale: lambda _: None,
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
        known = self.workflows.get(fact.workflow)
        self._change(fact.workflow, known, fact.plan)
        self.workflows[fact.workflow] = Workflow(fact.plan, fact.hash, fact.file, fact.ts)
        self.schedules.loaded(fact.workflow, fact.plan, fact.ts)

    def _workflow_broken(self, fact: f.WorkflowBroken) -> None:
        known = self.workflows.setdefault(fact.workflow, Workflow(None, "", fact.file, None))
        known.broken = fact.faults
        known.broken_hash = fact.hash

    def _workflow_removed(self, fact: f.WorkflowRemoved) -> None:
        self._change(fact.workflow, self.workflows.pop(fact.workflow, None), None)
        self.schedules.removed(fact.workflow, fact.ts)
        self.past.removed(fact.workflow)

    def _change(self, workflow: str, known: Workflow | None, plan: Plan | None) -> None:
        before = known.plan if known is not None else None
        self.listening.change(workflow, before, plan)
        self.windows.change(workflow, before, plan)

    def _workflow_paused(self, fact: f.WorkflowPaused) -> None:
        self.schedules.pause(fact)

    def _tick_recorded(self, fact: f.TickRecorded) -> None:
        self.schedules.ticked(fact)

    def _schedule_closed(self, fact: f.ScheduleClosed) -> None:
        self.schedules.closed(fact)

    def paused(self, workflow: str) -> bool:
        """Do neither time nor events start it?"""
        return self.schedules.paused(workflow)

    def _event_fired(self, fact: f.EventFired) -> None:
        for held in fact.held:
            plan = self.workflows[held.workflow].plan
            assert plan is not None
            cause = self.runs.get(fact.cause)
            root = cause.root if cause is not None else fact.cause
            self.windows.hold(held, plan.listeners[held.listener], fact, root)
        if fact.deferred:
            self.deferred.done(fact.deferred)
        if fact.key is not None:
            runs = list(zip(fact.runs, fact.workflows, strict=True))
            listeners = len(runs) + len(fact.held) + len(fact.passed)
            use = KeyUse(
                fact.digest, runs, fact.ts, listeners, fact.held, fact.passed, fact.deferred
            )  # fmt: skip
            self.remember_key(fact.key, use)

    def asked_for(self, fact: f.RunCreated) -> None:
        """A run has a key, was deferred, or comes of an event."""
        if fact.key is not None:
            runs = [(fact.run, fact.workflow)]
            use = KeyUse(fact.digest, runs, fact.ts, deferred=fact.deferred)
            self.remember_key(fact.key, use)
        if fact.deferred:
            self.deferred.done(fact.deferred)
        if fact.listener is not None:
            self.windows.started(fact)
        if fact.root and fact.event is not None:
            self.followers[fact.root] = self.followers.pop(fact.root, 0) + 1
            if len(self.followers) > CHAINS:
                self.followers.popitem(last=False)

    def _event_deferred(self, fact: f.EventDeferred) -> None:
        self.deferred.told(fact)
        if fact.key is not None:
            self.remember_key(fact.key, KeyUse(fact.digest, [], fact.ts, deferred=fact.deferred))

    def _event_dropped(self, fact: f.EventDropped) -> None:
        later = self.deferred.done(fact.deferred)
        if later is not None and later.key is not None:
            why = fact.reason or "taken back"
            use = KeyUse(later.digest, [], fact.ts, deferred=later.deferred, dropped=why)
            self.remember_key(later.key, use)
        if fact.listener is not None:
            self.windows.dropped((fact.workflow, fact.listener))

    def remember_key(self, key: str, use: KeyUse) -> None:
        self.keys[key] = use
        while len(self.keys) > KEYS or next(iter(self.keys.values())).ts < use.ts - KEY_S:
            self.keys.popitem(last=False)

    # Runs and tasks

    def queue_name(self, task: Task) -> QueueName:
        """The ready queue a task belongs to now. A run that stays together needs an agent with
        the labels of all its tasks."""
        run, plan = task.run, task.plan
        return (run.home or "", run.labels or tuple(plan.labels), demand(plan, run.bounds))

    def enqueue(self, task: Task) -> None:
        self.ready_order += 1
        task.order = self.ready_order
        self.requeue(task)

    def requeue(self, task: Task) -> None:
        """Put a task at the end of its queue, keeping its `order`: for restoring a snapshot."""
        name = self.queue_name(task)
        queue = self.ready.get(name)
        if queue is None:
            queue = self.ready[name] = Queue(name)
        queue[task] = None
        task.queue = queue

    def dequeue(self, task: Task) -> None:
        queue, task.queue = task.queue, None
        assert queue is not None
        del queue[task]
        task.order = 0
        if not queue:
            del self.ready[queue.name]

    def bind(self, run: Run, home: str | None) -> None:
        waiting = sorted((task for task in run.tasks if task.order), key=lambda task: task.order)
        for task in waiting:
            self.dequeue(task)
        run.home = home
        for task in waiting:
            self.enqueue(task)

    def hold(self, task: Task, attempt: Attempt) -> None:
        """An agent has the attempt from now on, in so many of its slots."""
        agent = attempt.agent
        self.tokens[attempt.token] = task
        self.held.setdefault(agent, {})[attempt.token] = task
        self.busy[agent] = self.busy.get(agent, 0) + attempt.slots

    def forget_token(self, attempt: Attempt) -> None:
        """It has it no more."""
        agent = attempt.agent
        self.tokens.pop(attempt.token, None)
        held = self.held.get(agent)
        if held is not None and held.pop(attempt.token, None) is not None:
            self.busy[agent] -= attempt.slots
            if not held:
                del self.held[agent], self.busy[agent]

    def remember_finished(self, run: Run) -> None:
        """A run has ended; of too many the oldest is forgotten."""
        if run.state == "FAILED" and run.ended_ts is not None:
            self.failures.add(run.ended_ts)
        self.finished.append(run)
        self.finished_tasks += len(run.tasks)
        while len(self.finished) > 1 and (
            len(self.finished) > RECENT_RUNS or self.finished_tasks > RECENT_TASKS
        ):
            oldest = self.finished.popleft()
            self.finished_tasks -= len(oldest.tasks)
            del self.runs[oldest.id]
            if oldest.workflow in self.workflows:
                self.past.add(oldest.workflow, oldest.mark())

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
                    self.bind(run, None)

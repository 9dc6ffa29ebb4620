"""What facts do to runs and tasks: the part of `State.apply` that is about them.

Theory of operation. A task moves as this table says, an attempt is the token it moves by:

    PENDING   --task.ready----->  PENDING      it stands in a ready queue from now on
    PENDING   --task.assigned-->  RUNNING      one more attempt, its token is current
    PENDING   --task.expanded-->  RUNNING      a group: its copies are tasks of the run now
    PENDING   --task.called---->  RUNNING      a run of another workflow: it ends as that does
    RUNNING   --task.ended----->  COMPLETED | FAILED | CANCELLED
    RUNNING   --task.retrying-->  PENDING      the attempt has FAILED, another one follows
    RUNNING   --task.crashed--->  PENDING      the attempt stays on record as CRASHED
    RUNNING   --task.released-->  PENDING      the attempt is as if never made, unless it had begun
    PENDING   --task.unheld---->  PENDING      an operator lets a held one go on
    PENDING   --task.ended----->  COMPLETED | FAILED | CANCELLED    without ever being run
    PENDING   --task.skipped--->  SKIPPED

When the dependencies of a PENDING task are over, its turn has come. One that is plain then stands
in a ready queue; about the others the core has to decide (`State.due`), and what it decides is a
fact again. Rule: nothing but `State.apply` calls what is in here. Pure; decides nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.base import Fact
from cdktr_common.catalogue.values import Reused, TaskState
from cdktr_principal.state import copies
from cdktr_principal.state.dag import graph
from cdktr_principal.state.records import FINAL, Attempt, Run, Task

if TYPE_CHECKING:
    from cdktr_principal.state.state import State

TRANSITIONS: Final[dict[type[Fact], dict[TaskState, frozenset[TaskState]]]] = {
    f.TaskReady: {"PENDING": frozenset({"PENDING"})},
    f.TaskAssigned: {"PENDING": frozenset({"RUNNING"})},
    f.TaskExpanded: {"PENDING": frozenset({"RUNNING"})},
    f.TaskCalled: {"PENDING": frozenset({"RUNNING"})},
    f.TaskReleased: {"RUNNING": frozenset({"PENDING"})},
    f.TaskRetrying: {"RUNNING": frozenset({"PENDING"})},
    f.TaskCrashed: {"RUNNING": frozenset({"PENDING"})},
    f.TaskUnheld: {"PENDING": frozenset({"PENDING"})},
    f.TaskSkipped: {"PENDING": frozenset({"SKIPPED"})},
    f.TaskEnded: {
        "RUNNING": frozenset({"COMPLETED", "FAILED", "CANCELLED"}),
        "PENDING": frozenset({"COMPLETED", "FAILED", "CANCELLED"}),
    },
}

HOOK_OF: Final = {"COMPLETED": "on_success", "FAILED": "on_failure", "CANCELLED": "on_cancel"}
"""Which hook follows on how a run has settled; `finally` follows on all."""


class InvalidTransition(Exception):
    """A fact that does not follow from the state before it: a bug, or a journal of another."""


def move(fact: Fact, task: Task, to: TaskState) -> None:
    """Raises InvalidTransition."""
    allowed = TRANSITIONS[type(fact)].get(task.state)
    if allowed is None or to not in allowed:
        raise InvalidTransition(f"{type(fact).__name__} {task.plan.id}: {task.state} to {to}")
    task.state = to


# Runs


def run_created(state: State, fact: f.RunCreated) -> None:
    run = Run(fact, graph(fact.plan))
    state.runs[run.id] = run
    if fact.key is not None or fact.event is not None or fact.deferred:
        state.asked_for(fact)
    for task in run.tasks if run.reuse else ():
        known = run.reuse.get(task.plan.id)
        if known is not None and known.items is None:
            reuse(state, task, known)
    state.admission.created(run)
    if not run.queued:
        _begin(state, run)


def _begin(state: State, run: Run) -> None:
    for task in run.tasks:
        if task.waits == 0 and not task.plan.phase:
            turn_of(state, task)


def run_admitted(state: State, fact: f.RunAdmitted) -> None:
    run = state.runs[fact.run]
    run.queued = False
    run.begun_ts = fact.ts
    state.admission.admitted(run)
    _begin(state, run)


def run_cancelling(state: State, fact: f.RunCancelling) -> None:
    run = state.runs[fact.run]
    if not run.cancelling:
        run.cancelling = True
        run.cancel_state, run.cancel_code = fact.state, fact.code
        run.reason = fact.reason
    run.cancelling_hooks = fact.hooks


def run_settled(state: State, fact: f.RunSettled) -> None:
    run = state.runs[fact.run]
    run.settled = fact
    following = [hook for hook in run.hooks if hook.plan.phase == HOOK_OF.get(fact.state)]
    for hook in following or run.hooks:
        if following or hook.plan.phase == "finally":
            turn_of(state, hook)


def run_ended(state: State, fact: f.RunEnded) -> None:
    run = state.runs[fact.run]
    run.state = fact.state
    run.code = fact.code
    run.reason = fact.reason
    run.output = fact.output
    run.ended_ts = fact.ts
    state.admission.ended(run)
    state.remember_finished(run)


# Turns and ends


def turn_of(state: State, task: Task) -> None:
    """All that it waited for is over. In a run that waits itself nothing begins: what was reused
    there counts when the run is admitted."""
    if task.state != "PENDING" or task.run.queued:
        return
    if task.plain:
        state.enqueue(task)
    else:
        state.due[task] = None


def over(state: State, task: Task) -> None:
    """A task has reached a final state."""
    run = task.run
    if task.order:
        state.dequeue(task)
    if task.held:
        task.held = False
    if task.retry_ts is not None:
        task.retry_ts = None
        state.delayed.pop(task, None)
    if not task.plain:
        state.due.pop(task, None)
    if task.losses:
        state.last_chances.discard(task)
    run.open -= 1
    if not task.plan.phase:
        run.open_main -= 1
    good = task.succeeded
    for index in run.dependents[task.index]:
        dependent = run.tasks[index]
        dependent.waits -= 1
        # A plain one that waited for more than it got is skipped by the core in this very turn.
        if dependent.waits == 0 and (good or not dependent.plain):
            turn_of(state, dependent)
    if task.group is not None:
        copies.task_over(state, task)
    elif task.plan.phase and run.settled is not None:
        _after_hook(state, run)


def _after_hook(state: State, run: Run) -> None:
    if all(hook.state in FINAL for hook in run.hooks if hook.plan.phase != "finally"):
        for hook in run.hooks:
            if hook.plan.phase == "finally":
                turn_of(state, hook)


def reuse(state: State, task: Task, known: Reused) -> None:
    """It was COMPLETED by the run that this one repeats."""
    task.state = "COMPLETED"
    task.code = 0
    task.reused = True
    task.outputs, task.result, task.calls = known.outputs, known.result, known.calls
    task.run.gives = task.run.gives or bool(known.outputs)
    over(state, task)


# Tasks


def task_ready(state: State, fact: f.TaskReady) -> None:
    task = state.task(fact.run, fact.task)
    move(fact, task, "PENDING")
    state.due.pop(task, None)
    state.delayed.pop(task, None)
    task.retry_ts = None
    if task.plan.call is not None:
        state.due[task] = None
    else:
        state.enqueue(task)


def task_assigned(state: State, fact: f.TaskAssigned) -> None:
    task = state.task(fact.run, fact.task)
    run = task.run
    move(fact, task, "RUNNING")
    if task.order:  # not so in a journal of before 0.5: tasks after reused ones began too early
        state.dequeue(task)
    aid = state.agents[fact.agent].aid if fact.agent in state.agents else ""
    attempt = Attempt(
        fact.n, fact.token, fact.agent, fact.boot, fact.seq, fact.ts, aid=aid,
        lost_after_s=fact.lost_after_s, asked_s=fact.asked_s, slots=fact.slots,
    )  # fmt: skip
    task.attempts.append(attempt)
    if fact.name:
        task.given_name = fact.name
    state.hold(task, attempt)
    started(state, run, fact.ts)
    if run.home is None and run.plan.placement == "together":
        state.bind(run, fact.agent)


def started(state: State, run: Run, ts: float) -> None:
    """Something of it is at work."""
    if run.started_ts is None:
        run.state = "RUNNING"
        run.started_ts = ts
        state.admission.started(run)


def _end_attempt(state: State, task: Task, fact: Ending) -> None:
    attempt = task.attempts[-1]
    state.forget_token(attempt)
    attempt.started_ts = fact.started_ts
    attempt.ended_ts = fact.ended_ts or fact.ts
    attempt.reason = fact.reason
    attempt.stdout_bytes = fact.stdout_bytes
    attempt.stderr_bytes = fact.stderr_bytes


Ending = f.TaskReleased | f.TaskCrashed | f.TaskRetrying | f.TaskEnded


def task_back(state: State, fact: f.TaskReleased | f.TaskCrashed) -> None:
    """An attempt has ended without a result: the task waits again."""
    task = state.task(fact.run, fact.task)
    move(fact, task, "PENDING")
    _end_attempt(state, task, fact)
    attempt = task.attempts[-1]
    if isinstance(fact, f.TaskCrashed):
        attempt.state = "CRASHED"
        task.losses += 1
        task.held = fact.held
        if task.last_chance:
            state.last_chances.add(task)
        else:  # one that is held each time may be lost more often than that
            state.last_chances.discard(task)
        if attempt.agent in state.agents:
            state.agents[attempt.agent].losses += 1
        if task.run.home is not None:
            state.bind(task.run, None)
    elif fact.started_ts is None:
        task.attempts.pop()
    else:
        attempt.state = "RELEASED"
    if not task.held:
        state.enqueue(task)


def task_retrying(state: State, fact: f.TaskRetrying) -> None:
    task = state.task(fact.run, fact.task)
    move(fact, task, "PENDING")
    if fact.token:
        _end_attempt(state, task, fact)
        task.attempts[-1].state = "FAILED"
        task.attempts[-1].code = fact.code
    task.code, task.reason = fact.code, fact.reason
    task.calls = ""
    if fact.delay_s > 0:
        task.retry_ts, task.retry_delay_s = fact.retry_ts, fact.delay_s
        state.delayed[task] = None
    elif task.plan.call is not None:
        state.due[task] = None
    else:
        state.enqueue(task)


def task_unheld(state: State, fact: f.TaskUnheld) -> None:
    task = state.task(fact.run, fact.task)
    move(fact, task, "PENDING")
    task.held = False
    state.enqueue(task)


def task_expanded(state: State, fact: f.TaskExpanded) -> None:
    task = state.task(fact.run, fact.task)
    move(fact, task, "RUNNING")
    state.due.pop(task, None)
    started(state, task.run, fact.ts)
    copies.expand(state, task, fact.items)


def task_called(state: State, fact: f.TaskCalled) -> None:
    task = state.task(fact.run, fact.task)
    move(fact, task, "RUNNING")
    state.due.pop(task, None)
    task.calls = fact.calls
    task.tries = fact.n
    started(state, task.run, fact.ts)


def task_ended(state: State, fact: f.TaskEnded) -> None:
    task = state.task(fact.run, fact.task)
    run = task.run
    move(fact, task, fact.state)  # type: ignore[arg-type]
    task.code = fact.code
    task.reason = fact.reason
    if fact.outputs:
        task.outputs = fact.outputs
        run.gives = True
    if fact.result is not None:
        task.result = fact.result
    if fact.token:
        _end_attempt(state, task, fact)
        task.attempts[-1].state = fact.state
        task.attempts[-1].code = fact.code
    if fact.state == "FAILED":
        tolerated = task.plan.tolerated
        task.tolerated = tolerated if isinstance(tolerated, bool) else fact.code in tolerated
        if not task.tolerated:
            run.failed += 1
            run.failures.append(task.index)
            if run.code is None:
                run.code = fact.code if fact.code else 1
    over(state, task)


def task_skipped(state: State, fact: f.TaskSkipped) -> None:
    task = state.task(fact.run, fact.task)
    move(fact, task, "SKIPPED")
    task.reason = fact.reason or f"{fact.because} did not complete"
    over(state, task)

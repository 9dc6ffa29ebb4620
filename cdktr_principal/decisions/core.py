"""The decisions of the principal: a request and a moment in, facts and answers out.

Theory of operation. A loop turn hands each message to the function that decides it: about runs
being started in `triggers`, about agents in `agents`, about results here; what follows when a task
is over is decided in `turn`; at the end of the loop turn `assigning` gives ready tasks to the
agents that wait. Every change is a fact: `emit` stamps it, applies it to
the state and keeps it for the journal; the caller makes `facts` durable before it sends
`answers`. What is not folded from facts (who waits, leases, when an agent was heard) lives in the
`Session` and may be lost: after a restart agents say hello again and every lease starts anew.

Pure: time and randomness come with the `Moment`; no socket, disk or process is known here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from cdktr_common import __version__
from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.base import Fact, Reply
from cdktr_common.catalogue.values import LossCause, RunState, TaskResult
from cdktr_common.errors import CANCELLED, OWN_FAULT
from cdktr_principal.decisions import deferred, retries, turn, windows
from cdktr_principal.decisions.session import Ask, Session
from cdktr_principal.state.records import Attempt, Run, Task
from cdktr_principal.state.state import State

F = TypeVar("F", bound=Fact)


class Moment(msgspec.Struct):
    """When something is decided: `ts` for people, `clock` (never steps) for deadlines, and a
    source of fresh random names."""

    ts: float
    clock: float
    fresh: Callable[[int], str]


class Timing(msgspec.Struct):
    """Time constants, in seconds. `lease_grace_s` is how much longer than the agent the principal
    counts a lease: what ends at the agent's deadline is gone when another agent may begin."""

    beat_s: float = 2.0
    silent_s: float = 7.0
    lost_after_s: float = 600.0
    lease_grace_s: float = 5.0


class Core:
    """See the module text. `facts` and `answers` are taken and cleared by the caller, who also
    says when there is no room for more than the results of what runs (`disk_full`)."""

    def __init__(self, state: State, timing: Timing) -> None:
        self.state = state
        self.timing = timing
        self.session = Session()
        self.facts: list[Fact] = []
        self.answers: list[tuple[Ask, Reply]] = []
        self.disk_full = False
        self.working = False  # is `turn.work` under way?
        self.touched: dict[Run, None] = {}  # runs that may be over

    # Facts

    def emit(self, kind: type[F], topic: str, at: Moment, **fields: object) -> F:
        """Decide a fact: it is applied now, and durable when the turn is committed."""
        state = self.state
        fact = kind(seq=state.seq + 1, prev=state.newest.get(topic, 0), ts=at.ts, **fields)
        state.apply(fact, topic)
        self.facts.append(fact)
        return fact

    def about(self, kind: type[F], run: Run, at: Moment, **fields: object) -> F:
        """Decide a fact about a run."""
        return self.emit(kind, run.topic, at, workflow=run.workflow, run=run.id, **fields)

    def begin_epoch(self, host: str, at: Moment) -> None:
        """This principal takes over. Every attempt in work gets a whole new lease."""
        number = self.state.epoch + 1
        self.emit(f.EpochStarted, "principal/", at, epoch=number, version=__version__, host=host)
        for token in self.state.tokens:
            self.renew(token, at)
        retries.begin_epoch(self, at)
        windows.begin_epoch(self, at)
        deferred.begin_epoch(self)
        turn.work(self, at)

    def begin_deadline(self, run: Run, at: Moment) -> None:
        """The run counts its time, if it has only so much."""
        limit_s = run.plan.deadline_s
        if limit_s is not None and run.ended_ts is None and not run.queued:
            left = run.begun_ts + limit_s - at.ts
            retries.remind(self, run, at.clock + min(max(left, 0.0), limit_s))

    def renew(self, token: str, at: Moment) -> None:
        """A whole new lease for an attempt. One that is to finish whatever happens has none: it is
        lost by proof or an operator's word only."""
        task = self.state.tokens[token]
        if task.plan.on_principal_lost != "finish":
            lease_s = task.attempts[-1].lost_after_s + self.timing.lease_grace_s
            self.session.leases[token] = at.clock + lease_s

    def lease_s(self, task: Task) -> float:
        """How long the lease of an attempt that begins now is, as its agent counts it."""
        own = task.plan.lost_after_s
        return self.timing.lost_after_s if own is None else own

    # Results

    def task_report(self, ask: Ask, request: p.TaskReport, at: Moment) -> Reply:
        """`task.report`: each result is recorded if its attempt is the current one."""
        ack: list[str] = []
        drop: list[str] = []
        for result in request.results:
            if self._result(result, request.agent, at):
                ack.append(result.token)
            else:
                drop.append(result.token)
        return p.TaskReported(ack=ack, drop=drop, epoch=self.state.epoch)

    def _result(self, result: TaskResult, agent: str, at: Moment) -> bool:
        task = self.state.tokens.get(result.token)
        if task is None or task.attempts[-1].agent != agent:
            return self._late_result(result, agent, at)
        self.session.leases.pop(result.token, None)
        attempt = task.attempts[-1]
        told: dict[str, Any] = {
            "started_ts": result.started_ts,
            "ended_ts": result.ended_ts,
            "stdout_bytes": result.stdout_bytes,
            "stderr_bytes": result.stderr_bytes,
        }
        if result.state == "RELEASED" or (result.state == "CRASHED" and not result.loss):
            self.release(task, attempt, result.reason, at, **told)
        elif result.state == "CRASHED":
            self.crash(task, attempt, "lease", result.reason or "agent lost", at, **told)
        elif result.state == "FAILED":
            self.failed(task, attempt, result.code, result.reason, at, _given(result), **told)
        else:
            told |= _given(result)
            reason = result.reason
            if result.state == "CANCELLED" and task.ending:
                reason = self.why_ending(task)
            self.end(task, result.state, attempt, result.code, reason, at, **told)
        return True

    def _late_result(self, result: TaskResult, agent: str, at: Moment) -> bool:
        """A result of an attempt that is not current: told before (fine), or stale."""
        task = self.state.task_of(result.token)
        if task is None:
            return False
        for attempt in task.attempts:
            if attempt.token == result.token and attempt.state == result.state:
                return True
        if result.state == "RELEASED":
            return False  # handed back twice; nothing to tell of
        self.about(
            f.TaskStale, task.run, at, task=task.plan.id, token=result.token, agent=agent,
            state=result.state,
        )  # fmt: skip
        return False

    def release(
        self, task: Task, attempt: Attempt, reason: str, at: Moment, **told: float | None
    ) -> None:
        """An attempt was handed back; nobody is to blame."""
        self.about(
            f.TaskReleased, task.run, at, task=task.plan.id, n=attempt.n, token=attempt.token,
            agent=attempt.agent, reason=reason, **told,
        )  # fmt: skip
        if task.ending:
            self.end_unstarted(task, at)

    def failed(
        self, task: Task, attempt: Attempt | None, code: int | None, reason: str, at: Moment,
        given: dict[str, Any] | None = None, **told: float | None,
    ) -> None:  # fmt: skip
        """An attempt has failed, or (without one) a run that the task had called: it is tried again
        or over."""
        delay_s = retries.another(task, code, at)
        if delay_s is None:
            self.end(task, "FAILED", attempt, code, reason, at, **(given or {}), **told)
            return
        named = {} if attempt is None else {"token": attempt.token, "agent": attempt.agent}
        self.about(
            f.TaskRetrying, task.run, at, task=task.plan.id,
            n=attempt.n if attempt else task.tries, code=code, reason=reason,
            retry_ts=at.ts + delay_s, delay_s=delay_s, **named, **told,
        )  # fmt: skip
        if delay_s:
            retries.schedule(self, task, at)
        turn.work(self, at)

    def crash(
        self, task: Task, attempt: Attempt, cause: LossCause, reason: str, at: Moment,
        **told: float | None,
    ) -> None:  # fmt: skip
        """An attempt was lost with its agent. What follows is the task's `on_agent_lost`; a task
        that is run again FAILS with its last loss."""
        self.session.leases.pop(attempt.token, None)
        policy, cancelling = task.plan.on_agent_lost, task.ending
        fails = policy == "fail" or (policy == "rerun" and task.losses + 1 >= task.plan.max_losses)
        held = policy == "hold" and not cancelling
        self.about(
            f.TaskCrashed, task.run, at, task=task.plan.id, n=attempt.n, token=attempt.token,
            agent=attempt.agent, cause=cause, reason=reason, held=held,
            requeued=not (fails or held or cancelling), **told,
        )  # fmt: skip
        if cancelling:
            self.end_unstarted(task, at)
        elif fails:
            times = f" {task.losses} times, last" if task.losses > 1 else ""
            self.end(task, "FAILED", None, OWN_FAULT, f"agent lost{times}: {reason}", at)

    def end_unstarted(self, task: Task, at: Moment) -> None:
        """It waits, and will not run: its run or its group is being ended."""
        self.end(task, "CANCELLED", None, CANCELLED, self.why_ending(task), at)

    @staticmethod
    def why_ending(task: Task) -> str:
        """Why a task is to end that could go on."""
        return task.run.reason if task.run.cancelling else "another copy failed"

    def end(
        self, task: Task, outcome: str, attempt: Attempt | None, code: int | None, reason: str,
        at: Moment, **told: Any,
    ) -> None:  # fmt: skip
        """A task is over; what follows is decided."""
        named = {} if attempt is None else {
            "n": attempt.n, "token": attempt.token, "agent": attempt.agent
        }  # fmt: skip
        self.about(
            f.TaskEnded, task.run, at, task=task.plan.id, state=outcome, code=code, reason=reason,
            **named, **told,
        )  # fmt: skip
        turn.follow(self, task, at)

    def run_cancel(
        self, run: Run, reason: str, at: Moment, state: RunState = "CANCELLED",
        code: int = CANCELLED, now: bool = False,
    ) -> None:  # fmt: skip
        """Ask for the end of a run: waiting tasks end now, running ones when their agents say. The
        tasks of its end follow or go on, but for `now`. `state` and `code`: how it ends."""
        hooks = now or run.queued
        begun = run.cancelling or run.settled is not None
        if run.ended_ts is not None or run.cancelling_hooks or (begun and not hooks):
            return
        self.about(
            f.RunCancelling, run, at, reason=reason or "cancelled", state=state, code=code,
            hooks=hooks,
        )  # fmt: skip
        ending = [task for task in run.tasks if hooks or not task.plan.phase]
        for task in ending:
            if task.state == "PENDING":
                self.end_unstarted(task, at)
        for task in ending:
            self.end_early(task, at, now=now)

    def end_early(self, task: Task, at: Moment, now: bool = False) -> None:
        """End a task that is not over: at once when it waits, by its agent when it runs."""
        if task.state == "PENDING":
            self.end_unstarted(task, at)
        elif task.state == "RUNNING" and task.calls:
            called = self.state.runs.get(task.calls)
            if called is not None:
                self.run_cancel(called, task.run.reason or "its caller was ended", at, now=now)
        elif task.state == "RUNNING" and task.attempts:
            self.session.order(task.attempts[-1].agent)

    def knows(self, agent: str, boot: str) -> bool:
        """Has this supervisor said hello to this principal?"""
        return self.session.greeted.get(agent) == boot


def _given(result: TaskResult) -> dict[str, Any]:
    """What a task has given to those that follow; nothing when there is none."""
    given: dict[str, Any] = {"outputs": result.outputs} if result.outputs else {}
    if result.result is not None:
        given["result"] = result.result
    return given

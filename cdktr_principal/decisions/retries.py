"""When a failed attempt is followed by another, and which have come due; deadlines of runs.

Delays count on the clock that never steps. A restarted principal knows when something was to be by
the time of day alone, and waits no longer than it would have anyway. Pure.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.values import Retry
from cdktr_common.errors import TIMED_OUT
from cdktr_principal.decisions import turn
from cdktr_principal.state.records import Run, Task

if TYPE_CHECKING:
    from cdktr_principal.decisions.core import Core, Moment


def tried(task: Task) -> int:
    """Attempts that have failed, and runs that it has called."""
    return task.tries + sum(attempt.state == "FAILED" for attempt in task.attempts)


def another(task: Task, code: int | None, at: Moment) -> float | None:
    """How long after its failure with this code a task is tried again, seconds; None: not."""
    retry = task.plan.retry
    if retry is None or task.ending:
        return None
    before = task.tries - 1 if task.tries else tried(task)
    if before >= retry.limit or (retry.on_exit_codes and code not in retry.on_exit_codes):
        return None
    return delay(retry, before, at)


def delay(retry: Retry, before: int, at: Moment) -> float:
    """The delay after so many failures before this one."""
    most = retry.max_delay_s if retry.max_delay_s is not None else float("inf")
    try:
        seconds = min(retry.delay_s * retry.backoff**before, most)
    except OverflowError:
        seconds = most
    if retry.jitter and seconds:
        seconds *= 1 + retry.jitter * int(at.fresh(6), 36) / 36**6
    return seconds


def schedule(core: Core, task: Task, at: Moment) -> None:
    """A task waits for its next attempt: by the clock from now on."""
    remind(core, task, at.clock + task.retry_delay_s)


def remind(core: Core, of: Task | Run, due: float) -> None:
    """Come back to a task or a run at that time."""
    core.session.reminders += 1
    heapq.heappush(core.session.timers, (due, core.session.reminders, of))


def begin_epoch(core: Core, at: Moment) -> None:
    """After a restart: what is delayed comes when it was to come, or a whole delay from now, if
    the time of day was set back."""
    for task in core.state.delayed:
        left = (task.retry_ts or at.ts) - at.ts
        remind(core, task, at.clock + min(max(left, 0.0), task.retry_delay_s))
    for run in core.state.runs.values():
        core.begin_deadline(run, at)


def next_due(core: Core) -> float | None:
    """When by the clock `tick` has something to do next."""
    return core.session.timers[0][0] if core.session.timers else None


def tick(core: Core, at: Moment) -> None:
    """Attempts whose time has come, and runs that took too long."""
    timers = core.session.timers
    while timers and timers[0][0] <= at.clock:
        of = heapq.heappop(timers)[2]
        if isinstance(of, Run):
            _over_deadline(core, of, at)
        elif of in core.state.delayed:
            core.about(f.TaskReady, of.run, at, task=of.plan.id)
            turn.work(core, at)


def _over_deadline(core: Core, run: Run, at: Moment) -> None:
    """Nothing of it is stopped when only the tasks of its end are left."""
    if run.ended_ts is None and not run.cancelling and run.settled is None:
        reason = f"its deadline of {run.plan.deadline_s:g} s is over"
        core.run_cancel(run, reason, at, state="FAILED", code=TIMED_OUT)

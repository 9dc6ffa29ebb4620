"""What a fact makes of one task: its row before, its row after, attempts included.

Total: whatever the row is, there is one after it; a fact that does not follow on it changes what
it speaks of. Pure; knows neither the run nor the other tasks.
"""

from __future__ import annotations

from typing import Any, Final

from msgspec.structs import replace

from cdktr_common import clean
from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.values import AttemptRow, AttemptState, TaskPlan, TaskRow

Ending = f.TaskReleased | f.TaskCrashed | f.TaskRetrying | f.TaskEnded

OF_TASK: Final = (
    f.TaskReady, f.TaskAssigned, f.TaskReleased, f.TaskCrashed, f.TaskUnheld, f.TaskRetrying,
    f.TaskExpanded, f.TaskCalled, f.TaskEnded, f.TaskSkipped,
)  # fmt: skip
"""Facts that change a task."""


def after(row: TaskRow, fact: f.RunFact, plan: TaskPlan | None) -> TaskRow:
    """The row of the task that the fact is about, after it."""
    match fact:
        case f.TaskAssigned():
            return _assigned(row, fact)
        case f.TaskEnded():
            return _ended(row, fact, plan)
        case f.TaskReleased() | f.TaskCrashed():
            return _back(row, fact)
        case f.TaskRetrying():
            return _retrying(row, fact)
        case f.TaskReady():
            return replace(row, retry_ts=None)
        case f.TaskUnheld():
            return replace(row, held=False)
        case f.TaskExpanded():
            return replace(row, state="RUNNING")
        case f.TaskCalled():
            return replace(row, state="RUNNING", calls=fact.calls)
        case f.TaskSkipped():
            reason = clean.line(fact.reason or f"{fact.because} did not complete")
            return replace(row, state="SKIPPED", reason=reason, held=False, retry_ts=None)
    return row


def _assigned(row: TaskRow, fact: f.TaskAssigned) -> TaskRow:
    new = AttemptRow(
        n=fact.n, state="RUNNING", agent=fact.agent, fence=fact.seq, assigned_ts=fact.ts
    )
    name = clean.line(fact.name) if fact.name else row.name
    return replace(row, state="RUNNING", name=name, attempts=[*row.attempts, new])


def _ended(row: TaskRow, fact: f.TaskEnded, plan: TaskPlan | None) -> TaskRow:
    changed: dict[str, Any] = {"outputs": fact.outputs} if fact.outputs else {}
    if fact.result is not None:
        changed["result"] = fact.result
    if fact.token:
        changed["attempts"] = _over(row, fact, fact.state)
    if fact.state == "FAILED" and plan is not None:
        codes = plan.tolerated
        changed["tolerated"] = codes if isinstance(codes, bool) else fact.code in codes
    return replace(
        row, state=fact.state, code=fact.code, reason=clean.line(fact.reason), held=False,
        retry_ts=None, progress=None, **changed,
    )  # fmt: skip


def _back(row: TaskRow, fact: f.TaskReleased | f.TaskCrashed) -> TaskRow:
    if isinstance(fact, f.TaskCrashed):
        return replace(
            row, state="PENDING", losses=row.losses + 1, held=fact.held, progress=None,
            attempts=_over(row, fact, "CRASHED"),
        )  # fmt: skip
    begun = fact.started_ts is not None  # if not, it is as if it had never been made
    attempts = _over(row, fact, "RELEASED") if begun else row.attempts[:-1]
    return replace(row, state="PENDING", progress=None, attempts=attempts)


def _retrying(row: TaskRow, fact: f.TaskRetrying) -> TaskRow:
    return replace(
        row, state="PENDING", code=fact.code, reason=clean.line(fact.reason), calls="",
        progress=None, retry_ts=fact.retry_ts if fact.delay_s > 0 else row.retry_ts,
        attempts=_over(row, fact, "FAILED") if fact.token else row.attempts,
    )  # fmt: skip


def _over(row: TaskRow, fact: Ending, state: AttemptState) -> list[AttemptRow]:
    if not row.attempts:
        return row.attempts
    last = replace(
        row.attempts[-1], state=state, started_ts=fact.started_ts,
        ended_ts=fact.ended_ts or fact.ts, reason=clean.line(fact.reason),
        stdout_bytes=fact.stdout_bytes, stderr_bytes=fact.stderr_bytes,
    )  # fmt: skip
    if isinstance(fact, f.TaskEnded | f.TaskRetrying):
        last = replace(last, code=fact.code)
    return [*row.attempts[:-1], last]

"""How an attempt has ended, in the words of the protocol.

Its own exit counts, unless the end was our doing: then the reason for that does, and being ended
for its lease is a loss. Knows only what the attempt itself remembers; touches nothing.
"""

from __future__ import annotations

import signal
from typing import Final

from cdktr_agent import direct
from cdktr_agent.attempt import Attempt
from cdktr_agent.steps import after
from cdktr_common.catalogue.values import ResultState, TaskResult

INVALID: Final = 4
"""The code of a task that has done its work but told of it wrongly."""


def end_of(status: int) -> tuple[int, str]:
    """Code and reason of a program by its exit status; negative for a signal."""
    if status >= 0:
        return status, ""
    name = signal.Signals(-status).name if -status < 32 else -status
    return 128 - status, f"killed by {name}"


def as_by_shell(status: int, core: bool) -> tuple[int, bytes]:
    """The exit status of a shell whose program has ended so, and what it says on stderr."""
    if status >= 0:
        return status, b""
    name = signal.strsignal(-status) or f"Unknown signal {-status}"
    return 128 - status, direct.complaint(-status, name, core)


def conclude(attempt: Attempt, now: float) -> TaskResult | None:
    """How an attempt that was started has ended; None for a dropped one."""
    code, reason = end_of(attempt.status)
    if attempt.direct and attempt.signalled:
        code = 128 + attempt.signalled  # as its shell, which would not have waited for it
    if attempt.status == -signal.SIGKILL and not attempt.why and now >= attempt.held.deadline:
        attempt.why = "lease"  # the network process ended it at its deadline, and not we
    why = attempt.why
    if why == "drop":
        return None
    if why == "cancel":
        return result_of(attempt, "CANCELLED", code, "cancelled")
    if why == "timeout":
        seconds = attempt.spec.timeout_s or 0
        return result_of(attempt, "FAILED", 124, f"timed out after {seconds:g} s")
    if why == "lease":
        return result_of(attempt, "CRASHED", code, "no word from the principal for a whole lease")
    if why == "drain":
        return result_of(attempt, "CRASHED", code, "drained")
    if attempt.course is not None:
        code, reason = attempt.course.code, attempt.course.reason
    if attempt.fault:
        reason = after(code, reason, attempt.fault)
        code = code or INVALID
    return result_of(attempt, "FAILED" if code else "COMPLETED", code, reason)


def result_of(attempt: Attempt, state: ResultState, code: int, reason: str) -> TaskResult:
    """What is told of it: its end, its times, how much output there is of it, what it gave."""
    dropped = attempt.spool.dropped
    if dropped:
        attempt.notes.append(f"{dropped} bytes of output dropped, no room")
    if attempt.notes:
        reason = "; ".join([reason, *attempt.notes] if reason else attempt.notes)
    if attempt.secrets is not None:
        reason = attempt.secrets.struck(reason)
    stdout_bytes, stderr_bytes = attempt.spool.sizes or (None, None)
    return TaskResult(
        token=attempt.spec.token,
        state=state,
        code=code,
        reason=reason,
        started_ts=attempt.started_ts,
        ended_ts=attempt.ended_ts,
        stdout_bytes=stdout_bytes,
        stderr_bytes=stderr_bytes,
        loss=attempt.why == "lease",
        outputs=attempt.outputs,
        result=attempt.result,
    )

"""How an attempt has ended, in the words of the protocol.

Its own exit counts, unless the end was our doing: then the reason for that does, and being ended
for its lease is a loss. Knows only what the attempt itself remembers; touches nothing.
"""

from __future__ import annotations

import signal

from cdktr_agent.process import Attempt
from cdktr_common.catalogue.values import ResultState, TaskResult


def conclude(attempt: Attempt, now: float) -> TaskResult | None:
    """How an attempt that was started has ended; None for a dropped one."""
    code = attempt.status if attempt.status >= 0 else 128 - attempt.status
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
    if attempt.status < 0:
        name = signal.Signals(-attempt.status).name if -attempt.status < 32 else -attempt.status
        return result_of(attempt, "FAILED", code, f"killed by {name}")
    return result_of(attempt, "FAILED" if code else "COMPLETED", code, "")


def result_of(attempt: Attempt, state: ResultState, code: int, reason: str) -> TaskResult:
    """What is told of it: its end, its times, and how much output there is of it."""
    dropped = attempt.spool.dropped
    if dropped:
        reason = f"{reason}; " if reason else ""
        reason += f"{dropped} bytes of output dropped, no room"
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
    )

"""From a fact of the principal to rows. Pure.

Every fact becomes a row of `event`, whole; those that change the state of a run or a task become a
row of its status table too. A fact of a kind that is not known here is kept like any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from cdktr_common.errors import ProtocolError


class _PlanHead(msgspec.Struct):
    name: str = ""
    tasks: list[msgspec.Raw] = []


_NOTHING: Final = msgspec.Raw()


class _Reused(msgspec.Struct):
    outputs: msgspec.Raw = _NOTHING
    result: str | None = None
    items: msgspec.Raw = _NOTHING
    calls: str = ""


class FactHead(msgspec.Struct):
    """The keys of facts that the status tables hold; decoded once for each fact."""

    type: str
    seq: int
    ts: float = 0.0
    workflow: str = ""
    run: str = ""
    task: str = ""
    n: int = 0
    state: str = ""
    agent: str = ""
    code: int | None = None
    reason: str = ""
    started_ts: float | None = None
    ended_ts: float | None = None
    requeued: bool = True
    stdout_bytes: int | None = None
    stderr_bytes: int | None = None
    because: str = ""
    event: str | None = None
    plan: _PlanHead | None = None
    queued: bool = False
    parent: str = ""
    retry_of: str = ""
    reused: dict[str, _Reused] = {}
    retry_ts: float | None = None
    items: list[msgspec.Raw] = []
    calls: str = ""
    outputs: msgspec.Raw = _NOTHING
    result: str | None = None
    output: msgspec.Raw = _NOTHING


_head = msgspec.json.Decoder(FactHead, strict=True)

_TASK_STATES: Final = {
    "task.assigned": "RUNNING",
    "task.called": "RUNNING",
    "task.expanded": "RUNNING",
    "task.released": "RELEASED",
    "task.crashed": "CRASHED",
    "task.retrying": "FAILED",
    "task.skipped": "SKIPPED",
}
_RUN_STATES: Final = {"run.created": "PENDING", "run.admitted": "ADMITTED"}
_TOPICS: Final = {"epoch": "principal/", "schedule": "tick/"}


class FactRows(NamedTuple):
    """The rows that a page of facts becomes."""

    events: list[tuple[object, ...]]
    runs: list[tuple[object, ...]]
    tasks: list[tuple[object, ...]]


def topic_of(fact: FactHead) -> str:
    """The topic a fact was published on."""
    family = fact.type.partition(".")[0]
    if family in ("run", "task"):
        return f"run/{fact.workflow}/"
    return _TOPICS.get(family, family + "/")


def fact_rows(after: int, page: Iterable[msgspec.Raw]) -> tuple[FactRows, int]:
    """The rows of all facts after `after`, and the seq of the last. Raises ProtocolError when a
    fact has no type or seq, or when they do not grow."""
    rows = FactRows([], [], [])
    last = after
    for raw in page:
        try:
            fact = _head.decode(raw)
        except msgspec.MsgspecError as fault:
            raise ProtocolError("bad_message", f"a fact that is none: {fault}") from None
        if fact.seq <= last:
            if fact.seq <= after:
                continue
            raise ProtocolError("bad_message", f"fact {fact.seq} came after fact {last}")
        last = fact.seq
        body = bytes(raw).decode()
        rows.events.append((fact.seq, fact.ts, fact.type, topic_of(fact), fact.run, body))
        _status_rows(fact, rows)
    return rows, last


def _status_rows(fact: FactHead, rows: FactRows) -> None:
    kind = fact.type
    state = fact.state if kind == "task.ended" else _TASK_STATES.get(kind)
    if state is not None:
        rows.tasks.append(_task_row(fact, state))
        return
    state = fact.state if kind == "run.ended" else _RUN_STATES.get(kind)
    if state is None:
        return
    plan = fact.plan or _PlanHead()
    created = kind == "run.created"
    rows.runs.append(
        (
            fact.seq,
            fact.ts,
            fact.workflow,
            fact.run,
            state,
            plan.name,
            fact.event,
            len(plan.tasks) if created else None,
            fact.code or 0 if kind == "run.ended" else None,
            fact.reason,
            fact.queued if created else None,
            fact.parent if created else None,
            fact.retry_of if created else None,
            _json(fact.output),
        )
    )
    if fact.reused:
        rows.tasks.extend(_reused_rows(fact))


def _task_row(fact: FactHead, state: str) -> tuple[object, ...]:
    kind = fact.type
    # Groups and calling tasks have no agent to tell when they began.
    begun = fact.ts if kind in ("task.called", "task.expanded") else fact.started_ts
    return (
        fact.seq,
        fact.ts,
        fact.workflow,
        fact.run,
        fact.task,
        fact.n or (1 if kind == "task.called" else 0),
        state,
        fact.agent,
        fact.code,
        fact.reason or fact.because,
        begun,
        fact.ended_ts,
        True if kind == "task.retrying" else fact.requeued if kind == "task.crashed" else None,
        fact.stdout_bytes,
        fact.stderr_bytes,
        fact.retry_ts,
        len(fact.items) if kind == "task.expanded" else None,
        fact.calls or None,
        _json(fact.outputs),
        fact.result,
    )


def _reused_rows(fact: FactHead) -> Iterable[tuple[object, ...]]:
    """The tasks that were COMPLETED when their run began, because an earlier one had run them."""
    reason = f"taken over from {fact.retry_of}"
    for task, reused in fact.reused.items():
        if _json(reused.items) is None:
            ended = msgspec.structs.replace(
                fact, type="task.ended", task=task, calls=reused.calls, code=0, reason=reason,
                outputs=reused.outputs, result=reused.result, ended_ts=fact.ts,
            )  # fmt: skip
            yield _task_row(ended, "COMPLETED")


def _json(raw: msgspec.Raw) -> str | None:
    """JSON as it came; None for nothing."""
    if raw is _NOTHING:
        return None
    text = bytes(raw).decode()
    return None if text in ("", "null", "{}") else text

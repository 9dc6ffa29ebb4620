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


_head = msgspec.json.Decoder(FactHead, strict=True)

_TASK_STATES: Final = {
    "task.assigned": "RUNNING",
    "task.released": "RELEASED",
    "task.crashed": "CRASHED",
    "task.skipped": "SKIPPED",
}
_TOPICS: Final = {"epoch": "principal/", "workflow": "workflow/", "event": "event/"}


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
        reason = fact.because if kind == "task.skipped" else fact.reason
        rows.tasks.append(
            (
                fact.seq,
                fact.ts,
                fact.workflow,
                fact.run,
                fact.task,
                fact.n,
                state,
                fact.agent,
                fact.code,
                reason,
                fact.started_ts,
                fact.ended_ts,
                fact.requeued if kind == "task.crashed" else None,
                fact.stdout_bytes,
                fact.stderr_bytes,
            )
        )
    elif kind == "run.created" or kind == "run.ended":
        plan = fact.plan or _PlanHead()
        created = kind == "run.created"
        rows.runs.append(
            (
                fact.seq,
                fact.ts,
                fact.workflow,
                fact.run,
                "PENDING" if created else fact.state,
                plan.name,
                fact.event,
                len(plan.tasks) if created else None,
                None if created else fact.code or 0,
                fact.reason,
            )
        )

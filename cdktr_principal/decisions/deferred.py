"""What is to happen later: events that are fired then, workflows that are started then.

What is due is so by the time of day, as it was promised: a clock that is set is believed. What came
due while no principal ran happens at its start. Params are looked at again then, by the plans that
are in force then. Pure; every change goes through the core's facts.
"""

from __future__ import annotations

import heapq
from itertools import islice
from typing import TYPE_CHECKING, Final

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.base import Reply
from cdktr_common.catalogue.values import DeferredRow, WindowRow
from cdktr_common.errors import ProtocolError
from cdktr_principal.decisions import creating, events
from cdktr_principal.requests.limits import MAX_REASON, check_instants, check_reason
from cdktr_principal.requests.params import check_params
from cdktr_principal.state.deferred import Later

if TYPE_CHECKING:
    from cdktr_principal.decisions.core import Core, Moment
    from cdktr_principal.decisions.session import Ask

LONGEST_S: Final = 366 * 86_400.0

MAX_DEFERRED: Final = 10_000
MAX_BYTES: Final = 64 << 20
"""Of all payloads and params together that wait."""

PAGE: Final = 1000
TURN: Final = 512
"""What happens in one turn at most, so that answers never wait for long."""

REMEMBERED: Final = 1000


def due_ts(request: p.RunStart | p.EventFire, at: Moment) -> float | None:
    """When it is to happen; None: now. Raises ProtocolError."""
    when = at.ts + request.delay_s if request.at_ts is None else request.at_ts
    check_instants("at_ts", request.at_ts)
    if request.delay_s < 0 or (request.delay_s and request.at_ts is not None):
        raise ProtocolError("bad_field", "give at_ts, or delay_s of 0 or more")
    if when > at.ts + LONGEST_S:
        raise ProtocolError("bad_field", "what is to happen later is at most 366 days ahead")
    return when if when > at.ts else None


def subject(request: p.RunStart | p.EventFire, what: str) -> str:
    """What tells it from what is asked for now, or for another time."""
    if request.at_ts is None and not request.delay_s:
        return what
    return f"later/{request.at_ts}/{request.delay_s}/{what}"


def defer(core: Core, later: Later, at: Moment) -> p.RunStarted:
    """Accept something for later; its name is given here. Raises busy."""
    known = core.state.deferred
    if len(known.waiting) >= MAX_DEFERRED or known.size >= MAX_BYTES:
        raise ProtocolError(
            "busy", f"{len(known.waiting):,} events and starts are deferred already; no more fit"
        )
    name = f"d{at.fresh(9)}"
    while name in known.waiting:
        name = f"d{at.fresh(9)}"
    core.emit(
        f.EventDeferred, "event/", at, deferred=name, due_ts=later.due_ts, event=later.event,
        workflow=later.workflow, payload=later.payload, params=later.params, key=later.key,
        digest=later.digest, source=later.source,
    )  # fmt: skip
    core.session.deferred.set(name, later.due_ts)
    heard = len(core.state.listening.of(later.event)) if later.event is not None else 0
    return p.RunStarted(deferred=name, due_ts=later.due_ts, listeners=heard)


# Time


def begin_epoch(core: Core) -> None:
    """After a restart."""
    for later in core.state.deferred.waiting.values():
        core.session.deferred.set(later.deferred, later.due_ts)


def next_due(core: Core, at: Moment) -> float | None:
    """When by the clock `tick` has something to do next, if the time of day goes on as it does."""
    due = None if core.disk_full else core.session.deferred.next()
    return None if due is None else at.clock + max(0.0, due - at.ts)


def tick(core: Core, at: Moment) -> None:
    """What is due now happens, unless there is no room to record it."""
    if core.disk_full:
        return
    for name in islice(core.session.deferred.take(at.ts), TURN):
        later = core.state.deferred.waiting[name]
        if later.event is not None:
            event = events.Event(
                later.event, later.payload, later.params, later.key, later.digest, later.source,
                deferred=name,
            )  # fmt: skip
            events.fire(core, event, at)
        else:
            _start(core, later, at)


def _start(core: Core, later: Later, at: Moment) -> None:
    try:
        plan = creating.find_workflow(core, later.workflow or "")
        params = check_params(plan, later.params)
    except ProtocolError as refusal:
        _drop(core, later, refusal.detail, at)
        return
    creating.create(
        core, plan, at, payload=later.payload, params=params, key=later.key, digest=later.digest,
        deferred=later.deferred,
    )  # fmt: skip


def _drop(core: Core, later: Later, reason: str, at: Moment) -> None:
    core.session.deferred.drop(later.deferred)
    core.emit(
        f.EventDropped, "event/", at, deferred=later.deferred, reason=reason[:MAX_REASON]
    )  # fmt: skip


# Requests


def pending(core: Core, request: p.EventPending) -> Reply:
    """`event.pending`: the next first, of both kinds."""
    if request.limit < 1:
        raise ProtocolError("bad_field", f"event.pending: limit is {request.limit}")
    limit = min(request.limit, PAGE)
    waiting = core.state.deferred.waiting
    first = heapq.nsmallest(limit, waiting.values(), key=lambda later: later.due_ts)
    windows = [
        WindowRow(
            workflow=workflow, listener=number, due_ts=window.due_ts, first_ts=window.first_ts,
            count=window.count, event=window.event,
        )
        for (workflow, number), window in core.state.windows.open.items()
    ]  # fmt: skip
    windows = heapq.nsmallest(limit, windows, key=lambda window: window.due_ts)
    rows = [_row(later) for later in first]
    return p.EventWaiting(deferred=rows, total=len(waiting), windows=windows)


def cancel(core: Core, ask: Ask, request: p.EventCancel, at: Moment) -> Reply:
    """`event.cancel`, by id or unique beginning of it. Asked again it answers the same."""
    check_reason(request.reason)
    waiting, gone = core.state.deferred.waiting, core.session.taken_back
    if request.deferred in gone:
        return p.EventWaiting(deferred=[gone[request.deferred]], total=len(waiting))
    later = _find(core, request.deferred)
    _drop(core, later, request.reason or "taken back", at)
    gone[request.deferred] = _row(later)
    while len(gone) > REMEMBERED:
        gone.popitem(last=False)
    return p.EventWaiting(deferred=[_row(later)], total=len(waiting))


def _find(core: Core, name: str) -> Later:
    waiting = core.state.deferred.waiting
    if name in waiting:
        return waiting[name]
    fitting = [each for each in waiting if name and each.startswith(name)]
    if len(fitting) > 1:
        raise ProtocolError("ambiguous", f"{len(fitting)} of those deferred begin so", fitting[:20])
    if not fitting:
        raise ProtocolError("not_found", f"nothing is deferred as '{name[:40]}'")
    return waiting[fitting[0]]


def _row(later: Later) -> DeferredRow:
    return DeferredRow(
        deferred=later.deferred, due_ts=later.due_ts, event=later.event, workflow=later.workflow,
        key=later.key, source=later.source, created_ts=later.created_ts,
    )  # fmt: skip

"""Windows of listeners: events that wait until there are no more for a while, or enough of them.

What must stay true: an event that was accepted for a window is in exactly one run that comes of it
(of a debounce: the last one is, for all), or a fact says why in none. Windows last by the clock
that never steps; a restarted principal knows their ends by the time of day alone, and waits no
longer than it would have anyway. Pure; every change goes through the core's facts.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.values import Held, Listener, Plan
from cdktr_common.errors import ProtocolError
from cdktr_common.times import rfc3339
from cdktr_principal.decisions import creating
from cdktr_principal.requests.params import params_of_event
from cdktr_principal.requests.sizes import MAX_BYTES
from cdktr_principal.state.windows import Place, Window, is_batch, size

if TYPE_CHECKING:
    from cdktr_principal.decisions.core import Core, Moment
    from cdktr_principal.decisions.events import Event

MOST_DELAYS: Final = 10
"""A window that every event makes longer ends so many times its length after the first at most:
else what never rests would never start anything."""

MAX_EVENTS: Final = 1000
"""Events of one run at most, which together are no larger than a payload may be."""

LONGEST_S: Final = 86_400.0
"""How long a window stays open that only a number of events would end."""


def has_window(listener: Listener) -> bool:
    """Do its events wait?"""
    return bool(listener.debounce_s) or is_batch(listener)


def throttled(core: Core, plan: Plan, number: int, at: Moment) -> str:
    """Why a listener takes nothing now; empty when it does. One that waits longer than it may has
    seen the clock set back."""
    until = core.state.windows.throttled.get((plan.workflow, number))
    if until is None or not 0 < until - at.ts <= plan.listeners[number].throttle_s:
        return ""
    return f"throttled until {rfc3339(math.ceil(until))}"


def take(core: Core, plan: Plan, number: int, event: Event, at: Moment) -> Held | str:
    """An event for a window: it waits there, or it is the last one wanted, and the run is
    started."""
    listener, place = plan.listeners[number], (plan.workflow, number)
    window = core.state.windows.open.get(place)
    if not is_batch(listener):
        first_ts = at.ts if window is None else window.first_ts
        due_ts = min(at.ts + listener.debounce_s, first_ts + MOST_DELAYS * listener.debounce_s)
        return Held(workflow=plan.workflow, listener=number, due_ts=due_ts)
    if window is not None and window.size + size(event.payload) >= MAX_BYTES:
        close(core, place, at)
        window = None
    before = [] if window is None else window.payloads
    if len(before) + 1 >= min(listener.batch_size or MAX_EVENTS, MAX_EVENTS):
        core.session.windows.drop(place)
        return creating.create(
            core, plan, at, event=event.event, payload=[*before, event.payload], listener=number,
            params=params_of_event(plan, event.params),
            **_chain(event, window),
        )  # fmt: skip
    due_ts = at.ts + _length_s(listener) if window is None else window.due_ts
    return Held(workflow=plan.workflow, listener=number, due_ts=due_ts)


def _chain(event: Event, window: Window | None) -> dict[str, Any]:
    """Of the longer chain."""
    if window is None or event.follows > window.chain:
        return {"chain": event.follows, "root": event.root}
    return {"chain": window.chain, "root": window.root}


def arm(core: Core, held: Held, at: Moment) -> None:
    """An event waits in this window now: come back when it ends."""
    alarms, place = core.session.windows, (held.workflow, held.listener)
    plan = core.state.workflows[held.workflow].plan
    assert plan is not None
    if place not in alarms or plan.listeners[held.listener].debounce_s:
        alarms.later(place, at.clock + max(0.0, held.due_ts - at.ts))


def _length_s(listener: Listener) -> float:
    return listener.debounce_s or listener.batch_s or LONGEST_S


def close(core: Core, place: Place, at: Moment) -> None:
    """A window ends with what it has."""
    core.session.windows.drop(place)
    window = core.state.windows.open.get(place)
    workflow, number = place
    known = core.state.workflows.get(workflow)
    if window is None or known is None or known.plan is None:
        return
    plan = known.plan
    if core.state.paused(workflow):
        drop(core, place, "paused", at)
        return
    try:
        params = params_of_event(plan, window.params)
    except ProtocolError as refusal:
        drop(core, place, refusal.detail, at)
        return
    creating.create(
        core, plan, at, event=window.event, payload=_payload(plan.listeners[number], window),
        params=params, listener=number, chain=window.chain, root=window.root,
    )  # fmt: skip


def _payload(listener: Listener, window: Window) -> Any:
    return list(window.payloads) if is_batch(listener) else window.payloads[-1]


def drop(core: Core, place: Place, reason: str, at: Moment) -> None:
    """A window ends and starts nothing."""
    core.session.windows.drop(place)
    workflow, number = place
    core.emit(
        f.EventDropped, "event/", at, workflow=workflow, listener=number, reason=reason
    )  # fmt: skip


def before_change(core: Core, workflow: str, plan: Plan | None, at: Moment) -> None:
    """A workflow is about to be in force with another plan, or to be removed: its windows end by
    the one under which they were opened, unless its listeners are the same."""
    known = core.state.workflows.get(workflow)
    if known is None or known.plan is None:
        return
    if plan is not None and plan.listeners == known.plan.listeners:
        return
    for number in range(len(known.plan.listeners)):
        place = (workflow, number)
        if place not in core.state.windows.open:
            continue
        if plan is None:
            drop(core, place, "the workflow was removed", at)
        else:
            close(core, place, at)


# Time


def begin_epoch(core: Core, at: Moment) -> None:
    """After a restart."""
    for (workflow, number), window in core.state.windows.open.items():
        known = core.state.workflows[workflow].plan
        assert known is not None
        left_s = min(max(window.due_ts - at.ts, 0.0), _length_s(known.listeners[number]))
        core.session.windows.set((workflow, number), at.clock + left_s)


def next_due(core: Core) -> float | None:
    """When by the clock `tick` has something to do next."""
    return None if core.disk_full else core.session.windows.next()


def tick(core: Core, at: Moment) -> None:
    """Windows that end now. They stay open while there is no room to record what comes of them."""
    if not core.disk_full:
        for place in core.session.windows.take(at.clock):
            close(core, place, at)

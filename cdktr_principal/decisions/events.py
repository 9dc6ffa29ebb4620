"""Events: which workflows one starts, and what is said of those it does not.

A workflow is started by an event once at most: the first of its listeners that takes it counts, its
plain names before the others. Whatever becomes of it, an event is recorded once, after the runs
that it has started. Pure; every change goes through the core's facts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.base import Reply
from cdktr_common.catalogue.values import Held, Plan, RunRef
from cdktr_common.errors import ProtocolError
from cdktr_principal.decisions import chains, creating, deferred, keys, windows
from cdktr_principal.decisions.room import check_room
from cdktr_principal.decisions.session import Ask
from cdktr_principal.expressions import templates
from cdktr_principal.expressions.programs import Failed, Reference
from cdktr_principal.language.fields import is_one_line
from cdktr_principal.requests.limits import check_payload, digest
from cdktr_principal.requests.params import check_declared, params_of_event
from cdktr_principal.state.deferred import Later
from cdktr_principal.state.listening import ENDS, Numbers

if TYPE_CHECKING:
    from cdktr_principal.decisions.core import Core, Moment

MAX_NAME: Final = 200
"""Characters of the name of an event, and of who fires it."""

MAX_SHOWN: Final = 200
"""Characters of a condition that are told when it is false."""


FALSE: Final = "if is false: "


class Event(NamedTuple):
    """An event that is to be recorded, with the fields of `event.fired`. `root`: the first run of
    the chain that it goes on with."""

    event: str
    payload: Any = None
    params: dict[str, Any] = {}
    key: str | None = None
    digest: str = ""
    source: str = ""
    deferred: str = ""
    cause: str = ""
    chain: int = 0
    root: str = ""

    @property
    def follows(self) -> int:
        """How many runs have started one another by events before a run that this one starts."""
        return self.chain + 1 if self.cause else 0


class Taken(NamedTuple):
    """A workflow that an event starts: by its plain names, or by a listener."""

    plan: Plan
    number: int | None
    params: dict[str, Any]


def event_fire(core: Core, ask: Ask, request: p.EventFire, at: Moment) -> Reply:
    """`event.fire`: a run of every workflow that listens; none is an answer too."""
    _check(request)
    key = keys.of(request.key, request.id)
    due_ts = deferred.due_ts(request, at)
    subject = deferred.subject(request, f"event/{request.event}")
    content = digest(subject, request.payload, request.params)
    known = keys.known(core, key, content)
    if known is not None:
        return known
    check_room(core)
    if due_ts is not None:
        later = Later(
            "", due_ts, at.ts, event=request.event, payload=request.payload,
            params=request.params, key=key, digest=content, source=request.source,
        )  # fmt: skip
        return deferred.defer(core, later, at)
    if request.params and (plans := _plans(core, request.event)):
        check_declared(plans, request.params)
    event = Event(
        request.event, request.payload, request.params, key, content, request.source
    )  # fmt: skip
    return fire(core, event, at, strict=True)


def _check(request: p.EventFire) -> None:
    check_payload(request.payload)
    if not 0 < len(request.event) <= MAX_NAME or not is_one_line(request.event):
        raise ProtocolError(
            "bad_field", f"event.fire: an event name is 1 to {MAX_NAME} characters of one line"
        )
    if request.event.startswith(ENDS):
        raise ProtocolError(
            "bad_field", f"event.fire: names that begin with '{ENDS}' tell of the ends of runs"
        )
    if request.source and (len(request.source) > MAX_NAME or not is_one_line(request.source)):
        raise ProtocolError(
            "bad_field", f"event.fire: source has up to {MAX_NAME} characters of one line"
        )


def _plans(core: Core, event: str) -> list[Plan]:
    workflows = core.state.workflows
    plans = [workflows[workflow].plan for workflow, _ in core.state.listening.of(event)]
    return [plan for plan in plans if plan is not None]


def fire(core: Core, event: Event, at: Moment, *, strict: bool = False) -> p.RunStarted:
    """Record an event and start what it starts. It passes a workflow that refuses its params; with
    `strict`, if all do that listen, it is refused as a whole, by a ProtocolError. The end of a
    run that nobody wants is not recorded as an event: most are of workflows that no one follows."""
    listening = core.state.listening.of(event.event)
    taken, passed = _sorted(core, event, listening, at, strict) if listening else ((), {})
    if event.cause and not taken and all(why.startswith(FALSE) for why in passed.values()):
        return p.RunStarted(listeners=len(listening), passed=passed)
    runs: list[RunRef] = []
    held: list[Held] = []
    for one in taken:
        found = _start(core, event, one, at)
        if isinstance(found, Held):
            held.append(found)
        else:
            runs.append(RunRef(run=found, workflow=one.plan.workflow))
    core.emit(
        f.EventFired, "event/", at, event=event.event, payload=event.payload, key=event.key,
        digest=event.digest, runs=[r.run for r in runs], workflows=[r.workflow for r in runs],
        held=held, passed=passed, params=event.params if held else {}, deferred=event.deferred,
        source=event.source, cause=event.cause, chain=event.chain,
    )  # fmt: skip
    for each in held:
        windows.arm(core, each, at)
    return p.RunStarted(runs=runs, listeners=len(listening), held=held, passed=passed)


def _sorted(
    core: Core, event: Event, listening: Sequence[tuple[str, Numbers]], at: Moment, strict: bool
) -> tuple[list[Taken], dict[str, str]]:
    """Those who take it, and why the others do not."""
    taken: list[Taken] = []
    passed: dict[str, str] = {}
    refusals: list[ProtocolError] = []
    for workflow, numbers in listening:
        plan = core.state.workflows[workflow].plan
        assert plan is not None
        number, why = _taker(core, plan, numbers, event, at)
        if why:
            passed[workflow] = why
            continue
        try:
            taken.append(Taken(plan, number, params_of_event(plan, event.params)))
        except ProtocolError as refusal:
            refusals.append(refusal)
            passed[workflow] = refusal.detail
    if strict and len(refusals) == len(listening):
        raise refusals[0]
    return taken, passed


def _taker(
    core: Core, plan: Plan, numbers: Numbers, event: Event, at: Moment
) -> tuple[int | None, str]:
    """The listener of a workflow that takes the event, or why none does: as the first says."""
    if core.state.paused(plan.workflow):
        return None, "paused"
    whys = []
    for number in numbers:
        why = "" if number is None else _why_not(core, plan, number, event, at)
        if not why and event.cause:
            why = chains.too_long(core, plan.workflow, event)
        if not why:
            return number, ""
        whys.append(why)
    return None, whys[0]


def _why_not(core: Core, plan: Plan, number: int, event: Event, at: Moment) -> str:
    listener = plan.listeners[number]
    if listener.cond:
        try:
            if not templates.condition(listener.cond, EventScope(event, at)):
                return FALSE + listener.cond[:MAX_SHOWN]
        except Failed as fault:
            return f"if: {fault}"
    return windows.throttled(core, plan, number, at) if listener.throttle_s else ""


def _start(core: Core, event: Event, taken: Taken, at: Moment) -> Held | str:
    """A window that the event waits in, or the run that it starts."""
    plan, number = taken.plan, taken.number
    listener = None if number is None else plan.listeners[number]
    if number is not None and listener is not None and windows.has_window(listener):
        return windows.take(core, plan, number, event, at)
    throttles = listener is not None and listener.throttle_s
    return creating.create(
        core, plan, at, event=event.event, payload=event.payload, params=taken.params,
        listener=number if throttles else None, chain=event.follows, root=event.root,
    )  # fmt: skip


class EventScope:
    """What the condition of a listener may speak of."""

    def __init__(self, event: Event, at: Moment) -> None:
        self._event = event
        self._at = at

    def now(self) -> float:
        return self._at.ts

    def fresh_number(self, below: int) -> int:
        return int(self._at.fresh(12), 36) % below

    def variables(self, references: Sequence[Reference]) -> dict[str, Any]:
        return {"event": {"name": self._event.event, "payload": self._event.payload}}

"""What becomes of the instants of schedules, as those who keep the time tell of them.

Theory of operation. Whoever keeps the time reads how far each schedule is accounted for, and tells
in order what follows: an instant to fire, or why some are not. Each word is taken only if it goes
on where the ledger stands (compare-and-set on `ticked_ts`), so that any number of programs may tell
the same, be killed and tell it again, and each instant counts once. Whether an instant that is to
fire does start a run is decided here, where pauses and runs in work are known. Pure; no calendar
and no time of day is looked at but to say how late it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.base import Reply
from cdktr_common.catalogue.values import Plan, ScheduleRef, Tick, TickRef, TickResult
from cdktr_common.errors import ProtocolError
from cdktr_common.times import compact
from cdktr_principal.decisions import overlap
from cdktr_principal.decisions.creating import create
from cdktr_principal.decisions.room import check_room
from cdktr_principal.requests.limits import MAX_REASON, check_instants, digest
from cdktr_principal.requests.params import check_params

if TYPE_CHECKING:
    from cdktr_principal.decisions.core import Core, Moment
    from cdktr_principal.decisions.session import Ask
    from cdktr_principal.state.schedules import Planned

LATE_S: Final = 5.0
"""A run that starts longer after it was due is late."""

AHEAD_S: Final = 5.0
"""An instant that is further in the future by the principal's clock is not taken: of two who tell,
the one with a wrong clock would else be first."""

MAX_TICKS: Final = 1000
"""Ticks in one request."""

TOPIC: Final = "tick/"


def tick_report(core: Core, ask: Ask, request: p.TickReport, at: Moment) -> Reply:
    """`tick.report`."""
    if len(request.ticks) + len(request.closed) > MAX_TICKS:
        raise ProtocolError("too_large", f"tick.report takes {MAX_TICKS} ticks at once")
    check_room(core)
    for tick in request.ticks:
        check_instants("tick.report", tick.due_ts, tick.from_ts, tick.previous_ts, tick.into_ts)
    results = [_tick(core, tick, at) for tick in request.ticks]
    for ref in request.closed:
        _close(core, ref, at)
    for told in request.next:
        core.session.next_ticks[told.workflow, told.schedule] = told.next_ts
    return p.TickReported(results=results, epoch=core.state.epoch)


def _tick(core: Core, tick: Tick, at: Moment) -> TickResult:
    result = TickResult(workflow=tick.workflow, schedule=tick.schedule, due_ts=tick.due_ts)
    planned = core.state.schedules.find(tick.workflow, tick.schedule, tick.due_ts)
    if planned is None:
        return result
    result = replace(result, ticked_ts=planned.ticked_ts)
    first = tick.due_ts if tick.from_ts is None else tick.from_ts
    if tick.after_ts != planned.ticked_ts or not tick.after_ts < first <= tick.due_ts:
        return result
    if tick.due_ts - at.ts > AHEAD_S:
        ahead = tick.due_ts - at.ts
        return replace(result, reason=f"that is {ahead:.0f} s ahead of the principal's clock")
    state, run, reason, late_s = _fate(core, planned, tick, at)
    core.emit(
        f.TickRecorded, TOPIC, at, workflow=tick.workflow, schedule=tick.schedule, state=state,
        due_ts=tick.due_ts, from_ts=tick.from_ts, count=max(1, tick.count), run=run,
        late_s=late_s, into_ts=tick.into_ts if state == "coalesced" else None,
        reason=reason[:MAX_REASON],
    )  # fmt: skip
    return replace(result, state=state, run=run, reason=reason, ticked_ts=tick.due_ts)


def _fate(
    core: Core, planned: Planned, tick: Tick, at: Moment
) -> tuple[str, str, str, float]:  # fmt: skip
    """State, run, reason, and how late it is."""
    if tick.act != "fire":
        return tick.act, "", tick.reason, 0.0
    workflow = core.state.workflows.get(tick.workflow)
    if planned.until_ts is not None or workflow is None or workflow.plan is None:
        return "missed", "", "the schedule is no longer in force", 0.0
    if planned.paused_ts is not None:
        return "suppressed", "", _why_paused(core, planned), 0.0
    plan = _own_overlap(workflow.plan, planned.spec.overlap)
    if plan.overlap == "skip" and overlap.must_wait(core, plan, ""):
        busy = core.state.admission.busy(plan.workflow)
        return "skipped", "", f"{busy} of {plan.max_active_runs} runs are in work", 0.0
    try:
        params = check_params(plan, planned.spec.params)
    except ProtocolError as fault:
        return "missed", "", fault.detail, 0.0
    late_s = max(0.0, at.ts - tick.due_ts - tick.delay_s)
    state = "late" if late_s > LATE_S else "fired"
    late_s = round(late_s, 3) if state == "late" else 0.0
    key = f"cron/{tick.workflow}/{tick.schedule}/{compact(tick.due_ts)}"
    known = core.state.keys.get(key)
    if known is not None and known.runs:
        return state, known.runs[0][0], "a run with its key was there", late_s
    ref = TickRef(
        schedule=tick.schedule, due_ts=tick.due_ts, previous_ts=tick.previous_ts, state=state,
        late_s=late_s,
    )  # fmt: skip
    run = create(
        core, plan, at, params=params, key=key, tick=ref,
        digest=digest(plan.workflow, None, planned.spec.params),
    )  # fmt: skip
    return state, run, "", late_s


def _own_overlap(plan: Plan, word: str) -> Plan:
    """The plan with what its schedule says of runs beside one another. Any word but `allow`
    without a number means one run at a time."""
    if not word:
        return plan
    if word == "allow":
        return replace(plan, max_active_runs=0)
    return replace(plan, overlap=word, max_active_runs=plan.max_active_runs or 1)


def _why_paused(core: Core, planned: Planned) -> str:
    pauses = core.state.schedules.pauses
    for name in (planned.workflow, ""):
        if name in pauses:
            return "paused" + (f": {pauses[name]}" if pauses[name] else "")
    return "paused in its file"


def _close(core: Core, ref: ScheduleRef, at: Moment) -> None:
    for old in core.state.schedules.retired.get(ref.workflow, ()):
        known = old.until_ts is not None and ref.until_ts in (None, old.until_ts)
        if old.schedule == ref.schedule and known:
            core.emit(
                f.ScheduleClosed, TOPIC, at, workflow=ref.workflow, schedule=ref.schedule,
                until_ts=old.until_ts,
            )  # fmt: skip
            return  # the others of this name have instants of their own

"""What is to be told of a schedule now, and when it is to be looked at next. Pure.

Theory of operation. The principal's row says how far a schedule is accounted for; the calendar
says which instants follow; `step` makes of both and the time of day the ticks that come next, in
order, or the moment to wait for. Nothing is remembered between two steps: whoever is started anew,
or beside another, comes to the same.

    an instant whose start is      becomes
    in a pause                     suppressed, in any case
    of a retired schedule          missed, up to its end; then it is closed
    before the pause that is on    missed: it is not started when that is over
    on time                        a run
    late                           by `catchup`: missed (none); the newest starts a run and the rest
                                   is coalesced into it (last); the last so many do and the rest is
                                   missed (all)

Knows no clock, no socket and no calendar but what it is given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, islice, takewhile
from typing import Any, Final, NamedTuple, Protocol

from cdktr_common.calendar.schedule import jitter
from cdktr_common.catalogue.values import ScheduleRow, Tick

ON_TIME_S: Final = 5.0
"""An instant that is told so long after it was to start is told in time."""

MOST: Final = 2000
"""Instants that one step looks at: a calendar costs time, and others have instants, too."""

MOST_FIRES: Final = 100
"""Runs that one step starts."""

GATHER_S: Final = 60.0
"""Suppressed instants wait so long for others, to be told together."""

OVER: Final = "the schedule was changed or removed before anyone told of it"
UNTOLD: Final = "nobody told of it in time; catchup is none"
BEFORE_PAUSE: Final = "nobody told of it before the workflow was paused"
WAS_PAUSED: Final = "it was paused"


class Moment(Protocol):
    """An instant of a calendar."""

    @property
    def ts(self) -> float: ...


class Instants(Protocol):
    """What is needed of a calendar."""

    def after(self, ts: float) -> Moment | None: ...
    def before(self, ts: float) -> Moment | None: ...
    def between(self, after_ts: float, to_ts: float) -> Iterator[Moment]: ...


class Step(NamedTuple):
    """Ticks to tell now, in order; or, when there are none, when to look again (never: null) and
    the tick that is to be told then if nothing else happens. `closed`: a retired schedule is
    accounted for. `next_ts`: what fires next, as people want to know it."""

    ticks: Sequence[Tick] = ()
    closed: bool = False
    wake_ts: float | None = None
    ready: Tick | None = None
    next_ts: float | None = None


class Due(NamedTuple):
    """An instant with the one before it, when it may start, and whether that is in a pause."""

    ts: float
    previous_ts: float | None
    start: float
    paused: bool


Act = dict[str, Any]
"""What becomes of an instant: the fields of its tick that say so."""

FIRE: Final[Act] = {"act": "fire"}
SUPPRESSED: Final[Act] = {"act": "suppressed", "reason": WAS_PAUSED}


def _missed(reason: str) -> Act:
    return {"act": "missed", "reason": reason}


def step(row: ScheduleRow, calendar: Instants, now: float) -> Step:
    """What to do about a schedule. Its ticks may be told as they are until the row changes."""
    if row.until_ts is not None:
        until = row.until_ts
        over = list(islice(takewhile(lambda one: one.ts <= until, _starts(row, calendar)), MOST))
        return Step(_lost(row, over, OVER)) if over else Step(closed=True)
    due: list[Due] = []
    for one in _starts(row, calendar):
        if one.start > now:
            return _told(row, calendar, due, now) if due else _wait(row, one)
        if len(due) == MOST:
            return _told(row, calendar, due, now, more=True)
        due.append(one)
    return _told(row, calendar, due, now) if due else Step()


def _wait(row: ScheduleRow, one: Due) -> Step:
    """Nothing is due; `one` is next."""
    if row.paused:
        return Step(wake_ts=one.start + GATHER_S)
    ready = _ticks(row, [one], [SUPPRESSED if one.paused else FIRE])[0]
    return Step(wake_ts=one.start, ready=ready, next_ts=one.ts)


def _told(
    row: ScheduleRow, calendar: Instants, due: list[Due], now: float, more: bool = False
) -> Step:
    """These are due, and `more` of them than one step looks at."""
    if row.paused:
        # What was to start before the pause does not start after it, whenever that is over.
        if more or not all(one.paused for one in due) or now - due[0].start >= GATHER_S:
            return Step(_lost(row, due, BEFORE_PAUSE))
        return Step(wake_ts=due[0].start + GATHER_S)
    open_ = [one for one in due if not one.paused]
    late = [one for one in open_ if now - one.start > ON_TIME_S]
    fires, act = _backlog(row, calendar, open_, now) if more else _caught_up(row, open_, late)
    if len(fires) > MOST_FIRES:
        due = due[: due.index(fires[MOST_FIRES])]
    firing = {one.ts for one in fires}
    acts = [SUPPRESSED if one.paused else FIRE if one.ts in firing else act for one in due]
    return Step(_ticks(row, due, acts))


def _lost(row: ScheduleRow, over: list[Due], reason: str) -> list[Tick]:
    """Instants that start nothing."""
    missed = _missed(reason)
    return _ticks(row, over, [SUPPRESSED if one.paused else missed for one in over])


def _ticks(row: ScheduleRow, due: Sequence[Due], acts: Sequence[Act]) -> list[Tick]:
    """A tick for each that fires, and one for all others that follow one another alike."""
    told: list[Tick] = []
    for act, pairs in groupby(zip(due, acts, strict=True), key=lambda pair: pair[1]):
        group = [one for one, _ in pairs]
        if act is not FIRE:
            told.append(_tick(row, told, group, **act))
            continue
        for one in group:
            delay_s = max(0.0, one.start - one.ts)
            told.append(
                _tick(row, told, [one], act="fire", previous_ts=one.previous_ts, delay_s=delay_s)
            )
    return told


def _tick(row: ScheduleRow, told: list[Tick], group: Sequence[Due], **what: Any) -> Tick:
    """One tick for instants that follow on what is told before it."""
    return Tick(
        workflow=row.workflow,
        schedule=row.schedule,
        after_ts=told[-1].due_ts if told else row.ticked_ts,
        due_ts=group[-1].ts,
        from_ts=group[0].ts if len(group) > 1 else None,
        count=len(group),
        **what,
    )


# Instants and their starts


def _starts(row: ScheduleRow, calendar: Instants) -> Iterator[Due]:
    """Instants not accounted for with their starts: none before that of the one before it."""
    first = calendar.after(row.ticked_ts)
    if first is None:
        return
    before = calendar.before(first.ts) if row.due_ts is None else None
    previous = row.ticked_ts if row.due_ts is not None else before.ts if before else None
    latest = float("-inf") if previous is None else _start(row, previous)
    moment: Moment | None = first
    while moment is not None:
        latest = max(latest, _start(row, moment.ts))
        yield Due(moment.ts, previous, latest, _pause(row, latest) is not None)
        previous = moment.ts
        moment = calendar.after(previous)


def _start(row: ScheduleRow, ts: float) -> float:
    if not row.spec.jitter_s:
        return ts
    return ts + jitter(row.workflow, row.schedule, ts, row.spec.jitter_s)


def _pause(row: ScheduleRow, ts: float) -> float | None:
    """When the pause began in which this moment is."""
    begun = row.since_ts if row.paused_ts is None else row.paused_ts
    if row.paused and ts > begun:
        return begun
    return next((begin for begin, end in row.pauses if begin < ts <= end), None)


# What is late


def _caught_up(row: ScheduleRow, due: list[Due], late: list[Due]) -> tuple[list[Due], Act]:
    """Those that start a run, and what becomes of the others."""
    on_time = due[len(late) :]
    if row.spec.catchup == "last":
        fires = on_time or late[-1:]
        return fires, {"act": "coalesced", "into_ts": fires[0].ts} if fires else {}
    if row.spec.catchup == "all":
        most = row.spec.catchup_limit
        return due[max(0, len(late) - most) :], _over(most)
    return on_time, _missed(UNTOLD)


def _over(most: int) -> Act:
    return _missed(f"over the catch-up limit of {most}")


def _backlog(
    row: ScheduleRow, calendar: Instants, due: list[Due], now: float
) -> tuple[list[Due], Act]:
    """The same of the first of more instants than one step looks at."""
    if row.spec.catchup == "last":
        newest = _newest(row, calendar, due, now, 1)
        act: Act = {"act": "coalesced", "into_ts": newest}
    elif row.spec.catchup == "all":
        newest = _newest(row, calendar, due, now, row.spec.catchup_limit)
        act = _over(row.spec.catchup_limit)
    else:
        newest = now - ON_TIME_S - row.spec.jitter_s
        act = _missed(UNTOLD)
    return [one for one in due if one.ts >= newest], act


def _newest(
    row: ScheduleRow, calendar: Instants, due: list[Due], now: float, count: int
) -> float:  # fmt: skip
    """The last instant that has certainly started and was not paused, or the first of the last
    `count`; of those that are `due`, when there is none after them."""
    found = now - row.spec.jitter_s + 1e-6  # the very moment counts, and `before` is strict
    newest = due[-1].ts if due else now
    while count and (moment := calendar.before(found)) is not None and moment.ts > row.ticked_ts:
        found = moment.ts
        begun = _pause(row, _start(row, found))
        if begun is None:
            newest, count = found, count - 1
        else:
            found = min(found, begun + 1e-6)
    return newest

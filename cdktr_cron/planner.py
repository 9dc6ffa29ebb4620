"""What is to be told of a schedule now, and when it is to be looked at next. Pure.

Theory of operation. The principal's row says how far a schedule is accounted for; the calendar
says which instants follow; `step` makes of both and the time of day the ticks that come next, in
order, or the moment to wait for. Nothing is remembered between two steps: whoever is started anew,
or beside another, comes to the same.

    the row is             instants since the mark become
    retired                missed, up to its end; suppressed where it was paused; then it is closed
    paused                 suppressed, those before the pause missed
    resumed                suppressed, those up to when it was resumed; nothing of then ever fires
    else, on time          fired, each
    else, late             by `catchup`: missed (none); the newest fires and the rest is coalesced
                           into it (last); the last so many fire and the rest is missed (all)

Knows no clock, no socket and no calendar but what it is given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple, Protocol

from cdktr_common.catalogue.values import ScheduleRow, Tick
from cdktr_cron.schedule import jitter

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
    """An instant with the one before it and when it may start."""

    ts: float
    previous_ts: float | None
    start: float


def step(row: ScheduleRow, calendar: Instants, now: float) -> Step:
    """What to do about a schedule. Its ticks may be told as they are until the row changes."""
    if row.until_ts is not None:
        over = _some(calendar, row.ticked_ts, row.until_ts)
        return Step(_lost(row, over, OVER)) if over else Step(closed=True)
    if row.paused:
        return _paused(row, calendar, now)
    resumed = row.resumed_ts
    if resumed is not None and resumed > row.ticked_ts:
        over = _some(calendar, row.ticked_ts, min(resumed, now))
        if over:
            return Step(_lost(row, over, UNTOLD))
        coming = calendar.after(row.ticked_ts)
        if coming is not None and coming.ts <= resumed:  # the clock was set back since
            return Step(wake_ts=coming.ts)
    return _open(row, calendar, now)


def _some(calendar: Instants, after_ts: float, to_ts: float) -> list[float]:
    """Instants in between, the first of them if they are many."""
    return [instant.ts for instant in islice(calendar.between(after_ts, to_ts), MOST)]


def _paused(row: ScheduleRow, calendar: Instants, now: float) -> Step:
    over = _some(calendar, row.ticked_ts, now)
    if over and (len(over) == MOST or now - over[0] >= GATHER_S):
        return Step(_lost(row, over, BEFORE_PAUSE))
    following = calendar.after(row.ticked_ts) if not over else None
    first = over[0] if over else following.ts if following else None
    return Step(wake_ts=None if first is None else first + GATHER_S)


def _lost(row: ScheduleRow, over: list[float], reason: str) -> list[Tick]:
    """Instants that start nothing: suppressed where a pause covers them, as far as that is known,
    else missed for the reason."""
    paused = float("inf") if row.paused_ts is None else row.paused_ts
    if row.paused and row.paused_ts is None:
        paused = row.since_ts
    resumed = float("-inf") if row.resumed_ts is None else row.resumed_ts
    told: list[Tick] = []
    group: list[float] = []
    was_paused = False
    for ts in over:
        covered = ts <= resumed or ts > paused
        if group and covered != was_paused:
            told.append(_several(row, told, group, was_paused, reason))
            group = []
        group.append(ts)
        was_paused = covered
    told.append(_several(row, told, group, was_paused, reason))
    return told


def _several(
    row: ScheduleRow, told: list[Tick], group: list[float], was_paused: bool, reason: str
) -> Tick:
    act: dict[str, Any] = {"act": "missed", "reason": reason}
    if was_paused:
        act = {"act": "suppressed", "reason": WAS_PAUSED}
    return _tick(row, told, group, **act)


def _tick(row: ScheduleRow, told: list[Tick], group: Sequence[float], **what: Any) -> Tick:
    """One tick for instants that follow on what is told before it."""
    return Tick(
        workflow=row.workflow,
        schedule=row.schedule,
        after_ts=told[-1].due_ts if told else row.ticked_ts,
        due_ts=group[-1],
        from_ts=group[0] if len(group) > 1 else None,
        count=len(group),
        **what,
    )


# In force and not paused


def _open(row: ScheduleRow, calendar: Instants, now: float) -> Step:
    since = max(row.ticked_ts, row.resumed_ts or row.ticked_ts)
    due: list[Due] = []
    for one in _starts(row, calendar, since):
        if one.start > now:
            if due:
                break
            ready = _fires(row, [], [one])[0]
            return Step(wake_ts=one.start, ready=ready, next_ts=one.ts)
        due.append(one)
        if len(due) > MOST:
            return Step(_backlog(row, calendar, due[:-1], now))
    return Step(_tell(row, due, now)) if due else Step()


def _starts(row: ScheduleRow, calendar: Instants, since: float) -> Iterator[Due]:
    """Instants after `since` with their starts: none before that of the one before it."""
    first = calendar.after(since)
    if first is None:
        return
    told_before = row.due_ts is not None and since == row.ticked_ts
    before = None if told_before else calendar.before(first.ts)
    previous = row.ticked_ts if told_before else before.ts if before else None
    latest = float("-inf") if previous is None else _start(row, previous)
    moment: Moment | None = first
    while moment is not None:
        latest = max(latest, _start(row, moment.ts))
        yield Due(moment.ts, previous, latest)
        previous = moment.ts
        moment = calendar.after(previous)


def _start(row: ScheduleRow, ts: float) -> float:
    if not row.spec.jitter_s:
        return ts
    return ts + jitter(row.workflow, row.schedule, ts, row.spec.jitter_s)


def _tell(row: ScheduleRow, due: list[Due], now: float) -> list[Tick]:
    """All that is due becomes ticks; what is on time fires, each."""
    late = [one for one in due if now - one.start > ON_TIME_S]
    fires = due[len(late) :]
    lost = late
    act: dict[str, Any] = {"act": "missed", "reason": UNTOLD}
    if row.spec.catchup == "last":
        fires = fires or late[-1:]
        lost = late[: len(due) - len(fires)]
        act = {"act": "coalesced", "into_ts": fires[0].ts}
    elif row.spec.catchup == "all":
        most = row.spec.catchup_limit
        lost = late[: max(0, len(late) - most)]
        fires = due[len(lost) :]
        act = {"act": "missed", "reason": f"over the catch-up limit of {most}"}
    told: list[Tick] = []
    if lost:
        told.append(_tick(row, told, [one.ts for one in lost], **act))
    return [*told, *_fires(row, told, fires[:MOST_FIRES])]


def _fires(row: ScheduleRow, told: list[Tick], due: Sequence[Due]) -> list[Tick]:
    made = list(told)
    for one in due:
        tick = _tick(
            row, made, [one.ts], act="fire", previous_ts=one.previous_ts,
            delay_s=max(0.0, one.start - one.ts),
        )  # fmt: skip
        made.append(tick)
    return made[len(told) :]


def _backlog(row: ScheduleRow, calendar: Instants, due: list[Due], now: float) -> list[Tick]:
    """The first of more instants than one step looks at: what will not fire anyway is told now."""
    act: dict[str, Any] = {"act": "missed", "reason": UNTOLD}
    if row.spec.catchup == "last":
        newest = _newest(calendar, now, 1, row.spec.jitter_s)
        act = {"act": "coalesced", "into_ts": newest}
    elif row.spec.catchup == "all":
        most = row.spec.catchup_limit
        newest = _newest(calendar, now, most, row.spec.jitter_s)
        act = {"act": "missed", "reason": f"over the catch-up limit of {most}"}
    else:
        newest = now - ON_TIME_S - row.spec.jitter_s
    lost = [one.ts for one in due if one.ts < newest]
    return [_tick(row, [], lost, **act)] if lost else _fires(row, [], due[:MOST_FIRES])


def _newest(calendar: Instants, now: float, count: int, jitter_s: float) -> float:
    """The last instant that has certainly started, or the first of the last `count`."""
    found = now - jitter_s
    for number in range(count):
        # The very moment counts, and `before` is strict.
        moment = calendar.before(found + 1e-6 if number == 0 else found)
        if moment is None:
            break
        found = moment.ts
    return found

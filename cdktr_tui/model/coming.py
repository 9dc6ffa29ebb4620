"""The instants ahead of schedules, in the order of time, and the changes of clocks between them.

They follow from the schedules and the zones' rules alone, so that they are computed here, also when
nobody is there who would fire them. As many as are wanted at a time: a line of every minute has
1,440 a day. What must stay true: they are those that `cdktr-cron` fires, which computes them by the
same calendar. Pure; what time it is is said by the caller.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

from cdktr_common.calendar import zones
from cdktr_common.calendar.schedule import Calendar, Invalid, calendar, jitter, moved
from cdktr_common.calendar.zones import Unknown
from cdktr_common.catalogue.plan import Schedule
from cdktr_common.catalogue.values import ScheduleRow

Id = tuple[str, str]
"""A workflow, and a schedule of it."""

HOUR_S: Final = 3600.0
MOST_AN_HOUR: Final = 10
"""Of more it is only told that there are more."""


class Due(NamedTuple):
    """Something at an instant: a start, or (without a workflow) a change of the clock of the zone
    `schedule`. `delay_s`: it is started so much later, by its jitter."""

    ts: float
    workflow: str
    schedule: str
    note: str = ""
    coalesced: int = 0
    delay_s: float = 0.0

    @property
    def key(self) -> str:
        return f"{self.ts:.6f}|{self.workflow}|{self.schedule}"


class Hour(NamedTuple):
    """How often something is due within an hour, at most `MOST_AN_HOUR`; `moved`: a change of the
    clock has to do with it."""

    times: int
    moved: bool = False


def instants(spec: Schedule) -> Calendar:
    """The calendar of a schedule. Raises Invalid and Unknown."""
    return _calendar(spec.cron, spec.every_s, spec.at, spec.timezone, spec.start, spec.end)


@lru_cache(maxsize=5_000)
def _calendar(
    cron: str, every_s: float | None, at: str, timezone: str, start: str, end: str
) -> Calendar:
    return calendar(
        Schedule(cron=cron, every_s=every_s, at=at, timezone=timezone, start=start, end=end)
    )


class Coming:
    """What is due after one instant, up to and including another. `faults` are schedules that
    nothing can be told of, with the reason: a newer principal may have others, and a machine may
    not know a zone."""

    def __init__(self, rows: Mapping[Id, ScheduleRow], after_ts: float, to_ts: float) -> None:
        self.faults: dict[Id, str] = {}
        self.found: list[Due] = []
        self.more = True
        sources = [_changes(rows.values(), after_ts, to_ts)]
        for id, row in rows.items():
            try:
                found = instants(row.spec)
            except (Invalid, Unknown) as fault:
                self.faults[id] = str(fault)
            else:
                sources.append(_of(row, found, max(after_ts, row.since_ts), to_ts))
        self._rest = heapq.merge(*sources)

    def take(self, count: int) -> list[Due]:
        """So many more; `found` has all so far."""
        new = list(islice(self._rest, count))
        self.more = len(new) == count
        self.found += new
        return new


def _of(row: ScheduleRow, found: Calendar, after_ts: float, to_ts: float) -> Iterator[Due]:
    for one in found.between(after_ts, to_ts):
        delay_s = 0.0
        if row.spec.jitter_s:
            delay_s = jitter(row.workflow, row.schedule, one.ts, row.spec.jitter_s)
        yield Due(one.ts, row.workflow, row.schedule, one.note, one.coalesced, delay_s)


def _changes(rows: Iterable[ScheduleRow], after_ts: float, to_ts: float) -> Iterator[Due]:
    """A line for each change of the clock of a zone that some schedule has."""
    found = []
    for name in {row.spec.timezone for row in rows}:
        try:
            change = zones.zone(name).change_after(after_ts, to_ts)
        except Unknown:
            continue
        if change is not None:
            found.append(Due(float(change.ts), "", name or "UTC", moved(change)))
    yield from sorted(found)


def by_hour(row: ScheduleRow, begin_ts: float, count: int, after_ts: float) -> list[Hour]:
    """How often it is due in each of so many hours, leaving out what is not after an instant.
    Raises Invalid and Unknown."""
    found = instants(row.spec)
    hours = []
    for number in range(count):
        begin = begin_ts + number * HOUR_S
        # An instant at the very begin of the hour is of this one.
        after = max(begin - 1e-6, after_ts, row.since_ts)
        due = list(islice(found.between(after, begin + HOUR_S - 2e-6), MOST_AN_HOUR))
        hours.append(Hour(len(due), any(one.note for one in due)))
    return hours

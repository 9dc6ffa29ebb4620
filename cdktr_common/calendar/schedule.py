"""From a schedule of a workflow to the instants at which it is due.

A cron line is a set of readings of the clock. An instant is due when the clock of the zone shows
one of them, with two exceptions at a change of the clock that the schedule takes notice of: when
the clock is put back, the second pass over the same readings does not count; when it is put
forward over readings of the schedule, they all are due once, together, at the first instant after.
A line in which every hour counts takes no notice of a change by whole hours, nor of any other
under which every hour keeps the same minutes: for it every real hour is an hour.

What must stay true: the instants of a schedule follow from the schedule and the zone's rules alone,
`after` and `before` see the same ones, and all of them lie between `start` and `end`, both
included, and from 1970 on. Pure: no clock is asked. What a day is and what a reading is, is in
`wall`; when the clock is moved, in `zones`; what a schedule may say, in
`cdktr_common`. docs/time.md is this policy for people.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, Protocol

from cdktr_common import cronline, schedules
from cdktr_common.calendar import zones
from cdktr_common.calendar.wall import DAY, HOUR, Fields
from cdktr_common.calendar.zones import Change, Zone
from cdktr_common.catalogue.plan import Schedule

__all__ = ["Calendar", "Instant", "Invalid", "calendar", "jitter"]

_LONGEST: Final = 2 * DAY
"""No clock has been moved by more at once."""


class Invalid(ValueError):
    """A schedule that cannot be kept: what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Instant:
    """When something is due: `ts` in UTC, `wall` as the clock of the zone shows it. `coalesced`:
    how many readings of the clock it stands for besides its own. `note`: what a change of the clock
    has to do with it; in general nothing."""

    ts: float
    wall: datetime
    note: str = ""
    coalesced: int = 0


class Source(Protocol):
    """Instants without a beginning and an end."""

    def after(self, ts: float) -> Instant | None:
        """The first one after an instant."""

    def before(self, ts: float) -> Instant | None:
        """The last one before an instant."""


class Calendar:
    """All instants of a schedule."""

    def __init__(self, source: Source, zone: Zone, start: float, end: float) -> None:
        self.source = source
        self.zone = zone
        self.start = start
        self.end = end

    def after(self, ts: float) -> Instant | None:
        """The first instant after `ts`."""
        found = self.source.after(max(ts, math.nextafter(self.start, -math.inf)))
        return found if found is not None and found.ts <= self.end else None

    def before(self, ts: float) -> Instant | None:
        """The last instant before `ts`."""
        found = self.source.before(min(ts, math.nextafter(self.end, math.inf)))
        return found if found is not None and found.ts >= self.start else None

    def between(self, after_ts: float, to_ts: float) -> Iterator[Instant]:
        """The instants after the one, up to and including the other."""
        found = self.after(after_ts)
        while found is not None and found.ts <= to_ts:
            yield found
            found = self.after(found.ts)


class Lines:
    """The instants of a cron line in a zone."""

    def __init__(self, fields: Fields, zone: Zone) -> None:
        self.fields = fields
        self.zone = zone

    def notices(self, change: Change) -> bool:
        """Whether the readings that a change skips or repeats are treated as such."""
        return not (self.fields.hourly and self.fields.unmoved_by(change.shift))

    def missing(self, change: Change) -> int:
        """How many readings of the line a change skips that it takes notice of."""
        if change.shift <= 0 or not self.notices(change):
            return 0
        return self.fields.count(change.ts + change.before, change.ts + change.after)

    def repeated(self, change: Change) -> int:
        """How many readings of the line come twice by a change that it takes notice of."""
        if change.shift >= 0 or not self.notices(change):
            return 0
        return self.fields.count(change.ts + change.after, change.ts + change.before)

    def after(self, ts: float) -> Instant | None:
        """The first instant after `ts`."""
        low = math.floor(ts) + 1
        change = self.zone.change_before(low, low - _LONGEST)
        if change is not None and change.ts == low and self.missing(change):
            return self.at_once(change)
        offset, low = self.zone.offset(low), self._begin(low, change)
        while True:
            reading = self.fields.first(low + offset)
            if reading is None:
                return None
            found = reading - offset
            change = self.zone.change_after(low, found)
            if change is None or change.ts > found:
                return self._due(found)
            if self.missing(change):
                return self.at_once(change)
            offset, low = change.after, self._begin(change.ts, change)

    def before(self, ts: float) -> Instant | None:
        """The last instant before `ts`."""
        high = math.ceil(ts)
        while True:
            offset = self.zone.offset(high - 1)
            reading = self.fields.last(high + offset)
            if reading is None or high <= 0:
                return None
            found = reading - offset
            change = self.zone.change_before(high - 1, found - _LONGEST)
            if change is None or (found > change.ts and found >= self._begin(found, change)):
                return self._due(found) if found >= 0 else None
            if self.missing(change):
                return self.at_once(change)
            if found == self._begin(change.ts, change):
                return self._due(found)
            high = change.ts

    def _begin(self, ts: int, change: Change | None) -> int:
        """From `ts` on, but after a second pass that does not count."""
        if change is None or change.shift >= 0 or not self.notices(change):
            return ts
        return max(ts, change.ts - change.shift)

    def at_once(self, change: Change) -> Instant:
        """The readings that a change skips, and the one that is due there anyway."""
        missing = self.missing(change)
        low, high = change.ts + change.before, change.ts + change.after
        own = self.fields.first(high) == high
        first, last = self.fields.first(low), self.fields.last(high)
        what = clock(first) if missing == 1 else f"{clock(first)} to {clock(last)} ({missing})"
        verb = "does" if missing == 1 else "do"
        note = f"{what} {verb} not exist: {moved(change)}"
        coalesced = missing if own else missing - 1
        return Instant(float(change.ts), self.zone.at(change.ts), note, coalesced)

    def _due(self, ts: int) -> Instant:
        return Instant(float(ts), self.zone.at(ts), self._note(ts))

    def _note(self, ts: int) -> str:
        coming = self.zone.change_after(ts, ts + _LONGEST)
        if coming is not None and coming.shift < 0 and ts >= coming.ts + coming.shift:
            which = "only the first counts" if self.notices(coming) else "this is the first"
            return f"{clock(ts + coming.before)} comes twice, {which}: {moved(coming)}"
        gone = self.zone.change_before(ts, ts - _LONGEST)
        if gone is None or self.notices(gone):
            return ""
        if ts < gone.ts - gone.shift:
            return f"{clock(ts + gone.after)} comes twice, this is the second: {moved(gone)}"
        if gone.shift > 0 and ts < gone.ts + HOUR:
            earlier = self.fields.last(ts + gone.after)
            if earlier is None or earlier - gone.after < gone.ts:
                return f"nothing is missing: {moved(gone)}"
        return ""


class Every:
    """Instants at equal distances."""

    def __init__(self, every_s: float, anchor: float, zone: Zone) -> None:
        self.step = round(every_s * 1e6)
        self.anchor = round(anchor * 1e6)
        self.zone = zone

    def after(self, ts: float) -> Instant | None:
        """The first instant after `ts`."""
        number = (round(ts * 1e6) - self.anchor) // self.step
        while self._ts(number) <= ts:
            number += 1
        return self._instant(number)

    def before(self, ts: float) -> Instant | None:
        """The last instant before `ts`."""
        number = -((self.anchor - round(ts * 1e6)) // self.step)
        while self._ts(number) >= ts:
            number -= 1
        return self._instant(number) if self._ts(number) >= 0 else None

    def _ts(self, number: int) -> float:
        return (self.anchor + number * self.step) / 1e6

    def _instant(self, number: int) -> Instant | None:
        ts = self._ts(number)
        return Instant(ts, self.zone.at(ts)) if ts < LATEST else None


class Once:
    """A single instant."""

    def __init__(self, instant: Instant) -> None:
        self.instant = instant

    def after(self, ts: float) -> Instant | None:
        """It, when it is after `ts`."""
        return self.instant if self.instant.ts > ts else None

    def before(self, ts: float) -> Instant | None:
        """It, when it is before `ts`."""
        return self.instant if self.instant.ts < ts else None


LATEST: Final = 253370764800.0
"""The year 9999, where dates end."""


@lru_cache(maxsize=20_000)
def fields(line: str) -> Fields:
    """A cron line, read once."""
    return Fields(cronline.parse(line))


def calendar(spec: Schedule) -> Calendar:
    """The instants of a schedule. Raises Invalid when it says nothing that can be kept."""
    problem = schedules.problem(spec)
    if problem is not None:
        raise Invalid(problem)
    zone = zones.zone(spec.timezone)
    start = moment(spec.start, zone).ts if spec.start else 0.0
    end = moment(spec.end, zone).ts if spec.end else LATEST
    source: Source
    if spec.cron:
        source = Lines(fields(spec.cron), zone)
    elif spec.every_s is not None:
        source = Every(spec.every_s, start, zone)
    else:
        source = Once(moment(spec.at, zone))
    return Calendar(source, zone, start, end)


def moment(text: str, zone: Zone) -> Instant:
    """A date and time as an instant; without an offset it is of the zone. Raises ValueError."""
    said = schedules.moment(text)
    if said.tzinfo is not None:
        return Instant(said.timestamp(), zone.at(said.timestamp()))
    ts = zone.instant(said)
    gone, coming = zone.change_before(ts, ts), zone.change_after(ts, ts + _LONGEST)
    note = ""
    if gone is not None and zone.at(ts).replace(tzinfo=None) != said:
        note = f"{said:%H:%M} does not exist: {moved(gone)}"
    elif coming is not None and ts >= coming.ts + coming.shift:
        note = f"{said:%H:%M} comes twice, only the first counts: {moved(coming)}"
    return Instant(ts, zone.at(ts), note)


def jitter(workflow: str, schedule_id: str, ts: float, jitter_s: float) -> float:
    """By how much the start for an instant is delayed: a part of `jitter_s` that is the same
    whoever asks, and whenever."""
    digest = hashlib.sha256(f"{workflow}\n{schedule_id}\n{ts:.6f}".encode()).digest()
    return jitter_s * int.from_bytes(digest[:6], "big") / 2**48


def moved(change: Change) -> str:
    """`the clock goes from 02:00 to 03:00`, with the dates when they differ."""
    low, high = change.ts + change.before, change.ts + change.after
    if low // DAY == high // DAY:
        return f"the clock goes from {clock(low)} to {clock(high)}"
    return f"the clock goes from {_dated(low)} to {_dated(high)}"


def clock(reading: int | None) -> str:
    """What the clock shows, without the date."""
    assert reading is not None
    hour, rest = divmod(reading % DAY, HOUR)
    seconds = f":{rest % 60:02}" if rest % 60 else ""
    return f"{hour:02}:{rest // 60:02}{seconds}"


def _dated(reading: int) -> str:
    day = datetime(1970, 1, 1) + timedelta(days=reading // DAY)
    return f"{day:%Y-%m-%d} {clock(reading)}"

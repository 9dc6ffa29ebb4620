"""The policy on time as its words say it, second by second and slowly: what `calendar.schedule`
must agree with. It shares no code with it: no search, no sets of days, no list of changes.

The words: an instant is due when the clock shows a reading of the schedule. When the clock is put
back, what it shows a second time does not count. When it is put forward, the readings that it
skips are due once, together with what is due there anyway, at the first instant after. A schedule
in which every hour counts does not notice a change by whole hours, nor one under which every hour
has the same minutes and seconds as before.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

Number = frozenset[int]


@dataclass(frozen=True)
class Said:
    """A schedule as its author thought of it, beside the line that was written for it."""

    line: str
    seconds: Number
    minutes: Number
    hours: Number
    months: Number
    day: Callable[[datetime], bool]
    """Whether a date counts, by day of the month and weekday."""

    def shows(self, reading: datetime) -> bool:
        """Whether this reading of the clock is one of the schedule."""
        return (
            reading.second in self.seconds
            and reading.minute in self.minutes
            and reading.hour in self.hours
            and reading.month in self.months
            and self.day(reading)
        )

    def notices(self, shift: timedelta) -> bool:
        """Whether a change of the clock means something to it."""
        if self.hours != set(range(24)):
            return True
        hour = {minute * 60 + second for minute in self.minutes for second in self.seconds}
        by = round(shift.total_seconds())
        return {(second + by) % 3600 for second in hour} != hour


@dataclass(frozen=True)
class Due:
    """An instant, and for how many readings besides its own it stands."""

    ts: int
    coalesced: int


def due(said: Said, zone: str, start: int, stop: int) -> Iterator[Due]:
    """All instants from `start` up to, not including, `stop`."""
    info = ZoneInfo(zone)
    second = timedelta(seconds=1)
    repeated_until = start
    shown = datetime.fromtimestamp(start - 1, info).replace(tzinfo=None, fold=0)
    for ts in range(start, stop):
        reading = datetime.fromtimestamp(ts, info).replace(tzinfo=None, fold=0)
        shift = reading - shown - second
        missing = 0
        if shift and said.notices(shift):
            skipped = shown + second
            while skipped < reading:
                missing += said.shows(skipped)
                skipped += second
            if shift < timedelta(0):
                repeated_until = ts + round(-shift.total_seconds())
        own = said.shows(reading) and ts >= repeated_until
        if own or missing:
            yield Due(ts, missing + own - 1)
        shown = reading


def last_day(reading: datetime) -> bool:
    """Whether it is the last day of its month."""
    return reading.day == monthrange(reading.year, reading.month)[1]

"""The fields of a cron line as sets, and the readings of a clock that they allow.

A reading of the clock is a whole number here: the seconds since 1970-01-01T00:00:00 as the wall
shows them, whatever the zone. What must stay true: `first`, `last` and `count` speak of one and the
same set of readings, in which a day counts by its date alone. Knows no zone, no offset and no text.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import date
from typing import Final

from cdktr_common.cronline import LAST, CronLine

DAY: Final = 86400
HOUR: Final = 3600
EPOCH: Final = date(1970, 1, 1).toordinal()
YEARS: Final = 50
"""How far a day is looked for. A leap day that is a certain weekday is at most 40 years off."""


def days_of(line: CronLine, year: int, month: int) -> tuple[int, ...]:
    """The days of a month that a line allows."""
    if month not in line.months:
        return ()
    length = month_length(year, month)
    first = date(year, month, 1).toordinal() % 7  # its weekday: Sunday is 0
    both = line.any_day or line.any_weekday
    chosen = []
    for day in range(1, length + 1):
        weekday = (first + day - 1) % 7
        by_day = day in line.days or (day == length and LAST in line.days)
        by_week = (
            weekday in line.weekdays
            or (weekday, (day + 6) // 7) in line.nth
            or (day + 7 > length and (weekday, LAST) in line.nth)
        )
        if (by_day and by_week) if both else (by_day or by_week):
            chosen.append(day)
    return tuple(chosen)


def month_length(year: int, month: int) -> int:
    """How many days a month has."""
    following = date(year + month // 12, month % 12 + 1, 1)
    return following.toordinal() - date(year, month, 1).toordinal()


class Fields:
    """A cron line: its days, and the seconds of each of them as three sorted lists."""

    def __init__(self, line: CronLine) -> None:
        self.line = line
        self.hours = sorted(line.hours)
        self.minutes = sorted(line.minutes)
        self.seconds = sorted(line.seconds)
        self.daily = len(line.months) == 12 and len(line.days) >= 31 and len(line.weekdays) == 7
        self._months: dict[tuple[int, int], tuple[int, ...]] = {}

    @property
    def hourly(self) -> bool:
        """Whether every hour counts."""
        return len(self.hours) == 24

    def first(self, reading: int) -> int | None:
        """The first reading from this one on; None: not within many years."""
        number, time = divmod(reading, DAY)
        day = self._day_from(number)
        if day == number:
            later = self._time_from(time)
            if later is not None:
                return number * DAY + later
            day = self._day_from(number + 1)
        return None if day is None else day * DAY + self._earliest()

    def last(self, reading: int) -> int | None:
        """The last reading before this one."""
        number, time = divmod(reading, DAY)
        day = self._day_to(number)
        if day == number:
            earlier = self._time_before(time)
            if earlier is not None:
                return number * DAY + earlier
            day = self._day_to(number - 1)
        return None if day is None else day * DAY + self._latest()

    def count(self, start: int, stop: int) -> int:
        """How many readings there are from `start` up to, not including, `stop`."""
        found = 0
        for number in range(start // DAY, (stop - 1) // DAY + 1 if stop > start else 0):
            if self._day_from(number) == number:
                low = max(start - number * DAY, 0)
                high = min(stop - number * DAY, DAY)
                found += self._times_before(high) - self._times_before(low)
        return found

    def unmoved_by(self, shift: int) -> bool:
        """Whether the clock may be moved by so many seconds and every hour still has the same
        minutes and seconds in it."""
        if shift % HOUR == 0:
            return True
        if shift % 60:
            return len(self.minutes) == 60 and len(self.seconds) == 60
        return {(minute + shift // 60) % 60 for minute in self.minutes} == set(self.minutes)

    def _earliest(self) -> int:
        return self.hours[0] * HOUR + self.minutes[0] * 60 + self.seconds[0]

    def _latest(self) -> int:
        return self.hours[-1] * HOUR + self.minutes[-1] * 60 + self.seconds[-1]

    def _time_from(self, time: int) -> int | None:
        """The first time of day from this one on."""
        return self._time_at(self._times_before(time))

    def _time_before(self, time: int) -> int | None:
        return self._time_at(self._times_before(time) - 1)

    def _time_at(self, index: int) -> int | None:
        minutes, seconds = len(self.minutes), len(self.seconds)
        if not 0 <= index < len(self.hours) * minutes * seconds:
            return None
        rest, second = divmod(index, seconds)
        hour, minute = divmod(rest, minutes)
        return self.hours[hour] * HOUR + self.minutes[minute] * 60 + self.seconds[second]

    def _times_before(self, time: int) -> int:
        """How many times of day are before this one."""
        hour, rest = divmod(time, HOUR)
        minute, second = divmod(rest, 60)
        whole = bisect_left(self.hours, hour)
        number = whole * len(self.minutes)
        if not _has(self.hours, whole, hour):
            return number * len(self.seconds)
        part = bisect_left(self.minutes, minute)
        number = (number + part) * len(self.seconds)
        if not _has(self.minutes, part, minute):
            return number
        return number + bisect_left(self.seconds, second)

    def _day_from(self, number: int) -> int | None:
        """The first day that counts from this one on, counted from 1970-01-01."""
        if self.daily:
            return number
        start = date.fromordinal(number + EPOCH)
        year, month, least = start.year, start.month, start.day
        while year <= min(start.year + YEARS, 9998):
            days = self._of(year, month)
            at = bisect_left(days, least)
            if at < len(days):
                return date(year, month, days[at]).toordinal() - EPOCH
            year, month, least = year + month // 12, month % 12 + 1, 1
        return None

    def _day_to(self, number: int) -> int | None:
        """The last day that counts up to this one."""
        if self.daily:
            return number
        start = date.fromordinal(number + EPOCH)
        year, month, most = start.year, start.month, start.day
        while year >= max(start.year - YEARS, 1):
            days = self._of(year, month)
            at = bisect_left(days, most + 1)
            if at:
                return date(year, month, days[at - 1]).toordinal() - EPOCH
            year, month, most = (year, month - 1, 31) if month > 1 else (year - 1, 12, 31)
        return None

    def _of(self, year: int, month: int) -> tuple[int, ...]:
        known = self._months.get((year, month))
        if known is None:
            if len(self._months) > 1000:
                self._months.clear()
            known = self._months[year, month] = days_of(self.line, year, month)
        return known


def _has(values: Sequence[int], at: int, value: int) -> bool:
    return at < len(values) and values[at] == value

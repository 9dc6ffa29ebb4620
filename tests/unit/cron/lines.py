"""Cron lines made up at random, each beside what its author meant by it, and changes of the clock
that they are likely to be touched by."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tests.unit.cron.oracle import Said, last_day
from tests.unit.cron.zones import ZONES, Moved, all_moved

Field = tuple[str, frozenset[int]]
Case = tuple[Said, Moved]


def every(low: int, high: int) -> Field:
    """`*`."""
    return "*", frozenset(range(low, high + 1))


def listed(numbers: list[int]) -> Field:
    """These, as a list."""
    return ",".join(map(str, numbers)), frozenset(numbers)


def item(rng: Random, low: int, high: int, near: tuple[int, ...]) -> tuple[str, range]:
    """One item of a list."""
    first, last = sorted(rng.choice([*near, rng.randint(low, high)]) for _ in range(2))
    step = rng.randint(1, max(high // 2, 1))
    return rng.choice(
        [
            (f"{first}", range(first, first + 1)),
            (f"{first}-{last}", range(first, last + 1)),
            (f"{first}-{last}/{step}", range(first, last + 1, step)),
            (f"*/{step}", range(low, high + 1, step)),
            (f"{first}/{step}", range(first, high + 1, step)),
        ]
    )


def field(rng: Random, low: int, high: int, near: tuple[int, ...] = ()) -> Field:
    """A field of numbers, some of them near those that matter."""
    items = [item(rng, low, high, near) for _ in range(rng.choice([1, 1, 2, 3]))]
    numbers = frozenset(number for _, meant in items for number in meant)
    return ",".join(text for text, _ in items), numbers


def touched(change: Moved) -> tuple[int, ...]:
    """The hours that a change skips or repeats, and those beside them."""
    end = datetime.fromtimestamp(change.ts, ZoneInfo(change.zone)).replace(tzinfo=None)
    begin = end - timedelta(seconds=change.shift)
    low, high = sorted((begin, end))
    hours = range(-1, min(round((high - low).total_seconds() / 3600), 22) + 2)
    return tuple((low + timedelta(hours=hour)).hour for hour in hours)


def case(seed: int) -> Case:
    """A change of a clock, and a line that is likely to be due around it."""
    rng = Random(seed)
    zone = rng.choice([*ZONES, *["Australia/Lord_Howe"] * 3])
    change = rng.choice([one for one in all_moved() if one.zone == zone])
    near = touched(change)
    some = listed(rng.sample(near, min(len(near), rng.randint(1, 3))))
    hours = rng.choice([some, some, field(rng, 0, 23, near), every(0, 23)])
    plain = [every(0, 59), listed([0])]
    minutes = rng.choice([field(rng, 0, 59, (0, 15, 30, 45)), *plain, field(rng, 0, 59)])
    seconds = rng.choice([None, None, None, field(rng, 0, 59, (0, 30))])
    months, days, weekdays = every(1, 12), every(1, 31), every(0, 6)
    if rng.random() < 0.05:
        months = field(rng, 1, 12)
    if rng.random() < 0.1:
        days = field(rng, 1, 31)
    if rng.random() < 0.1:
        weekdays = field(rng, 0, 6, (0, 5, 6))
    extra = rng.choice(["L", "#", *[""] * 18])
    return said(seconds, minutes, hours, days, months, weekdays, extra, rng), change


def said(
    seconds: Field | None, minutes: Field, hours: Field, days: Field, months: Field,
    weekdays: Field, extra: str, rng: Random,
) -> Said:  # fmt: skip
    """A line of these fields. `L` goes with the days, `#` in place of the weekdays."""
    day_text = days[0] + (",L" if extra == "L" else "")
    weekday, week = rng.randint(0, 6), rng.randint(1, 5)
    week_text = f"{weekday}#{week}" if extra == "#" else weekdays[0]
    star = "*" in day_text + week_text

    def counts(reading: datetime) -> bool:
        in_month = reading.day in days[1] or (extra == "L" and last_day(reading))
        number = reading.isoweekday() % 7
        in_week = number in weekdays[1]
        if extra == "#":
            in_week = number == weekday and (reading.day - 1) // 7 + 1 == week
        return (in_month and in_week) if star else (in_month or in_week)

    words = [minutes[0], hours[0], day_text, months[0], week_text]
    if seconds is not None:
        words.insert(0, seconds[0])
    chosen = frozenset({0}) if seconds is None else seconds[1]
    return Said(" ".join(words), chosen, minutes[1], hours[1], months[1], counts)


CASES = st.integers(0, 2**48).map(case)
"""Any of them, for laws."""

"""Cron lines made up at random, each beside what its author meant by it."""

from __future__ import annotations

from datetime import datetime

from hypothesis import strategies as st

from tests.unit.cron.oracle import Said, last_day

Field = tuple[str, frozenset[int]]


@st.composite
def field(draw: st.DrawFn, low: int, high: int, near: tuple[int, ...] = ()) -> Field:
    """A field of numbers; `near` are those that a change of the clock is likely to touch."""
    number = st.integers(low, high)
    if near:
        number = st.one_of(st.sampled_from(near), number)
    items, numbers = [], set[int]()
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["one", "range", "step", "stars", "open"]))
        first, last = sorted((draw(number), draw(number)))
        step = draw(st.integers(1, max(high // 2, 1)))
        text, meant = {
            "one": (f"{first}", range(first, first + 1)),
            "range": (f"{first}-{last}", range(first, last + 1)),
            "step": (f"{first}-{last}/{step}", range(first, last + 1, step)),
            "stars": (f"*/{step}", range(low, high + 1, step)),
            "open": (f"{first}/{step}", range(first, high + 1, step)),
        }[kind]
        items.append(text)
        numbers.update(meant)
    return ",".join(items), frozenset(numbers)


def every(low: int, high: int) -> Field:
    """`*`."""
    return "*", frozenset(range(low, high + 1))


def zero() -> Field:
    """`0`."""
    return "0", frozenset({0})


@st.composite
def said(draw: st.DrawFn) -> Said:
    """A line of five or six fields that is likely to be due around a change of the clock."""
    minutes = draw(st.one_of(st.just(zero()), st.just(every(0, 59)), field(0, 59, (0, 15, 30, 45))))
    hours = draw(st.one_of(st.just(every(0, 23)), field(0, 23, (0, 1, 2, 3, 23))))
    seconds = draw(st.one_of(st.none(), st.just(zero()), field(0, 59, (0, 30))))
    month = draw(st.one_of(st.just(every(1, 12)), st.just(every(1, 12)), field(1, 12)))
    day = draw(st.one_of(st.just(every(1, 31)), st.just(every(1, 31)), field(1, 31)))
    weekday = draw(st.one_of(st.just(every(0, 6)), st.just(every(0, 6)), field(0, 6, (0, 5, 6))))
    extra = draw(st.sampled_from(["", "", "", "L", "#"]))
    day_text = day[0] + (",L" if extra == "L" else "")
    nth = (draw(st.integers(0, 6)), draw(st.integers(1, 5)))
    week_text = f"{nth[0]}#{nth[1]}" if extra == "#" else weekday[0]
    star = "*" in day_text + week_text

    def counts(reading: datetime) -> bool:
        in_month = reading.day in day[1] or (extra == "L" and last_day(reading))
        number = reading.isoweekday() % 7
        in_week = number in weekday[1]
        if extra == "#":
            in_week = number == nth[0] and (reading.day - 1) // 7 + 1 == nth[1]
        return (in_month and in_week) if star else (in_month or in_week)

    words = [minutes[0], hours[0], day_text, month[0], week_text]
    if seconds is not None:
        words.insert(0, seconds[0])
    chosen = frozenset({0}) if seconds is None else seconds[1]
    return Said(" ".join(words), chosen, minutes[1], hours[1], month[1], counts)

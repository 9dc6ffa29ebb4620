"""What the next change of the clock does to a schedule, and how a schedule is read, in words.

Pure: the time of day is given. The rule itself is in `schedule`; this asks it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from cdktr_common import times
from cdktr_common.calendar.schedule import Calendar, Every, Lines, Once, clock, moved
from cdktr_common.calendar.zones import Change
from cdktr_common.cronline import LAST, CronLine

AHEAD: Final = 2 * 366 * 86400.0
"""How far a change of the clock is looked for."""

_WEEKDAYS: Final = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_NUMBERS: Final = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", LAST: "last"}

WALL: Final = (
    "hours are named: it follows the clock on the wall; readings that a change of the clock skips"
    " are due once, together, right after it; one that comes twice is due the first time only"
)
HOURLY: Final = (
    "every hour counts: real hours, so a change of the clock by whole hours skips and doubles"
    " nothing"
)
HALF: Final = (
    "; by half an hour its minutes would move, so there it is treated as if hours were named: what"
    " is skipped is due once, right after, what comes twice the first time only"
)


class Effect(NamedTuple):
    """A change of the clock and what it does to a schedule; no words: nothing."""

    change: Change
    words: str


def coming(calendar: Calendar, ts: float) -> Effect | None:
    """The next change of the clock in the zone of a schedule; None: there is none for long."""
    change = calendar.zone.change_after(ts, ts + AHEAD)
    return None if change is None else Effect(change, effect(calendar, change))


def effect(calendar: Calendar, change: Change) -> str:
    """What a change of the clock does to a schedule."""
    source = calendar.source
    if isinstance(source, Once):
        near = abs(source.instant.ts - change.ts) <= abs(change.shift)
        return source.instant.note if near else ""
    if not isinstance(source, Lines) or not calendar.start <= change.ts <= calendar.end:
        return ""
    if source.missing(change):
        due = source.at_once(change)
        return f"{due.note}; due once, at {due.wall:%H:%M}"
    repeated = source.repeated(change)
    if not repeated:
        return ""
    low, high = change.ts + change.after, change.ts + change.before
    first, last = source.fields.first(low), source.fields.last(high)
    which = clock(first) if repeated == 1 else f"{clock(first)} to {clock(last)} ({repeated})"
    verb = "comes" if repeated == 1 else "come"
    return f"{which} {verb} twice: {moved(change)}; due the first time only"


def explained(calendar: Calendar, ts: float) -> list[str]:
    """How a schedule is read, by which rule it is due, and what the next change does to it."""
    source, name = calendar.source, calendar.zone.name
    if isinstance(source, Every):
        return [
            f"reads: every {source.step / 1e6:.12g} s from {times.rfc3339(source.anchor / 1e6)} on",
            "rule: real seconds; what the clock on the wall shows means nothing to it",
        ]
    if isinstance(source, Once):
        note = source.instant.note
        return [f"reads: once, at {times.rfc3339(source.instant.ts)}", *([note] if note else [])]
    assert isinstance(source, Lines)
    found = coming(calendar, ts)
    rule = HOURLY if source.fields.hourly else WALL
    if source.fields.hourly and found is not None and source.notices(found.change):
        rule += HALF
    told = [f"reads: {reading(source.fields.line)}; the clock is that of {name}", f"rule: {rule}"]
    if found is None:
        return [*told, f"next change: none of the clock of {name} in two years"]
    said = found.words or f"{moved(found.change)}, which changes nothing here"
    return [*told, f"next change: {times.rfc3339(found.change.ts)}: {said}"]


def reading(line: CronLine) -> str:
    """The fields of a cron line in words."""
    seconds = "" if line.seconds == {0} else f"second {_numbers(line.seconds, 0, 59)}, "
    minutes = f"minute {_numbers(line.minutes, 0, 59)}"
    hours = f"hour {_numbers(line.hours, 0, 23)}"
    months = "" if len(line.months) == 12 else f", in month {_numbers(line.months, 1, 12)}"
    return f"{seconds}{minutes}, {hours}, {_days(line)}{months}"


def _days(line: CronLine) -> str:
    last = ["the last day"] if LAST in line.days else []
    numbers = line.days - {LAST}
    days = " or ".join([*([f"day {_numbers(numbers, 1, 31)}"] if numbers else []), *last])
    week = [f"the {_NUMBERS[n]} {_WEEKDAYS[day]}" for day, n in sorted(line.nth)]
    week += [_WEEKDAYS[day] for day in sorted(line.weekdays)]
    every_day, every_weekday = len(numbers) == 31, len(line.weekdays) == 7
    if every_day and every_weekday:
        return "every day"
    if not line.any_day and not line.any_weekday:
        return f"{days} of the month or also {', '.join(week)}"
    parts = [*([] if every_day else [f"{days} of the month"])]
    parts += [] if every_weekday else [", ".join(week)]
    return " if it is ".join(parts)


def _numbers(numbers: frozenset[int], low: int, high: int) -> str:
    """`0 to 59` as *any*, runs as ranges."""
    if len(numbers) == high - low + 1:
        return "any"
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)

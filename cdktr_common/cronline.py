"""What a cron line may be, and which seconds of a wall clock it means.

One reading for all who must agree on it: the loader that refuses a file, and whoever works out when
a schedule fires. Must stay true: a line that is read here comes at some time. Pure; knows no
calendar, no time zone and no clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

MAX_LINE: Final = 200
"""Characters a cron line may have."""

WORDS: Final = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0", "@daily": "0 0 * * *", "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}  # fmt: skip

LAST: Final = -1
"""Among the days of the month the last one; as the number of a weekday in its month, the last."""


class Invalid(ValueError):
    """Not a cron line; the text says why."""


class CronLine(NamedTuple):
    """The numbers that each field allows. A day fits when the day of the month or the weekday does;
    when one of them begins with `*` (`any_day`, `any_weekday`), also with `*/2`, both have to, as
    crontab(5) has it. Sunday is 0.
    `nth` are weekdays by their number in the month: (1, 2) is the second Monday. `text` says the
    same in numbers and in few words: `*`, steps of it, ranges, `L`, `L5` and `1#2`."""

    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    nth: frozenset[tuple[int, int]]
    any_day: bool
    any_weekday: bool
    text: str


class _Field(NamedTuple):
    name: str
    least: int
    most: int
    names: tuple[str, ...] = ()


_MONTHS: Final = (
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
)  # fmt: skip
_WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: Final = (
    _Field("seconds", 0, 59),
    _Field("minutes", 0, 59),
    _Field("hours", 0, 23),
    _Field("the day of the month", 1, 31),
    _Field("the month", 1, 12, _MONTHS),
    _Field("the weekday", 0, 7, _WEEKDAYS),
)
_DAYS: Final = dict(
    zip(range(1, 13), (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), strict=True)
)

_RANGE: Final = re.compile(
    r"(?:(\*)|([a-z]{3}|[0-9]{1,4})(?:-([a-z]{3}|[0-9]{1,4}))?)(?:/([0-9]{1,4}))?"
)
_NTH: Final = re.compile(r"([a-z]{3}|[0-7])#([1-5])")
_LAST: Final = re.compile(r"l([a-z]{3}|[0-7])|([a-z]{3}|[0-7])l")
_CHANCE: Final = re.compile(r"(?<![a-z])[hr](?![a-z])|~")


def parse(text: str) -> CronLine:
    """Five fields, or six with seconds first, or one of WORDS. Raises Invalid."""
    if len(text) > MAX_LINE:
        raise Invalid(f"a cron line has at most {MAX_LINE} characters")
    if not text.isascii():
        raise Invalid("a cron line has no letters but those of ASCII")
    line = WORDS.get(text.strip().lower(), text).lower()
    words = line.split()
    if line.startswith("@"):
        raise Invalid(f"'{text.strip()[:40]}' is none of {', '.join(WORDS)}, @every")
    if len(words) not in (5, 6):
        told = f"a cron line has 5 fields, or 6 with seconds first; here are {len(words)}"
        raise Invalid(told)
    if _CHANCE.search(line):
        raise Invalid("H, R and ~ are not supported: no times are picked at random; use jitter")
    read = [_parts(word, field) for word, field in zip(_six(words), _FIELDS, strict=True)]
    sets = [frozenset(number for part in parts for number in part.numbers) for parts in read]
    nth = frozenset(part.nth for part in read[5] if part.nth)
    if nth and sets[5]:
        raise Invalid("the weekday mixes plain days with # or L; write two schedules")
    said = [",".join(part.text for part in parts) for parts in read]
    found = CronLine(
        seconds=sets[0],
        minutes=sets[1],
        hours=sets[2],
        days=sets[3],
        months=sets[4],
        weekdays=sets[5],
        nth=nth,
        any_day=any(part.text.startswith("*") for part in read[3]),
        any_weekday=any(part.text.startswith("*") for part in read[5]),
        text=" ".join(said if len(words) == 6 else said[1:]),
    )
    if not _comes(found):
        raise Invalid(f"'{text.strip()}' never comes")
    return found


def _six(words: list[str]) -> list[str]:
    return words if len(words) == 6 else ["0", *words]


class _Part(NamedTuple):
    """One item of the list that a field is: the numbers it allows, or a weekday of a month."""

    text: str
    numbers: frozenset[int] = frozenset()
    nth: tuple[int, int] | None = None


def _parts(word: str, field: _Field) -> list[_Part]:
    if word == "?" and field in (_FIELDS[3], _FIELDS[5]):
        word = "*"
    return list(_each(word, field))


def _each(word: str, field: _Field) -> Iterator[_Part]:
    for item in word.split(","):
        if match := _RANGE.fullmatch(item):
            yield _range(item, match, field)
        elif item == "l" and field is _FIELDS[3]:
            yield _Part("L", frozenset({LAST}))
        elif field is _FIELDS[5] and (match := _NTH.fullmatch(item)):
            day = _number(match[1], field) % 7
            yield _Part(f"{day}#{match[2]}", nth=(day, int(match[2])))
        elif field is _FIELDS[5] and (match := _LAST.fullmatch(item)):
            day = _number(match[1] or match[2], field) % 7
            yield _Part(f"L{day}", nth=(day, LAST))
        else:
            raise Invalid(f"{field.name}: '{item[:40]}' is no time; write *, */5, 1, 1-5 or a list")


def _range(item: str, match: re.Match[str], field: _Field) -> _Part:
    star, first, last, step = match.groups()
    low, high = field.least, 6 if field.most == 7 else field.most
    if not star:
        low = _number(first, field)
        # A Sunday that ends a range comes after Saturday.
        high = _number(last, field) if last else max(low, high) if step else low
        if last and high == 0 and field.most == 7 and low:
            high = 7
        if last and low > high:
            raise Invalid(f"{field.name}: '{item[:40]}' ends before it begins; write two ranges")
    every = int(step) if step else 1
    if not 1 <= every <= field.most:
        raise Invalid(f"{field.name}: a step is 1 to {field.most}, not {every}")
    begin = "*" if star else f"{low}-{high}" if low != high else str(low)
    numbers = frozenset(
        each % 7 if field.most == 7 else each for each in range(low, high + 1, every)
    )
    return _Part(f"{begin}/{every}" if every > 1 and begin != str(low) else begin, numbers)


def _number(word: str, field: _Field) -> int:
    if word in field.names:
        return field.names.index(word) + (field.least if field.most == 12 else 0)
    if not word.isdigit() or not field.least <= int(word) <= field.most:
        between = f"{field.least} to {field.most}"
        raise Invalid(f"{field.name}: '{word[:40]}' is not {between}")
    return int(word)


def _comes(line: CronLine) -> bool:
    """Is there such a day in some year? Every weekday meets every day of the month in time."""
    if not line.any_day and not line.any_weekday:
        return True
    return any(
        (day in line.days or (LAST in line.days and day >= 28)) and _has_weekday(line, day)
        for month in line.months
        for day in range(1, _DAYS[month] + 1)
    )


def _has_weekday(line: CronLine, day: int) -> bool:
    """Can a day of the month be one of the weekdays?"""
    weeks = {week for _, week in line.nth}
    return bool(line.weekdays) or (day + 6) // 7 in weeks or (LAST in weeks and day >= 22)

"""Two independent cron libraries beside our own arithmetic, at every change of the clock in the
zones of the tests: `python -m tests.unit.cron.compare` writes docs/time-compared.md.

A disagreement without a reason ends it: each is for one of the causes below, or is a fault.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from croniter import croniter
from cronsim import CronSim

from cdktr_common.calendar.schedule import calendar
from cdktr_common.catalogue.plan import Schedule
from tests.unit.cron.zones import YEARS, ZONES, Moved, all_moved

PAGE = Path(__file__).parents[3] / "docs" / "time-compared.md"

LINES = (
    "0 * * * *", "*/15 * * * *", "45 * * * *", "*/10 0-23 * * *",
    "0 0 * * *", "30 0 * * *", "15 1 * * *", "30 2 * * *", "0,30 2 * * *", "0 1-3 * * *",
    "0 12 * * *", "59 23 * * *", "0 3 * * 0", "0 0 1 * *",
    "*/20 2 * * *", "0 */2 * * *", "0 30 2 * * *",
)  # fmt: skip

AROUND = 25 * 3600
HOURLY = ("0 * * * *", "*/15 * * * *", "45 * * * *", "*/10 0-23 * * *")


def by_cronsim(line: str, start: datetime) -> Iterator[datetime]:
    """The instants after one by cronsim."""
    return iter(CronSim(line, start))


def by_croniter(line: str, start: datetime) -> Iterator[datetime]:
    """The instants after one by croniter."""
    found = croniter(line, start, second_at_beginning=True)
    while True:
        yield found.get_next(datetime)


LIBRARIES: dict[str, Callable[[str, datetime], Iterator[datetime]]] = {
    "cronsim": by_cronsim,
    "croniter": by_croniter,
}

REASONS = {
    "star": (
        "cronsim follows Debian's cron: a line whose minute or hour begins with `*` is matched"
        " against the clock as it shows, so what the clock skips never comes and what it shows"
        " twice comes twice.",
        "CDKTR, by its rule: the hour is named or stepped, and that the minutes are written `*/20`"
        " is no reason to lose or to double a job. By Debian's cron(8), cronsim.",
    ),
    "six": (
        "cronsim applies Debian's rule to five fields alone; with seconds in front the same line"
        " means something else.",
        "CDKTR: `0 30 2 * * *` and `30 2 * * *` are one schedule.",
    ),
    "half": (
        "Every hour counts and the clock moves by half an hour: there is no reading at that"
        " minute in one of the real hours, or there are two.",
        "CDKTR, by its rule: an hour that lost its minute is made good at once, one that has it"
        " twice counts once. Read literally, the libraries: the clock showed no more, or both.",
    ),
    "lost": (
        "The clock shows the reading, once, and the library steps over it: it goes on by whole"
        " hours where the clock moved by half of one.",
        "CDKTR. It is a fault of cronsim by any rule.",
    ),
    "twice": (
        "croniter is due at both passes of a reading that comes twice, also for named hours: a"
        " job of every night runs twice, and in Havana that of the first of the month did.",
        "CDKTR, and Debian's cron(8): jobs at a particular time are not run again when the clock"
        " shows it again.",
    ),
}


class Difference(NamedTuple):
    """What one side has and the other has not, as the clock showed it."""

    library: str
    reason: str
    line: str
    zone: str
    ours: tuple[str, ...]
    theirs: tuple[str, ...]


def differences(changes: Iterable[Moved]) -> dict[Difference, list[str]]:
    """Every disagreement, with the days on which it was the same one."""
    found: dict[Difference, list[str]] = {}
    for change, line, library in itertools.product(changes, LINES, LIBRARIES):
        one = difference(library, line, change)
        if one is not None:
            day = datetime.fromtimestamp(change.ts - 1, ZoneInfo(change.zone))
            found.setdefault(one, []).append(f"{day:%Y-%m-%d}")
    return found


def difference(library: str, line: str, change: Moved) -> Difference | None:
    """What a library has otherwise in the day before and the day after a change."""
    reach = abs(change.shift) + AROUND
    start, stop = change.ts - reach, change.ts + reach
    info = ZoneInfo(change.zone)
    begin = datetime.fromtimestamp(start, info)
    found = calendar(Schedule(cron=line, timezone=change.zone)).between(start, stop)
    ours = [one.ts for one in found]
    following = (one.timestamp() for one in LIBRARIES[library](line, begin))
    theirs = list(itertools.takewhile(lambda ts: ts <= stop, following))
    if ours == theirs:
        return None
    lacking = [ts for ts in ours if ts not in theirs]
    surplus = [ts for ts in theirs if ts not in ours]
    assert sorted({*ours, *surplus} - {*lacking}) == theirs, "it repeats or disorders instants"
    reasons = {_lacks(library, line, change, ts) for ts in lacking}
    reasons |= {_has(library, line, change, ts) for ts in surplus}
    (reason,) = reasons - {"lost"} or reasons
    return Difference(
        library, reason, line, change.zone, _shown(lacking, info), _shown(surplus, info)
    )


def _lacks(library: str, line: str, change: Moved, ts: float) -> str:
    """Why a library has not got an instant."""
    if ts == change.ts and change.shift > 0:
        return _shape(library, line)
    reading = datetime.fromtimestamp(ts, ZoneInfo(change.zone))
    assert library == "cronsim" and change.shift % 3600 and not reading.fold, (line, change, ts)
    return "lost"


def _has(library: str, line: str, change: Moved, ts: float) -> str:
    """Why a library has an instant that we have not: it is of a second pass."""
    assert change.shift < 0 and change.ts <= ts < change.ts - change.shift, (line, change, ts)
    return _shape(library, line)


def _shape(library: str, line: str) -> str:
    if line in HOURLY:
        return "half"
    if library == "croniter":
        return "twice"
    return "six" if len(line.split()) == 6 else "star"


def _shown(instants: list[float], info: ZoneInfo) -> tuple[str, ...]:
    read = [datetime.fromtimestamp(ts, info) for ts in instants]
    return tuple(f"{at:%H:%M}{_offset(at.utcoffset() or timedelta())}" for at in read)


def _offset(ahead: timedelta) -> str:
    minutes = round(ahead.total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


HEAD = f"""\
# Other libraries at the same changes

Written by `python -m tests.unit.cron.compare`, and held by a test; the policy is in
[time.md](time.md). Two libraries that share no code with CDKTR,
[cronsim](https://github.com/cuu508/cronsim) 2.8 and croniter 7.0, were asked for the instants of
{len(LINES)} schedules in the day before and after each of the {{changes}} changes of the clock in
{len(ZONES)} zones from {YEARS[0]} to {YEARS[1] - 1}: {{questions}} questions to each. Of their
answers {{cronsim}} of cronsim and {{croniter}} of croniter differ from ours, for these reasons and
no others; all that is not listed is the same to the second.

The schedules: {", ".join(f"`{line}`" for line in LINES)}. The zones: {", ".join(ZONES)}.

## Reasons, and who is right

| reason | differing | what happens | who is right |
|---|---|---|---|
"""

ROWS = """
## Every disagreement

The instants that only one side has, as the clock showed them, and the days of the changes at which
it was so. What is in the last column of one row is the same in all of them.

| library | reason | schedule | zone | only CDKTR | only the library | changes |
|---|---|---|---|---|---|---|
"""


def page(found: dict[Difference, list[str]], changes: int) -> str:
    """The whole page."""
    counts = {
        key: sum(len(days) for one, days in found.items() if key in (one.library, one.reason))
        for key in (*LIBRARIES, *REASONS)
    }
    text = HEAD.format(changes=changes, questions=changes * len(LINES), **counts)
    for key, (what, right) in REASONS.items():
        text += f"| {key} | {counts[key]} | {what} | {right} |\n"
    text += ROWS
    order = sorted(found, key=lambda one: (one[:2], LINES.index(one.line), one[3:]))
    return text + "".join(row(one, found[one]) for one in order)


def row(one: Difference, days: list[str]) -> str:
    """One line of the table."""
    ours, theirs = (" ".join(side) or "-" for side in (one.ours, one.theirs))
    return (
        f"| {one.library} | {one.reason} | `{one.line}` | {one.zone} | {ours} | {theirs} |"
        f" {' '.join(days)} |\n"
    )


def main() -> None:
    """Write the page."""
    changes = all_moved()
    PAGE.write_text(page(differences(changes), len(changes)))
    print(f"{PAGE.name}: {len(changes)} changes", file=sys.stderr)


if __name__ == "__main__":
    main()

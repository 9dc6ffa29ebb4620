"""The zones that the tests go through, and when their clocks were moved."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

ZONES = (
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/Havana",  # at midnight
    "America/Sao_Paulo",  # at midnight, until 2019
    "Australia/Lord_Howe",  # by half an hour
    "Pacific/Chatham",  # 12:45 and 13:45 ahead of UTC
    "Pacific/Apia",  # lost the 30th of December 2011
    "Africa/Casablanca",  # back for each Ramadan
    "Africa/Cairo",  # four changes in 2014, none for years, then some again
    "Asia/Tehran",  # at midnight, until 2022
    "Asia/Beirut",  # at midnight
    "Antarctica/Troll",  # by two hours
)
YEARS = (2010, 2026)
"""From the first day of the one to the first day of the other: what has been stays the same in
every edition of the zone table."""


STEP = 6 * 3600


class Moved(NamedTuple):
    """A clock is moved: when, and by how many seconds."""

    zone: str
    ts: int
    shift: int


def year(number: int) -> int:
    """Its first instant."""
    return int(datetime(number, 1, 1, tzinfo=UTC).timestamp())


@cache
def moved(zone: str, first: int = YEARS[0], last: int = YEARS[1]) -> tuple[Moved, ...]:
    """Every change of a clock between two years."""
    info, found = ZoneInfo(zone), []

    def ahead(ts: int) -> int:
        offset = datetime.fromtimestamp(ts, info).utcoffset()
        assert offset is not None
        return int(offset.total_seconds())

    for start in range(year(first), year(last), STEP):
        if ahead(start) == ahead(start + STEP):
            continue
        begin = start
        for step in (900, 1):
            begin = next(
                ts for ts in range(begin, start + STEP, step) if ahead(ts + step) != ahead(start)
            )
        found.append(Moved(zone, begin + 1, ahead(begin + 1) - ahead(begin)))
    return tuple(found)


def all_moved() -> list[Moved]:
    """Every change in every zone."""
    return [one for zone in ZONES for one in moved(zone)]

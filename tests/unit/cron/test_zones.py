"""Changes of clocks: all of them are found, whatever the zone."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import _zoneinfo  # type: ignore[attr-defined]  # the same in Python, which tells its table

import pytest

from cdktr_common.calendar.schedule import _LONGEST
from cdktr_common.calendar.zones import _STEP, Unknown, Zone, zone

FIRST = int(datetime(1970, 1, 1, tzinfo=UTC).timestamp())
LAST = int(datetime(2037, 1, 1, tzinfo=UTC).timestamp())
NAMES = sorted(
    name for name in zoneinfo.available_timezones()
    if not name.startswith(("posix", "right", "Factory", "localtime", "SystemV"))
)  # fmt: skip


def table(name: str) -> list[tuple[int, int]]:
    """When the clock was moved and by how much, as the table of the zone has it."""
    info = _zoneinfo.ZoneInfo(name)
    ahead = [int(one.utcoff.total_seconds()) for one in info._ttinfos]
    begin = int(info._tti_before.utcoff.total_seconds())
    told = pairwise([begin, *ahead])
    found = [(ts, new - old) for ts, (old, new) in zip(info._trans_utc, told, strict=True)]
    return [(ts, by) for ts, by in found if by and FIRST < ts < LAST]


def found(name: str, first: int, last: int) -> list[tuple[int, int]]:
    """The same as we find it."""
    changes, ts, made = [], float(first), Zone(name)
    while (change := made.change_after(ts, last)) is not None:
        changes.append((change.ts, change.shift))
        ts = change.ts
    return changes


def no_change_is_overlooked(names: list[str]) -> None:
    for name in names:
        told = table(name)
        # A table may end where a rule goes on: what is in it is compared.
        last = told[-1][0] if told else FIRST
        assert found(name, FIRST, last) == told, name


def test_no_change_is_overlooked() -> None:
    no_change_is_overlooked(NAMES[::16])


@pytest.mark.long
def test_no_change_of_any_zone_is_overlooked() -> None:
    no_change_is_overlooked(NAMES)


def test_clocks_are_not_moved_more_often_or_further_than_is_assumed() -> None:
    for name in NAMES:
        told = table(name)
        assert all(abs(shift) < _LONGEST for _, shift in told), name
        assert all(after - before > _STEP for (before, _), (after, _) in pairwise(told)), name


def test_both_ways_see_the_same() -> None:
    berlin = zone("Europe/Berlin")
    ts, last = 1.7e9, 1.9e9
    while (change := berlin.change_after(ts, last)) is not None:
        assert berlin.change_before(change.ts, ts) == change
        assert berlin.change_before(change.ts - 1, ts + 1) is None
        assert (berlin.offset(change.ts - 1), berlin.offset(change.ts)) == (
            change.before,
            change.after,
        )
        ts = change.ts
    assert ts > 1.88e9


def test_a_reading_is_an_instant() -> None:
    berlin = zone("Europe/Berlin")
    for reading, told in [
        ("2026-03-29T01:59:59", "2026-03-29T00:59:59Z"),
        ("2026-03-29T02:00:00", "2026-03-29T01:00:00Z"),
        ("2026-03-29T02:59:59", "2026-03-29T01:00:00Z"),
        ("2026-03-29T03:00:00", "2026-03-29T01:00:00Z"),
        ("2026-10-25T01:59:59", "2026-10-24T23:59:59Z"),
        ("2026-10-25T02:30:00", "2026-10-25T00:30:00Z"),
        ("2026-10-25T03:00:00", "2026-10-25T02:00:00Z"),
    ]:
        found = berlin.instant(datetime.fromisoformat(reading))
        assert found == datetime.fromisoformat(told).timestamp()
    apia = zone("Pacific/Apia").instant(datetime(2011, 12, 30, 12))
    assert apia == datetime(2011, 12, 30, 10, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "name", ["Mars/Olympus", "Europe", "../etc/passwd", "Europe/Berlin\0", "ü"]
)
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(Unknown, match="is not a time zone"):
        zone(name)

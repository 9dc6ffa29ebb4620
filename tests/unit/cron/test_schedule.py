"""Schedules one by one: what the laws do not say, in examples with their reason."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from cdktr_common.calendar.schedule import Calendar, Invalid, calendar, jitter
from cdktr_common.catalogue.plan import Schedule
from cdktr_common.schedules import problem
from cdktr_common.times import rfc3339
from cdktr_cron import changes


def ts(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def made(cron: str = "", **said: object) -> Calendar:
    return calendar(Schedule(cron=cron, **said))  # type: ignore[arg-type]


def told(found: Calendar, start: str, stop: str) -> list[str]:
    return [rfc3339(one.ts) for one in found.between(ts(start), ts(stop))]


def test_start_and_end_are_included() -> None:
    found = made("0 3 * * *", start="2026-01-02T03:00:00", end="2026-01-04T03:00:00Z")
    assert told(found, "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z") == [
        f"2026-01-0{day}T03:00:00Z" for day in (2, 3, 4)
    ]
    last = found.before(ts("2030-01-01T00:00:00Z"))
    assert last is not None and rfc3339(last.ts) == "2026-01-04T03:00:00Z"
    assert found.before(ts("2026-01-02T03:00:00Z")) is None
    assert found.after(ts("2026-01-04T03:00:00Z")) is None


def test_start_and_end_are_readings_of_the_zone() -> None:
    # 02:30 does not exist on that day: it begins at the first instant after, and ends there.
    berlin = {"timezone": "Europe/Berlin", "start": "2026-03-29T02:30:00"}
    found = made("*/10 * * * *", **berlin, end="2026-03-29T03:10:00")
    assert told(found, "2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z") == [
        "2026-03-29T01:00:00Z", "2026-03-29T01:10:00Z",
    ]  # fmt: skip
    every = made(every_s=1200.0, **berlin, end="2026-03-29T03:40:00")
    assert told(every, "2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z") == [
        "2026-03-29T01:00:00Z", "2026-03-29T01:20:00Z", "2026-03-29T01:40:00Z",
    ]  # fmt: skip


def test_an_end_before_the_start_leaves_nothing() -> None:
    # Whether it is before is only known by the zone: the loader cannot refuse it.
    spec = Schedule(
        cron="* * * * *", timezone="Asia/Tokyo",
        start="2026-01-02T00:00:00", end="2026-01-01T00:00:00Z",
    )  # fmt: skip
    assert problem(spec) is None
    found = calendar(spec)
    assert found.after(0) is None and found.before(4e9) is None


@pytest.mark.parametrize(
    ("at", "zone", "due", "note"),
    [
        ("2026-03-29T02:30:00", "Europe/Berlin", "2026-03-29T01:00:00Z", "does not exist"),
        ("2026-10-25T02:30:00", "Europe/Berlin", "2026-10-25T00:30:00Z", "comes twice"),
        ("2026-10-25T01:59:59", "Europe/Berlin", "2026-10-24T23:59:59Z", ""),
        ("2026-10-25T03:00:00", "Europe/Berlin", "2026-10-25T02:00:00Z", ""),
        ("2011-12-30T12:00:00", "Pacific/Apia", "2011-12-30T10:00:00Z", "does not exist"),
        ("2026-03-29T00:30:00.500000Z", "", "2026-03-29T00:30:00.500000Z", ""),
    ],
)
def test_once(at: str, zone: str, due: str, note: str) -> None:
    found = made(at=at, timezone=zone)
    one = found.after(0)
    assert one is not None and rfc3339(one.ts) == due
    assert note in one.note and bool(one.note) == bool(note)
    assert found.after(one.ts) is None and found.before(one.ts) is None
    assert found.before(one.ts + 1) == one


def test_every_is_deaf_to_the_wall() -> None:
    found = made(every_s=5400.0, timezone="Europe/Berlin")
    assert told(found, "2026-03-28T23:59:59Z", "2026-03-29T04:30:00Z") == [
        f"2026-03-29T{time}:00Z" for time in ("00:00", "01:30", "03:00", "04:30")
    ]
    quarter = made(every_s=1.25)
    assert [one.ts for one in quarter.between(0, 5)] == [1.25, 2.5, 3.75, 5.0]


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        (Schedule(), "exactly one of"),
        (Schedule(cron="0 3 * * *", timezone="Mars/Olympus"), "'Mars/Olympus' is not a time zone"),
        (Schedule(cron="0 3 * * *", timezone="Europe"), "is not a time zone"),
        (Schedule(cron="0 3 * *"), "5 fields"),
        (Schedule(every_s=0.0), "at least 1s"),
        (Schedule(at="noon"), "not a date and time"),
    ],
)
def test_what_cannot_be_kept_says_why(spec: Schedule, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        calendar(spec)


def test_rare_days_are_found() -> None:
    leap = made("0 0 29 2 */7", timezone="Asia/Tehran")  # of those that are Sundays
    assert told(leap, "2000-01-01T00:00:00Z", "2070-01-01T00:00:00Z") == [
        "2004-02-28T20:30:00Z", "2032-02-28T20:30:00Z", "2060-02-28T20:30:00Z",
    ]  # fmt: skip
    before = leap.before(ts("2032-02-28T20:30:00Z"))
    assert before is not None and rfc3339(before.ts) == "2004-02-28T20:30:00Z"


def test_time_begins_in_1970_and_ends_some_day() -> None:
    found = made("0 0 1 1 *")
    first = found.after(-1e9)
    assert first is not None and first.ts == 0.0
    assert found.before(0.0) is None and found.before(1.0) == first
    assert found.after(ts("9998-06-01T00:00:00Z")) is None
    assert made("0 0 1 1 *", timezone="Asia/Tokyo").before(1.0) is None


def test_jitter_is_the_same_whoever_asks() -> None:
    delays = [jitter("etl", "3f9a01c2", 60.0 * minute, 600.0) for minute in range(1000)]
    assert delays == [jitter("etl", "3f9a01c2", 60.0 * minute, 600.0) for minute in range(1000)]
    assert all(0 <= delay < 600 for delay in delays)
    assert 250 < sum(delays) / 1000 < 350 and len(set(delays)) == 1000
    assert jitter("other", "3f9a01c2", 60.0, 600.0) != delays[1]
    assert jitter("etl", "3f9a01c2", 60.0, 0.0) == 0.0


def test_ten_thousand_schedules_are_no_matter() -> None:
    zones = ("Europe/Berlin", "America/New_York", "Asia/Tehran", "")
    specs = [
        Schedule(cron=f"{n % 60} {n // 60 % 24} * * {n % 7}", timezone=zones[n % 4])
        for n in range(10_000)
    ]
    started = time.process_time()
    found = [calendar(spec) for spec in specs]
    assert all(one.after(1.79e9) is not None for one in found)
    assert time.process_time() - started < 5


def effect(cron: str, zone: str, since: str) -> str:
    found = changes.coming(made(cron, timezone=zone), ts(since))
    assert found is not None
    return found.words


def test_what_the_next_change_does() -> None:
    spring, autumn = "2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z"
    assert effect("30 2 * * *", "Europe/Berlin", spring) == (
        "02:30 does not exist: the clock goes from 02:00 to 03:00; due once, at 03:00"
    )
    assert effect("*/20 2,3 * * *", "Europe/Berlin", spring).startswith("02:00 to 02:40 (3) do not")
    assert effect("*/20 2 * * *", "Europe/Berlin", autumn) == (
        "02:00 to 02:40 (3) come twice: the clock goes from 03:00 to 02:00; due the first time only"
    )
    assert effect("30 2 * * mon", "Europe/Berlin", spring) == ""
    assert effect("30 * * * *", "Europe/Berlin", spring) == ""
    assert effect("0 * * * *", "Australia/Lord_Howe", autumn) != ""
    assert effect("*/30 * * * *", "Australia/Lord_Howe", autumn) == ""
    assert changes.coming(made("30 2 * * *"), ts(spring)) is None
    once = changes.coming(made(at="2026-03-29T02:30:00", timezone="Europe/Berlin"), ts(spring))
    assert once is not None and "does not exist" in once.words
    over = made("30 2 * * *", timezone="Europe/Berlin", end="2026-03-01T00:00:00")
    ended = changes.coming(over, ts(spring))
    assert ended is not None and ended.words == ""


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("0 3 * * *", "minute 0, hour 3, every day"),
        ("*/30 * * * * mon-fri", "second 0,30, minute any, hour any, Mon, Tue, Wed, Thu, Fri"),
        ("0 3 1,L * *", "minute 0, hour 3, day 1 or the last day of the month"),
        ("0 3 13 * fri", "minute 0, hour 3, day 13 of the month or also Fri"),
        ("0 3 */10 * fri", "minute 0, hour 3, day 1,11,21,31 of the month if it is Fri"),
        ("0 3 * 1-3 1#2,5L",
         "minute 0, hour 3, the second Mon, the last Fri, in month 1-3"),
    ],
)  # fmt: skip
def test_how_a_line_is_read(cron: str, words: str) -> None:
    assert changes.explained(made(cron), 0.0)[0] == f"reads: {words}; the clock is that of UTC"


def test_the_wall_is_of_the_zone() -> None:
    one = made("0 3 * * *", timezone="Asia/Tokyo").after(0)
    assert one is not None and one.wall.isoformat() == "1970-01-02T03:00:00+09:00"
    assert one.wall.astimezone(UTC).timestamp() == one.ts

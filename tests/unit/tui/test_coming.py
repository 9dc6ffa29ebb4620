"""What is due in the hours ahead, as the calendar says it, and where clocks are moved."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from cdktr_common.calendar.schedule import calendar, jitter
from cdktr_common.catalogue.plan import Schedule
from cdktr_common.catalogue.values import ScheduleRow
from cdktr_tui.model.coming import HOUR_S, MOST_AN_HOUR, Coming, Due, by_hour

DAY = 86400.0
SPECS = [
    Schedule(cron="0 * * * *"),
    Schedule(cron="*/7 2 * * *", timezone="Europe/Paris"),
    Schedule(cron="30 2 * * *", timezone="America/New_York", jitter_s=60.0),
    Schedule(every_s=5400.0, start="2026-03-01T00:00:00Z"),
    Schedule(at="2026-03-29T01:30:00Z"),
    Schedule(cron="* * * * *", end="2026-03-29T00:10:00Z"),
]
SPRING = datetime(2026, 3, 29, tzinfo=UTC).timestamp()
"""Clocks of Paris go from 02:00 to 03:00 at 01:00Z of this day."""


def rows(*specs: Schedule, since_ts: float = 0.0) -> dict[tuple[str, str], ScheduleRow]:
    found = [
        ScheduleRow(workflow=f"w{n}", schedule="s", spec=spec, since_ts=since_ts, ticked_ts=0.0)
        for n, spec in enumerate(specs)
    ]
    return {(row.workflow, row.schedule): row for row in found}


def starts(found: list[Due]) -> list[Due]:
    return [due for due in found if due.workflow]


@given(
    st.lists(st.sampled_from(SPECS), max_size=4),
    st.floats(-2 * DAY, 2 * DAY).map(lambda s: SPRING + s),
    st.integers(1, 50),
)
def test_all_that_the_calendars_say_comes_in_order_of_time_however_it_is_taken(
    specs: list[Schedule], after: float, size: int
) -> None:
    coming = Coming(rows(*specs), after, after + DAY)
    while coming.more:
        coming.take(size)
    wanted = sorted(
        (one.ts, f"w{n}")
        for n, spec in enumerate(specs)
        for one in calendar(spec).between(after, after + DAY)
    )
    assert [(due.ts, due.workflow) for due in starts(coming.found)] == wanted
    assert coming.found == sorted(coming.found, key=lambda due: due.ts)


def test_a_change_of_the_clock_stands_once_for_each_zone_and_marks_what_it_moves() -> None:
    paris = Schedule(cron="30 2 * * *", timezone="Europe/Paris")
    coming = Coming(rows(paris, paris, Schedule(cron="0 3 * * *")), SPRING, SPRING + DAY)
    coming.take(99)
    changes = [due for due in coming.found if not due.workflow]
    assert [(due.ts - SPRING, due.schedule, due.note) for due in changes] == [
        (3600.0, "Europe/Paris", "the clock goes from 02:00 to 03:00")
    ]
    assert ["does not exist" in due.note for due in starts(coming.found)] == [True, True, False]


def test_a_start_that_is_spread_tells_by_how_much() -> None:
    spec = Schedule(cron="0 5 * * *", jitter_s=600.0)
    coming = Coming(rows(spec), SPRING, SPRING + DAY)
    [due] = coming.take(9)
    assert due.delay_s == jitter("w0", "s", due.ts, 600.0) and 0 < due.delay_s < 600


def test_nothing_is_due_before_a_schedule_was_in_force() -> None:
    since = SPRING + 5 * HOUR_S
    coming = Coming(rows(SPECS[0], since_ts=since), SPRING, SPRING + 7 * HOUR_S)
    assert [due.ts for due in coming.take(99)] == [since + HOUR_S, since + 2 * HOUR_S]


def test_what_cannot_be_computed_is_told_and_hurts_no_other() -> None:
    broken = rows(Schedule(cron="0 * * * *", timezone="Mars/Olympus"), SPECS[0], Schedule(cron="x"))
    coming = Coming(broken, SPRING, SPRING + HOUR_S)
    assert [due.workflow for due in coming.take(9)] == ["w1"]
    assert set(coming.faults) == {("w0", "s"), ("w2", "s")}
    assert "Mars/Olympus" in coming.faults["w0", "s"]


def test_hours_count_what_is_due_in_them() -> None:
    row = rows(Schedule(cron="0,30 * * * *"))["w0", "s"]
    assert [hour.times for hour in by_hour(row, SPRING, 3, SPRING - 1)] == [2, 2, 2]
    assert [hour.times for hour in by_hour(row, SPRING, 3, SPRING + 60)] == [1, 2, 2]
    busy = rows(Schedule(cron="* * * * *"))["w0", "s"]
    assert {hour.times for hour in by_hour(busy, SPRING, 24, SPRING)} == {MOST_AN_HOUR}
    moved = rows(Schedule(cron="30 2 * * *", timezone="Europe/Paris"))["w0", "s"]
    assert [(hour.times, hour.moved) for hour in by_hour(moved, SPRING, 3, SPRING)] == [
        (0, False), (1, True), (0, False),
    ]  # fmt: skip

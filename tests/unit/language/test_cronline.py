"""What a cron line may be, which times it means, and what a schedule may say by wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdktr_common import cronline, schedules
from cdktr_common.catalogue.plan import Schedule


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("0 3 * * *", "0 3 * * *"),
        ("*/5 * * * * *", "*/5 * * * * *"),
        ("  0   3\t* * * ", "0 3 * * *"),
        ("@Daily", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("0 0 * JAN-mar/2 Fri", "0 0 * 1-3/2 5"),
        ("0 0 L * *", "0 0 L * *"),
        ("0 0 15,l * *", "0 0 15,L * *"),
        ("0 0 * * 5L", "0 0 * * L5"),
        ("0 0 * * friL,Lmon", "0 0 * * L5,L1"),
        ("0 0 * * mon#1,3#2", "0 0 * * 1#1,3#2"),
        ("0 0 ? * mon", "0 0 * * 1"),
        ("0 0 1 * ?", "0 0 1 * *"),
        ("5/15 * * * *", "5-59/15 * * * *"),
        ("0 0 * * fri-sun", "0 0 * * 5-7"),
        ("0 0 * * 7/2", "0 0 * * 7"),
        ("*/1 * * * *", "* * * * *"),
        ("007 03 * * *", "7 3 * * *"),
        ("0 0 29 2 *", "0 0 29 2 *"),
        ("0 0 31 2 mon", "0 0 31 2 1"),
    ],
)
def test_a_line_and_the_same_in_few_words(text: str, canonical: str) -> None:
    found = cronline.parse(text)
    assert found.text == canonical
    assert cronline.parse(canonical) == found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "5 fields, or 6 with seconds first; here are 0"),
        ("0 3 * *", "here are 4"),
        ("0 0 0 * * * 2026", "here are 7"),
        ("@reboot", "none of @yearly"),
        ("60 * * * *", "minutes: '60' is not 0 to 59"),
        ("0 24 * * *", "hours: '24' is not 0 to 23"),
        ("0 0 0 * *", "the day of the month: '0' is not 1 to 31"),
        ("0 0 * 13 *", "the month: '13' is not 1 to 12"),
        ("0 0 * * 8", "the weekday: '8' is not 0 to 7"),
        ("0 22-2 * * *", "'22-2' ends before it begins"),
        ("0 0 * * fri-mon", "ends before it begins"),
        ("*/0 * * * *", "a step is 1 to 59, not 0"),
        ("*/70 * * * *", "a step is 1 to 59, not 70"),
        ("0-4294967295 * * * *", "is no time"),
        ("a b c d e", "is no time"),
        ("0 0 * january *", "is no time"),
        ("0 0 15W * *", "is no time"),
        ("? * * * *", "is no time"),
        ("1,,2 * * * *", "'' is no time"),
        ("0 0 * * mon#6", "is no time"),
        ("0 0 * * mon,tue#2", "mixes plain days"),
        ("R * * * *", "H, R and ~"),
        ("H(0-5) * * * *", "H, R and ~"),
        ("0~30 * * * *", "H, R and ~"),
        ("0 0 30 2 *", "'0 0 30 2 *' never comes"),
        ("0 0 31 4,6,9,11 *", "never comes"),
        ("0 0 */31 * mon#2", "never comes"),
        ("* " * 200, "at most 200"),
        ("٣ * * * *", "ASCII"),
    ],
)
def test_what_is_no_line_says_why(text: str, problem: str) -> None:
    with pytest.raises(cronline.Invalid) as told:
        cronline.parse(text)
    assert problem in str(told.value)


def test_the_numbers_that_a_line_means() -> None:
    found = cronline.parse("*/20 9-17/4 1,L */6 mon-sun/3")
    assert found.seconds == {0}
    assert found.minutes == {0, 20, 40}
    assert found.hours == {9, 13, 17}
    assert found.days == {1, cronline.LAST}
    assert found.months == {1, 7}
    assert found.weekdays == {1, 4, 0}
    assert (found.any_day, found.any_weekday) == (False, False)
    assert cronline.parse("* * * * 1#3,5L").nth == {(1, 3), (5, cronline.LAST)}


@given(st.lists(st.sampled_from("0159*/,-?#LWHR amonfrijul@^~"), max_size=30).map("".join))
def test_any_text_is_a_line_or_none(text: str) -> None:
    for line in (text, f"0 0 {text} * *", f"0 0 * * {text}"):
        try:
            found = cronline.parse(line)
        except cronline.Invalid:
            continue
        assert cronline.parse(found.text) == found


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("2026-01-31T22:30:00Z", "2026-01-31T22:30:00Z"),
        ("2026-01-31t22:30:00+01:00", "2026-01-31T21:30:00Z"),
        ("2026-01-31 22:30", "2026-01-31T22:30:00"),
        ("2026-01-31T22:30:00.500z", "2026-01-31T22:30:00.500000Z"),
        ("2026-01-31", None),
        ("2026-02-31T00:00:00", None),
        ("2026-01-31T24:00", None),
        ("2026-01-31T22:30:60", None),
        ("20260131T2230", None),
        ("1969-12-31T00:00", None),
        ("3000-01-01T00:00", None),
        ("tomorrow", None),
        ("", None),
    ],
)
def test_moments(text: str, kept: str | None) -> None:
    if kept is None:
        with pytest.raises(ValueError, match=r"is not a (date and )?time"):
            schedules.moment(text)
    else:
        assert schedules.moment_text(schedules.moment(text)) == kept
        assert schedules.moment(kept) == schedules.moment(text)


@pytest.mark.parametrize(
    ("schedule", "problem"),
    [
        (Schedule(cron="0 3 * * *", timezone="Europe/Berlin"), None),
        (Schedule(every_s=90.0, start="2026-01-01T00:00:00Z", end="2026-01-02T00:00:00Z"), None),
        (Schedule(at="2026-01-01T00:00:00"), None),
        (Schedule(), "exactly one of"),
        (Schedule(cron="0 3 * * *", every_s=5.0), "exactly one of"),
        (Schedule(cron="0 3 * *"), "5 fields"),
        (Schedule(cron="0 3 * * *", timezone="Mars/Olympus"), "is not a time zone"),
        (Schedule(cron="0 3 * * *", timezone="localtime"), "is not a time zone"),
        (Schedule(cron="0 3 * * *", timezone="right/UTC"), "is not a time zone"),
        (Schedule(cron="0 3 * * *", start="soon"), "is not a date and time"),
        (Schedule(at="2026-01-01T00:00:00", end="2026-01-01T00:00:00"), "mean nothing with at"),
        (Schedule(every_s=5.0, start="2026-01-02T00:00", end="2026-01-01T00:00"), "before it"),
        (Schedule(every_s=0.5), "every is at least 1s"),
        (Schedule(every_s=float("nan")), "every is at least 1s"),
        (Schedule(cron="0 3 * * *", jitter_s=86401.0), "jitter is at most 1d"),
        (Schedule(cron="0 3 * * *", catchup_limit=0), "catchup_limit is 1 to 1000"),
    ],
)
def test_schedules_by_wire(schedule: Schedule, problem: str | None) -> None:
    found = schedules.problem(schedule)
    assert found is None if problem is None else problem in str(found)


def test_long_intervals_have_names_of_their_own() -> None:
    one, other = Schedule(every_s=1_234_567.0), Schedule(every_s=1_234_568.0)
    assert schedules.schedule_id(one) != schedules.schedule_id(other)


def test_the_same_instants_in_other_words() -> None:
    one = Schedule(cron="0 3 * * mon", timezone="UTC", jitter_s=5.0)
    other = Schedule(cron="0 0 3 * * 1", params={"a": 1})
    assert schedules.same_instants(one) == schedules.same_instants(other)
    assert schedules.same_instants(one) != schedules.same_instants(Schedule(cron="0 3 * * tue"))


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        (Schedule(cron="0 3 * * *"), "0 3 * * *"),
        (Schedule(cron="0 3 * * *", timezone="Europe/Berlin"), "0 3 * * * Europe/Berlin"),
        (Schedule(every_s=90.0, start="2026-01-01T00:00:00Z"),
         "every 1m30s from 2026-01-01T00:00:00Z"),
        (Schedule(at="2026-01-01T00:00:00", timezone="Asia/Tokyo", paused=True),
         "at 2026-01-01T00:00:00 Asia/Tokyo (paused)"),
    ],
)  # fmt: skip
def test_schedules_in_a_list(schedule: Schedule, text: str) -> None:
    assert schedules.shown(schedule) == text

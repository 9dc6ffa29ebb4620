"""Times as texts of tables: never wider than their column, and in the zone that was asked for."""

from __future__ import annotations

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from cdktr_tui.draw import times

PARIS = ZoneInfo("Europe/Paris")
NOON = 1_800_014_400.0
"""2027-01-15 12:00:00 in UTC."""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"), (0, "0ms"), (0.0123, "12ms"), (0.9996, "1.0s"), (4.2, "4.2s"), (9.96, "10s"),
        (59.6, "1m00s"), (161, "2m41s"), (3599.7, "1h00m"), (18060, "5h01m"), (273600, "3d04h"),
        (-3, "0ms"),
    ],
)  # fmt: skip
def test_a_length_of_time_is_short(seconds: float | None, text: str) -> None:
    assert times.span(seconds) == text


def test_what_goes_on_is_told_in_whole_seconds() -> None:
    assert [times.running(s) for s in (0.4, 1.99, 161.7)] == ["0s", "1s", "2m41s"]


@given(some.floats(min_value=-1e3, max_value=3e9))
def test_columns_stay_where_they_are(seconds: float) -> None:
    assert len(times.span(seconds)) <= 6 and len(times.running(seconds)) <= 6
    assert len(times.age(seconds)) <= 4
    assert len(times.near(NOON - seconds, NOON, UTC)) <= 11


def test_an_age_has_one_unit() -> None:
    ages = [times.age(s) for s in (0.5, 12, 200, 36_000, 800_000, 86400 * 1100)]
    assert ages == ["now", "12s", "3m", "10h", "9d", "3y"]


def test_clocks_are_of_a_zone() -> None:
    assert times.clock(NOON + 0.12, PARIS, millis=True) == "13:00:00.120"
    assert times.full(NOON, PARIS) == "2027-01-15 13:00:00+01:00"
    assert times.full(NOON, UTC) == "2027-01-15 12:00:00Z"
    assert times.offset(NOON, PARIS) == "UTC+1" and times.offset(NOON, UTC) == "UTC"
    assert times.offset(NOON, ZoneInfo("America/St_Johns")) == "UTC-3:30"


def test_an_instant_is_told_as_far_as_it_is_away() -> None:
    ago = [times.near(NOON - s, NOON, UTC) for s in (60, 86400, 400 * 86400)]
    assert ago == ["11:59:00", "01-14 12:00", "2025-12-11"]
    told = [times.told(NOON - 180, NOON, mode, PARIS) for mode in times.MODES]
    assert told == ["12:57:00", "3m", "11:57:00"]
    assert times.told(NOON + 90, NOON, "relative") == "in 1m"


def test_an_instant_of_no_calendar_breaks_nothing() -> None:
    assert times.clock(1e30, UTC) == times.full(float("nan"), UTC) == "?"
    assert times.near(None, NOON) == "-" and times.offset(1e30, UTC) == "UTC"


def test_marks_of_an_axis_are_round() -> None:
    assert [times.step(s, 4) for s in (3, 161, 4000, 86400 * 9)] == [1, 60, 1800, 3 * 86400]
    assert [times.mark(s) for s in (0, 30, 90, 7200, 90000)] == ["0s", "30s", "1m30s", "2h", "1d1h"]

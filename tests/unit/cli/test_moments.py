"""Points in time, read: with a zone, local, the next and the last time of day, across changes of
the clocks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from datetime import time as Clock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdktr_common.moments import moment

NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC).timestamp()


def told(text: str, now: float = NOON, past: bool = False) -> str:
    return datetime.fromtimestamp(moment(text, now, past=past), UTC).isoformat()[:19]


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The clocks of Berlin, UTC+1 and in summer UTC+2."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("zone")
@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-01-31T22:30:00Z", "2026-01-31T22:30:00"),
        ("2026-01-31t22:30:00z", "2026-01-31T22:30:00"),
        ("2026-01-31 22:30+05:30", "2026-01-31T17:00:00"),
        ("2026-01-31 22:30", "2026-01-31T21:30:00"),
        ("2026-07-31 3:00", "2026-07-31T01:00:00"),
        ("22:30", "2026-01-31T21:30:00"),
        ("9:00", "2026-02-01T08:00:00"),
        ("13:00:01", "2026-01-31T12:00:01"),
        ("13:00", "2026-02-01T12:00:00"),
        ("today 9:00", "2026-01-31T08:00:00"),
        (" Tomorrow 22:30 ", "2026-02-01T21:30:00"),
        ("yesterday 22:30", "2026-01-30T21:30:00"),
    ],
)
def test_what_people_write_is_read(text: str, utc: str) -> None:
    assert told(text) == utc


@pytest.mark.usefixtures("zone")
def test_looking_back_a_time_of_day_is_the_last_one() -> None:
    assert told("22:30", past=True) == "2026-01-30T21:30:00"
    assert told("9:00", past=True) == "2026-01-31T08:00:00"
    assert told("2026-07-31", past=True) == "2026-07-30T22:00:00"


@pytest.mark.usefixtures("zone")
def test_where_the_clocks_are_changed() -> None:
    assert told("2026-03-29 02:30") == "2026-03-29T01:00:00"  # there is no 02:30: they show 03:00
    assert told("2026-03-29 03:00") == "2026-03-29T01:00:00"
    assert told("2026-10-25 02:30") == "2026-10-25T00:30:00"  # the first of the two


def test_a_gap_of_half_an_hour_and_one_of_a_whole_day(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text, utc in (
        ("Australia/Lord_Howe", "2026-10-04 02:10", "2026-10-03T15:30:00"),
        ("Pacific/Apia", "2011-12-30 12:00", "2011-12-30T10:00:00"),
    ):
        monkeypatch.setenv("TZ", name)
        time.tzset()
        assert told(text) == utc
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "25:00",
        "22:61",
        "2026-13-01",
        "22:30 tomorrow",
        "30m",
        "0001-01-01",
        "2026-07-31",
        "20260731",
        "2026-W05-6",
    ],
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="is no time; write 22:30"):
        moment(text, NOON)


@given(st.integers(0, 4_000_000_000), st.times())
def test_the_next_and_the_last_time_of_day_are_at_most_a_day_and_a_change_away(
    now: int, clock: Clock
) -> None:
    text = clock.strftime("%H:%M:%S")
    day = timedelta(hours=26).total_seconds()
    assert 0 < moment(text, now) - now <= day
    assert 0 < now - moment(text, now, past=True) <= day

"""What may be typed behind `cdktr-cron next`, and what it means."""

from __future__ import annotations

import pytest

from cdktr_common.calendar.schedule import Invalid
from cdktr_common.catalogue.plan import Schedule
from cdktr_cron.expression import is_expression, schedule


@pytest.mark.parametrize(
    ("text", "timezone", "spec"),
    [
        ("0 3 * * *", "", Schedule(cron="0 3 * * *")),
        (" 0  3 * * mon ", "UTC", Schedule(cron="0 3 * * mon")),
        ("@Daily", "Asia/Tokyo", Schedule(cron="0 0 * * *", timezone="Asia/Tokyo")),
        ("@every 1h30m", "", Schedule(every_s=5400.0)),
        ("CRON_TZ=Asia/Tokyo @hourly", "", Schedule(cron="0 * * * *", timezone="Asia/Tokyo")),
        ("TZ=UTC 5 4 * * *", "UTC", Schedule(cron="5 4 * * *")),
        ("2026-03-29T02:30", "Europe/Berlin",
         Schedule(at="2026-03-29T02:30:00", timezone="Europe/Berlin")),
        ("2026-03-29T02:30:00+02:00", "", Schedule(at="2026-03-29T00:30:00Z")),
    ],
)  # fmt: skip
def test_what_it_means(text: str, timezone: str, spec: Schedule) -> None:
    assert is_expression(text)
    assert schedule(text, timezone) == spec


@pytest.mark.parametrize(
    ("text", "timezone", "problem"),
    [
        ("0 3 * *", "", "5 fields"),
        ("@fortnightly", "", "none of"),
        ("@every soon", "", "@every is"),
        ("@every 10ms", "", "at least 1s"),
        ("CRON_TZ=Asia/Tokyo @hourly", "Asia/Tehran", "the line says Asia/Tokyo"),
        ("CRON_TZ=Mars @hourly", "", "'Mars' is not a time zone"),
        ("0 3 * * *", "Mars", "'Mars' is not a time zone"),
        ("0 0 30 2 *", "", "never comes"),
    ],
)
def test_what_is_none_says_why(text: str, timezone: str, problem: str) -> None:
    with pytest.raises(Invalid) as told:
        schedule(text, timezone)
    assert problem in str(told.value)


@pytest.mark.parametrize("text", ["etl", "nightly.etl", "-", "a.json", "", "2026-03-29"])
def test_names_are_none(text: str) -> None:
    assert not is_expression(text)

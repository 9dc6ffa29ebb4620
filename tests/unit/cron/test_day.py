"""A simulated day with kills every few minutes accounts for every instant."""

from __future__ import annotations

from collections import Counter

import pytest

from cdktr_cron.accounts import STATES
from tests.unit.cron.day import Day

PUT_BACK = 1_792_879_200.0  # 2026-10-24T22:00Z: the clocks of Berlin go back at 01:00Z
PUT_FORWARD = 1_774_735_200.0  # 2026-03-28T22:00Z: they go forward at 01:00Z

seen: Counter[str] = Counter()
"""In what instants have ended so far."""


def whole(seed: int, start_ts: float, hours: float = 24.0, clock_is_set: bool = True) -> Day:
    day = Day(seed, start_ts, hours, clock_is_set)
    verdict = day.run()
    assert verdict.wrong == [], (seed, verdict.wrong_total, day.counts)
    seen.update(verdict.counts)
    return day


def all_states_were_seen() -> None:
    assert min(seen[state] for state in STATES) > 0, seen


def test_a_day_with_kills_accounts_for_every_instant() -> None:
    day = whole(1, PUT_BACK)
    assert day.counts["crons killed"] > 100 and day.counts["principals killed"] > 50
    all_states_were_seen()


def test_a_night_in_which_the_clocks_go_forward() -> None:
    whole(2, PUT_FORWARD, hours=6.0, clock_is_set=False)


@pytest.mark.long
def test_many_days_account_for_every_instant() -> None:
    for seed in range(100):
        whole(seed, (PUT_BACK, PUT_FORWARD)[seed % 2], clock_is_set=seed % 3 != 0)
    all_states_were_seen()

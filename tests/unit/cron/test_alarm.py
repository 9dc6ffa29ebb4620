"""Waking at a time of day: to the millisecond by the system's timer, soon enough without one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cdktr_common.loop import Loop
from cdktr_cron import alarm
from cdktr_cron.alarm import Alarm


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made._wake.close()
    made._waker.close()


def woken(loop: Loop, due: float) -> tuple[float, int]:
    """How late, and in how many turns."""
    turns = 0
    while time.time() < due:
        loop.turn(5.0)
        turns += 1
    return time.time() - due, turns


def test_it_wakes_at_the_moment_and_not_before(loop: Loop) -> None:
    one = Alarm(loop)
    assert one.exact
    late = []
    for _ in range(20):
        due = time.time() + 0.013
        one.set(due)
        late_s, turns = woken(loop, due)
        assert turns <= 2  # the second one if the first came within a rounding of the moment
        late.append(late_s)
    assert sorted(late)[10] < 0.005
    one.close()


def test_what_has_passed_wakes_at_once_and_never_does_not(loop: Loop) -> None:
    one = Alarm(loop)
    for due in (0.0, time.time() - 100, 0.0):
        one.set(due)
        began = time.monotonic()
        loop.turn(5.0)
        assert time.monotonic() - began < 1
    one.set(time.time() + 0.01)
    one.set(None)
    began = time.monotonic()
    loop.turn(0.05)
    assert time.monotonic() - began >= 0.045
    one.close()


def test_without_a_timer_of_the_system_it_looks_again(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alarm, "RECHECK_S", 0.02)
    one = Alarm(loop, use_timerfd=False)
    assert not one.exact
    due = time.time() + 0.1
    turns = 0
    while time.time() < due:
        one.set(due)  # as the program does at the end of each turn
        loop.turn(5.0)
        turns += 1
    assert 3 <= turns <= 12 and time.time() - due < 0.1
    one.close()


def test_it_leaves_nothing_open(loop: Loop) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    one = Alarm(loop)
    assert len(list(Path("/proc/self/fd").iterdir())) == before + 1
    one.close()
    one.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before

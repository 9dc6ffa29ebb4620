"""What is told of a schedule: by its row, its calendar and the time alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from cdktr_common.calendar.schedule import calendar, jitter
from cdktr_common.catalogue.plan import Schedule
from cdktr_common.catalogue.values import ScheduleRow, Tick
from cdktr_cron import planner

MINUTE = 60.0
BASE = 1_000_000 * MINUTE


def row(**fields: Any) -> ScheduleRow:
    spec = {"every_s": MINUTE, **fields.pop("spec", {})}
    since = fields.pop("since_ts", BASE)
    return ScheduleRow(
        workflow="w", schedule="s", spec=Schedule(**spec), since_ts=since,
        ticked_ts=fields.pop("ticked_ts", since), **fields,
    )  # fmt: skip


def step(it: ScheduleRow, now: float) -> planner.Step:
    return planner.step(it, calendar(it.spec), now)


def told(it: ScheduleRow, now: float) -> list[tuple[str, float, int]]:
    """Act, minutes after the beginning, how many."""
    return [(t.act, (t.due_ts - BASE) / MINUTE, t.count) for t in step(it, now).ticks]


def test_before_it_is_due_it_is_waited_for_and_the_tick_is_ready() -> None:
    found = step(row(ticked_ts=BASE + 60, due_ts=BASE + 60), BASE + 90)
    assert (found.ticks, found.wake_ts, found.next_ts) == ((), BASE + 120, BASE + 120)
    assert found.ready == Tick(
        workflow="w", schedule="s", act="fire", after_ts=BASE + 60, due_ts=BASE + 120,
        previous_ts=BASE + 60,
    )  # fmt: skip


def test_the_instant_before_the_first_one_is_that_of_the_calendar() -> None:
    found = step(row(since_ts=BASE + 30), BASE + 40)
    assert found.ready is not None
    assert (found.ready.after_ts, found.ready.previous_ts) == (BASE + 30, BASE)
    at = row(since_ts=BASE, spec={"every_s": None, "at": "2999-01-01T00:00:00Z"})
    once = step(at, BASE + 1).ready
    assert once is not None and once.previous_ts is None


@pytest.mark.parametrize("late_s", [0.0, 4.9])
def test_what_is_on_time_fires_whatever_catch_up_says(late_s: float) -> None:
    for catchup in ("none", "last", "all"):
        it = row(spec={"catchup": catchup})
        assert told(it, BASE + 60 + late_s) == [("fire", 1, 1)]


def test_after_downtime_catch_up_decides() -> None:
    now = BASE + 5 * MINUTE + 30
    assert told(row(spec={"catchup": "none"}), now) == [("missed", 5, 5)]
    assert told(row(spec={"catchup": "last"}), now) == [("coalesced", 4, 4), ("fire", 5, 1)]
    some = row(spec={"catchup": "all", "catchup_limit": 2})
    assert told(some, now) == [("missed", 3, 3), ("fire", 4, 1), ("fire", 5, 1)]
    every = row(spec={"catchup": "all"})
    assert told(every, now) == [("fire", n, 1) for n in range(1, 6)]


def test_late_ones_go_into_one_that_is_on_time() -> None:
    now = BASE + 5 * MINUTE + 1
    ticks = step(row(), now).ticks
    assert told(row(), now) == [("coalesced", 4, 4), ("fire", 5, 1)]
    assert ticks[0].into_ts == ticks[1].due_ts == BASE + 300
    assert (ticks[0].from_ts, ticks[0].after_ts, ticks[1].after_ts) == (
        BASE + 60, BASE, ticks[0].due_ts,
    )  # fmt: skip
    assert told(row(spec={"catchup": "none"}), now) == [("missed", 4, 4), ("fire", 5, 1)]
    # The limit is of those that are late.
    limited = row(spec={"catchup": "all", "catchup_limit": 1})
    assert told(limited, now) == [("missed", 3, 3), ("fire", 4, 1), ("fire", 5, 1)]


def test_a_pause_suppresses_and_is_told_of_once_a_minute() -> None:
    it = row(spec={"every_s": 10.0}, paused=True, paused_ts=BASE + 25, ticked_ts=BASE + 20)
    assert step(it, BASE + 89).wake_ts == BASE + 30 + planner.GATHER_S
    assert [(t.act, t.count) for t in step(it, BASE + 90).ticks] == [("suppressed", 7)]
    # What was to start before it is not held back until it is over.
    late = row(spec={"every_s": 10.0}, paused=True, paused_ts=BASE + 25)
    assert [(t.act, t.count) for t in step(late, BASE + 40).ticks] == [
        ("missed", 2), ("suppressed", 2),
    ]  # fmt: skip


def test_a_pause_that_is_over_covers_what_was_to_start_in_it_and_nothing_else() -> None:
    pauses = [[BASE + 90, BASE + 150], [BASE + 170, BASE + 240]]
    now = BASE + 330
    every = row(pauses=pauses, spec={"catchup": "all"})
    told_of = [("fire", 1, 1), ("suppressed", 2, 1), ("suppressed", 4, 2), ("fire", 5, 1)]
    assert told(every, now) == [told_of[0], ("suppressed", 4, 3), told_of[3]]
    apart = row(pauses=[pauses[0], [BASE + 181, BASE + 240]], spec={"catchup": "all"})
    assert told(apart, now) == [
        ("fire", 1, 1), ("suppressed", 2, 1), ("fire", 3, 1), ("suppressed", 4, 1), ("fire", 5, 1),
    ]  # fmt: skip
    last = row(pauses=[pauses[0], [BASE + 181, BASE + 301]])
    assert told(last, now) == [
        ("coalesced", 1, 1), ("suppressed", 2, 1), ("fire", 3, 1), ("suppressed", 5, 2),
    ]  # fmt: skip


def test_a_start_that_waits_for_its_jitter_outlasts_a_pause() -> None:
    it = row(spec={"jitter_s": 600.0})
    due = step(it, BASE + 61)
    assert due.wake_ts is not None and due.wake_ts > BASE + 65
    before = replace(it, pauses=[[BASE + 62, BASE + 63]])
    assert step(before, BASE + 64).ready == due.ready
    within = replace(it, pauses=[[BASE + 62, due.wake_ts]])
    ready = step(within, BASE + 64).ready
    assert ready is not None and ready.act == "suppressed"
    assert step(replace(it, paused=True, paused_ts=BASE + 62), BASE + 64).ticks == ()


def test_nothing_of_a_pause_fires() -> None:
    it = row(pauses=[[BASE, BASE + 3 * MINUTE + 1]], spec={"catchup": "all"})
    assert told(it, BASE + 3 * MINUTE + 2) == [("suppressed", 3, 3)]
    done = replace(it, ticked_ts=BASE + 3 * MINUTE, due_ts=BASE + 3 * MINUTE)
    assert step(done, BASE + 3 * MINUTE + 2).wake_ts == BASE + 4 * MINUTE


def test_a_clock_that_is_set_back_to_before_it_was_resumed() -> None:
    pauses = [[BASE + 1, BASE + 3 * MINUTE + 1]]
    it = row(pauses=pauses, ticked_ts=BASE + MINUTE, due_ts=BASE + MINUTE)
    found = step(it, BASE + MINUTE + 30)
    assert found.wake_ts == BASE + 2 * MINUTE
    assert found.ready is not None and found.ready.act == "suppressed"
    assert told(it, BASE + 2 * MINUTE) == [("suppressed", 2, 1)]


def test_a_retired_one_is_told_to_its_end_and_closed() -> None:
    it = row(until_ts=BASE + 150)
    assert told(it, BASE + 1000) == [("missed", 2, 2)]
    assert step(replace(it, ticked_ts=BASE + 120), BASE + 1000) == planner.Step(closed=True)
    # By the principal's clock it is over, whatever ours says.
    assert told(it, BASE + 10) == [("missed", 2, 2)]
    paused = row(until_ts=BASE + 250, paused=True, paused_ts=BASE + 100)
    assert told(paused, BASE + 300) == [("missed", 1, 1), ("suppressed", 4, 3)]


def test_a_clock_that_was_set_back_tells_nothing_twice() -> None:
    it = row(ticked_ts=BASE + 600, due_ts=BASE + 600)
    found = step(it, BASE + 120)
    assert (found.ticks, found.wake_ts) == ((), BASE + 660)


def test_starts_are_delayed_by_their_jitter_and_stay_in_order() -> None:
    it = row(spec={"jitter_s": 100.0})
    starts = []
    now = BASE
    while len(starts) < 50:
        found = step(it, now)
        if found.wake_ts is not None:
            assert found.ready is not None
            starts.append((found.wake_ts, found.ready))
            now = found.wake_ts
        else:
            assert [t.act for t in found.ticks] == ["fire"] * len(found.ticks)
            last = found.ticks[-1].due_ts
            it = replace(it, ticked_ts=last, due_ts=last)
    for wake, tick in starts:
        own = tick.due_ts + jitter("w", "s", tick.due_ts, 100.0)
        assert own <= wake <= tick.due_ts + 100.0
        assert tick.due_ts + tick.delay_s == pytest.approx(wake)


def account(it: ScheduleRow, now: float, seen: list[tuple[str, float]]) -> ScheduleRow:
    """Tell all that is due, as the principal would record it."""
    for _ in range(200):
        found = planner.step(it, calendar(it.spec), now)
        if not found.ticks:
            assert found.wake_ts is None or found.wake_ts > now
            return it
        it = record(it, found.ticks, now, seen)
    raise AssertionError("it never ends")


def record(
    it: ScheduleRow, ticks: Sequence[Tick], now: float, seen: list[tuple[str, float]]
) -> ScheduleRow:
    """Each tick goes on where the row stands and speaks of all instants up to its own."""
    cal = calendar(it.spec)
    for tick in ticks:
        assert tick.after_ts == it.ticked_ts < (tick.from_ts or tick.due_ts) <= tick.due_ts
        inside = [one.ts for one in cal.between(tick.after_ts, tick.due_ts)]
        assert (inside[0], len(inside)) == (tick.from_ts or tick.due_ts, tick.count)
        if tick.act == "fire":
            assert tick.due_ts + tick.delay_s <= now + 1e-3
            start = tick.due_ts + tick.delay_s
            assert not any(begin + 1e-3 < start <= end - 1e-3 for begin, end in it.pauses)
            previous = cal.before(tick.due_ts)
            assert tick.previous_ts == (previous and previous.ts)
        seen += [(tick.act, ts) for ts in inside]
        it = replace(it, ticked_ts=tick.due_ts, due_ts=tick.due_ts)
    return it


SPECS = st.one_of(
    st.builds(dict, every_s=st.sampled_from([1.0, 7.5, 60.0, 3600.0])),
    st.builds(dict, every_s=st.none(), timezone=st.just("Europe/Berlin"),
              cron=st.sampled_from(["* * * * *", "30 2 * * *", "*/7 1-3 * * *"])),
)  # fmt: skip
MOVES = st.lists(
    st.tuples(
        st.sampled_from(["wait", "wait", "ready", "ready", "pause", "resume", "back"]),
        st.floats(0.1, 5000),
    ),
    max_size=12,
)


@settings(max_examples=300)
@given(
    SPECS, st.sampled_from(["none", "last", "all"]), st.integers(1, 5),
    st.sampled_from([0.0, 0.0, 30.0, 4000.0]), MOVES,
)  # fmt: skip
def test_every_instant_is_told_exactly_once(
    spec: dict[str, Any], catchup: str, limit: int, jitter_s: float,
    moves: list[tuple[str, float]],
) -> None:  # fmt: skip
    """Over waits, pauses and clocks that are set back, to the end of the schedule; with ticks that
    were made ready before."""
    now = since = 1_792_886_400.0 + 500  # an hour before the clocks of Berlin go back
    it = row(
        since_ts=since,
        spec={**spec, "catchup": catchup, "catchup_limit": limit, "jitter_s": jitter_s},
    )
    seen: list[tuple[str, float]] = []
    for what, seconds in moves:
        if what == "back":
            now -= seconds
        elif what == "ready":
            waited = planner.step(it, calendar(it.spec), now)
            if waited.ready is not None and waited.wake_ts is not None:
                now = max(now, waited.wake_ts)
                it = record(it, [waited.ready], now, seen)
        else:
            now += seconds
        if what == "pause" and not it.paused:
            it = replace(it, paused=True, paused_ts=now)
        elif what == "resume" and it.paused:
            begun = now if it.paused_ts is None else it.paused_ts
            pauses = [*it.pauses, [begun, max(begun, now)]]
            it = replace(it, paused=False, paused_ts=None, pauses=pauses)
        it = account(it, now, seen)
    end = max(now, it.ticked_ts, *(end for _, end in it.pauses)) + 1
    it = account(replace(it, until_ts=end), end, seen)
    assert step(it, end).closed
    assert [ts for _, ts in seen] == [one.ts for one in calendar(it.spec).between(since, end)]
    if catchup == "none" and not any(what == "back" for what, _ in moves):
        assert "coalesced" not in {act for act, _ in seen}


def test_a_long_absence_is_told_in_parts() -> None:
    seen: list[tuple[str, float]] = []
    for catchup in ("none", "last", "all"):
        it = row(spec={"every_s": 1.0, "catchup": catchup, "catchup_limit": 3})
        seen.clear()
        now = BASE + 9000.5
        account(it, now, seen)
        fired = [ts for act, ts in seen if act == "fire"]
        assert len(seen) == 9000
        on_time = [BASE + 9000 - n for n in (4, 3, 2, 1, 0)]
        late = [BASE + 8993 + n for n in range(3)] if catchup == "all" else []
        assert fired == late + on_time

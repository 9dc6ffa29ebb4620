"""Instants around changes of the clock: as the policy's words say, second by second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cdktr_common.calendar.schedule import Calendar, Instant, Invalid, calendar
from cdktr_common.catalogue.plan import Schedule
from cdktr_cron import changes
from tests.unit.cron import lines, oracle
from tests.unit.cron.zones import Moved, all_moved


def made(said: oracle.Said, zone: str) -> Calendar | None:
    """The calendar of a line; none for one that never comes."""
    try:
        return calendar(Schedule(cron=said.line, timezone=zone))
    except Invalid as fault:
        assert "never comes" in str(fault), said.line
        return None


def forward(found: Calendar, start: int, stop: int) -> list[Instant]:
    """All instants of a stretch by `after`."""
    return list(found.between(start - 1, stop - 1))


def backward(found: Calendar, start: int, stop: int) -> list[Instant]:
    """The same by `before`, in order of time."""
    instants, ts = [], float(stop)
    while (one := found.before(ts)) is not None and one.ts >= start:
        instants.append(one)
        ts = one.ts
    return instants[::-1]


def agrees(said: oracle.Said, change: Moved, around: int) -> None:
    """Both searches find what the oracle does, in a stretch that begins where any second may."""
    reach = abs(change.shift) + around
    start, stop = change.ts - reach, change.ts + reach
    found = made(said, change.zone)
    told = list(oracle.due(said, change.zone, start, stop))
    instants = [] if found is None else forward(found, start, stop)
    assert [(x.ts, x.coalesced) for x in instants] == [(x.ts, x.coalesced) for x in told], said.line
    if found is not None:
        assert backward(found, start, stop) == instants, said.line
        for begin in (change.ts - 1, change.ts, change.ts + abs(change.shift) - 1):
            later = [one for one in instants if one.ts >= begin]
            assert forward(found, begin, stop) == later, said.line
            earlier = [one for one in instants if one.ts < begin]
            assert backward(found, start, begin) == earlier, said.line


def test_each_instant_is_what_the_words_say() -> None:
    for seed in range(120):
        agrees(*lines.case(seed), 3600 + seed)


@pytest.mark.long
@pytest.mark.parametrize("tens", range(6))
def test_each_instant_is_what_the_words_say_at_length(tens: int) -> None:
    for seed in range(1000 * (tens + 1), 1000 * (tens + 1) + 200):
        agrees(*lines.case(seed), 5 * 3600 + seed)


CHANGES = st.sampled_from(all_moved())


@settings(max_examples=300, deadline=None)
@given(lines.CASES, st.floats(-90000, 90000))
def test_after_and_before_see_the_same(case: lines.Case, off: float) -> None:
    said, change = case
    found = made(said, change.zone)
    assume(found is not None)
    assert found is not None
    ts = change.ts + off
    later, earlier = found.after(ts), found.before(ts)
    if later is not None:
        assert later.ts > ts
        again = found.before(later.ts)
        assert again is None or again.ts <= ts
        back = found.after(later.ts)
        assert back is None or found.before(back.ts) == later
    if earlier is not None:
        assert earlier.ts < ts
        between = found.after(earlier.ts)
        assert between is None or between.ts >= ts


@settings(max_examples=150, deadline=None)
@given(lines.CASES)
def test_the_clock_on_the_wall_is_that_of_the_zone(case: lines.Case) -> None:
    said, change = case
    found = made(said, change.zone)
    one = None if found is None else found.after(change.ts - 7200)
    assume(one is not None)
    assert one is not None
    assert one.wall.timestamp() == one.ts
    assert one.wall.tzname() == datetime.fromtimestamp(one.ts, one.wall.tzinfo).tzname()
    reading = one.wall.replace(tzinfo=None)
    assert said.shows(reading) or "not exist" in one.note


@settings(max_examples=100, deadline=None)
@given(lines.CASES)
def test_lint_speaks_of_a_change_when_a_rule_is_used(case: lines.Case) -> None:
    said, change = case
    found = made(said, change.zone)
    assume(found is not None)
    assert found is not None
    end = datetime.fromtimestamp(change.ts, found.zone.info).replace(tzinfo=None, fold=0)
    shift, low = timedelta(seconds=change.shift), min(end, end - timedelta(seconds=change.shift))
    touched = (low + timedelta(seconds=second) for second in range(abs(change.shift)))
    used = said.notices(shift) and any(said.shows(reading) for reading in touched)
    told = changes.coming(found, change.ts - 1)
    assert told is not None and told.change.ts == change.ts
    assert bool(told.words) == used, said.line


@settings(max_examples=100, deadline=None)
@given(lines.CASES)
def test_in_utc_nothing_ever_happens(case: lines.Case) -> None:
    said, change = case
    found = made(said, "")
    assume(found is not None)
    assert found is not None
    told = oracle.due(said, "UTC", change.ts - 1200, change.ts + 1200)
    instants = forward(found, change.ts - 1200, change.ts + 1200)
    assert [one.ts for one in instants] == [one.ts for one in told]
    assert not any(one.note or one.coalesced for one in instants)
    assert all(one.wall.utcoffset() == datetime.now(UTC).utcoffset() for one in instants)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["0 * * * *", "*/7 * * * *", "30 0 * * * *", "5,35 0-23 * * *"]), CHANGES)
def test_when_every_hour_counts_so_does_every_real_one(line: str, change: Moved) -> None:
    assume(change.shift % 3600 == 0)
    found = calendar(Schedule(cron=line, timezone=change.zone))
    far = calendar(Schedule(cron=line))
    offset = found.zone.offset(change.ts - 1)
    start, stop = change.ts - 100_000, change.ts + 100_000
    told = [one.ts for one in far.between(start + offset, stop + offset)]
    assert [one.ts + offset for one in found.between(start, stop)] == told


@given(st.floats(1, 1e7), st.integers(0, 4_000_000_000), st.integers(0, 10**12))
def test_every_counts_from_its_start(every_s: float, start: int, off: int) -> None:
    begin = datetime.fromtimestamp(start, UTC).replace(tzinfo=None).isoformat()
    found = calendar(Schedule(every_s=every_s, start=begin))
    first = found.after(0 if start else -1.0)
    assert first is not None
    assert first.ts == start
    ts = start + off / 1000
    near = list(found.between(ts, ts + 3.5 * every_s))
    assert 3 <= len(near) <= 4
    for one, other in pairwise(near):
        assert found.before(other.ts) == one
        assert other.ts - one.ts == pytest.approx(every_s, abs=1e-5)
        assert (one.ts - start) / every_s == pytest.approx(round((one.ts - start) / every_s))

"""Streams of facts: told in order and once, whatever is lost on the way."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cdktr_common.catalogue.facts import RunAdmitted
from cdktr_tui.feed.streams import Hole, Streams


def facts(count: int, start: int = 0, workflow: str = "etl") -> list[RunAdmitted]:
    made, prev = [], start
    for number in range(1, count + 1):
        seq = start + 2 * number
        made.append(RunAdmitted(seq=seq, prev=prev, workflow=workflow, run="r"))
        prev = seq
    return made


def following(base: int = 0) -> Streams:
    streams = Streams()
    streams.follow("run/")
    assert streams.based("run/", base) == ([], [])
    return streams


def test_facts_before_the_base_are_not_told() -> None:
    streams = following(4)
    told = [streams.take("run/etl/", fact)[0] for fact in facts(4)]
    assert [each.seq for some in told for each in some] == [6, 8]


def test_facts_that_come_before_the_base_is_known_wait_for_it() -> None:
    streams = Streams()
    streams.follow("run/")
    for fact in facts(3):
        assert streams.take("run/etl/", fact) == ([], None)
    told, holes = streams.based("run/", 2)
    assert [fact.seq for fact in told] == [4, 6] and holes == []


def test_a_hole_is_told_once_and_what_follows_waits_until_it_is_filled() -> None:
    streams = following()
    first, second, third, fourth = facts(4)
    assert streams.take("run/etl/", first) == ([first], None)
    assert streams.take("run/etl/", third) == ([], Hole("run/etl/", 2, 4))
    assert streams.take("run/etl/", fourth) == ([], None)
    assert streams.filled(Hole("run/etl/", 2, 4), [second]) == ([second, third, fourth], None)


def test_stat_shows_the_last_ones_that_were_lost() -> None:
    streams = following()
    streams.take("run/etl/", facts(1)[0])
    assert streams.stat({"run/etl/": 2, "agent/": 9}) == []
    assert streams.stat({"run/etl/": 6}) == [Hole("run/etl/", 2, 6)]
    assert streams.stat({"run/etl/": 6}) == []  # it is being filled


def test_a_topic_nobody_follows_any_more_is_forgotten() -> None:
    streams = following()
    streams.take("run/etl/", facts(1)[0])
    streams.drop("run/")
    assert streams.take("run/etl/", facts(2)[1]) == ([], None) and not streams.followed


def test_a_hole_that_cannot_be_filled_does_not_stop_what_follows() -> None:
    streams = following()
    made = facts(5)
    _, hole = streams.take("run/etl/", made[2])
    assert hole is not None
    streams.give_up(hole)
    assert streams.take("run/etl/", made[3]) == ([made[3]], None)


@given(
    lost=st.sets(st.integers(0, 29)),
    twice=st.sets(st.integers(0, 29)),
    stats=st.sets(st.integers(0, 29)),
    base=st.integers(0, 20),
)
def test_every_fact_after_the_base_is_told_once_and_in_order(
    lost: set[int], twice: set[int], stats: set[int], base: int
) -> None:
    streams, made, told = following(base), facts(30), []

    def fill(hole: Hole | None) -> None:
        while hole is not None:
            missing = [fact for fact in made if hole.after < fact.seq]  # newer ones, too
            some, hole = streams.filled(hole, missing)
            told.extend(some)

    for number, fact in enumerate(made):
        for _ in range((number not in lost) + (number in twice)):
            some, hole = streams.take("run/etl/", fact)
            told.extend(some)
            fill(hole)
        if number in stats:
            for hole in streams.stat({"run/etl/": fact.seq}):
                fill(hole)
    for hole in streams.stat({"run/etl/": made[-1].seq}):
        fill(hole)
    assert [fact.seq for fact in told] == [fact.seq for fact in made if fact.seq > base]

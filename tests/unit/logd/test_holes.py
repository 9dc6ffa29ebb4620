"""A sender that has nothing earlier is not asked for ever, and one that has is waited for."""

from __future__ import annotations

from cdktr_logd import core
from cdktr_logd.holes import PATIENCE_S, PAUSE_S, Holes
from tests.unit.logd.test_core import chunk

KEY = ("r", "t", 1, "stdout")


def test_bytes_without_their_beginning_are_taken_after_a_while() -> None:
    holes, marks = Holes(), core.Marks()
    offered = [chunk(700, b"x"), chunk(500, b"x" * 200)]
    now = 0.0
    while not (found := holes.found(marks, offered, now)):
        now += 2.0
        assert now < 2 * PATIENCE_S
    assert now >= PATIENCE_S
    assert found == [(KEY, core.Mark(500, False, 2.0))]
    marks.learn(found)
    assert holes.found(marks, offered, now) == []
    plan = core.Plan(marks, 0)
    plan.add(sorted(offered, key=lambda one: one.offset))
    assert [row.off for row in plan.rows] == [500, 700]


def test_what_may_still_be_on_its_way_is_waited_for() -> None:
    holes, marks = Holes(), core.Marks()
    late = [chunk(500, b"x")]
    assert holes.found(marks, late, 0.0) == []
    assert holes.found(marks, late, 20.0) == [], "it paused: a partition may have come between"
    assert holes.found(marks, [chunk(400, b"x")], 25.0) == [], "something earlier came"
    assert holes.found(marks, late, 25.0 + PAUSE_S) == []
    assert holes.found(marks, [chunk(400, b"x")], 26.0 + PAUSE_S) == []
    assert holes.found(marks, [chunk(0, b"x")], 27.0 + PAUSE_S) == []
    marks.learn([(KEY, core.Mark(1, False, 2.0))])
    assert holes.found(marks, late, 28.0 + PAUSE_S) == [], "it began anew"


def test_a_stream_without_a_gap_is_nobodys_business() -> None:
    holes, marks = Holes(), core.Marks()
    for second in range(100):
        assert holes.found(marks, [chunk(0, b"abc")], float(second)) == []

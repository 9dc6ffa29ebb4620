"""Which instants are called moved, added and removed."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from cdktr_cron.differences import Difference, differences

DAY = 86400.0


def found(old: list[float], new: list[float]) -> list[Difference]:
    return list(differences(sorted(old), sorted(new), lambda ts: ts // DAY))


def test_as_many_on_a_day_are_moved_in_order() -> None:
    assert found([1, 2, DAY + 1], [7, 8, DAY + 9]) == [(1, 7), (2, 8), (DAY + 1, DAY + 9)]


def test_the_nearest_go_together_when_there_are_more_of_one() -> None:
    assert found([10], [3, 9, 20]) == [(None, 3), (10, 9), (None, 20)]
    assert found([1, 10], [8]) == [(1, None), (10, 8)]


def test_what_both_have_is_no_difference() -> None:
    assert found([1, 5], [5, 9]) == [(1, 9)]
    assert found([1, 5], [5, DAY]) == [(1, None), (None, DAY)]
    assert found([1], [1]) == []


TIMES = st.lists(st.integers(0, 300_000).map(float), unique=True, max_size=40)


@given(TIMES, TIMES)
def test_each_difference_is_told_once(old: list[float], new: list[float]) -> None:
    told = found(old, new)
    assert Counter(x.old for x in told if x.old is not None) == Counter(set(old) - set(new))
    assert Counter(x.new for x in told if x.new is not None) == Counter(set(new) - set(old))
    assert [x.ts for x in told] == sorted(x.ts for x in told)
    moved = [x for x in told if x.old is not None and x.new is not None]
    assert all(x.old // DAY == x.new // DAY for x in moved if x.old is not None and x.new)

"""What becomes of instants when one set of schedules takes the place of another. Pure.

An instant that only the old ones have is moved when on the same day there is one that only the new
ones have; of as many such on a day the first is moved to the first and so on, else neighbours go
together, the nearest before others. The rest is removed or added.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple


class Difference(NamedTuple):
    """An instant that is added (no `old`), removed (no `new`) or moved."""

    old: float | None
    new: float | None

    @property
    def ts(self) -> float:
        """Where it stands in a list."""
        return min(ts for ts in self if ts is not None)


def differences(
    old: Sequence[float], new: Sequence[float], day: Callable[[float], object]
) -> Iterator[Difference]:
    """All differences between two ascending lists of instants, in order of time; `day` says on
    which day of the clock an instant is."""
    kept = set(old) & set(new)
    left = [(ts, False) for ts in old if ts not in kept]
    left += [(ts, True) for ts in new if ts not in kept]
    for _, group in groupby(sorted(left), key=lambda one: day(one[0])):
        yield from sorted(_paired(list(group)), key=lambda one: one.ts)


def _paired(left: list[tuple[float, bool]]) -> Iterator[Difference]:
    """The differences of one day."""
    gone = [ts for ts, is_new in left if not is_new]
    come = [ts for ts, is_new in left if is_new]
    if len(gone) == len(come):
        yield from map(Difference, gone, come)
        return
    near = sorted(
        (left[at + 1][0] - left[at][0], at)
        for at in range(len(left) - 1)
        if left[at][1] != left[at + 1][1]
    )
    taken = set[int]()
    for _, at in near:
        if at not in taken and at + 1 not in taken:
            taken |= {at, at + 1}
            pair = {is_new: ts for ts, is_new in left[at : at + 2]}
            yield Difference(pair[False], pair[True])
    for at, (ts, is_new) in enumerate(left):
        if at not in taken:
            yield Difference(None, ts) if is_new else Difference(ts, None)

"""Times at which something is to be done, by name: the next one is found at once.

A time may be moved as often as one likes: what was moved to later is noticed only when its former
time comes, so that moving costs nothing. At most as much is kept as there are names, twice over.
Pure; which clock counts is a matter of whoever asks.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Alarms(Generic[K]):
    """See the module text. `_placed` is where a name stands in the heap, `_due` when it is due; a
    place that is not the name's own counts for nothing."""

    def __init__(self) -> None:
        self._due: dict[K, float] = {}
        self._placed: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._order = 0

    def __len__(self) -> int:
        return len(self._due)

    def __contains__(self, name: K) -> bool:
        return name in self._due

    def set(self, name: K, due: float) -> None:
        """It is due then, whatever was said before."""
        self._due[name] = due
        placed = self._placed.get(name)
        if placed is None or due < placed:
            self._place(name, due)
        if len(self._heap) > 2 * len(self._due) + 64:
            self._tidy()

    def later(self, name: K, due: float) -> None:
        """It is due then, if that is later than what was said before."""
        known = self._due.get(name)
        if known is None or due > known:
            self.set(name, due)

    def drop(self, name: K) -> None:
        """It is not due any more."""
        self._due.pop(name, None)

    def next(self) -> float | None:
        """When the first one is due."""
        while self._heap:
            placed, _, name = self._heap[0]
            due = self._due.get(name)
            if self._placed.get(name) == placed and due == placed:
                return due
            heapq.heappop(self._heap)
            if self._placed.get(name) == placed:
                del self._placed[name]
                if due is not None:
                    self._place(name, due)
        return None

    def take(self, now: float) -> Iterator[K]:
        """Take those that are due, the first first. Others may be set meanwhile."""
        while (due := self.next()) is not None and due <= now:
            name = heapq.heappop(self._heap)[2]
            del self._placed[name], self._due[name]
            yield name

    def _place(self, name: K, due: float) -> None:
        self._order += 1
        self._placed[name] = due
        heapq.heappush(self._heap, (due, self._order, name))

    def _tidy(self) -> None:
        due, self._heap, self._placed = self._due, [], {}
        for name, when in due.items():
            self._place(name, when)

"""Pools: how much of something tasks may use together, whatever workflow they belong to.

What is in use is not kept but read off the running attempts, so it is right after every restart.
How many have begun lately is kept here by the clock that never steps; after a restart it is
recalled from the times of the attempts. A pool that nobody has set is a lock: one at a time.

Must stay true: neither limit is ever exceeded, and a task gets all its pools at once or none.
Pure; the clock comes as an argument.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from math import inf
from typing import TYPE_CHECKING, Final

from cdktr_common.settings import Pool

if TYPE_CHECKING:
    from cdktr_principal.state.records import Task
    from cdktr_principal.state.state import State

LOCK: Final = Pool(limit=1)

Wanted = tuple[tuple[str, int], ...]
"""Names of pools, and how much of each."""

Place = tuple[int, int]
"""A place in line: what is smaller goes first."""


class Pools:
    """What was set, and how much has begun within the periods of pools that have a rate."""

    def __init__(self, pools: Mapping[str, int | Pool] | None = None) -> None:
        self._pools = {
            name: Pool(limit=pool) if isinstance(pool, int) else pool
            for name, pool in (pools or {}).items()
        }
        self._begun: dict[str, deque[tuple[float, int]]] = {
            name: deque() for name, pool in self._pools.items() if pool.rate is not None
        }
        self._recalled = not self._begun

    def pool(self, name: str) -> Pool:
        """What may be used of a pool."""
        return self._pools.get(name, LOCK)

    def possible(self, name: str, amount: int) -> bool:
        """Could so much ever be had?"""
        pool = self.pool(name)
        return amount <= min(
            inf if pool.limit is None else pool.limit, inf if pool.rate is None else pool.rate
        )

    def recall(self, state: State, clock: float, ts: float) -> None:
        """Once, before anything begins: what began before this principal did."""
        if self._recalled:
            return
        self._recalled = True
        found: list[tuple[float, str, int]] = []
        for run in state.runs.values():
            for task in run.tasks:
                for name, amount in task.plan.pools.items() if task.plan.pools else ():
                    if name in self._begun:
                        ages = (max(0.0, ts - attempt.assigned_ts) for attempt in task.attempts)
                        found += ((clock - age, name, amount) for age in ages)
        for began, name, amount in sorted(found):
            self._begun[name].append((began, amount))

    def begin(self, wanted: Mapping[str, int], clock: float) -> None:
        """An attempt begins that takes this."""
        for name, amount in wanted.items():
            if name in self._begun:
                self._begun[name].append((clock, amount))

    def left(self, name: str, clock: float) -> float:
        """How much may begin now, by the rate."""
        begun, pool = self._begun.get(name), self.pool(name)
        if begun is None or pool.rate is None:
            return inf
        while begun and begun[0][0] + pool.per_s <= clock:
            begun.popleft()
        return pool.rate - sum(amount for _, amount in begun)

    def due(self, name: str, amount: int, clock: float, taken: float = 0) -> float | None:
        """When so much may begin, by the rate, if so much more is `taken` now; None: now, or
        never."""
        left, per_s = self.left(name, clock) - taken, self.pool(name).per_s
        if left >= amount or not self.possible(name, amount):
            return None
        for began, part in self._begun[name]:
            left += part
            if left >= amount:
                return began + per_s
        return clock + per_s


class Room:
    """What is left of the pools within one turn."""

    def __init__(self, state: State, pools: Pools, clock: float) -> None:
        self._state = state
        self._pools = pools
        self._clock = clock
        self._used: dict[str, int] | None = None
        self._left: dict[str, float] = {}
        self._taken: dict[str, int] = {}
        self._closed: dict[str, Place] = {}
        self.due: float | None = None
        """When, by a rate, what was refused is to be tried again."""

    def refuses(self, wanted: Wanted, place: Place) -> bool:
        """Can it not be had now? Then nobody further behind gets of what it lacks, so that those
        who want little do not for ever pass one who wants much."""
        lacking = [
            name
            for name, amount in wanted
            if self.left(name) < amount or self._closed.get(name, place) < place
        ]
        if lacking and all(self._pools.possible(name, amount) for name, amount in wanted):
            for name in lacking:
                self._closed[name] = min(place, self._closed.get(name, place))
            self._note_due(wanted)
        return bool(lacking)

    def take(self, wanted: Wanted) -> None:
        """It is given out."""
        for name, amount in wanted:
            self._left[name] = self.left(name) - amount
            self._taken[name] = self._taken.get(name, 0) + amount

    def left(self, name: str) -> float:
        """What may still be taken of a pool."""
        known = self._left.get(name)
        if known is None:
            if self._used is None:
                self._used = in_use(self._state)
            limit = self._pools.pool(name).limit
            known = inf if limit is None else limit - self._used.get(name, 0)
            known = self._left[name] = min(known, self._pools.left(name, self._clock))
        return known

    def _note_due(self, wanted: Wanted) -> None:
        for name, amount in wanted:
            due = self._pools.due(name, amount, self._clock, self._taken.get(name, 0))
            if due is not None:
                self.due = due if self.due is None else min(due, self.due)


def in_use(state: State) -> dict[str, int]:
    """How much of each pool running attempts use."""
    used: dict[str, int] = {}
    for task in state.tokens.values():
        for name, amount in task.plan.pools.items() if task.plan.pools else ():
            used[name] = used.get(name, 0) + amount
    return used


def users(state: State, name: str) -> Iterator[Task]:
    """Tasks that use a pool now."""
    return (task for task in state.tokens.values() if name in task.plan.pools)

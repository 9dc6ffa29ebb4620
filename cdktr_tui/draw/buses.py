"""The lines between two columns of a graph: which upright line each bundle gets, and where.

Sources that lead to the same targets share a bus: a line from each to one upright, from there a
line to each target. No two uprights lie over each other, and no line of one bus lies along another
unless both go to the same target; where that cannot be had, a bus takes a detour through a row that
is free. Lines of different buses may cross. Rows are numbers here, whatever stands in them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

NORTH, EAST, SOUTH, WEST = 1, 2, 4, 8
ACROSS, UPRIGHT = EAST | WEST, NORTH | SOUTH

Cell = tuple[int, int, int]
"""A row, a place across, and the sides at which a line leaves it."""


class Bus(NamedTuple):
    """From the rows of its sources to those of its targets. `track` counts uprights from the left;
    -1: it is straight and needs none. A detour is two: the first ends at the row that is free, and
    the second begins there."""

    sources: frozenset[int]
    targets: frozenset[int]
    track: int = -1
    enters: bool = False
    leaves: bool = False

    @property
    def straight(self) -> bool:
        return self.sources == self.targets and len(self.sources) == 1

    @property
    def top(self) -> int:
        return min(self.sources | self.targets)

    @property
    def bottom(self) -> int:
        return max(self.sources | self.targets)


class Channel(NamedTuple):
    """All buses between two columns. A detour's parts follow one another in their route."""

    routes: list[list[Bus]]
    tracks: int


def channel(leads: Mapping[int, frozenset[int]], taken: set[int], rows: int) -> Channel:
    """`leads` gives for each row on the left those on the right. Rows in `taken` have something to
    the left or right; from `rows` on they are free."""
    bundles: dict[frozenset[int], set[int]] = {}
    for source, targets in leads.items():
        bundles.setdefault(targets, set()).add(source)
    buses = [Bus(frozenset(sources), targets) for targets, sources in bundles.items()]
    straight = [[bus] for bus in buses if bus.straight]
    ordered = _ordered([[bus] for bus in buses if not bus.straight], set(taken), rows)
    routes: dict[int, list[Bus]] = {}
    placed: list[tuple[int, Bus]] = []
    for route, bus in ordered:
        track = max(
            (
                before.track + 1
                for other, before in placed
                if _first(before, bus) or _beside(before, bus) or other == route
            ),
            default=0,
        )
        placed.append((route, bus._replace(track=track)))
        routes.setdefault(route, []).append(placed[-1][1])
    return Channel(
        [*straight, *routes.values()], 1 + max((bus.track for _, bus in placed), default=-1)
    )


def cells(
    bus: Bus, left: int, right: int, sources: frozenset[int], targets: frozenset[int]
) -> Iterator[Cell]:
    """The line from those sources to those targets of a bus, in a channel from `left` up to
    `right`."""
    if bus.straight:
        (row,) = sources
        yield from ((row, at, ACROSS) for at in range(left, right))
        return
    upright = place(bus, left)
    if not bus.leaves:
        for row in sources:
            yield from ((row, at, ACROSS) for at in range(left, upright))
    if not bus.enters:
        for row in targets:
            yield from ((row, at, ACROSS) for at in range(upright + 1, right))
    both = sources | targets
    top, bottom = min(both), max(both)
    for row in range(top, bottom + 1):
        sides = (NORTH if row > top else 0) | (SOUTH if row < bottom else 0)
        sides |= (WEST if row in sources else 0) | (EAST if row in targets else 0)
        yield row, upright, sides


def route_cells(
    route: list[Bus],
    left: int,
    right: int,
    sources: frozenset[int] | None = None,
    targets: frozenset[int] | None = None,
) -> Iterator[Cell]:
    """The same of a bus with or without a detour; all of it, or what joins some of its ends."""
    first, last = route[0], route[-1]
    yield from cells(
        first, left, right, sources or first.sources,
        (targets if first is last else None) or first.targets,
    )  # fmt: skip
    if first is last:
        return
    (free,) = last.sources
    yield from ((free, at, ACROSS) for at in range(place(first, left) + 1, place(last, left)))
    yield from cells(last, left, right, last.sources, targets or last.targets)


def place(bus: Bus, left: int) -> int:
    """Where the upright of a bus is."""
    return left + 1 + 2 * bus.track


def _ordered(routes: list[list[Bus]], taken: set[int], rows: int) -> list[tuple[int, Bus]]:
    """The buses from left to right: as they must lie, then so that few lines cross. A circle of
    those that must is cut by a detour of one."""
    open_: list[tuple[int, Bus]] = [(number, route[0]) for number, route in enumerate(routes)]
    done: list[tuple[int, Bus]] = []
    while open_:
        able = [one for one in open_ if not _must_wait(one, open_)]
        if not able:
            cut = _circle(open_)
            free = _free_row(cut[1], taken, rows)
            taken.add(free)
            number, bus = cut
            at = open_.index(cut)
            open_[at : at + 1] = [
                (number, bus._replace(targets=frozenset({free}), enters=True)),
                (number, bus._replace(sources=frozenset({free}), leaves=True)),
            ]
            continue
        best = min(able, key=lambda one: sum(_gain(one[1], other) for _, other in open_))
        open_.remove(best)
        done.append(best)
    return done


def _must_wait(one: tuple[int, Bus], others: list[tuple[int, Bus]]) -> bool:
    return any(
        _first(bus, one[1]) or (one[1].leaves and bus.enters and number == one[0])
        for number, bus in others
        if bus is not one[1]
    )


def _first(left: Bus, right: Bus) -> bool:
    """Must the first lie left of the second, for its sources are where the other's targets are?"""
    return not left.leaves and not right.enters and not left.sources.isdisjoint(right.targets)


def _beside(one: Bus, other: Bus) -> bool:
    return one.top <= other.bottom and other.top <= one.bottom


def _gain(left: Bus, right: Bus) -> int:
    """How many more lines cross with the first on the left than with it on the right."""
    return _cross(left, right) - _cross(right, left)


def _cross(left: Bus, right: Bus) -> int:
    return sum(left.top <= row <= left.bottom for row in right.sources) + sum(
        right.top <= row <= right.bottom for row in left.targets - right.targets
    )


def _circle(waiting: list[tuple[int, Bus]]) -> tuple[int, Bus]:
    """The smallest bus of a circle of those that wait for one another."""
    chain = [waiting[0]]
    while True:
        before = next(
            one
            for one in waiting
            if one[1] is not chain[-1][1]
            and (
                _first(one[1], chain[-1][1])
                or (chain[-1][1].leaves and one[1].enters and one[0] == chain[-1][0])
            )
        )
        if before in chain:
            circle = chain[chain.index(before) :]
            whole = [one for one in circle if not one[1].enters and not one[1].leaves]
            return min(whole, key=lambda one: len(one[1].sources) + len(one[1].targets))
        chain.append(before)


def _free_row(bus: Bus, taken: set[int], rows: int) -> int:
    middle = (bus.top + bus.bottom) / 2
    free = [row for row in range(rows + len(taken) + 1) if row not in taken]
    return min(free, key=lambda row: (row >= rows, abs(row - middle)))

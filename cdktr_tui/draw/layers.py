"""Where the boxes of a graph stand: a column each by how much must be over before, rows such that
lines cross seldom and run straight.

An edge that is longer than a column goes through places of its own in the columns between, shared
by all edges of its source, so no line ever runs through a box. No width is known here, and no line.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from math import floor
from typing import Final, NamedTuple

from cdktr_tui.draw.dag import Needs, reduced

_SWEEPS: Final = 8

Spot = tuple[str, int]
"""A task in its own column, or the way of its edges through a later one."""


class Layers(NamedTuple):
    """`columns` holds the spots from top to bottom, `row` where each is, `out` which spots of the
    next column each leads to. `column` is the one of a task itself."""

    columns: list[list[Spot]]
    row: dict[Spot, int]
    out: dict[Spot, list[Spot]]
    column: dict[str, int]
    needs: dict[str, list[str]]


def arrange(needs: Needs, gap: int = 1) -> Layers:
    """`gap` is how many rows lie between one box and that below it, less one."""
    kept = reduced(needs)
    column: dict[str, int] = {}
    for task, of in kept.items():
        column[task] = 1 + max((column[need] for need in of), default=-1)
    columns: list[list[Spot]] = [[] for _ in range(max(column.values(), default=-1) + 1)]
    for task, at in column.items():
        columns[at].append((task, at))
    out = _edges(kept, column, columns)
    back: dict[Spot, list[Spot]] = {}
    for spot, leads in out.items():
        for to in leads:
            back.setdefault(to, []).append(spot)
    columns = _uncrossed(columns, out, back)
    return Layers(columns, _rows(columns, out, back, column, gap), out, column, kept)


def way(layers: Layers, source: str, target: str) -> list[Spot]:
    """The spots that an edge leads through, both ends included."""
    spots = [(source, at) for at in range(layers.column[source], layers.column[target])]
    return [*spots, (target, layers.column[target])]


def _edges(
    needs: dict[str, list[str]], column: dict[str, int], columns: list[list[Spot]]
) -> dict[Spot, list[Spot]]:
    out: dict[Spot, list[Spot]] = {}
    for task, of in needs.items():
        for need in of:
            spot = (need, column[need])
            for at in range(column[need] + 1, column[task]):
                passing = (need, at)
                leads = out.setdefault(spot, [])
                if passing not in leads:
                    leads.append(passing)
                    columns[at].append(passing)
                spot = passing
            out.setdefault(spot, []).append((task, column[task]))
    return out


def _uncrossed(
    columns: list[list[Spot]], out: dict[Spot, list[Spot]], back: dict[Spot, list[Spot]]
) -> list[list[Spot]]:
    """Sorts columns by the middle of what is beside them, there and back, and keeps the best."""
    best, fewest = [list(one) for one in columns], _crossings(columns, out)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        beside = back if sweep % 2 == 0 else out
        inner = columns[1:] if sweep % 2 == 0 else columns[-2::-1]
        fixed = columns[0] if sweep % 2 == 0 else columns[-1]
        for one in inner:
            place = {spot: number for number, spot in enumerate(fixed)}
            own = {spot: number for number, spot in enumerate(one)}
            one.sort(key=lambda spot: _middle(beside.get(spot, ()), place, own[spot]))
            fixed = one
        crossings = _crossings(columns, out)
        if crossings < fewest:
            best, fewest = [list(one) for one in columns], crossings
    return best


def _middle(spots: Sequence[Spot], place: Mapping[Spot, float], own: float) -> float:
    found = [place[spot] for spot in spots if spot in place]
    return sum(found) / len(found) if found else own


def _crossings(columns: list[list[Spot]], out: dict[Spot, list[Spot]]) -> int:
    total = 0
    for left, right in itertools.pairwise(columns):
        place = {spot: number for number, spot in enumerate(right)}
        ends: list[int] = []
        for spot in left:
            leads = sorted(place[to] for to in out.get(spot, ()))
            total += sum(len(ends) - bisect_right(ends, to) for to in leads)
            for to in leads:
                insort(ends, to)
    return total


def _rows(
    columns: list[list[Spot]],
    out: dict[Spot, list[Spot]],
    back: dict[Spot, list[Spot]],
    column: dict[str, int],
    gap: int,
) -> dict[Spot, int]:
    """Rows near the middle of what is beside, in the order of each column."""
    row: dict[Spot, int] = {}
    offsets: list[list[int]] = []
    for one in columns:
        below, at = [], 0
        for number, spot in enumerate(one):
            if number:
                boxes = column[spot[0]] == spot[1] and column[one[number - 1][0]] == spot[1]
                at += gap if boxes else 1
            below.append(at)
            row[spot] = at
        offsets.append(below)
    for sweep in range(_SWEEPS):
        both = sweep >= _SWEEPS - 2
        forth = sweep % 2 == 0
        for at in range(len(columns)) if forth else range(len(columns) - 1, -1, -1):
            wanted: list[float | None] = []
            for spot in columns[at]:
                near = (back.get(spot, []) if forth or both else []) + (
                    out.get(spot, []) if not forth or both else []
                )
                alone = spot not in back and spot not in out
                wanted.append(None if alone else _middle(near, row, row[spot]))
            for spot, found in zip(columns[at], _level(wanted, offsets[at]), strict=True):
                row[spot] = found
    top = min(row.values(), default=0)
    return {spot: at - top for spot, at in row.items()}


def _level(wanted: list[float | None], offsets: list[int]) -> list[int]:
    """The rows nearest to what is wanted that keep order and distances. What wants nothing stands
    beside its neighbour."""
    blocks: list[tuple[float, int, int]] = []
    waiting = 0
    for want, offset in zip(wanted, offsets, strict=True):
        if want is None:
            if blocks:
                total, many, size = blocks.pop()
                blocks.append((total, many, size + 1))
            else:
                waiting += 1
            continue
        total, many, size = want - offset, 1, 1 + waiting
        waiting = 0
        while blocks and blocks[-1][0] / blocks[-1][1] >= total / many:
            above, count, large = blocks.pop()
            total, many, size = total + above, many + count, size + large
        blocks.append((total, many, size))
    shifts = [floor(total / many + 0.499) for total, many, size in blocks for _ in range(size)]
    return [shift + offset for shift, offset in zip(shifts or [0] * waiting, offsets, strict=True)]

"""Tasks one below the other, with lanes beside them that tell what follows on what.

One row a task. A lane carries what one or more tasks have done down to those that need it. Where it
comes to one of them and goes on, that task stands to its right (`├─●`); where it ends it may come
from either side (`●─┘`, `└─●`). A task whose lane others have begun joins it to its right (`●─┤`).
So lanes only lead down, and a line can be read without colour. A layout is made once for a
definition; states change signs alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from cdktr_tui.draw.buses import ACROSS, EAST, NORTH, SOUTH, UPRIGHT, WEST
from cdktr_tui.draw.dag import Needs, feeds, reduced
from cdktr_tui.draw.glyphs import Glyphs
from cdktr_tui.draw.line import Line, Span

_CROSS: Final = 16


class Row(NamedTuple):
    """A task, in which lane it stands, and the sides of the lines in all lanes. `links` are the
    lanes' sides between them: a line to the next lane on the right, or not."""

    task: str
    node: int
    sides: tuple[int, ...]


class Lanes(NamedTuple):
    """A layout: `rows` in the order in which tasks can run, and how many lanes there are."""

    rows: list[Row]
    lanes: int
    needs: dict[str, list[str]]

    @property
    def width(self) -> int:
        return max(0, 2 * self.lanes - 1)


class _Lane(NamedTuple):
    """Which tasks a lane still leads to; `shared`: there were several when it began; `joined`: it
    began beside its first task, for others to join it."""

    to: frozenset[str] = frozenset()
    shared: bool = False
    joined: bool = False


class _Place(NamedTuple):
    node: int
    joins: int | None
    cost: tuple[int, int, int]


def layout(needs: Needs) -> Lanes:
    """Lanes for these tasks."""
    kept = reduced(needs)
    fed = {task: frozenset(of) for task, of in feeds(kept).items()}
    alike: dict[frozenset[str], int] = {}
    for targets in fed.values():
        alike[targets] = alike.get(targets, 0) + 1
    lanes: list[_Lane] = []
    rows: list[Row] = []
    for task in kept:
        alike[fed[task]] -= 1
        place = _place(task, fed[task], lanes, more=alike[fed[task]] > 0)
        rows.append(_draw(task, fed[task], lanes, place))
    return Lanes(rows, max((len(row.sides) for row in rows), default=0), kept)


def paint(row: Row, signs: Mapping[str, Span], glyphs: Glyphs) -> Line:
    """One row: the sign of its task in its lanes."""
    before, after = "", ""
    for lane, sides in enumerate(row.sides):
        text = glyphs.box[UPRIGHT if sides & _CROSS else sides] if lane != row.node else ""
        if lane + 1 < len(row.sides):
            text += glyphs.box[ACROSS] if sides & (EAST | _CROSS) else " "
        if lane < row.node:
            before += text
        else:
            after += text
    spans = ((before, "dim"), signs[row.task], (after, "dim"))
    return tuple(span for span in spans if span[0])


def below(row: Row, glyphs: Glyphs) -> Line:
    """The lanes that go on below a row, for what is told between it and the next."""
    lines = (glyphs.box[UPRIGHT] if sides & SOUTH else " " for sides in row.sides)
    return ((" ".join(lines), "dim"),)


def _place(task: str, targets: frozenset[str], lanes: list[_Lane], more: bool) -> _Place:
    """Where a task stands best: few crossings, then few lanes, then far left."""
    going = [at for at, lane in enumerate(lanes) if task in lane.to and lane.to != {task}]
    ending = [at for at, lane in enumerate(lanes) if lane.to == {task}]
    same = [at for at, lane in enumerate(lanes) if targets and lane.to == targets]
    alone = len(going) + len(ending) == 1
    straight = [at for at in ending if alone and not (lanes[at].shared or lanes[at].joined)]
    found: list[_Place] = []
    for node in range(max(going, default=-1) + 1, len(lanes) + 2):
        if node < len(lanes) and lanes[node].to and (node not in ending or lanes[node].shared):
            continue
        reach = {*going, *ending, node}
        crossed = _between(lanes, min(reach), max(reach), reach)
        joins = next((at for at in same if at > max(reach)), None)
        if joins is not None:
            crossed += _between(lanes, node, joins, {node, joins})
        doubled = 2 if same and joins is None else 0
        bent = 0 if node in straight or not straight else 1
        found.append(_Place(node, joins, (crossed + doubled + bent, max(reach), node)))
    best = min(found, key=lambda one: one.cost)
    if targets and more and not same and max([*ending, best.node]) == best.node:
        # Others come that lead to the same: they are to stand left of the lane that all join.
        free = range(best.node + 1, len(lanes) + best.node + 2)
        joins = next(at for at in free if at >= len(lanes) or not lanes[at].to)
        return best._replace(joins=joins)
    return best


def _between(lanes: list[_Lane], first: int, last: int, apart: set[int]) -> int:
    return sum(
        1 for at in range(first + 1, min(last, len(lanes))) if lanes[at].to and at not in apart
    )


def _draw(task: str, targets: frozenset[str], lanes: list[_Lane], place: _Place) -> Row:
    """The row of a task; `lanes` become those below it."""
    node, joins = place.node, place.joins
    lanes.extend(_Lane() for _ in range(1 + max(node, joins or 0) - len(lanes)))
    sides = [UPRIGHT if lane.to else 0 for lane in lanes]
    ends = set()
    for at, lane in enumerate(lanes):
        if task in lane.to:
            lanes[at] = lane._replace(to=lane.to - {task})
            sides[at] = NORTH | (SOUTH if lanes[at].to else 0)
            ends.add(at)
    if targets:
        out = node if joins is None else joins
        sides[out] |= SOUTH
        ends.add(out)
        if lanes[out].to != targets:
            lanes[out] = _Lane(targets, len(targets) > 1, joins is not None)
    _link(sides, node, ends)
    while lanes and not lanes[-1].to:
        lanes.pop()
    while len(sides) > node + 1 and not sides[-1]:
        sides.pop()
    return Row(task, node, tuple(sides))


def _link(sides: list[int], node: int, ends: set[int]) -> None:
    """Draws the line across from the task to all that meet it in its row."""
    first, last = min({node, *ends}), max({node, *ends})
    for at in range(first, last + 1):
        if at in ends or at == node:
            sides[at] |= (EAST if at < last else 0) | (WEST if at > first else 0)
        elif sides[at] == UPRIGHT:
            sides[at] |= _CROSS
        else:
            sides[at] |= ACROSS

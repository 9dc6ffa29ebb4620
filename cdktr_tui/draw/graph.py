"""Tasks as boxes in columns from left to right, with lines from each to what follows on it.

A layout is made once for a definition; what stands in the boxes and which one is selected may
change without it, a row at a time. Every edge that `dag.reduced` leaves is drawn, none through a
box. Lines that cross without meeting are drawn as one passing under the other. Knows no state: a
label is whatever line the caller has made.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Final, Literal, NamedTuple

from rich.cells import cell_len

from cdktr_tui.draw import buses
from cdktr_tui.draw.buses import ACROSS, UPRIGHT, Bus, Cell
from cdktr_tui.draw.dag import Needs
from cdktr_tui.draw.glyphs import Glyphs
from cdktr_tui.draw.layers import Layers, Spot, arrange, way
from cdktr_tui.draw.line import Line, crop, width

_CROSS: Final = 16
"""Two lines that do not meet: the upright one is drawn."""

NAME_MOST: Final = 28
"""Cells of a name in a box."""

Side = Literal["left", "right", "up", "down"]


class Box(NamedTuple):
    """Where the label of a task stands. The cell before it and that after it are free."""

    row: int
    at: int
    width: int


class Graph(NamedTuple):
    """A layout. `lines` are the sides of the line in each cell that has one."""

    boxes: dict[str, Box]
    lines: dict[int, dict[int, int]]
    feeds: dict[str, list[str]]
    layers: Layers
    routes: list[list[list[Bus]]]
    starts: list[int]
    width: int
    height: int

    def at(self, row: int, column: int) -> str | None:
        """The task whose box is there."""
        for task, box in self.boxes.items():
            if box.row == row and box.at - 1 <= column <= box.at + box.width:
                return task
        return None

    def beside(self, task: str, side: Side) -> str | None:
        """The nearest task on that side; along a line if there is one."""
        here = self.boxes[task]
        if side == "left":
            near: Iterable[str] = self.layers.needs[task]
        elif side == "right":
            near = self.feeds[task]
        else:
            near = [
                one for one, box in self.boxes.items()
                if (box.row < here.row if side == "up" else box.row > here.row)
            ]  # fmt: skip
            return min(near, key=lambda one: _apart(here, self.boxes[one]), default=None)
        return min(near, key=lambda one: abs(self.boxes[one].row - here.row), default=None)


def layout(needs: Needs, widths: Mapping[str, int], gap: int = 2) -> Graph:
    """`widths` are those of the labels; with a `gap` of 2 a row is left free below a box."""
    layers = arrange(needs, gap)
    height = 1 + max(layers.row.values(), default=-1)
    boxes: dict[str, Box] = {}
    routes, starts, lines = [], [], _Lines()
    at = 0
    for number, column in enumerate(layers.columns):
        wide = max(
            (widths[task] for task, home in column if layers.column[task] == home), default=0
        )
        for task, home in column:
            row = layers.row[task, home]
            if layers.column[task] == home:
                boxes[task] = Box(row, at + 1, wide)
            else:
                lines.add([(row, cell, ACROSS) for cell in range(at, at + wide + 2)])
        at += wide + 2
        if number + 1 < len(layers.columns):
            channel = buses.channel(*_leads(layers, number), height)
            starts.append(at)
            routes.append(channel.routes)
            at += _span(channel.tracks)
            for route in channel.routes:
                lines.add(buses.route_cells(route, starts[-1], at))
    height = max([height, *(row + 1 for row in lines.sides)])
    fed: dict[str, list[str]] = {task: [] for task in layers.needs}
    for task, of in layers.needs.items():
        for need in of:
            fed[need].append(task)
    return Graph(boxes, lines.sides, fed, layers, routes, starts, at, height)


def paint(
    graph: Graph, labels: Mapping[str, Line], glyphs: Glyphs, selected: str = ""
) -> list[Line]:
    """All rows."""
    shown = Painter(graph, glyphs, selected)
    return [shown.row(number, labels) for number in range(graph.height)]


class Painter:
    """Rows of a layout with one task selected."""

    def __init__(self, graph: Graph, glyphs: Glyphs, selected: str = "") -> None:
        self.graph, self.glyphs = graph, glyphs
        self.selected = selected if selected in graph.boxes else ""
        self._bold: dict[int, dict[int, int]] = _ends(graph, self.selected)
        self._on: dict[int, list[str]] = {}
        for task, box in graph.boxes.items():
            self._on.setdefault(box.row, []).append(task)

    def row(self, number: int, labels: Mapping[str, Line]) -> Line:
        """One row, as wide as the graph."""
        texts, styles = [" "] * self.graph.width, [""] * self.graph.width
        for cell, sides in self.graph.lines.get(number, {}).items():
            texts[cell] = self.glyphs.box[UPRIGHT if sides & _CROSS else sides]
            styles[cell] = "dim"
        for cell, own in self._bold.get(number, {}).items():
            sides = self.graph.lines.get(number, {}).get(cell, own)
            texts[cell] = self.glyphs.joint(own if sides & _CROSS else sides, own)
            styles[cell] = "accent"
        spans: list[tuple[str, str]] = []
        at = 0
        for task in sorted(self._on.get(number, ()), key=lambda one: self.graph.boxes[one].at):
            box, label = self.graph.boxes[task], labels[task]
            _run(spans, texts, styles, at, box.at - 1)
            spans.extend(self._label(task, box, label))
            at = box.at + box.width + 1
        _run(spans, texts, styles, at, self.graph.width)
        return tuple(spans)

    def _label(self, task: str, box: Box, label: Line) -> Line:
        used = width(label)
        if used > box.width:
            label, used = crop(label, 0, box.width), box.width
        fed = self.graph.feeds[task]
        chosen = task == self.selected
        fill = self.glyphs.bold[ACROSS] if chosen else self.glyphs.box[ACROSS]
        if self._bold.get(box.row, {}).get(box.at + box.width + 1):
            fill = self.glyphs.bold[ACROSS]
        spare = box.width - used
        tail = (fill if fed else " ") * spare
        style = "accent" if fill == self.glyphs.bold[ACROSS] else "dim"
        if chosen:
            return (("[", "accent bold"), *label, ("]", "accent bold"), (tail, style))
        return ((" ", ""), *label, (" ", ""), (tail, style))


class _Lines:
    """Cells with lines in them, each line added as a whole."""

    def __init__(self) -> None:
        self.sides: dict[int, dict[int, int]] = {}

    def add(self, line: Iterable[Cell]) -> None:
        own: dict[tuple[int, int], int] = {}
        for row, at, sides in line:
            own[row, at] = own.get((row, at), 0) | sides
        for (row, at), sides in own.items():
            there = self.sides.setdefault(row, {})
            before = there.get(at, 0)
            if {before & 15, sides} == {ACROSS, UPRIGHT}:
                sides |= _CROSS
            there[at] = before | sides


def label_width(name: str, beside: int, most: int = NAME_MOST) -> int:
    """How wide a label is to be that has a name and `beside` cells of other things."""
    return min(cell_len(name), most) + beside


def _span(tracks: int) -> int:
    return 2 * tracks + 1 if tracks else 2


def _leads(layers: Layers, number: int) -> tuple[dict[int, frozenset[int]], set[int]]:
    """Which rows of a column lead to which of the next, and the rows that either has."""
    row, out = layers.row, layers.out
    leads = {
        row[spot]: frozenset(row[to] for to in out[spot])
        for spot in layers.columns[number]
        if spot in out
    }
    beside = (*layers.columns[number], *layers.columns[number + 1])
    return leads, {row[spot] for spot in beside}


def _ends(graph: Graph, task: str) -> dict[int, dict[int, int]]:
    """The cells of all lines that begin or end at a task."""
    found: dict[int, dict[int, int]] = {}
    edges = [(need, task) for need in graph.layers.needs.get(task, ())]
    edges += [(task, fed) for fed in graph.feeds.get(task, ())]
    for source, target in edges:
        for row, at, sides in edge(graph, source, target):
            there = found.setdefault(row, {})
            there[at] = there.get(at, 0) | sides
    return found


def edge(graph: Graph, source: str, target: str) -> list[Cell]:
    """The cells that the line from one task to another goes through, from box to box."""
    spots, row = way(graph.layers, source, target), graph.layers.row
    found: list[Cell] = []
    for here, there in itertools.pairwise(spots):
        number = here[1]
        left = graph.starts[number]
        for route in graph.routes[number]:
            if row[here] in route[0].sources and row[there] in route[-1].targets:
                right = left + _span(_tracks(graph.routes[number]))
                ends = frozenset({row[here]}), frozenset({row[there]})
                found += buses.route_cells(route, left, right, *ends)
                if there != spots[-1]:
                    after = graph.starts[number + 1]
                    found += [(row[there], at, ACROSS) for at in range(right, after)]
    return found


def _tracks(routes: list[list[Bus]]) -> int:
    return 1 + max((bus.track for route in routes for bus in route), default=-1)


def _apart(one: Box, other: Box) -> tuple[int, int]:
    overlap = one.at < other.at + other.width and other.at < one.at + one.width
    return (0 if overlap else abs(one.at - other.at)), abs(one.row - other.row)


def _run(
    spans: list[tuple[str, str]], texts: list[str], styles: list[str], start: int, end: int
) -> None:
    """Appends the cells of a row, those of one style together."""
    at = start
    while at < end:
        last = at
        while last < end and styles[last] == styles[at]:
            last += 1
        spans.append(("".join(texts[at:last]), styles[at]))
        at = last


__all__ = [
    "Box",
    "Cell",
    "Graph",
    "Painter",
    "Side",
    "Spot",
    "edge",
    "label_width",
    "layout",
    "paint",
]

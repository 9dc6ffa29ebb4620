"""Graphs: every edge is drawn from box to box and through none, whatever the workflow."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given

from cdktr_tui.draw import dag, graph
from cdktr_tui.draw.buses import ACROSS, EAST, NORTH, SOUTH, UPRIGHT, WEST
from cdktr_tui.draw.glyphs import ASCII, BLOCK, Glyphs
from cdktr_tui.draw.line import Line, width
from tests.unit.tui import golden
from tests.unit.tui.shapes import ETL, SHAPES, anything, dags

Needs = Mapping[str, list[str]]
MOVES = {NORTH: (-1, 0), SOUTH: (1, 0), EAST: (0, 1), WEST: (0, -1)}
BACK = {NORTH: SOUTH, SOUTH: NORTH, EAST: WEST, WEST: EAST}


def layout(needs: Needs, gap: int = 2) -> graph.Graph:
    return graph.layout(needs, {task: graph.label_width(task, 2) for task in needs}, gap)


def labels(needs: Needs, glyphs: Glyphs = BLOCK) -> dict[str, Line]:
    return {task: (glyphs.span("COMPLETED"), (f" {task}", "")) for task in needs}


@pytest.mark.parametrize("name", SHAPES)
def test_graphs_look_as_they_did(name: str) -> None:
    needs, drawn = SHAPES[name], []
    for gap, glyphs in ((2, BLOCK), (1, BLOCK), (1, ASCII)):
        drawn += [*graph.paint(layout(needs, gap), labels(needs, glyphs), glyphs), "=" * 40]
    golden.compare(f"graph {name}", drawn)


def test_the_edges_of_the_selected_task_are_thick() -> None:
    shown = graph.paint(layout(ETL), labels(ETL), BLOCK, selected="load")
    golden.compare("graph selected", shown)


@given(dags())
def test_every_edge_leads_from_box_to_box_and_through_none(needs: Needs) -> None:
    for gap in (1, 2):
        drawn = layout(needs, gap)
        for task, of in dag.reduced(needs).items():
            for need in of:
                follow(drawn, need, task)


def follow(drawn: graph.Graph, need: str, task: str) -> None:
    """Walks along the line of an edge, side by side, as a reader does."""
    cells: dict[tuple[int, int], int] = {}
    for row, at, sides in graph.edge(drawn, need, task):
        cells[row, at] = cells.get((row, at), 0) | sides
        assert drawn.lines[row][at] & sides == sides
        assert all(
            box.row != row or at < box.at or at >= box.at + box.width
            for box in drawn.boxes.values()
        )
    source, target = drawn.boxes[need], drawn.boxes[task]
    here, came = (source.row, source.at + source.width + 1), WEST
    walked = {here}
    while here != (target.row, target.at - 2):
        leave = cells[here] & ~came
        assert leave in MOVES, "an edge has two ends and does not fork"
        here = here[0] + MOVES[leave][0], here[1] + MOVES[leave][1]
        assert here not in walked
        walked.add(here)
        came = BACK[leave]
        assert cells[here] & came
    assert walked == set(cells)


@given(dags())
def test_lines_lie_along_one_another_only_where_they_are_of_one_bundle(needs: Needs) -> None:
    drawn = layout(needs)
    along: dict[tuple[int, int, int], set[tuple[str, str]]] = {}
    edges = {(need, task) for task, of in dag.reduced(needs).items() for need in of}
    for need, task in edges:
        for row, at, sides in graph.edge(drawn, need, task):
            for side in MOVES:
                if sides & side:
                    along.setdefault((row, at, side), set()).add((need, task))
    for there in along.values():
        assert bundled(there, edges)


def bundled(there: set[tuple[str, str]], edges: set[tuple[str, str]]) -> bool:
    """Is each joined to the rest, by a task at which both begin or end or by an edge across?"""
    rest = set(there)
    reached = [rest.pop()]
    for one in reached:
        near = {
            other for other in rest
            if one[0] == other[0] or one[1] == other[1]
            or (one[0], other[1]) in edges or (other[0], one[1]) in edges
        }  # fmt: skip
        reached += near
        rest -= near
    return not rest


@given(dags())
def test_all_rows_are_as_wide_as_the_graph_whatever_is_in_the_boxes(needs: Needs) -> None:
    drawn = layout(needs)
    texts: dict[str, Line] = {
        task: ((f"{task}: " + "x" * 9 * (n % 3), ""),) for n, task in enumerate(needs)
    }
    for selected in ("", next(iter(needs), "")):
        shown = graph.paint(drawn, texts, BLOCK, selected)
        assert {width(line) for line in shown} <= {drawn.width}
        assert len(shown) == drawn.height


@given(anything())
def test_what_no_loader_lets_through_is_drawn_nevertheless(needs: Needs) -> None:
    drawn = layout(needs)
    assert set(drawn.boxes) == set(needs)
    assert len(graph.paint(drawn, labels(needs), BLOCK)) == drawn.height


@given(dags())
def test_boxes_are_found_where_they_are_drawn(needs: Needs) -> None:
    drawn = layout(needs)
    for task, box in drawn.boxes.items():
        assert drawn.at(box.row, box.at) == task
        for side in ("left", "right", "up", "down"):
            other = drawn.beside(task, side)  # type: ignore[arg-type]
            assert other is None or other != task


@given(dags())
def test_what_follows_from_the_rest_is_not_drawn_and_all_else_is(needs: Needs) -> None:
    kept = dag.reduced(needs)
    drawn = dag.order(needs)
    assert sorted(drawn) == sorted(needs) and list(kept) == drawn
    assert all(drawn.index(need) < drawn.index(task) for task, of in needs.items() for need in of)
    assert reach(kept) == reach(needs)
    for task, of in kept.items():
        for need in of:
            fewer = {**kept, task: [one for one in of if one != need]}
            assert need not in reach(fewer)[task]


def reach(needs: Needs) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for task in dag.order(needs):
        found[task] = set(needs[task]).union(*(found[need] for need in needs[task]))
    return found


def test_a_crossing_is_no_meeting() -> None:
    drawn = layout(SHAPES["tangle"])
    crossed = [sides for row in drawn.lines.values() for sides in row.values() if sides & 16]
    assert crossed and all(sides & 15 == ACROSS | UPRIGHT for sides in crossed)

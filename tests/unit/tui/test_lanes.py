"""Lanes: what can be read off the picture is what the workflow says."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given

from cdktr_tui.draw import dag, lanes
from cdktr_tui.draw.buses import EAST, NORTH, SOUTH, WEST
from cdktr_tui.draw.glyphs import ASCII, BLOCK
from cdktr_tui.draw.line import Line, plain, width
from tests.unit.tui import golden
from tests.unit.tui.shapes import SHAPES, anything, dags, drawn_by_lot

Needs = Mapping[str, list[str]]


def rows(drawn: lanes.Lanes, ascii_too: bool = False) -> list[Line]:
    glyphs = ASCII if ascii_too else BLOCK
    return [
        (*lanes.paint(row, {row.task: (glyphs.node, "")}, glyphs), (f"  {row.task}", ""))
        for row in drawn.rows
    ]


@pytest.mark.parametrize("name", SHAPES)
def test_lanes_look_as_they_did(name: str) -> None:
    drawn = lanes.layout(SHAPES[name])
    golden.compare(f"lanes {name}", [*rows(drawn), "=" * 40, *rows(drawn, ascii_too=True)])


def read(drawn: lanes.Lanes) -> dict[str, set[str]]:
    """What each task needs, as a reader of the signs alone would say."""
    carried: dict[int, set[str]] = {}
    needs: dict[str, set[str]] = {}
    for row in drawn.rows:
        below: dict[int, set[str]] = {}
        needs[row.task] = set()
        first = last = row.node
        while first and row.sides[first] & (WEST | 16):
            first -= 1
        while last + 1 < len(row.sides) and row.sides[last] & (EAST | 16):
            last += 1
        for at, sides in enumerate(row.sides):
            assert bool(sides & NORTH) == (at in carried), "a lane begins and ends somewhere"
            if sides & SOUTH:
                below[at] = set(carried.get(at, ()))
            if sides & 16 or not first <= at <= last:
                continue
            enters = at <= row.node or not sides & SOUTH
            if sides & NORTH and enters:
                needs[row.task] |= carried[at]
                if at == row.node:
                    below.pop(at, None)
        for at in range(row.node, last + 1):
            sides = row.sides[at]
            if sides & SOUTH and not sides & 16:
                below[at] = below.get(at, set()) | {row.task}
        carried = below
    assert not carried, "a lane leads to somebody"
    return needs


@given(dags(most=20))
def test_what_is_read_off_the_lanes_is_what_the_workflow_says(needs: Needs) -> None:
    drawn = lanes.layout(needs)
    assert read(drawn) == {task: set(of) for task, of in dag.reduced(needs).items()}


@given(dags())
def test_lanes_are_as_wide_as_they_say(needs: Needs) -> None:
    drawn = lanes.layout(needs)
    assert [row.task for row in drawn.rows] == dag.order(needs)
    widths = [width(lanes.paint(row, {row.task: ("●", "")}, BLOCK)) for row in drawn.rows]
    assert max(widths, default=0) == drawn.width


@given(anything())
def test_what_no_loader_lets_through_has_lanes_nevertheless(needs: Needs) -> None:
    assert len(lanes.layout(needs).rows) == len(needs)


def test_a_fan_and_a_chain_stay_narrow() -> None:
    assert lanes.layout(SHAPES["fan"]).lanes == 3
    diamonds: dict[str, list[str]] = {"d0": []}
    for n in range(10):
        diamonds |= {f"l{n}": [f"d{n}"], f"r{n}": [f"d{n}"], f"d{n + 1}": [f"l{n}", f"r{n}"]}
    assert lanes.layout(diamonds).lanes == 3


def test_a_thousand_tasks_have_their_lanes_at_once() -> None:
    drawn = lanes.layout(drawn_by_lot(1000, 3, 5))
    assert len(drawn.rows) == 1000 and drawn.lanes < 40
    assert "●" in plain(rows(drawn)[0])

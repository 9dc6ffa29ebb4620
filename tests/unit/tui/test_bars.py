"""Bars, axes and grids: as wide as they say, and never nothing for something."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from cdktr_common.catalogue.values import AttemptRow, AttemptState, TaskRow
from cdktr_tui.draw import bars, gantt, grid
from cdktr_tui.draw.glyphs import ASCII, BLOCK, BRAILLE, SETS
from cdktr_tui.draw.line import Line, plain, width
from tests.unit.tui import golden

AT = 1000.0
shares = some.floats(-1, 2) | some.just(float("nan"))


@given(shares, some.integers(1, 40), some.sampled_from(sorted(SETS)))
def test_a_bar_is_as_long_as_it_was_asked_for(share: float, cells: int, name: str) -> None:
    glyphs = SETS[name]
    drawn = bars.across(share, cells, glyphs)
    assert len(drawn) == cells == width(bars.meter(share, cells, glyphs))
    assert (drawn.strip() == "") == (not share > 0)
    assert (drawn == glyphs.across[-1] * cells) == (share >= 1)
    assert len(bars.upright(share, cells, glyphs)) == cells


@given(some.lists(some.floats(0, 1e6), max_size=100), some.integers(1, 40))
def test_a_sparkline_shows_the_newest_and_the_greatest(values: list[float], cells: int) -> None:
    drawn = bars.sparkline(values, cells, BLOCK)
    assert len(drawn) == cells
    assert not any(values) or "█" in drawn
    if values and len(values) <= cells:
        assert drawn == bars.sparkline(values, len(values), BLOCK).rjust(cells)


@given(some.integers(0, 30), some.integers(0, 30), some.integers(0, 30), some.integers(2, 20))
def test_one_failure_among_many_is_seen(done: int, failed: int, of: int, cells: int) -> None:
    drawn = bars.progress(min(done, of), min(failed, done, of), of, cells, BLOCK)
    assert width(drawn) == cells
    assert ("▒" in plain(drawn)) == (min(failed, done, of) > 0)
    assert ("░" in plain(drawn)) == (done < of or not of)


def test_bars_in_all_sets() -> None:
    drawn: list[Line | str] = []
    for glyphs in (BLOCK, BRAILLE, ASCII):
        drawn += [bars.across(n / 24, 3, glyphs) + "|" for n in range(0, 25, 3)]
        drawn += [bars.sparkline([1, 2, 3, 5, 8, 7, 4, 0, 2], 12, glyphs)]
        drawn += bars.columns([12.0, None, 30.0, 3.0], 3, glyphs)
        drawn += [bars.slots(3, 4, 8, glyphs), bars.slots(9, 20, 8, glyphs)]
        drawn += [bars.progress(4, 1, 6, 12, glyphs)]
    golden.compare("bars", drawn)


def attempt(
    n: int, state: AttemptState, assigned: float, start: float | None, end: float | None = None
) -> AttemptRow:
    return AttemptRow(
        n=n, state=state, agent="web-1", fence=n, assigned_ts=AT + assigned,
        started_ts=None if start is None else AT + start,
        ended_ts=None if end is None else AT + end,
    )  # fmt: skip


TASKS = [
    TaskRow(task="extract", state="COMPLETED", attempts=[attempt(1, "COMPLETED", 0, 0, 31)]),
    TaskRow(task="clean", state="COMPLETED", attempts=[attempt(1, "COMPLETED", 31, 45, 89)]),
    TaskRow(
        task="validate", state="COMPLETED",
        attempts=[attempt(1, "FAILED", 31, 31, 42), attempt(2, "COMPLETED", 50, 50, 71)],
    ),
    TaskRow(
        task="load", state="RUNNING",
        attempts=[attempt(1, "CRASHED", 89, 89, 113), attempt(2, "RUNNING", 120, 120)],
    ),
    TaskRow(
        task="index", state="PENDING", retry_ts=AT + 181,
        attempts=[attempt(1, "FAILED", 31, 32, 99)],
    ),
    TaskRow(task="report", state="PENDING"),
    TaskRow(task="tiny", state="COMPLETED", attempts=[attempt(1, "COMPLETED", 31, 31, 31.01)]),
    TaskRow(task="stopped", state="CANCELLED", attempts=[attempt(1, "CANCELLED", 31, 31, 61)]),
]  # fmt: skip


@pytest.mark.parametrize("cells", [20, 45])
def test_attempts_over_the_time_of_their_run(cells: int) -> None:
    over = gantt.scale(AT, AT + 161, cells)
    drawn: list[Line | str] = []
    for glyphs in (BLOCK, ASCII):
        drawn += [gantt.axis(over), *(gantt.bar(one, over, AT + 161, glyphs) for one in TASKS)]
    golden.compare(
        f"gantt {cells}", [f"{one if isinstance(one, str) else plain(one)}|" for one in drawn]
    )


times = some.floats(0, 1e7)


@given(times, times, some.integers(1, 120), times, times)
def test_bars_and_axes_are_as_wide_as_their_scale(
    start: float, length: float, cells: int, begin: float, end: float
) -> None:
    over = gantt.scale(start, start + length, cells)
    task = TaskRow(task="a", state="COMPLETED", attempts=[attempt(1, "COMPLETED", begin, end, end)])
    drawn = gantt.bar(task, over, start + length, BLOCK)
    assert width(drawn) == width(gantt.axis(over)) == cells
    assert "▇" in plain(drawn)
    assert over.length >= length


def test_an_axis_stays_while_its_run_goes_on() -> None:
    lengths = {gantt.scale(AT, AT + 100 + s, 40).length for s in range(28)}
    assert len(lengths) <= 8


def past(n: int) -> grid.Past:
    bad = n in (3, 9)
    tasks = {
        "extract": grid.Cell("COMPLETED", 20.0 + n),
        "load": grid.Cell("FAILED" if bad else "COMPLETED", 40.0),
    }
    if n > 5:
        tasks["report"] = grid.Cell("SKIPPED" if bad else "COMPLETED", None if bad else 1.0 + n % 3)
    return grid.Past(f"r{n}", "FAILED" if bad else "COMPLETED", 60.0 + 7 * n, tasks)


NEWEST = {"extract": grid.Cell("RUNNING", 12.0), "load": grid.Cell("PENDING")}
RUNS = [*map(past, range(14)), grid.Past("now", "RUNNING", 12.0, NEWEST)]
NAMES = [(one, one) for one in ("extract", "load", "report")]


def test_tasks_against_the_last_runs() -> None:
    drawn: list[Line | str] = []
    for cells, glyphs, cursor in (
        (80, BLOCK, None),
        (30, BLOCK, grid.Place(1, 2)),
        (40, ASCII, None),
    ):
        drawn += [*grid.grid(NAMES, RUNS, cells, glyphs, cursor).lines, "=" * 40]
    drawn += grid.grid(NAMES, RUNS, 80, BLOCK, heat=True).lines
    golden.compare("grid", drawn)


@given(some.integers(12, 100), some.integers(-1, 2), some.integers(0, 14))
def test_the_cursor_of_a_grid_is_seen_and_what_is_under_it_known(
    cells: int, task: int, run: int
) -> None:
    drawn = grid.grid(NAMES, RUNS, cells, BLOCK, grid.Place(task, run))
    line = drawn.lines[drawn.top + task]
    at = 0
    for text, style in line:
        if "reverse" in style:
            assert drawn.at(drawn.top + task, at) == grid.Place(task, run)
            break
        at += len(text)
    else:
        raise AssertionError("no cursor")
    assert all(width(one) <= cells + 1 for one in drawn.lines)

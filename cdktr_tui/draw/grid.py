"""Tasks against the last runs: a sign where a task met a run, how long runs took above.

The newest run stands at the right and is always seen; older ones as far as there is room. A task
that a run did not have leaves its cell empty. Knows no request and no key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rich.cells import cell_len

from cdktr_tui.draw import bars, times
from cdktr_tui.draw.glyphs import Glyphs, style
from cdktr_tui.draw.line import Line, Span, fit


class Cell(NamedTuple):
    """What became of a task in a run: its state, as `glyphs.STATES` has them, how long its last
    attempt took, which one that was, and in words how it ended."""

    state: str
    seconds: float | None = None
    n: int = 0
    said: str = ""


class Past(NamedTuple):
    """A run: its state, how long it took, if it began, and its tasks."""

    run: str
    state: str
    seconds: float | None
    tasks: Mapping[str, Cell]


class Place(NamedTuple):
    """A cell: the number of a task, or -1 for the run itself, and that of a run."""

    task: int
    run: int


class Grid(NamedTuple):
    """A picture, and what is where in it."""

    lines: list[Line]
    first: int
    left: int
    top: int
    runs: int
    tasks: int

    def at(self, row: int, column: int) -> Place | None:
        """What stands there."""
        task, run = row - self.top, (column - self.left) // 2 + self.first
        if not (-1 <= task < self.tasks and column >= self.left and run < self.runs):
            return None
        return Place(task, run)


def grid(
    tasks: Sequence[tuple[str, str]],
    runs: Sequence[Past],
    width: int,
    glyphs: Glyphs,
    cursor: Place | None = None,
    bar_rows: int = 3,
    heat: bool = False,
) -> Grid:
    """`tasks` are ids and names, in the order of rows; `runs` the oldest first. `heat`: instead of
    its sign a cell shows how long the task took, as a share of the longest time in its row."""
    longest = max((cell_len(name) for _, name in tasks), default=4)
    left = min(longest, max(4, width // 3)) + 2
    room = max(1, (width - left) // 2)
    first = max(0, len(runs) - room)
    if cursor is not None:
        first = min(first, max(0, cursor.run))
    shown = runs[first : first + room]
    lines = _durations(shown, left, bar_rows, glyphs)
    top = len(lines) + 1
    marks = [((glyphs.sign(one.state), style(one.state))) for one in shown]
    picked = cursor.run - first if cursor is not None else -1
    chosen = cursor.task if cursor is not None else -2
    lines.append(((fit("run", left), "head"), *_row(marks, picked if chosen == -1 else -1)))
    for number, (task, name) in enumerate(tasks):
        cells = [one.tasks.get(task) for one in shown]
        took = max((cell.seconds or 0.0 for cell in cells if cell is not None), default=0.0)
        drawn = [_cell(cell, took, glyphs, heat) for cell in cells]
        label = (fit(name, left - 2) + "  ", "bold" if chosen == number else "")
        lines.append((label, *_row(drawn, picked if chosen == number else -1)))
    return Grid(lines, first, left, top, len(runs), len(tasks))


def _cell(cell: Cell | None, longest: float, glyphs: Glyphs, heat: bool) -> Span:
    if cell is None:
        return " ", ""
    if heat and cell.seconds is not None and longest > 0:
        return bars.upright(cell.seconds / longest, 1, glyphs)[0], style(cell.state)
    return glyphs.sign(cell.state), style(cell.state)


def _row(cells: Sequence[Span], picked: int) -> Line:
    """Cells with a blank after each; the picked one can be told from the others."""
    spans: list[Span] = []
    for at, (text, look) in enumerate(cells):
        spans += [(text, f"{look} reverse".strip() if at == picked else look), (" ", "")]
    return tuple(spans)


def _durations(runs: Sequence[Past], left: int, rows: int, glyphs: Glyphs) -> list[Line]:
    """Uprights, with the longest time beside the top and none beside the foot."""
    drawn = bars.columns([one.seconds for one in runs], rows, glyphs)
    longest = max((one.seconds for one in runs if one.seconds is not None), default=None)
    lines: list[Line] = []
    for number, row in enumerate(drawn):
        label = times.span(longest) if not number and longest is not None else ""
        spans = [(fit(label, left - 1, ">") + " ", "dim")]
        for text, one in zip(row, runs, strict=True):
            spans.append((f"{text} ", style(one.state) if text.strip() else ""))
        lines.append(tuple(spans))
    return lines

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
from cdktr_tui.draw.line import Line, fit


class Past(NamedTuple):
    """A run: what state it and each of its tasks are in, as `glyphs.STATES` has them, and how long
    it took, if it began."""

    run: str
    state: str
    seconds: float | None
    tasks: Mapping[str, str]


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
) -> Grid:
    """`tasks` are ids and names, in the order of rows; `runs` the oldest first."""
    longest = max((cell_len(name) for _, name in tasks), default=4)
    left = min(longest, max(4, width // 3)) + 2
    room = max(1, (width - left) // 2)
    first = max(0, len(runs) - room)
    if cursor is not None:
        first = min(first, max(0, cursor.run))
    shown = runs[first : first + room]
    lines = _durations(shown, left, bar_rows, glyphs)
    top = len(lines) + 1
    chosen = cursor.run - first if cursor is not None else -1

    def cells(row: int, states: Sequence[str | None]) -> Line:
        spans = []
        for at, state in enumerate(states):
            text = f"{glyphs.sign(state)} " if state is not None else "  "
            look = style(state) if state is not None else ""
            if at == chosen and cursor is not None and cursor.task == row:
                spans += [(text[0], f"{look} cursor".strip()), (" ", "")]
            else:
                spans.append((text, look))
        return tuple(spans)

    lines.append(((fit("run", left), "head"), *cells(-1, [one.state for one in shown])))
    for number, (task, name) in enumerate(tasks):
        mark = "bold" if cursor is not None and cursor.task == number else ""
        states = [one.tasks.get(task) for one in shown]
        lines.append(((fit(name, left - 2) + "  ", mark), *cells(number, states)))
    return Grid(lines, first, left, top, len(runs), len(tasks))


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

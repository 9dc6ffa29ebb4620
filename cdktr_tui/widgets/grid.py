"""A grid with a cursor that goes from cell to cell; its head stays while its rows are scrolled.

Knows nothing of what the cells are: whoever has it gives the picture for the place of the cursor.
"""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.message import Message

from cdktr_tui.draw.grid import Grid, Place
from cdktr_tui.draw.line import Line
from cdktr_tui.widgets.surface import Surface


class GridView(Surface, can_focus=True):
    """`draw` gives the picture for a width and a cursor."""

    class Said(Message):
        """Something about the cell under the cursor."""

        def __init__(self, view: GridView) -> None:
            super().__init__()
            self.view = view

        @property
        def control(self) -> GridView:
            return self.view

    class Moved(Said):
        """The cursor is on another cell."""

    class Opened(Said):
        """A cell was chosen: enter, or a double click."""

    def __init__(self, draw: Callable[[int, Place | None], Grid], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.cursor: Place | None = None
        self.top = 0
        self.dimmed = False
        self._draw = draw
        self._grid: Grid | None = None

    def redraw(self) -> None:
        """Another picture. The cursor begins at the newest run."""
        if not self.size.width:
            return
        drawn = self._draw(self.size.width, self.cursor)
        if drawn.runs and self.cursor is None:
            self.cursor = Place(-1, drawn.runs - 1)
            drawn = self._draw(self.size.width, self.cursor)
        self._grid = drawn
        self._scroll()
        self.paint()

    def dim(self, dimmed: bool) -> None:
        """What is shown is old."""
        if dimmed != self.dimmed:
            self.dimmed = dimmed
            self.paint()

    def _scroll(self) -> None:
        """The row of the cursor into sight."""
        if self._grid is None or self.cursor is None:
            return
        room = max(1, self.size.height - self._grid.top)
        at = max(0, self.cursor.task)
        self.top = max(0, min(self.top, at, self._grid.tasks - room))
        self.top = max(self.top, at - room + 1)

    def drawn(self, y: int) -> tuple[Line, str]:
        over = "dim" if self.dimmed else ""
        if self._grid is None:
            return (), over
        row = y if y < self._grid.top else y + self.top
        return (self._grid.lines[row] if row < len(self._grid.lines) else ()), over

    def go(self, task: int, run: int) -> None:
        """The cursor to this cell, or the nearest there is."""
        if self._grid is None or not self._grid.runs:
            return
        run = max(0, min(run, self._grid.runs - 1))
        place = Place(max(-1, min(task, self._grid.tasks - 1)), run)
        if place != self.cursor:
            self.cursor = place
            self.redraw()
            self.post_message(self.Moved(self))

    def _move(self, tasks: int = 0, runs: int = 0) -> None:
        if self.cursor is not None:
            self.go(self.cursor.task + tasks, self.cursor.run + runs)

    def action_down(self) -> None:
        self._move(tasks=1)

    def action_up(self) -> None:
        self._move(tasks=-1)

    def action_left(self) -> None:
        self._move(runs=-1)

    def action_right(self) -> None:
        self._move(runs=1)

    def action_top(self) -> None:
        self._move(tasks=-(1 << 20))

    def action_bottom(self) -> None:
        self._move(tasks=1 << 20)

    def action_page_down(self) -> None:
        self._move(tasks=max(1, self.size.height - 5))

    def action_page_up(self) -> None:
        self._move(tasks=-max(1, self.size.height - 5))

    def action_half_down(self) -> None:
        self._move(tasks=max(1, self.size.height // 2))

    def action_half_up(self) -> None:
        self._move(tasks=-max(1, self.size.height // 2))

    def action_open(self) -> None:
        if self.cursor is not None:
            self.post_message(self.Opened(self))

    def on_click(self, event: events.Click) -> None:
        if self._grid is None:
            return
        row = event.y if event.y < self._grid.top else event.y + self.top
        place = self._grid.at(row, event.x)
        if place is not None:
            event.stop()
            self.go(*place)
            if event.chain > 1:
                self.action_open()

    def wheel(self, rows: int) -> None:
        self._move(tasks=rows)

    def on_resize(self) -> None:
        super().on_resize()
        self.redraw()

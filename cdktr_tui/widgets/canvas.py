"""Lines that are longer and more than the place they have: graphs, details, help.

Scrolls both ways by whole cells. Knows nothing of what the lines show; a click is told as the row
and the cell of the lines that it hit.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.message import Message
from textual.strip import Strip

from cdktr_tui.draw.line import Line, width
from cdktr_tui.widgets import paint
from cdktr_tui.widgets.surface import Surface

SIDEWAYS = 8
"""Cells that one key moves."""


class Canvas(Surface, can_focus=True):
    """Shows a list of lines. What it is given stays as it is: `put` changes one of them."""

    class Hit(Message):
        """A click on row `row`, cell `col` of the lines; `double` on the second one."""

        def __init__(self, canvas: Canvas, row: int, col: int, double: bool) -> None:
            super().__init__()
            self.canvas, self.row, self.col, self.double = canvas, row, col, double

        @property
        def control(self) -> Canvas:
            return self.canvas

    def __init__(
        self,
        lines: Sequence[Line] = (),
        *,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
        can_focus: bool = True,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.lines: list[Line] = list(lines)
        self.top = self.left = 0
        self.dimmed = False
        """Old data: all of it is shown weaker."""
        self.can_focus = can_focus

    def show(self, lines: Sequence[Line]) -> None:
        """These lines from now on; what is to be seen of them stays if it can."""
        self.lines = list(lines)
        self.scroll(self.top, self.left)

    def put(self, index: int, line: Line) -> None:
        """One line changed."""
        self.lines[index] = line
        self.paint((index - self.top,) if 0 <= index - self.top < self.size.height else ())

    def dim(self, dimmed: bool) -> None:
        self.dimmed = dimmed
        self.paint()

    def scroll(self, top: int, left: int | None = None) -> None:
        """`top` is the first row and `left` the first cell to be seen, as far as there are any."""
        page, cells = self.size.height, self.size.width
        self.top = max(0, min(top, len(self.lines) - page))
        if left is not None:
            widest = max(map(width, self.lines), default=0) if left > 0 else 0
            self.left = max(0, min(left, widest - cells))
        self.paint()

    def reveal(self, row: int, col: int = 0, rows: int = 1, cols: int = 1) -> None:
        """Scrolls no farther than needed to show this part of the lines."""
        page, cells = max(1, self.size.height), max(1, self.size.width)
        top, left = self.top, self.left
        if row < top or row + rows > top + page:
            top = row if row < top or rows >= page else row + rows - page
        if col < left or col + cols > left + cells:
            left = max(0, col - max(0, cells - cols) // 2)
        self.scroll(top, left)

    def drawn(self, y: int) -> tuple[Line, str]:
        row = self.top + y
        return (self.lines[row] if row < len(self.lines) else ()), "dim" if self.dimmed else ""

    def strip(self, y: int) -> Strip:
        line, over = self.drawn(y)
        return paint.strip(line, self.size.width, self.colours, over, self.left)

    def action_down(self) -> None:
        self.scroll(self.top + 1)

    def action_up(self) -> None:
        self.scroll(self.top - 1)

    def action_page_down(self) -> None:
        self.scroll(self.top + max(1, self.size.height - 1))

    def action_page_up(self) -> None:
        self.scroll(self.top - max(1, self.size.height - 1))

    def action_half_down(self) -> None:
        self.scroll(self.top + max(1, self.size.height // 2))

    def action_half_up(self) -> None:
        self.scroll(self.top - max(1, self.size.height // 2))

    def action_top(self) -> None:
        self.scroll(0)

    def action_bottom(self) -> None:
        self.scroll(len(self.lines))

    def action_right(self) -> None:
        self.scroll(self.top, self.left + SIDEWAYS)

    def action_left(self) -> None:
        self.scroll(self.top, self.left - SIDEWAYS)

    def on_click(self, event: events.Click) -> None:
        row = self.top + event.y
        if row < len(self.lines):
            event.stop()
            self.post_message(self.Hit(self, row, self.left + event.x, event.chain > 1))

    def wheel(self, rows: int) -> None:
        self.scroll(self.top + rows)

    def on_resize(self) -> None:
        self.top = max(0, min(self.top, len(self.lines) - self.size.height))

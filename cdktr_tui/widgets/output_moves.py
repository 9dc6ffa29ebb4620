"""Moving in a pane of output, by keys and mouse, and choosing lines in it.

Whoever moves up has left the newest line: from then on the pane stays where it is, whatever comes.
Positions are numbers of rows, which stay the same when older ones are loaded before them.
"""

from __future__ import annotations

from typing import Any, Final

from textual import events

from cdktr_common import clean
from cdktr_tui.model.sift import WIDEST
from cdktr_tui.widgets.output_body import OutputBody

SIDEWAYS: Final = 16
"""Cells that one key moves."""


class OutputMoves(OutputBody):
    """A pane that can be scrolled. `chosen`: from which row to which."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._dragging = False
        self._going: float | None = None
        """The time that is gone to, until it is loaded."""

    # Moving.

    def scroll_by(self, rows: int) -> None:
        """So many lines of the screen, up if negative."""
        sift = self.sift
        if not len(sift):
            return
        self._leave()
        place, sub = min(sift.place(self.top), len(sift) - 1), self.sub + rows
        while sub < 0 and place > 0:
            place -= 1
            sub += self._height(place)
        while sub > 0 and place < len(sift) - 1 and sub >= (height := self._height(place)):
            sub -= height
            place += 1
        self.top, self.sub = sift.number(place), max(0, sub)
        self.draw()

    def _height(self, place: int) -> int:
        return len(self.lines(self.sift.number(place))) if self.look.wrap else 1

    def _leave(self) -> None:
        """Follow no longer: stay where it is."""
        self.following, self.seeking, self._going = False, 0, None

    def reveal(self, number: int) -> None:
        """A row is shown, a third down the screen unless it is on it already."""
        self._leave()
        if number not in self.seen():
            place = self.sift.place(number)
            self.top = self.sift.number(max(0, place - self.size.height // 3))
            self.sub = 0
        self.draw()

    def action_down(self) -> None:
        self.scroll_by(1)

    def action_up(self) -> None:
        self.scroll_by(-1)

    def action_page_down(self) -> None:
        self.scroll_by(max(1, self.size.height - 1))

    def action_page_up(self) -> None:
        self.scroll_by(-max(1, self.size.height - 1))

    def action_half_down(self) -> None:
        self.scroll_by(max(1, self.size.height // 2))

    def action_half_up(self) -> None:
        self.scroll_by(-max(1, self.size.height // 2))

    def action_top(self) -> None:
        """The beginning of the output, however long ago."""
        self._leave()
        self.script.to_start()
        self.top, self.sub = self.script.tape.first, 0
        self.draw()

    def action_bottom(self) -> None:
        """The newest line, and stay there."""
        self._leave()
        self.following = True
        self.script.to_end()
        self.draw()

    def action_left(self) -> None:
        self.left = max(0, self.left - SIDEWAYS)
        self.draw()

    def action_right(self) -> None:
        if not self.look.wrap:
            self.left += SIDEWAYS
            self.draw()

    def wheel(self, rows: int) -> None:
        self.scroll_by(rows)

    def action_follow(self) -> None:
        if self.following:
            self._leave()
            self.draw()
        else:
            self.action_bottom()

    # Choosing.

    def on_mouse_down(self, event: events.MouseDown) -> None:
        number = self.at(event.y)
        if number is not None and event.button == 1:
            self._dragging = True
            self._leave()
            self.capture_mouse()
            self.chosen = (number, number) if self.chosen != (number, number) else None
            self.draw()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._dragging and self.chosen is not None:
            if event.y < 0 or event.y >= self.size.height:
                self.scroll_by(-1 if event.y < 0 else 1)
            number = self.at(max(0, min(event.y, len(self._page) - 1)))
            if number is not None:
                self.chosen = (self.chosen[0], number)
                self.draw()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        if self._dragging:
            self._dragging = False
            self.release_mouse()

    def chosen_text(self) -> str:
        """What is chosen, or what is to be seen, as clean text."""
        numbers = self.seen()
        if self.chosen is not None:
            first, last = sorted(self.chosen)
            start = self.sift.place(first)
            end = self.sift.place(last + 1)
            numbers = [self.sift.number(place) for place in range(start, end)]
        rows = [row for row in map(self.row, numbers) if row is not None and row.kind == "text"]
        parts = [("" if row.part else "\n") + clean.line(row.text, WIDEST) for row in rows]
        return "".join(parts).removeprefix("\n")

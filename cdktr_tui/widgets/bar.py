"""One line of the screen: the header, the path and the summary of a view.

Parts of it can be clicked: what they stand for is an action. Knows nothing of what it says.
"""

from __future__ import annotations

from textual import events

from cdktr_tui.draw.line import Line, Span, fit, width
from cdktr_tui.widgets.surface import Surface


class Bar(Surface):
    """Shows a left and a right part, the left one cut when there is no room for both. A span whose
    style is `@ACTION` is shown as a key hint and does that when it is clicked."""

    DEFAULT_CSS = "Bar { height: 1; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._left: Line = ()
        self._right: Line = ()

    def show(self, left: Line, right: Line = ()) -> None:
        """Say this from now on."""
        if (left, right) != (self._left, self._right):
            self._left, self._right = left, right
            self.paint()

    @property
    def text(self) -> str:
        """What it says."""
        return "".join(text for text, _ in self._line(self.size.width))

    def drawn(self, y: int) -> tuple[Line, str]:
        spans = self._line(self.size.width)
        return tuple((text, "dim" if style[:1] == "@" else style) for text, style in spans), ""

    def _line(self, cells: int) -> Line:
        room = cells - width(self._right)
        left = width(self._left)
        if left <= room:
            return (*self._left, (" " * (room - left), ""), *self._right)
        kept: list[Span] = []
        for text, style in self._left:
            size = width([(text, style)])
            if size >= room:
                kept.append((fit(text, max(0, room)), style))
                break
            kept.append((text, style))
            room -= size
        return (*kept, *self._right)

    async def on_click(self, event: events.Click) -> None:
        event.stop()
        at = 0
        for text, style in self._line(self.size.width):
            size = width([(text, style)])
            if at <= event.x < at + size and style[:1] == "@":
                await self.screen.run_action(style[1:])
                return
            at += size

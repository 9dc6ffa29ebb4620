"""One line of the screen: the header, the path, the summary. Only cells that changed are painted.

Parts of it can be clicked: what they stand for is an action. Knows nothing of what it says.
"""

from __future__ import annotations

from textual import events
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from cdktr_tui.draw.line import Line, Span, fit, width
from cdktr_tui.widgets.paint import changed, palette, strip


class Bar(Widget):
    """Shows a left and a right part, the left one cut when there is no room for both."""

    DEFAULT_CSS = "Bar { height: 1; }"

    def __init__(self, over: str = "", id: str | None = None) -> None:
        super().__init__(id=id)
        self._over = over
        self._left: Line = ()
        self._right: Line = ()
        self._drawn: Strip | None = None

    def show(self, left: Line, right: Line = ()) -> None:
        """Say this from now on. A span whose style is `@ACTION` names what a click on it does; its
        colours are those of a key hint."""
        if (left, right) == (self._left, self._right):
            return
        self._left, self._right = left, right
        before, self._drawn = self._drawn, None
        if before is None or before.cell_length != self.size.width:
            self.refresh()
            return
        cells = changed(before, self.render_line(0))
        if cells is not None:
            self.refresh(Region(cells[0], 0, cells[1] - cells[0], 1))

    def restyle(self, over: str) -> None:
        """Lay another style over all of it."""
        if over != self._over:
            self._over, self._drawn = over, None
            self.refresh()

    @property
    def text(self) -> str:
        """What it says, for tests and for those who only read."""
        return "".join(text for text, _ in self._line(self.size.width))

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

    def render_line(self, y: int) -> Strip:
        if self._drawn is None or self._drawn.cell_length != self.size.width:
            shown = tuple(
                (text, "key" if style.startswith("@") else style)
                for text, style in self._line(self.size.width)
            )
            colours = palette(self.app.current_theme)
            self._drawn = strip(shown, self.size.width, colours, self._over)
        return self._drawn if y == 0 else Strip.blank(self.size.width)

    def notify_style_update(self) -> None:
        self._drawn = None
        super().notify_style_update()

    async def on_click(self, event: events.Click) -> None:
        at = 0
        for text, style in self._line(self.size.width):
            size = width([(text, style)])
            if at <= event.x < at + size and style.startswith("@"):
                await self.run_action(style[1:])
                return
            at += size

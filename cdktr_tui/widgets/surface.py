"""A widget made of lines that paints only the cells that changed.

Who inherits it says what stands in each of its rows; whatever happened, `paint` draws the rows anew
and gives to the terminal those cells that differ from the ones shown. So a clock costs its digits
and a list that was sorted into the same order costs nothing. Scrolls nothing itself: who
inherits it knows which part of its rows is to be seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import events
from textual.geometry import Region
from textual.strip import Strip
from textual.theme import Theme
from textual.widget import Widget

from cdktr_tui.draw.line import Line
from cdktr_tui.widgets import paint

WHEEL = 3
"""Rows that one turn of the wheel moves."""


class Surface(Widget):
    """Its rows are `drawn(y)`, painted in the colours of the theme."""

    ALLOW_SELECT = False
    GROUND: ClassVar[str] = "background"
    """The colour of the theme that it is painted on."""

    def __init__(
        self, *, name: str | None = None, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(name=name, id=id, classes=classes, markup=False)
        self._shown: dict[int, Strip] = {}

    def drawn(self, y: int) -> tuple[Line, str]:
        """The line of a row and the style laid over it ("": none)."""
        raise NotImplementedError

    def strip(self, y: int) -> Strip:
        """A row as it is painted. Who needs more than one line a row gives it here."""
        line, over = self.drawn(y)
        return paint.strip(line, self.size.width, self.colours, over)

    @property
    def colours(self) -> paint.Palette:
        return paint.palette(self.app.current_theme, self.GROUND)

    def paint(self, rows: Iterable[int] | None = None) -> None:
        """These rows (all of them) may have changed: what differs is painted."""
        if not self.is_mounted or not self.size:
            return
        regions = []
        for y in range(self.size.height) if rows is None else rows:
            old = self._shown.get(y)
            if old is None:  # never painted yet: it will be, as it is by then
                continue
            new = self.strip(y)
            self._shown[y] = new
            span = paint.changed(old, new) if old.cell_length == new.cell_length else (0, 1 << 16)
            if span is not None:
                first, last = span
                regions.append(Region(first, y, min(last, self.size.width) - first, 1))
        if regions:
            self.refresh(*regions)

    def repaint(self) -> None:
        """Everything is painted anew: other colours, another size."""
        self._shown.clear()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        shown = self._shown.get(y)
        if shown is None or shown.cell_length != self.size.width:
            shown = self._shown[y] = self.strip(y)
        return shown

    def wheel(self, rows: int) -> None:
        """The mouse wheel was turned by so many rows, up if negative."""

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        event.prevent_default()
        self.wheel(WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        event.prevent_default()
        self.wheel(-WHEEL)

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, self._recoloured)

    def on_resize(self) -> None:
        self.repaint()

    def _recoloured(self, _: Theme) -> None:
        self.repaint()

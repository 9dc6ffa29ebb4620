"""A graph of boxes that can be walked through: keys of movement go from box to box along the lines.

It stands in the middle of its place while it has room, and is scrolled to the selected box when it
has not. Its layout is made anew only when other boxes, edges or widths are given; another label
draws one row. Knows nothing of what the boxes are.
"""

from __future__ import annotations

from collections.abc import Mapping

from textual.message import Message

from cdktr_tui.draw import graph
from cdktr_tui.draw.dag import Needs
from cdktr_tui.draw.glyphs import BLOCK, Glyphs
from cdktr_tui.draw.line import Line
from cdktr_tui.widgets.canvas import Canvas


class GraphView(Canvas):
    """Boxes by key. Their labels may be cut to the width that each was given."""

    class Said(Message):
        """Something about the box of `key`."""

        def __init__(self, view: GraphView, key: str) -> None:
            super().__init__()
            self.view, self.key = view, key

        @property
        def control(self) -> GraphView:
            return self.view

    class Moved(Said):
        """Another box is selected."""

    class Opened(Said):
        """A box was chosen: enter, or a double click."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.glyphs: Glyphs = BLOCK
        self.selected = ""
        self._labels: dict[str, Line] = {}
        self._painter: graph.Painter | None = None
        self._needs: dict[str, tuple[str, ...]] = {}
        self._widths: dict[str, int] = {}
        self._layouts: dict[int, graph.Graph] = {}

    def boxes(self, needs: Needs, widths: Mapping[str, int], labels: Mapping[str, Line]) -> None:
        """These boxes, in this order, from now on."""
        given = {key: tuple(of) for key, of in needs.items()}
        self._labels = dict(labels)
        if list(given.items()) != list(self._needs.items()) or self._widths != widths:
            self._needs, self._widths, self._layouts = given, dict(widths), {}
            self.top = self.left = 0
        if self.selected not in needs:
            self.selected = next(iter(needs), "")
        self._lay()

    def label(self, key: str, label: Line) -> None:
        """One label is another."""
        if key not in self._labels or self._labels[key] == label:
            return
        self._labels[key] = label
        if self._painter is None:
            return
        row = self._painter.graph.boxes[key].row
        self.put(row, self._painter.row(row, self._labels))

    def select(self, key: str) -> None:
        """This box is selected; the edges that meet it are drawn thick."""
        if key in self._labels and key != self.selected:
            self.selected = key
            self._draw()

    def wanted(self, most: int) -> int:
        """Rows that it would like to have, if it may have so many."""
        loose = self._layout(2).height
        return loose if loose <= most else min(most, self._layout(1).height)

    def _layout(self, gap: int) -> graph.Graph:
        known = self._layouts.get(gap)
        if known is None:
            known = self._layouts[gap] = graph.layout(self._needs, self._widths, gap)
        return known

    def _lay(self) -> None:
        """The layout that there is room for: loose, else close. None while it is not to be seen."""
        if not self.display or not self.size:
            self._painter = None
            return
        drawn = self._layout(2)
        if drawn.height > max(1, self.size.height):
            drawn = self._layout(1)
        self._painter = graph.Painter(drawn, self.glyphs, self.selected)
        self._draw()

    def _draw(self) -> None:
        if self._painter is None:
            return
        drawn = self._painter.graph
        self._painter = graph.Painter(drawn, self.glyphs, self.selected)
        self.show([self._painter.row(row, self._labels) for row in range(drawn.height)])
        box = drawn.boxes.get(self.selected)
        if box is not None:
            self.reveal(box.row, max(0, box.at - 2), 1, box.width + 4)

    def _go(self, side: graph.Side) -> None:
        if self._painter is None or self.selected not in self._painter.graph.boxes:
            return
        other = self._painter.graph.beside(self.selected, side)
        if other is not None:
            self.select(other)
            self.post_message(self.Moved(self, other))

    def action_left(self) -> None:
        self._go("left")

    def action_right(self) -> None:
        self._go("right")

    def action_up(self) -> None:
        self._go("up")

    def action_down(self) -> None:
        self._go("down")

    def action_open(self) -> None:
        if self.selected:
            self.post_message(self.Opened(self, self.selected))

    def on_canvas_hit(self, event: Canvas.Hit) -> None:
        event.stop()
        key = self._painter.graph.at(event.row, event.col) if self._painter is not None else None
        if key is None:
            return
        self.select(key)
        self.post_message(self.Moved(self, key))
        if event.double:
            self.action_open()

    def on_show(self) -> None:
        self._lay()

    def on_resize(self) -> None:
        super().on_resize()
        self._lay()

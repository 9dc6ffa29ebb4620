"""A list of rows, of any length: cursor, marks, sorting sign, scroll bar.

Asks for the cells of the rows that are to be seen and of no others, so that ten rows and a hundred
thousand cost the same. Rows are known by keys: the cursor and the marks stay on theirs whatever the
order becomes. Knows nothing of what the rows are; keys of the keyboard are bound to its actions by
the view.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import events
from textual.message import Message

from cdktr_tui.draw.line import Line, crop, fit, line
from cdktr_tui.widgets import columns as table
from cdktr_tui.widgets.columns import Cell, Column
from cdktr_tui.widgets.listing import Listing
from cdktr_tui.widgets.surface import Surface

__all__ = ["Column", "RowsView"]

GUTTER = 2
"""Cells before the first column: the cursor's sign and the mark's."""
BAR = 2
"""Cells after the last one: a blank and the scroll bar."""
SIDEWAYS = 8
THUMB, GROOVE = "█", "│"

Cells = Callable[[str, int], Sequence[Cell]]
"""The cells of a row, one for each column, given its key and what time it is. KeyError: the row is
gone, and blank until the list is told."""


class RowsView(Surface, can_focus=True):
    """The rows of `keys`, in that order, under a line of titles."""

    class Said(Message):
        """Something about a row or a column of `view`."""

        def __init__(self, view: RowsView, key: str = "") -> None:
            super().__init__()
            self.view, self.key = view, key

        @property
        def control(self) -> RowsView:
            return self.view

    class Moved(Said):
        """The cursor is on another row ("": there is none)."""

    class Opened(Said):
        """A row was chosen: enter, or a double click."""

    class Sorted(Said):
        """The title of column `key` was clicked."""

    class Marked(Said):
        """Other rows are marked than before."""

    class NearEnd(Said):
        """Less than a page is left below: who has more rows may give them."""

    def __init__(
        self,
        columns: Sequence[Column],
        cells: Cells,
        *,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
        header: bool = True,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.columns = list(columns)
        self.cells = cells
        self.left = 0
        self.sort: tuple[str, bool] | None = None
        self.dimmed = False
        self.wide = False
        self.now = 0
        self.empty: Line | list[Line] = ()
        self._list = Listing()
        self._header = header
        self._note = ""
        self._asked = -1
        self._placed: list[table.Placed] = []
        self._placed_for: tuple[int, bool] | None = None

    # What it shows

    def set_keys(self, keys: Sequence[str]) -> None:
        """These rows, in this order; see `Listing.replace`."""
        before = self.cursor
        self._list.replace(keys)
        self.paint()
        if self.cursor != before:
            self.post_message(self.Moved(self, self.cursor or ""))
        self._near_end()

    def touch(self, *keys: str) -> None:
        """These rows changed. Those in sight are drawn anew."""
        shown = self._list
        places = [at for key in keys if (at := shown.index(key)) is not None]
        self.paint([at - shown.top + self._header for at in places if shown.in_sight(at)])

    def tick(self, now: int) -> None:
        """What time it is: clocks in rows that are in sight go on."""
        self.now = now
        self.paint()

    def set_columns(self, columns: Sequence[Column]) -> None:
        self.columns = list(columns)
        self._placed_for = None
        self.paint()

    def set_note(self, text: str) -> None:
        """What stands below the rows, on the right ("": nothing, and no line for it)."""
        if text != self._note:
            self._note = text
            self._fit_page()
            self.paint()

    def set_empty(self, empty: Line | list[Line]) -> None:
        """What is shown instead of rows when there are none."""
        self.empty = empty
        self.paint()

    def set_sort(self, sort: tuple[str, bool] | None) -> None:
        """The column that the rows are sorted by, and whether from its greatest."""
        self.sort = sort
        self.paint()

    def dim(self, dimmed: bool) -> None:
        """Old data is shown weaker."""
        if dimmed != self.dimmed:
            self.dimmed = dimmed
            self.paint()

    # The cursor and the marks

    @property
    def keys(self) -> list[str]:
        return self._list.keys

    @property
    def cursor(self) -> str | None:
        return self._list.cursor

    @property
    def marks(self) -> set[str]:
        return self._list.marks

    @property
    def at(self) -> int:
        """Which row the cursor is on, counted from 0."""
        return self._list.at

    @property
    def page(self) -> int:
        """How many rows there is room for."""
        return self._list.page

    def selected(self) -> list[str]:
        """The marked rows in their order, or else the one under the cursor."""
        return self._list.selected()

    def move_to(self, key: str) -> None:
        """The cursor to this row, which comes into sight."""
        at = self._list.index(key)
        if at is not None:
            self._after(self._list.go(at))

    def _after(self, moved: bool) -> None:
        """The cursor or the page may be somewhere else now."""
        self.paint()
        if moved:
            self.post_message(self.Moved(self, self.cursor or ""))
        self._near_end()

    def _fit_page(self) -> None:
        self._list.page = max(1, self.size.height - self._header - bool(self._note))
        self._list.clamp()

    def _near_end(self) -> None:
        """Tells once for each length of the list."""
        shown, count = self._list, len(self.keys)
        if count and self._asked != count:
            last = max(shown.at, shown.top + shown.page - 1)
            if count - 1 - last < shown.page:
                self._asked = count
                self.post_message(self.NearEnd(self, self.keys[-1]))

    # Drawing

    def placed(self) -> list[table.Placed]:
        """The columns that are shown, and where."""
        wide = self.wide or self.left > 0
        if self._placed_for != (self._room, wide):
            self._placed = table.place(self.columns, self._room, wide)
            self._placed_for = self._room, wide
        return self._placed

    @property
    def _room(self) -> int:
        """How many cells there are between the gutter and the scroll bar."""
        return max(1, self.size.width - GUTTER - BAR)

    def drawn(self, y: int) -> tuple[Line, str]:
        over = "dim" if self.dimmed else ""
        if self._header and y == 0:
            return self._framed(table.header(self.placed(), self.sort), "  ", ""), over
        if self._note and y == self.size.height - 1:
            return line((fit(self._note, max(0, self.size.width - 1), ">"), "dim")), ""
        row = y - self._header
        at = self._list.top + row
        if not self.keys:
            return self._nothing(row), ""
        if at >= len(self.keys):
            return self._framed((), "  ", self._bar(row)), ""
        key = self.keys[at]
        here = key == self.cursor
        sign = (">" if here else " ") + ("*" if key in self.marks else " ")
        if here and self.has_focus:
            over = f"{over} cursor"
        try:
            cells = self.cells(key, self.now)
        except KeyError:
            cells = ()
        return self._framed(table.row(self.placed(), cells), sign, self._bar(row)), over

    def _framed(self, cells: Line, sign: str, bar: str) -> Line:
        return ((sign, "mark"), *crop(cells, self.left, self._room), (f" {bar}", "dim"))

    def _nothing(self, row: int) -> Line:
        """The words for an empty list, from its second row on."""
        empty = self.empty if isinstance(self.empty, list) else [self.empty]
        words = empty[row - 1] if 0 < row <= len(empty) else ()
        return line("  ", *words)

    def _bar(self, row: int) -> str:
        """The cell of the scroll bar beside a row; "" when all rows are in sight."""
        count, page = len(self.keys), self.page
        if count <= page:
            return ""
        size = max(1, page * page // count)
        start = round(self._list.top / (count - page) * (page - size))
        return THUMB if start <= row < start + size else GROOVE

    # Keys and the mouse

    def action_down(self) -> None:
        self._after(self._list.go(self.at + 1))

    def action_up(self) -> None:
        self._after(self._list.go(self.at - 1))

    def action_top(self) -> None:
        self._after(self._list.go(0))

    def action_bottom(self) -> None:
        self._after(self._list.go(self._list.last))

    def action_page_down(self) -> None:
        self._after(self._list.turn(self.page))

    def action_page_up(self) -> None:
        self._after(self._list.turn(-self.page))

    def action_half_down(self) -> None:
        self._after(self._list.turn(max(1, self.page // 2)))

    def action_half_up(self) -> None:
        self._after(self._list.turn(-max(1, self.page // 2)))

    def action_right(self) -> None:
        """Sideways, with all columns at their full widths."""
        self._sideways(self.left + SIDEWAYS)

    def action_left(self) -> None:
        self._sideways(self.left - SIDEWAYS)

    def action_wide(self) -> None:
        """All columns, or those that there is room for."""
        self.wide = not self.wide
        self._sideways(self.left if self.wide else 0)

    def _sideways(self, left: int) -> None:
        widest = table.extent(table.place(self.columns, self._room, wide=True))
        self.left = max(0, min(left, widest - self._room))
        self.paint()

    def action_open(self) -> None:
        if self.cursor is not None:
            self.post_message(self.Opened(self, self.cursor))

    def action_mark(self) -> None:
        """Marks the row of the cursor, or no longer; the cursor goes on."""
        self._list.mark()
        self._marked()
        self.action_down()

    def action_mark_range(self) -> None:
        self._list.mark_range()
        self._marked()

    def action_mark_all(self) -> None:
        self._list.mark_all()
        self._marked()

    def unmark(self) -> bool:
        """Marks none. False: there was nothing marked."""
        if not self.marks:
            return False
        self.marks.clear()
        self._marked()
        return True

    def _marked(self) -> None:
        self.paint()
        self.post_message(self.Marked(self, self.cursor or ""))

    def on_click(self, event: events.Click) -> None:
        event.stop()
        if self._header and event.y == 0:
            column = table.at(self.placed(), event.x - GUTTER + self.left)
            if column is not None:
                self.post_message(self.Sorted(self, column.id))
            return
        row = event.y - self._header
        if 0 <= row < self.page and self._list.top + row < len(self.keys):
            self._after(self._list.go(self._list.top + row, follow=False))
            if event.chain > 1:
                self.action_open()

    def wheel(self, rows: int) -> None:
        self._list.scroll(rows)
        self._after(moved=False)

    def on_focus(self) -> None:
        self.paint()

    def on_blur(self) -> None:
        self.paint()

    def on_resize(self) -> None:
        self._fit_page()

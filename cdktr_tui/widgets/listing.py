"""Which rows there are, which of them are in sight, where the cursor is, what is marked. Pure.

Rows are known by keys, which are each there once. What must stay true: the cursor is on one of the
rows if there are any, and the page shows as many rows as it can.
"""

from __future__ import annotations

from collections.abc import Sequence


class Listing:
    """Rows in their order, and a page of them from `top` on."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.cursor: str | None = None
        self.marks: set[str] = set()
        self.top = 0
        self.page = 1
        self._index: dict[str, int] = {}
        self._anchor: str | None = None

    @property
    def at(self) -> int:
        """Which row the cursor is on, counted from 0."""
        return self._index.get(self.cursor or "", 0)

    @property
    def last(self) -> int:
        return len(self.keys) - 1

    def index(self, key: str) -> int | None:
        return self._index.get(key)

    def in_sight(self, at: int) -> bool:
        return self.top <= at < self.top + self.page

    def selected(self) -> list[str]:
        """The marked rows in their order, or else the one under the cursor."""
        marked = [key for key in self.keys if key in self.marks] if self.marks else []
        return marked or ([self.cursor] if self.cursor is not None else [])

    def replace(self, keys: Sequence[str]) -> None:
        """These rows, in this order. The cursor stays on its row, and that where it was in the
        page; if the row is gone, on the one that stands there now. A page that was at the very top
        stays there: new rows come into sight."""
        before, seen = self.at, self.in_sight(self.at)
        anchor = before if seen else self.top
        held = self.keys[anchor] if anchor < len(self.keys) else None
        self.keys = list(keys)
        self._index = {key: at for at, key in enumerate(self.keys)}
        if self.cursor not in self._index:
            self.cursor = self.keys[min(before, self.last)] if self.keys else None
        if self.top and held is not None:
            self.top += self._index.get(held, anchor) - anchor
        self.clamp(follow=seen)

    def go(self, at: int, follow: bool = True) -> bool:
        """The cursor to this row or the nearest there is. False: it is there already."""
        if not self.keys:
            self.clamp()
            return False
        key = self.keys[max(0, min(at, self.last))]
        moved, self.cursor = key != self.cursor, key
        self.clamp(follow)
        return moved

    def turn(self, rows: int) -> bool:
        """Cursor and page go on together."""
        self.top += rows
        return self.go(self.at + rows)

    def scroll(self, rows: int) -> None:
        """The page goes on, the cursor stays."""
        self.top += rows
        self.clamp(follow=False)

    def clamp(self, follow: bool = True) -> None:
        """The page to where there are rows; with `follow`, to where the cursor is."""
        if follow:
            self.top = min(self.at, max(self.top, self.at - self.page + 1))
        self.top = max(0, min(self.top, len(self.keys) - self.page))

    def mark(self) -> None:
        """Marks the row of the cursor, or no longer."""
        if self.cursor is not None:
            self._anchor = self.cursor
            self.marks ^= {self.cursor}

    def mark_range(self) -> None:
        """Marks all rows from the one that was marked last to the cursor."""
        start = self._index.get(self._anchor or "", self.at)
        first, last = sorted((start, self.at))
        self._anchor = self.cursor
        self.marks |= set(self.keys[first : last + 1])

    def mark_all(self) -> None:
        """Marks all rows; none of them, if all are marked."""
        shown = set(self.keys)
        if shown <= self.marks:
            self.marks -= shown
        else:
            self.marks |= shown

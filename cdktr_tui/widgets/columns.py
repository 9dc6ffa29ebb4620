"""How wide the columns of a list are, and its rows as lines. Pure; knows no widget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from rich.cells import cell_len

from cdktr_tui.draw.line import Line, Span, crop, fit, width

Cell = str | Span | Line
"""What stands in a column: a text, a text with a style, or several."""

GAP: Final = 1
"""Blank cells between two columns."""
WIDE: Final = 60
"""The least width of a column that may grow, when nothing has to fit."""
RISING, FALLING = "▴", "▾"


class Column(NamedTuple):
    """`width` is the least one; columns with `flex` share what is left; those of the highest `rank`
    are the first to go when there is no room for all."""

    id: str
    title: str
    width: int
    align: str = "<"
    flex: int = 0
    rank: int = 0


class Placed(NamedTuple):
    """A column that is shown: which one it is, where it begins, how wide it is."""

    nth: int
    column: Column
    start: int
    width: int

    @property
    def end(self) -> int:
        return self.start + self.width


def place(columns: Sequence[Column], cells: int, wide: bool = False) -> list[Placed]:
    """Where the columns stand in so many cells. `wide`: all of them, room or not."""
    kept = list(enumerate(columns))
    while not wide and len(kept) > 1 and _least(kept) > cells:
        worst = max(column.rank for _, column in kept)
        kept.remove([pair for pair in kept if pair[1].rank == worst][-1])
    widths = [max(one.width, WIDE) if wide and one.flex else one.width for _, one in kept]
    spare = max(0, cells - sum(widths) - GAP * (len(kept) - 1))
    shares = sum(column.flex for _, column in kept)
    start, placed = 0, []
    for (index, column), size in zip(kept, widths, strict=True):
        more = spare * column.flex // shares if shares else 0
        spare, shares = spare - more, shares - column.flex
        placed.append(Placed(index, column, start, size + more))
        start += size + more + GAP
    return placed


def extent(placed: Sequence[Placed]) -> int:
    """How many cells the columns take."""
    return placed[-1].end if placed else 0


def row(placed: Sequence[Placed], cells: Sequence[Cell]) -> Line:
    """The row whose cells these are: one for each column, shown or not."""
    spans: list[Span] = []
    for at, (index, column, _, size) in enumerate(placed):
        if at:
            spans.append((" " * GAP, ""))
        cell = cells[index] if index < len(cells) else ""
        if isinstance(cell, str):
            spans.append((fit(cell, size, column.align), ""))
        elif len(cell) == 2 and isinstance(cell[0], str):
            spans.append((fit(cell[0], size, column.align), str(cell[1])))
        else:
            spans.extend(_fit_line(tuple(span for span in cell if isinstance(span, tuple)), size,
                                   column.align))  # fmt: skip
    return tuple(spans)


def header(placed: Sequence[Placed], sort: tuple[str, bool] | None = None) -> Line:
    """The titles; a sign at the one that the rows are sorted by."""
    cells: dict[int, str] = {}
    for one in placed:
        title = one.column.title
        if sort and sort[0] == one.column.id:
            room = max(0, one.width - 1)
            title = (title if cell_len(title) <= room else fit(title, room)) + (
                FALLING if sort[1] else RISING
            )
        cells[one.nth] = title
    titles = [cells.get(index, "") for index in range(max(cells, default=-1) + 1)]
    return tuple((text, "head") for text, _ in row(placed, titles))


def at(placed: Sequence[Placed], cell: int) -> Column | None:
    """The column that is at this cell of a row."""
    return next((one.column for one in placed if one.start <= cell < one.end + GAP), None)


def _least(kept: Sequence[tuple[int, Column]]) -> int:
    return sum(column.width for _, column in kept) + GAP * (len(kept) - 1)


def _fit_line(line: Line, cells: int, align: str) -> Line:
    size = width(line)
    if size > cells:
        return (*crop(line, 0, cells - 1), ("…", "dim")) if cells > 1 else crop(line, 0, cells)
    blank: Span = (" " * (cells - size), "")
    if align == ">":
        return (blank, *line)
    if align == "^":
        left = (cells - size) // 2
        return ((" " * left, ""), *line, (" " * (cells - size - left), ""))
    return (*line, blank)

"""What stands on the terminal, cell by cell: a frame is given as what differs from the one before.

Textual paints regions, and paints them again for reasons of its own; each of its pieces of text
says its colours in full and takes them back. Here a frame that looks like the last one is nothing
at all, and of another one only the cells that differ are sent, with as few changes of colour and
moves of the cursor as there can be: over a slow line that is the difference between seeing a key at
once and seeing it later. What must stay true: a terminal that has got all frames shows what was put
last (`tests/unit/tui/test_glass.py` asks an emulated one). Knows no widget and no file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import groupby, repeat
from typing import Final

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style

Cell = tuple[str, Style | None]
"""The letter of a cell with all that stands over it, and how; the second cell of a wide letter has
no letter."""

BLANK: Final[Cell] = (" ", None)
SHORT: Final = 4
"""So many cells that did not change cost less to say again than to step over."""
OFF: Final = {"1": "22", "2": "22", "3": "23", "4": "24", "5": "25", "7": "27", "9": "29"}
"""The codes that take back an attribute."""


class Glass:
    """A terminal of this size and these colours, which is erased at first."""

    def __init__(self, cols: int, rows: int, colours: ColorSystem = ColorSystem.TRUECOLOR) -> None:
        self.cols, self.rows = cols, rows
        self._colours = colours
        self._shown: list[list[Cell]] = [[BLANK] * cols for _ in range(rows)]
        self._wanted: dict[int, list[Cell]] = {}
        self._new = True
        self._at: tuple[int, int] | None = None
        self._style: Style | None = None

    def put(self, y: int, x: int, segments: Iterable[Segment]) -> None:
        """These stand in row `y` from cell `x` on, in the next frame."""
        if not (0 <= y < self.rows and 0 <= x < self.cols):
            return
        row = self._wanted.get(y)
        if row is None:
            row = self._wanted[y] = list(self._shown[y])
        cells = cells_of(segments)[: self.cols - x]
        end = x + len(cells)
        if not cells:
            return
        if x and row[x][0] == "":  # a wide letter loses its second half, or its first one
            row[x - 1] = (" ", row[x - 1][1])
        if end < self.cols and row[end][0] == "":
            row[end] = (" ", row[end][1])
        if end == self.cols and _wide_at_the_edge(cells):
            cells[-1] = (" ", cells[-1][1])
        row[x:end] = cells

    def frame(self, cursor: tuple[int, int] = (0, 0)) -> str:
        """What the terminal has to be sent; "" if nothing differs. The cursor is left at this cell
        and row, where an input method looks for it, unless that is the first one."""
        out: list[str] = []
        if self._new:
            out.append("\x1b[m\x1b[2J")
            self._new, self._at, self._style = False, None, None
        for y in sorted(self._wanted):
            row = self._wanted[y]
            if row != self._shown[y]:
                self._row(out, y, self._shown[y], row)
                self._shown[y] = row
        self._wanted.clear()
        if out and self._style is not None:
            out.append("\x1b[m")
            self._style = None
        if out and cursor != (0, 0):
            self._move(out, cursor[1], cursor[0])
        return "".join(out)

    def _row(self, out: list[str], y: int, old: Sequence[Cell], new: list[Cell]) -> None:
        """One row. Where letters are not one cell wide each, terminals disagree on where the next
        one stands: such a row is said as a whole."""
        if all(len(letter) == 1 for letter, _ in old) and all(
            len(letter) == 1 for letter, _ in new
        ):
            runs = _runs([at for at, cell in enumerate(new) if not _alike(cell, old[at])])
        else:
            runs = [(0, self.cols)]
        end = self.cols
        while end and _alike(new[end - 1], BLANK):
            end -= 1
        for first, last in runs:
            self._move(out, y, first)
            if last > end and self.cols - max(first, end) > SHORT:
                self._say(out, new[first : max(first, end)])
                self._ink(out, None)
                out.append("\x1b[K")
                self._at = (y, max(first, end))
                return
            self._say(out, new[first:last])
            self._at = (y, last) if last < self.cols else None

    def _say(self, out: list[str], cells: Sequence[Cell]) -> None:
        for style, group in groupby(cells, key=lambda cell: cell[1]):
            text = "".join(letter for letter, _ in group)
            if not text.isspace() or ground(style) != ground(self._style):
                self._ink(out, style)
            out.append(text)

    def _ink(self, out: list[str], style: Style | None) -> None:
        out.append(_change(self._style, style, self._colours))
        self._style = style

    def _move(self, out: list[str], y: int, x: int) -> None:
        if self._at == (y, x):
            return
        if self._at is not None and self._at[0] == y and x > self._at[1]:
            steps = x - self._at[1]
            out.append(f"\x1b[{steps}C" if steps > 1 else "\x1b[C")
        else:
            out.append(f"\x1b[{y + 1};{x + 1}H" if x else f"\x1b[{y + 1}H")
        self._at = (y, x)


def cells_of(segments: Iterable[Segment]) -> list[Cell]:
    """The cells that these take."""
    cells: list[Cell] = []
    for text, style, control in segments:
        if control:
            continue
        if text.isascii() or _narrow(text):
            cells.extend(zip(text, repeat(style)))
            continue
        for letter in text:
            size = cell_len(letter)
            if size:
                cells.append((letter, style))
                cells.extend([("", style)] * (size - 1))
            elif cells:
                at = -2 if cells[-1][0] == "" and len(cells) > 1 else -1
                cells[at] = (cells[at][0] + letter, cells[at][1])
    return cells


def _wide_at_the_edge(cells: Sequence[Cell]) -> bool:
    return cell_len(cells[-1][0]) > 1


@lru_cache(4096)
def _narrow(text: str) -> bool:
    return all(cell_len(letter) == 1 for letter in text)


@lru_cache(4096)
def ground(style: Style | None) -> tuple[object, ...]:
    """What is seen of a style on a blank."""
    if style is None:
        return (None, False, False, False, None)
    under = None if style.bgcolor is None or style.bgcolor.is_default else style.bgcolor
    lines = bool(style.underline), bool(style.strike)
    return (under, *lines, bool(style.reverse), style.color if style.reverse else None)


def _alike(one: Cell, other: Cell) -> bool:
    return one == other or (one[0] == " " == other[0] and ground(one[1]) == ground(other[1]))


def _runs(changed: Sequence[int]) -> list[tuple[int, int]]:
    """Cells that changed, as runs of which each is said at once."""
    runs: list[tuple[int, int]] = []
    for at in changed:
        if runs and at - runs[-1][1] < SHORT:
            runs[-1] = (runs[-1][0], at + 1)
        else:
            runs.append((at, at + 1))
    return runs


@lru_cache(4096)
def _codes(style: Style | None, colours: ColorSystem) -> tuple[tuple[str, ...], str, str]:
    """Attributes, ink and ground of a style, as the numbers that a terminal knows them by."""
    if style is None:
        return (), "", ""
    ink, under = style.color, style.bgcolor
    both = (
        "" if colour is None or colour.is_default
        else ";".join(colour.downgrade(colours).get_ansi_codes(foreground=foreground))
        for colour, foreground in ((ink, True), (under, False))
    )  # fmt: skip
    flags = (
        ("1", style.bold), ("2", style.dim), ("3", style.italic), ("4", style.underline),
        ("5", style.blink), ("7", style.reverse), ("9", style.strike),
    )  # fmt: skip
    first, second = both
    return tuple(code for code, on in flags if on), first, second


@lru_cache(8192)
def _change(old: Style | None, new: Style | None, colours: ColorSystem) -> str:
    """The shortest words that turn one style into another."""
    had, has = _codes(old, colours), _codes(new, colours)
    if had == has:
        return ""
    whole = [*has[0], *filter(None, has[1:])]
    gone = {OFF[code] for code in had[0] if code not in has[0]}
    step = [
        *sorted(gone),
        *(code for code in has[0] if code not in had[0] or OFF[code] in gone),
        *((has[1] or "39",) if has[1] != had[1] else ()),
        *((has[2] or "49",) if has[2] != had[2] else ()),
    ]
    parts = ";".join(step), ";".join(("0", *whole) if whole else ())
    return f"\x1b[{min(parts, key=len)}m"

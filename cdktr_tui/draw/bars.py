"""Shares and series as bars of characters: progress, slots, load, durations side by side.

A part of a cell is drawn as far as the set of characters has one. What is not nothing is never
drawn as nothing, and what is not all never as all. Knows no workflow.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, isfinite

from cdktr_tui.draw.glyphs import Glyphs
from cdktr_tui.draw.line import Line, Span, Style


def across(share: float, cells: int, glyphs: Glyphs) -> str:
    """A share from 0 to 1 as a bar from the left, filled up with blanks."""
    return "".join(_filled(share, cells, glyphs.across))


def upright(share: float, cells: int, glyphs: Glyphs) -> list[str]:
    """The same from below: a character a row, the topmost first."""
    return _filled(share, cells, glyphs.up)[::-1]


def _filled(share: float, cells: int, steps: str) -> list[str]:
    fine = len(steps) - 1
    most = cells * fine
    share = min(1.0, max(0.0, share)) if isfinite(share) else 0.0
    size = round(share * most)
    if share > 0 and most:
        size = min(max(size, 1), most if share >= 1 else max(1, most - 1))
    return [steps[min(fine, max(0, size - at * fine))] for at in range(cells)]


def sparkline(values: Sequence[float], cells: int, glyphs: Glyphs, most: float = 0.0) -> str:
    """The last values side by side, the newest at the right; several share a cell, as the greatest
    of them, when there are more than cells. `most` is what fills a cell, at least the greatest."""
    if len(values) > cells:
        per = ceil(len(values) / max(1, cells))
        end = len(values)
        shown = [max(values[max(0, end - (at + 1) * per) : end - at * per]) for at in
                 range(cells - 1, -1, -1) if end - at * per > 0]  # fmt: skip
    else:
        shown = list(values)
    top = max([most, *shown], default=0.0)
    drawn = "".join(_filled(value / top if top > 0 else 0.0, 1, glyphs.up)[0] for value in shown)
    return " " * (cells - len(drawn)) + drawn


def columns(
    values: Sequence[float | None], rows: int, glyphs: Glyphs, most: float = 0.0
) -> list[str]:
    """Values as uprights of one cell each: so many rows of text, the topmost first."""
    top = max([most, *(value for value in values if value is not None)], default=0.0)
    drawn = [upright(value / top if value and top > 0 else 0.0, rows, glyphs) for value in values]
    return ["".join(one[row] for one in drawn) for row in range(rows)]


def meter(share: float, cells: int, glyphs: Glyphs, style: Style = "bar") -> Line:
    """A share in whole cells, the rest marked: `▇▇▇░░`."""
    full = _cells(share, cells)
    return _line((glyphs.done * full, style), (glyphs.left * (cells - full), "dim"))


def slots(busy: int, of: int, cells: int, glyphs: Glyphs) -> Line:
    """One cell a slot where they all find room, else their share."""
    if of <= 0:
        return ((" " * cells, ""),)
    size = min(of, cells)
    drawn = meter(busy / of, size, glyphs, "warn" if busy >= of else "bar")
    return _line(*drawn, (" " * (cells - size), ""))


def progress(done: int, failed: int, of: int, cells: int, glyphs: Glyphs) -> Line:
    """How far a run is: what failed first, that it is seen, then what is done, then the rest."""
    if of <= 0:
        return ((glyphs.left * cells, "dim"),)
    ended = _cells(done / of, cells)
    bad = min(ended, _cells(failed / of, cells))
    return _line(
        (glyphs.failed * bad, "bad"), (glyphs.done * (ended - bad), "ok"),
        (glyphs.left * (cells - ended), "dim"),
    )  # fmt: skip


def _cells(share: float, cells: int) -> int:
    if share <= 0 or not isfinite(share) or cells < 1:
        return 0
    return cells if share >= 1 else min(max(1, cells - 1), max(1, round(share * cells)))


def _line(*spans: Span) -> Line:
    return tuple(span for span in spans if span[0])

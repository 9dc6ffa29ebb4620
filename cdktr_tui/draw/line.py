"""Lines of a picture: pieces of text, each with the name of its style.

What is drawn is decided here, without a terminal; which colours the names mean is the theme's
(`widgets/paint.py`). Widths are cells of a terminal, never characters. Text that came from outside
has been through `cdktr_common.clean` before it stands in a line. Knows no workflow.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich.cells import cell_len, set_cell_size

Style = str
"""Names separated by blanks, of `STYLES`; empty: as the theme writes text."""

Span = tuple[str, Style]
Line = tuple[Span, ...]

STYLES: Final = (
    "ok", "run", "wait", "bad", "lost", "warn", "skip", "dim", "bold", "accent", "title", "head",
    "key", "cursor", "mark", "match", "link", "bar", "reverse", "stdout", "stderr", "protected",
)  # fmt: skip
"""`ok run wait bad lost warn skip` are states; the others say what a text is for. Beside these
there are the names that `clean.styled` gives to colours of output: `fg1`, `bg214`, `fg#ff8800`,
`italic` and so on."""


def line(*spans: Span | str) -> Line:
    """A line of these pieces; a bare text has no style."""
    return tuple((span, "") if isinstance(span, str) else span for span in spans)


def plain(drawn: Iterable[Span]) -> str:
    """The text of a line."""
    return "".join(text for text, _ in drawn)


def width(drawn: Iterable[Span]) -> int:
    """How many cells a line takes."""
    return sum(cell_len(text) for text, _ in drawn)


def fit(text: str, cells: int, align: str = "<", more: str = "…") -> str:
    """The text in exactly so many cells, cut (`more` tells) or filled up; `align` is one of <>^."""
    size = cell_len(text)
    if size > cells:
        if cells <= cell_len(more):
            return set_cell_size(text, cells)
        return set_cell_size(text, cells - cell_len(more)) + more
    if align == ">":
        return " " * (cells - size) + text
    if align == "^":
        left = (cells - size) // 2
        return " " * left + text + " " * (cells - size - left)
    return text + " " * (cells - size)


def crop(drawn: Iterable[Span], start: int, cells: int) -> Line:
    """The part of a line from cell `start` on, filled up to `cells`. A wide character that is cut
    in half becomes a blank."""
    spans: list[Span] = []
    at, end = 0, start + cells
    for text, style in drawn:
        size = cell_len(text)
        if at + size > start and at < end:
            spans.append((_slice(text, max(0, start - at), min(size, end - at)), style))
        at += size
    if at < end:
        spans.append((" " * (end - max(at, start)), ""))
    return tuple(spans)


def _slice(text: str, first: int, last: int) -> str:
    if text.isascii():
        return text[first:last]
    kept, at = [], 0
    for letter in text:
        size = cell_len(letter)
        if at >= first and at + size <= last:
            kept.append(letter)
        elif at + size > first and at < last:
            kept.append(" " * (min(at + size, last) - max(at, first)))
        at += size
    return "".join(kept)

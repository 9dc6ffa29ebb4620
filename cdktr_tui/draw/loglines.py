"""Rows of output as lines: clock, names, number, and what the task wrote, in its colours.

What the task wrote is made clean here and nowhere else on its way; a match of what is searched is
laid over its colours. Knows no widget; which rows there are, nobody told it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from rich.cells import cell_len

from cdktr_common import clean
from cdktr_tui.draw.line import Line, Span, crop, fit, line, plain, width
from cdktr_tui.draw.times import age, clock
from cdktr_tui.model.tape import Row, Source

if TYPE_CHECKING:
    from datetime import tzinfo

NAME_MOST: Final = 16
BEYOND: Final = 256
"""Cells to the right of the screen that are looked at, for matches that begin on it."""

CLOCKS: Final = ("absolute", "relative", "utc", "none")

Clock = Literal["absolute", "relative", "utc", "none"]
Spans = Callable[[str], Sequence[tuple[int, int]]]


class Look(NamedTuple):
    """How rows are to look. `names`: how many cells the task's name gets, 0 for none; `verbose`:
    attempt and stream of each row; `zone`: of this machine if None."""

    clock: Clock = "absolute"
    names: int = 0
    numbers: bool = False
    verbose: bool = False
    wrap: bool = False
    zone: tzinfo | None = None
    utc: tzinfo | None = None
    plain: bool = False
    """Only ASCII signs beside what the task wrote."""


def lines(
    row: Row, look: Look, cells: int, now: float, left: int = 0, spans: Spans | None = None
) -> list[Line]:
    """A row in lines of exactly `cells` cells: one, or as many as it takes if it is wrapped.
    `left` cells of what the task wrote are scrolled away."""
    if row.kind != "text":
        return [_between(row, look, cells)]
    before = _before(row, look, now)
    room = max(1, cells - width(before))
    said = clean.styled(row.text, clean.MOST if look.wrap else left + room + BEYOND)
    if row.source.stream == "stderr":
        said = tuple((text, style or "stderr") for text, style in said)
    if spans is not None:
        said = marked(said, spans(plain(said)))
    if not look.wrap:
        return [(*before, *crop(said, left, room))] if before else [crop(said, left, room)]
    indent = (" " * (cells - room), "")
    parts = split(said, room)
    return [(*(before if at == 0 else (indent,)), *part) for at, part in enumerate(parts)]


def room(look: Look, cells: int, now: float) -> int:
    """Cells that are left for what a task wrote."""
    some = Row(Source("", "", 0, "stdout"), now, 0, "")
    return max(1, cells - width(_before(some, look, now)))


def _before(row: Row, look: Look, now: float) -> Line:
    spans: list[Span] = []
    more = "~" if look.plain else "…"
    if look.clock == "relative":
        spans.append((fit(age(now - row.ts), 5, ">") + " ", "dim"))
    elif look.clock != "none":
        zone = look.utc if look.clock == "utc" else look.zone
        spans.append((clock(row.ts, zone, millis=look.verbose) + " ", "dim"))
    if row.part and spans:  # the line has its time already
        spans = [(fit(more, len(spans[0][0]) - 1, ">") + " ", "dim")]
    if look.names:
        name = fit(clean.line(row.source.task, 200), look.names, more=more)
        spans.append((name + " ", "accent"))
    if look.verbose:
        spans.append((f"{row.source.n}{'e' if row.source.stream == 'stderr' else ' '} ", "dim"))
    if look.numbers:
        spans.append((f"{more if row.part else row.line + 1:>6} ", "dim"))
    return tuple(spans)


def _between(row: Row, look: Look, cells: int) -> Line:
    """A row that no task wrote."""
    sign = "~" if look.plain else "╌"
    words = clean.line(row.text, 200)
    text = f"{sign * 2} {words} {sign * max(2, cells - cell_len(words) - 4)}"
    return line((fit(text, cells), "warn" if row.kind == "gap" else "mark"))


def marked(said: Line, spans: Iterable[tuple[int, int]]) -> Line:
    """The line with these parts of its text shown as matches."""
    hit = bytearray(sum(len(text) for text, _ in said))
    for first, last in spans:
        hit[first:last] = b"\1" * (last - first)
    if not any(hit):
        return said
    parts: list[Span] = []
    at = 0
    for text, style in said:
        end = at + len(text)
        while at < end:
            other = hit.find(1 - hit[at], at, end)
            until = end if other < 0 else other
            here = text[at - end : until - end or None]
            parts.append((here, f"{style} match".strip() if hit[at] else style))
            at = until
    return tuple(parts)


def split(said: Line, cells: int) -> list[Line]:
    """The line in pieces of exactly so many cells; no wide character is cut."""
    if width(said) <= cells:
        return [crop(said, 0, cells)]
    done: list[Line] = []
    spans: list[Span] = []
    room = cells
    for text, style in said:
        start = 0
        for at, letter in enumerate(text):
            size = 1 if letter.isascii() else cell_len(letter)
            if size > room:
                spans.append((text[start:at] + " " * room, style))
                done.append(tuple(spans))
                spans, room, start = [], cells, at
            room -= size
        spans.append((text[start:], style))
    spans.append((" " * room, ""))
    return [*done, tuple(spans)]

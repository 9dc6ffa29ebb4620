"""Which rows of a tape are shown, and which of them match what is searched.

Looking through a full tape takes longer than a frame may: it goes on a slice at a time, from the
newest rows back, so that what is on the screen is right first. What is looked at is the text as it
is shown, not the colours in it. Pure; how long a slice may take is another's business.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Final

from cdktr_common import clean
from cdktr_common.catalogue.values import Stream
from cdktr_tui.model.expression import Expression, Guard
from cdktr_tui.model.tape import LONGEST, Block, Tape

SLICE: Final = 1000
"""Rows that are looked at in one go."""

SIZE: Final = 1 << 18
"""Characters that are looked at in one go, about."""

WIDEST: Final = 8 * LONGEST
"""Cells that a row takes at most."""

STREAMS: Final[tuple[Stream, ...]] = ("stdout", "stderr")

_STEERED: Final = re.compile("[\x00-\x1f\x7f-\x9f]")


class Pattern:
    """What is searched: a text, in upper or lower case unless it has upper case itself; `/…` is a
    regular expression, `!` before either means the lines without it. Raises ValueError, in words.
    """

    def __init__(self, words: str, guard: Guard = nullcontext) -> None:
        self.words = words
        self.inverse = words.startswith("!")
        body = words.removeprefix("!")
        regular = body.startswith("/")
        body = body.removeprefix("/") if regular else re.escape(body)
        if not body:
            raise ValueError("nothing to search for")
        flags = 0 if re.search("[A-Z]", re.sub(r"\\.", "", body)) else re.IGNORECASE
        self._sought = Expression(body, flags, guard)
        self._within = self._sought.within if regular else self._sought.anywhere

    @property
    def late(self) -> bool:
        """It took too long on some line: others were not looked at."""
        return self._sought.late

    def matches(self, text: str) -> bool:
        if _STEERED.search(text):
            text = clean.line(text, WIDEST)
        return self._within(text) != self.inverse and not self.late

    def spans(self, shown: str) -> list[tuple[int, int]]:
        """Where it is in a text as it is shown."""
        return [] if self.inverse else self._sought.spans(shown)

    def first(self, text: str) -> int | None:
        """Cells before it in a line of output, however long that is."""
        shown = clean.line(text, WIDEST)
        start = None if self.inverse else self._sought.first(shown)
        return None if start is None else clean.cells(shown[:start])


class _Picked:
    """Numbers of rows that fit a test, in order; `low` to `high` have been looked at."""

    def __init__(self, tape: Tape, fits: Callable[[Block, str], bool]) -> None:
        self.rows: list[int] = []
        self._tape, self._fits = tape, fits
        self.low = self.high = tape.end

    def bound(self) -> None:
        """Forget rows that are kept no longer."""
        first, end = self._tape.first, self._tape.end
        if self.low < first or self.high > end:
            self.rows = self.rows[bisect_left(self.rows, first) : bisect_left(self.rows, end)]
            self.low, self.high = max(self.low, first), min(self.high, end)
            if self.low > self.high:
                self.low = self.high = end

    def again(self, number: int) -> None:
        """The text of a row has changed."""
        if not self.low <= number < self.high:
            return
        at = bisect_left(self.rows, number)
        known = at < len(self.rows) and self.rows[at] == number
        fits = bool(self._pick(number, number + 1))
        if known and not fits:
            del self.rows[at]
        elif fits and not known:
            insort(self.rows, number)

    def advance(self, most: int) -> int:
        """Look at up to so many rows: the newest first. How many were."""
        tape = self._tape
        if self.high < tape.end:
            end = self._bounded(self.high, min(tape.end, self.high + most), 1)
            self.rows += self._pick(self.high, end)
            done, self.high = end - self.high, end
            return done
        start = max(tape.first, self.low - most)
        if start == self.low:
            return 0
        start = self._bounded(start, self.low, -1)
        self.rows[:0] = self._pick(start, self.low)
        done, self.low = self.low - start, start
        return done

    def _bounded(self, start: int, end: int, step: int) -> int:
        """How far to look, from one end of these rows, so that it is not too much to look at: to
        the end of a block."""
        blocks, size = list(self._tape.blocks(start, end)), 0
        for first, last, block in blocks[::step]:
            size += block.size * (last - first) // max(1, len(block.lines))
            if size >= SIZE:
                return last if step > 0 else first
        return end if step > 0 else start

    @property
    def left(self) -> int:
        return self._tape.end - self.high + self.low - self._tape.first

    def _pick(self, start: int, end: int) -> list[int]:
        found: list[int] = []
        fits = self._fits
        for first, last, block in self._tape.blocks(start, end):
            at = first - block.start
            lines = block.lines[at : at + last - first]
            found += [first + n for n, text in enumerate(lines) if fits(block, text)]
        return found


class Sift:
    """A tape as it is looked at: only some streams, only what matches, where the matches are."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.pattern: Pattern | None = None
        self.only = False
        """Only rows that match are shown."""
        self.streams: Sequence[Stream] = STREAMS
        self._hits: _Picked | None = None
        self._shown: _Picked | None = None

    def search(self, pattern: Pattern | None) -> None:
        """What is searched from now on."""
        self.pattern = pattern
        self.only = self.only and pattern is not None
        self._begin()

    def show(self, *, streams: Sequence[Stream] | None = None, only: bool | None = None) -> None:
        """What is shown from now on; without a pattern there is nothing to be the only one."""
        if streams is not None:
            self.streams = streams
        if only is not None:
            self.only = only and self.pattern is not None
        self._begin()

    def _begin(self) -> None:
        pattern, some = self.pattern, len(self.streams) < len(STREAMS)
        self._hits = self._shown = None
        if pattern is not None:
            self._hits = _Picked(self.tape, lambda block, text: self._wanted(block)
                                 and block.kind == "text" and pattern.matches(text))  # fmt: skip
        if self.only:
            self._shown = self._hits
        elif some:
            self._shown = _Picked(self.tape, lambda block, _: self._wanted(block))
        self.tape.touched.clear()

    def _wanted(self, block: Block) -> bool:
        return block.kind != "text" or block.source.stream in self.streams

    def advance(self, most: int = SLICE) -> bool:
        """Look at some more rows. Is there more to look at?"""
        picked = {id(one): one for one in (self._hits, self._shown) if one is not None}
        for one in picked.values():
            one.bound()
            for number in self.tape.touched:
                one.again(number)
        self.tape.touched.clear()
        for one in picked.values():
            one.advance(most)
        return any(one.left for one in picked.values())

    # Rows that are shown, by their place among them.

    def __len__(self) -> int:
        return len(self.tape) if self._shown is None else len(self._shown.rows)

    def number(self, place: int) -> int:
        """The row at that place."""
        return self.tape.first + place if self._shown is None else self._shown.rows[place]

    def place(self, number: int) -> int:
        """Where a row is shown, or the one after it."""
        if self._shown is None:
            return max(0, min(number - self.tape.first, len(self.tape)))
        return bisect_left(self._shown.rows, number)

    # Matches.

    @property
    def hits(self) -> Sequence[int]:
        return () if self._hits is None else self._hits.rows

    def next_hit(self, number: int, step: int) -> int | None:
        """The match after that row (before it, if `step` is -1)."""
        hits = self.hits
        at = bisect_right(hits, number) if step > 0 else bisect_left(hits, number) - 1
        return hits[at] if 0 <= at < len(hits) else None

    def hit_place(self, number: int) -> int:
        """The how manyth match a row is, from 1."""
        return bisect_right(self.hits, number)

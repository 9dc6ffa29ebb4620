"""Lines of output in the order in which they are shown: a window that grows at both ends.

Lines are kept as they came, a block a chunk, so that taking in a chunk costs one split. A row has a
number that stays with it as long as it is kept: what is put before the first row gets smaller
numbers. The tape is bounded, in rows and in characters; what is over the bound goes at the other
end of where something was put. Knows nothing of offsets and gaps (`transcript.py`) nor of how a
line looks.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from cdktr_common.catalogue.values import Stream

ROWS: Final = 50_000
SIZE: Final = 16 << 20
BLOCK: Final = 1000
"""Rows of a block at most, so that what goes at an end is little at a time."""

LONGEST: Final = 1 << 16
"""Characters of a row; a longer line goes on in another row."""

Kind = Literal["text", "gap", "mark"]


class Source(NamedTuple):
    """A stream of output: of which attempt of which task it is."""

    run: str
    task: str
    n: int
    stream: Stream


class Row(NamedTuple):
    """One line as it came. `line` is its number in its stream, from 0. A `gap` tells in words what
    is missing there, a `mark` was set by whoever looks."""

    source: Source
    ts: float
    line: int
    text: str
    kind: Kind = "text"
    part: bool = False
    """The line has begun in a row before, which is as long as a row may be."""


class Block:
    """Rows that came together. `offset` and `end` say which bytes of the stream they are; `lo` and
    `hi` between which positions of the recorder they lie, both excluded. `gone`: on no tape.
    `part`: the first row goes on with a line."""

    __slots__ = ("end", "gone", "hi", "kind", "line", "lines", "lo", "offset", "part", "placed",
                 "size", "source", "start", "ts")  # fmt: skip

    def __init__(
        self, source: Source, ts: float, line: int, lines: list[str], offset: int, end: int,
        lo: int, hi: int, kind: Kind = "text",
    ) -> None:  # fmt: skip
        self.source, self.ts, self.line, self.lines, self.kind = source, ts, line, lines, kind
        self.offset, self.end, self.lo, self.hi = offset, end, lo, hi
        self.size = sum(map(len, lines))
        self.start = 0
        self.placed = self.gone = self.part = False


class Tape:
    """Rows `first` to `end`, the last excluded."""

    def __init__(self, rows: int = ROWS, size: int = SIZE) -> None:
        self.first = self.end = 0
        self.size = 0
        self.parts = 0
        """Rows that only go on with a line."""
        self.touched: list[int] = []
        """Rows whose text has changed since somebody emptied this list."""
        self.room = size
        self._most = rows
        self._blocks: list[Block] = []
        self._starts: list[int] = []

    def __len__(self) -> int:
        return self.end - self.first

    @property
    def full(self) -> bool:
        """Would something have to go for what comes?"""
        return len(self) >= self._most or self.size >= self.room

    def clear(self) -> None:
        """Nothing is kept; numbers go on, so that none means two rows."""
        for block in self._blocks:
            block.gone = True
        self.first, self.size, self.parts = self.end, 0, 0
        self.touched.clear()
        self._blocks.clear()
        self._starts.clear()

    def row(self, number: int) -> Row:
        """Raises IndexError for what is not kept."""
        if not self.first <= number < self.end:
            raise IndexError(number)
        block = self._blocks[bisect_right(self._starts, number) - 1]
        return _row(block, number - block.start)

    def text(self, number: int) -> str:
        """Only the text of a row."""
        block = self._blocks[bisect_right(self._starts, number) - 1]
        return block.lines[number - block.start]

    def blocks(self, start: int, end: int) -> Iterator[tuple[int, int, Block]]:
        """The blocks that rows `start` to `end` are in: each with the numbers of its first row and
        of the one after its last, cut to these rows."""
        at = max(0, bisect_right(self._starts, start) - 1)
        for block in self._blocks[at:]:
            if block.start >= end:
                return
            yield max(start, block.start), min(end, block.start + len(block.lines)), block

    def from_left(self) -> Iterator[Block]:
        """All blocks, the oldest first."""
        return iter(self._blocks)

    def append(self, block: Block) -> list[Block]:
        """Put it after the last row. What had to go, the oldest first."""
        block.start, block.placed = self.end, True
        self._blocks.append(block)
        self._starts.append(block.start)
        self.end += len(block.lines)
        self.size += block.size
        self.parts += block.part
        slack = 1.0 if len(self) < self._most else 1.02  # some at a time: each time costs a copy
        if len(self) > self._most * slack or self.size > self.room * slack:
            return self._drop(0)
        return []

    def prepend(self, blocks: list[Block]) -> list[Block]:
        """Put them before the first row, in their order. What had to go, the newest first."""
        for block in reversed(blocks):
            self.first -= len(block.lines)
            block.start, block.placed = self.first, True
            self.size += block.size
            self.parts += block.part
        self._blocks[:0] = blocks
        self._starts[:0] = [block.start for block in blocks]
        return self._drop(-1)

    def lengthen(self, block: Block, index: int, text: str) -> None:
        """A row has other text."""
        grown = len(text) - len(block.lines[index])
        block.lines[index] = text
        block.size += grown
        if block.placed:
            self.size += grown
            self.touched.append(block.start + index)

    def goes_on(self, block: Block) -> None:
        """The first row of a block on the tape belongs to a line that began before."""
        self.parts += not block.part
        block.part = True

    def near(self, ts: float) -> int:
        """The first row that is not older; `end` when all are. Rows of different tasks may be a
        little out of order, so it is about there."""
        at = next((at for at, block in enumerate(self._blocks) if block.ts >= ts), None)
        return self.end if at is None else self._starts[at]

    def _drop(self, end: Literal[0, -1]) -> list[Block]:
        """Blocks from one end until the rest fits; at least one is kept."""
        gone: list[Block] = []
        rows, size = len(self), self.size
        while len(gone) < len(self._blocks) - 1 and (rows > self._most or size > self.room):
            block = self._blocks[len(gone) if end == 0 else -1 - len(gone)]
            rows, size = rows - len(block.lines), size - block.size
            block.gone = True
            self.parts -= block.part
            gone.append(block)
        if gone:
            kept = slice(len(gone), None) if end == 0 else slice(None, -len(gone))
            self._blocks, self._starts = self._blocks[kept], self._starts[kept]
            self.size = size
            if end == 0:
                self.first = self.end - rows
            else:
                self.end = self.first + rows
        return gone


def _row(block: Block, index: int) -> Row:
    line = block.line + index if block.kind == "text" else block.line
    return Row(block.source, block.ts, line, block.lines[index], block.kind,
               block.part and index == 0)  # fmt: skip

"""One stream of output: which of its bytes are on the tape, and how chunks become rows.

Bytes are taken once and in order: what overlaps is cut off, what is missing becomes a row that says
so. A line that came in parts is one row. Pure offset arithmetic; who puts the rows on the tape, and
who asks for what is missing, is another's business.
"""

from __future__ import annotations

import base64
import codecs

from cdktr_common.catalogue.values import LogChunk
from cdktr_tui.model.tape import BLOCK, LONGEST, Block, Source, Tape


class Strand:
    """Bytes `begin` to `end` of a stream. `open` is the block whose last row has no end yet; `held`
    waits until what it `lacks` has come, which is asked for while it is `waiting`."""

    def __init__(self, source: Source, begin: int) -> None:
        self.source = source
        self.begin = self.end = begin
        self.open: Block | None = None
        self.held: list[tuple[int, LogChunk]] = []
        self.held_size = 0
        self.lacks = 0
        self.waiting = False
        self._half = b""

    def take(
        self, tape: Tape, chunk: LogChunk, lo: int, hi: int, most: int | None = None
    ) -> list[Block]:
        """The rows that a chunk adds at the end; of what is before byte `most`, if that is given.
        A row that was open goes on where it is."""
        size = size_of(chunk)
        start, stop = max(chunk.offset, self.end), chunk.offset + size
        stop = stop if most is None else min(stop, most)
        if stop <= start:
            return []
        blocks: list[Block] = []
        if start > self.end:
            blocks.append(self._missing(chunk, start, lo, hi))
            self.open, self._half = None, b""
        text, line = self._text(chunk, start - chunk.offset, stop - chunk.offset, size)
        lines = text.split("\n")
        self.end = stop
        if self.open is not None and self.open.gone:
            self.open = None
        part = False
        if self.open is not None:
            added = len(lines[0].encode(errors="replace")) + (len(lines) > 1)
            if self._went_on(tape, lines, min(stop, start + added), hi):
                start, line = min(stop, start + added), line + 1
            else:
                part = True
        if not lines[-1]:
            del lines[-1]
        if lines:
            more = self._blocks(chunk.ts, line, lines, start, lo, hi)
            more[0].part = part
            blocks += more
            self.open = blocks[-1]
        if text.endswith("\n"):
            self.open = None
        return blocks

    def cut(self, offset: int) -> None:
        """What is from there on is on the tape no longer."""
        self.end, self.open, self._half = max(self.begin, offset), None, b""

    def joined_before(self, tape: Tape, part: Strand, new: list[Block]) -> list[Block]:
        """`part` is what comes before this strand, with its rows among `new`, which stand before
        the tape. A line that both have a part of becomes one row. Returns the new rows."""
        head = next((one for one in tape.from_left() if one.source == self.source
                     and one.kind == "text"), None)  # fmt: skip
        if part.begin < part.end < self.begin:
            missing = self.begin - part.end
            new = [*new, _gap(self.source, 0.0, 0, missing, part.end, self.begin, 0, 0)]
        elif part.open is not None and head is not None:
            block = part.open
            if len(block.lines[-1]) + len(head.lines[0]) > LONGEST:
                tape.goes_on(head)
                self.begin = min(self.begin, part.begin)
                return new
            said = block.lines.pop()
            block.size -= len(said)
            head.offset = block.end - len(said.encode(errors="replace"))
            block.end = head.offset
            head.lo = min(head.lo, block.lo)
            tape.lengthen(head, 0, said + head.lines[0])
            if not block.lines:
                new = [each for each in new if each is not block]
        elif part.open is not None and self.begin == self.end:
            self.open = part.open
        self.begin = min(self.begin, part.begin)
        return new

    def _went_on(self, tape: Tape, lines: list[str], end: int, hi: int) -> bool:
        """The first of the lines belongs to the open row: it is taken. False: that row is too long,
        and the line goes on in another."""
        block = self.open
        assert block is not None
        grown = block.lines[-1] + lines[0]
        if len(grown) > LONGEST:
            return False
        tape.lengthen(block, len(block.lines) - 1, grown)
        block.end, block.hi = end, max(block.hi, hi)
        del lines[0]
        if not lines:
            lines.append("")  # still open
        return True

    def _missing(self, chunk: LogChunk, start: int, lo: int, hi: int) -> Block:
        missing = start - self.end
        return _gap(self.source, chunk.ts, chunk.line, missing, self.end, start, lo, hi)

    def _text(self, chunk: LogChunk, first: int, last: int, size: int) -> tuple[str, int]:
        """What is written in these bytes of a chunk, and the number of its first line."""
        whole = first == 0 and last == size
        if whole and chunk.text is not None and not self._half:
            return chunk.text, chunk.line
        data = data_of(chunk)
        line = chunk.line + data.count(b"\n", 0, first)
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        text = decoder.decode(self._half + data[first:last])
        self._half = decoder.getstate()[0]
        return text, line

    def _blocks(
        self, ts: float, line: int, lines: list[str], offset: int, lo: int, hi: int
    ) -> list[Block]:
        if len(lines) <= BLOCK:
            return [Block(self.source, ts, line, lines, offset, self.end, lo, hi)]
        blocks = []
        for at in range(0, len(lines), BLOCK):
            some = lines[at : at + BLOCK]
            end = offset + sum(len(one.encode(errors="replace")) + 1 for one in some)
            end = self.end if at + BLOCK >= len(lines) else end
            blocks.append(Block(self.source, ts, line + at, some, offset, end, lo, hi))
            offset = end
        return blocks


def _gap(
    source: Source, ts: float, line: int, missing: int, offset: int, end: int, lo: int, hi: int
) -> Block:
    words = f"{missing:,} bytes of {source.stream} of {source.task} are missing here"
    return Block(source, ts, line, [words], offset, end, lo, hi, "gap")


def size_of(chunk: LogChunk) -> int:
    """Bytes of a chunk."""
    if chunk.text is not None and chunk.text.isascii():
        return len(chunk.text)
    return len(data_of(chunk))


def data_of(chunk: LogChunk) -> bytes:
    """The bytes themselves."""
    if chunk.b64 is not None:
        return base64.b64decode(chunk.b64)
    return (chunk.text or "").encode()

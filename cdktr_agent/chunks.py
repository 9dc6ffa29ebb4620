"""How a stream is cut into chunks: at the ends of lines where there are any. Pure."""

from __future__ import annotations

from typing import Final

MOST: Final = 1 << 16
"""Bytes of a chunk at most."""


def boundary(buffer: bytes, start: int, stop: int) -> int:
    """The last place up to `stop` that does not lie inside a UTF-8 character."""
    for back in range(1, min(4, stop - start)):
        byte = buffer[stop - back]
        if byte < 0x80:
            return stop
        if byte >= 0xC0:
            size = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return stop - back if size > back else stop
    return stop


class Chunker:
    """Cuts one stream. `offset` and `line` are those of the next chunk. At most `MOST` bytes wait
    here for the end of their line."""

    __slots__ = ("line", "offset", "rest")

    def __init__(self, offset: int = 0, line: int = 0) -> None:
        self.offset = offset
        self.line = line
        self.rest = b""

    def feed(self, data: bytes) -> list[tuple[int, int, bytes]]:
        """(offset, line, bytes) of the chunks that are complete now."""
        buffer = self.rest + data if self.rest else data
        chunks = []
        start, size = 0, len(buffer)
        while size - start >= MOST:
            cut = buffer.rfind(b"\n", start, start + MOST) + 1
            if cut <= start:
                cut = boundary(buffer, start, start + MOST)
            chunks.append(self._chunk(buffer[start:cut]))
            start = cut
        cut = buffer.rfind(b"\n", start) + 1
        if cut > start:
            chunks.append(self._chunk(buffer[start:cut]))
            start = cut
        self.rest = buffer[start:]
        return chunks

    def flush(self, last: bool) -> list[tuple[int, int, bytes]]:
        """What waits, although its line has no end yet; unless it is the `last`, the beginning of
        a character is kept back once."""
        if not self.rest:
            return []
        cut = len(self.rest) if last else boundary(self.rest, 0, len(self.rest))
        data, self.rest = self.rest[:cut], self.rest[cut:]
        return [self._chunk(data)]

    def _chunk(self, data: bytes) -> tuple[int, int, bytes]:
        chunk = (self.offset, self.line, data)
        self.offset += len(data)
        self.line += data.count(b"\n")
        return chunk

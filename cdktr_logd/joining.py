"""Pieces of output that follow on each other, joined: one message for what one commit stored.

A task that writes line after line is read in small pieces, and whoever watches would get a message
for each. What is joined must read as its pieces did: the bytes of a stream in order, the pieces of
a run in the order in which they were stored, and no line shown at a time that is not its own as
far as anybody can see. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec.structs import replace

from cdktr_common.catalogue.values import LogChunk
from cdktr_logd.core import CHUNK_MAX, size_of

APART_S: Final = 0.05
"""What is joined has the time of its first piece, and must not be later than this."""

Placed = tuple[int, LogChunk]
"""A chunk and the position of the last row it was stored in."""


class _Open:
    """Pieces of one stream that follow on each other."""

    __slots__ = ("first", "last", "pos", "size", "texts")

    def __init__(self, pos: int, chunk: LogChunk) -> None:
        self.first = self.last = chunk
        self.pos = pos
        self.size = size_of(chunk)
        self.texts = [chunk.text or ""]

    def take(self, pos: int, chunk: LogChunk) -> bool:
        """Does it follow? Then it is part of this from now on."""
        first = self.first
        if (
            chunk.offset != first.offset + self.size
            or (chunk.task, chunk.n, chunk.stream) != (first.task, first.n, first.stream)
            or chunk.text is None
            or first.text is None
            or not 0 <= chunk.ts - first.ts <= APART_S
        ):
            return False
        size = self.size + size_of(chunk)
        if size > CHUNK_MAX:
            return False
        self.last, self.pos, self.size = chunk, pos, size
        self.texts.append(chunk.text)
        return True

    def whole(self) -> Placed:
        if self.last is self.first:
            return self.pos, self.first
        return self.pos, replace(self.first, text="".join(self.texts), end=self.last.end)


def joined(stored: Iterable[Placed]) -> Iterator[Placed]:
    """The same output in fewer pieces. Runs are apart: nobody needs an order between them."""
    opened: dict[str, _Open] = {}
    for pos, chunk in stored:
        before = opened.get(chunk.run)
        if before is None:
            opened[chunk.run] = _Open(pos, chunk)
        elif not before.take(pos, chunk):
            yield before.whole()
            opened[chunk.run] = _Open(pos, chunk)
    for each in opened.values():
        yield each.whole()

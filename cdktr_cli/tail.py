"""The output of one task put together from chunks: live ones, asked-for ones, doubled ones.

Pure offset arithmetic: what overlaps is cut, what leaves a gap is refused, so that the bytes of a
stream come out once and in order whatever the order and number of the chunks.
"""

from __future__ import annotations

import base64

from cdktr_common.catalogue.values import LogChunk


class Tail:
    """One stream of one attempt: how far it has been taken, and whether that was its end."""

    def __init__(self) -> None:
        self.offset = 0
        self.ended = False

    def take(self, chunk: LogChunk) -> bytes | None:
        """The bytes that are new; None when bytes before the chunk are missing: they are to be
        asked for from `offset` on."""
        data = content(chunk)
        if chunk.offset > self.offset:
            return None
        new = data[self.offset - chunk.offset :]
        self.offset += len(new)
        # A chunk that ends the stream before what is known here is an old one said again.
        if chunk.end and chunk.offset + len(data) >= self.offset:
            self.ended = True
        return new


def content(chunk: LogChunk) -> bytes:
    """The bytes of a chunk."""
    if chunk.b64 is not None:
        return base64.b64decode(chunk.b64)
    return (chunk.text or "").encode()

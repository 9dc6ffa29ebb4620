"""Output on its way to logd: how it is cut into chunks and kept in files.

A file belongs to one attempt, or a part of a long one (`SEGMENT`). First line: JSON `Header`. Then
records: a fixed head with length and checksum, then the bytes, one chunk each. The supervisor
appends, the network process reads and removes; neither waits for the other. What must hold:
offsets count the bytes kept, without gap, so that the chunks put together are what was written.
When there is no room the task goes on and a line in the stream says how much is missing.
"""

from __future__ import annotations

import errno
import os
import struct
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from cdktr_agent.ballast import Ballast

MOST: Final = 1 << 16
"""Bytes of a chunk at most."""

SEGMENT: Final = 16 << 20
"""A file is continued in the next one from this size on, so that stored output can be removed
while the task still runs."""

STREAMS: Final = ("stdout", "stderr")

CONTROL: Final = 255
END: Final = 1
CLOSE: Final = 2
NEXT: Final = 4

_HEAD: Final = struct.Struct("<BBHIdQQI")


class Header(msgspec.Struct):
    """The first line of a file. `at`: offset and line of each stream where the file begins."""

    workflow: str
    run: str
    task: str
    n: int
    at: list[tuple[int, int]]


class Record(NamedTuple):
    """A chunk as it lies in the file, between the positions `start` and `stop`."""

    stream: int
    flags: int
    ts: float
    offset: int
    line: int
    data: bytes
    start: int
    stop: int


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


class Budget:
    """The bytes that all spool files together may take. None while the ballast is given up."""

    def __init__(self, limit: int, ballast: Ballast | None = None) -> None:
        self.limit = limit
        self.used = 0
        self.ballast = ballast
        self._full = False

    @property
    def full(self) -> bool:
        """Is there no room? Once full, a tenth has to be free before it is room again."""
        if self.ballast is not None and self.ballast.given_up:
            return True
        self._full = self.used >= (self.limit * 0.9 if self._full else self.limit)
        return self._full


class Spool:
    """The output of one attempt, written by the supervisor. Costs nothing before the first byte.

    `changed` collects the names of files that have grown; `sizes` is how much each stream came to,
    known once it is closed."""

    def __init__(self, directory: str, name: str, budget: Budget, changed: set[str]) -> None:
        self._directory = directory
        self._name = name
        self._budget = budget
        self._changed = changed
        self._chunkers = (Chunker(), Chunker())
        self._seen = [False, False]
        self._broken = [False, False]  # does the stream stand inside a line?
        self._missing = [0, 0]
        self._kept = [(0, 0), (0, 0)]  # offset and line up to which each stream is in the file
        self._header: Header | None = None
        self._fd = -1
        self._size = 0
        self._segment = 0
        self.dropped = 0
        self.sizes: tuple[int, int] | None = None

    def begin(self, workflow: str, run: str, task: str, n: int) -> None:
        """Whose output it is; said before the first write."""
        self._header = Header(workflow, run, task, n, [(0, 0), (0, 0)])

    def write(self, stream: int, data: bytes, ts: float) -> bool:
        """Take bytes. True: some wait for the end of their line, so `quiet` is to be called when
        no more come."""
        self._seen[stream] = True
        chunker = self._chunkers[stream]
        if self._budget.full:
            self._keep(stream, chunker.flush(True), ts)
            return self._drop(stream, len(data))
        if self._missing[stream]:
            self._say_missing(stream, ts)
        if self._missing[stream]:  # what follows a gap comes after the line that tells it
            return self._drop(stream, len(data))
        self._keep(stream, chunker.feed(data), ts)
        return bool(chunker.rest)

    def _drop(self, stream: int, size: int) -> bool:
        self._missing[stream] += size
        self.dropped += size
        return False

    def quiet(self, stream: int, ts: float) -> bool:
        """No more bytes for a while: the unfinished line is kept as it is. True: call again."""
        self._keep(stream, self._chunkers[stream].flush(False), ts)
        return bool(self._chunkers[stream].rest)

    def close(self, ts: float) -> bool:
        """The attempt is over. False: there is no room even for saying so; call again later."""
        if not any(self._seen):
            self.sizes = (0, 0)
            return True
        tail = b""
        for stream in (0, 1):
            if self._missing[stream]:
                self._say_missing(stream, ts)
            self._keep(stream, self._chunkers[stream].flush(True), ts)
            if self._missing[stream]:
                return False
            if self._seen[stream]:
                tail += pack(stream, END, ts, *self._kept[stream], b"")
        tail += pack(CONTROL, CLOSE, ts, 0, 0, b"")
        if (self._fd < 0 and not self._open()) or not self._append(tail):
            return False
        os.close(self._fd)
        self._fd = -1
        self.sizes = (self._kept[0][0], self._kept[1][0])
        return True

    def _say_missing(self, stream: int, ts: float) -> None:
        self._keep(stream, self._chunkers[stream].flush(True), ts)
        missing = self._missing[stream]
        text = b"[cdktr: %d bytes dropped, no room]\n" % missing
        text = b"\n" + text if self._broken[stream] else text
        if self._keep(stream, self._chunkers[stream].feed(text), ts):
            self._missing[stream] = 0
            return
        # What counts is what the task wrote, not the line that would have said so.
        self._missing[stream] = missing
        self.dropped -= len(text)

    def _keep(self, stream: int, chunks: list[tuple[int, int, bytes]], ts: float) -> bool:
        if not chunks:
            return True
        chunker = self._chunkers[stream]
        records = b"".join([pack(stream, 0, ts, *chunk) for chunk in chunks])
        if (self._fd >= 0 or self._open()) and self._append(records):
            self._kept[stream] = (chunker.offset, chunker.line)
            self._broken[stream] = not chunks[-1][2].endswith(b"\n")
            if self._size >= SEGMENT:
                self._next_segment(ts)
            return True
        # The disk is full: as if the bytes had not come, and said later as a missing part.
        lost = sum(len(data) for _, _, data in chunks) + len(chunker.rest)
        chunker.rest = b""
        chunker.offset, chunker.line = self._kept[stream]
        self._missing[stream] += lost
        self.dropped += lost
        return False

    def _open(self) -> bool:
        assert self._header is not None
        name = f"{self._name}.{self._segment}"
        path = f"{self._directory}/{name}"
        self._header.at = [*self._kept]
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError:
            return False
        self._size = 0
        if self._append(msgspec.json.encode(self._header) + b"\n"):
            return True
        os.close(self._fd)
        self._fd = -1
        return False

    def _append(self, data: bytes) -> bool:
        written = 0
        try:
            while written < len(data):
                written += os.write(self._fd, data[written:] if written else data)
        except OSError:
            os.ftruncate(self._fd, self._size)  # no half records
            return False
        self._size += len(data)
        self._budget.used += len(data)
        self._changed.add(f"{self._name}.{self._segment}")
        return True

    def _next_segment(self, ts: float) -> None:
        if self._append(pack(CONTROL, NEXT, ts, 0, 0, b"")):
            os.close(self._fd)
            self._fd = -1
            self._segment += 1


def pack(stream: int, flags: int, ts: float, offset: int, line: int, data: bytes) -> bytes:
    """A record."""
    return _HEAD.pack(stream, flags, 0, len(data), ts, offset, line, zlib.crc32(data)) + data


def read_header(fd: int) -> tuple[Header, int] | None:
    """The header and the position of the first record; None when it is not whole."""
    data = os.pread(fd, MOST, 0)
    end = data.find(b"\n") + 1
    if not end:
        return None
    try:
        return msgspec.json.decode(data[:end], type=Header), end
    except msgspec.DecodeError:
        return None


def read_records(fd: int, position: int, most: int) -> Iterator[Record]:
    """The whole records from `position` on, about `most` bytes of them. Stops at a torn one."""
    data = os.pread(fd, max(most, MOST + _HEAD.size), position)
    start, size = 0, len(data)
    while size - start >= _HEAD.size:
        stream, flags, _, length, ts, offset, line, crc = _HEAD.unpack_from(data, start)
        stop = start + _HEAD.size + length
        if length > MOST or stop > size or not (length or flags):
            return  # torn; of NULs, as a power failure may leave them, when it says nothing
        body = data[start + _HEAD.size : stop]
        if zlib.crc32(body) != crc:
            return
        yield Record(stream, flags, ts, offset, line, body, position + start, position + stop)
        start = stop


def finish(path: str, ts: float) -> bool:
    """Close the file of an attempt whose supervisor died: cut a torn record off and mark the end.
    False: nothing can be read of it. Raises OSError when there is no room for that."""
    fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
    try:
        found = read_header(fd)
        if found is None:
            return False
        header, position = found
        at = [*header.at]
        ended = [offset == 0 for offset, _ in at]
        while records := list(read_records(fd, position, 1 << 20)):
            position = records[-1].stop
            for record in records:
                if record.stream == CONTROL:
                    return True
                at[record.stream] = (
                    record.offset + len(record.data),
                    record.line + record.data.count(b"\n"),
                )
                ended[record.stream] = bool(record.flags & END)
        os.ftruncate(fd, position)
        ends = b"".join([pack(i, END, ts, *at[i], b"") for i in (0, 1) if not ended[i]])
        tail = ends + pack(CONTROL, CLOSE, ts, 0, 0, b"")
        if os.write(fd, tail) != len(tail):
            os.ftruncate(fd, position)
            raise OSError(errno.ENOSPC, "no room to close it", path)
        return True
    finally:
        os.close(fd)

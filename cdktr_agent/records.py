"""The files that output is kept in: written by the supervisor, read by the network process.

A file belongs to one attempt, or a part of a long one (`SEGMENT`). First line: JSON `Header`. Then
records: a fixed head with length and checksum, then the bytes, one chunk each. Streams 0 and 1 are
stdout and stderr; what a higher number stands for says a record with `NAME`, in each file before
its first chunk. Knows how a file looks, not when it is written.
"""

from __future__ import annotations

import errno
import os
import struct
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from cdktr_agent.chunks import MOST

STREAMS: Final = ("stdout", "stderr")

FIRST_OTHER: Final = 2
CONTROL: Final = 255
END: Final = 1
CLOSE: Final = 2
NEXT: Final = 4
NAME: Final = 8

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
    """Close the file of an attempt whose supervisor died: cut a torn record off and mark the end
    of its output; of other streams nobody knows whether they are whole. False: nothing can be read
    of it. Raises OSError when there is no room for that."""
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
                if record.stream < FIRST_OTHER:
                    line = record.line + record.data.count(b"\n")
                    at[record.stream] = (record.offset + len(record.data), line)
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

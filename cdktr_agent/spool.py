"""Output on its way to logd: the files of an attempt, as they are written.

The supervisor appends, the network process reads and removes; neither waits for the other. What
must hold: offsets count the bytes kept, without gap, so that the chunks put together are what was
written. When there is no room the task goes on and a line in the stream says how much is missing;
an artifact is whole or has no end.
"""

from __future__ import annotations

import os
from typing import Final

import msgspec

from cdktr_agent.ballast import Ballast
from cdktr_agent.chunks import Chunker
from cdktr_agent.records import CLOSE, CONTROL, END, FIRST_OTHER, NAME, NEXT, Header, pack

SEGMENT: Final = 16 << 20
"""A file is continued in the next one from this size on, so that stored output can be removed
while the task still runs."""


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
        self._others: dict[str, Chunker] = {}
        self._named: set[str] = set()  # those that the file at hand tells the number of
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

    @property
    def full(self) -> bool:
        """Is there no room now?"""
        return self._budget.full

    def put(self, name: str, data: bytes, ts: float, last: bool) -> bool:
        """Take bytes of another stream, with the `last` all of it. False: there is no room, and it
        has no end."""
        chunker = self._others.setdefault(name, Chunker())
        number = FIRST_OTHER + list(self._others).index(name)
        chunks = chunker.feed(data)
        if last:
            chunks += chunker.flush(True)
        records = [pack(number, 0, ts, *chunk) for chunk in chunks]
        if last:
            records.append(pack(number, END, ts, chunker.offset, chunker.line, b""))
        if self._fd < 0 and not self._open():
            return False
        if name not in self._named:
            records.insert(0, pack(number, NAME, ts, 0, 0, name.encode()))
        if records and not self._append(b"".join(records)):
            return False
        self._named.add(name)
        if self._size >= SEGMENT:
            self._next_segment(ts)
        return True

    def quiet(self, stream: int, ts: float) -> bool:
        """No more bytes for a while: the unfinished line is kept as it is. True: call again."""
        self._keep(stream, self._chunkers[stream].flush(False), ts)
        return bool(self._chunkers[stream].rest)

    def close(self, ts: float) -> bool:
        """The attempt is over. False: there is no room even for saying so; call again later."""
        if not any(self._seen) and not self._others:
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
            self._named.clear()

"""The journal: the facts on disk, one JSON object a line, synced before anything is answered.

A segment is a file named by its first seq; a new one begins with each snapshot. What must stay
true: what one `sync` writes is there whole or not at all; facts are never changed; whole closed
segments are dropped by retention, oldest first, and nothing else ever is; a last line without
newline, or of NULs, or that says more of its turn follows, is a torn tail and was never
acknowledged; a whole line with a wrong checksum, or a store shorter than `head` remembers, is
damage, and the program refuses to run on it. Knows nothing of what facts mean.
"""

from __future__ import annotations

import errno
import os
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from cdktr_common.catalogue.base import Fact
from cdktr_common.codec import encode
from cdktr_common.files import replace_file, sync_directory
from cdktr_principal.store.ballast import FULL
from cdktr_principal.store.segments import (
    Damaged,
    Head,
    Segments,
    decode_line,
    first_seq,
    seal,
    topic_of,
    unseal,
)

__all__ = ["Damaged", "Journal"]

LOOKED: Final = 4 << 20
"""Bytes that one read looks through for facts of a topic."""

CURSORS: Final = 256
"""Readers whose position is remembered, so that going on costs no search."""


class Journal:
    """An open journal. `recover` once, then `append` and `sync`. `make_room` is called when there
    is no room to write, and says whether it is worth trying again."""

    def __init__(self, directory: Path, make_room: Callable[[], bool] = lambda: False) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.directory = directory
        self.first = 1
        self.seq = 0
        self.since_snapshot = 0
        self.since_ts = 0.0
        self._make_room = make_room
        self._segments = Segments(directory)
        self._fd = -1
        self._segment = ""
        self._size = 0
        self._buffer: list[bytes] = []
        self._head_due = True
        self._cursors: OrderedDict[int, tuple[str, int]] = OrderedDict()

    # Recovery

    def recover(self, from_seq: int) -> Iterator[Fact]:
        """All facts after `from_seq` in order, the torn tail cut off. Raises Damaged."""
        self.seq = from_seq
        head = self._segments.head()
        names = self._kept(head)
        if head is not None:
            self.first = head.first
        self._segments.check_chain(names, self.first, from_seq)
        if from_seq + 1 < self.first:
            raise Damaged(
                f"{self.directory}: no snapshot can be read, and facts before {self.first} were "
                f"dropped by retention. Bring the snapshots back from a copy"
            )
        for position, name in enumerate(names):
            following = names[position + 1] if position + 1 < len(names) else None
            if following is not None and first_seq(following) <= from_seq + 1:
                continue
            for fact in self._segments.facts(name, self.seq, last=following is None):
                self.seq = fact.seq
                self._began(name, fact)
                yield fact
        self._segments.check_head(head, self.seq)
        self._segments.cut()
        self.since_snapshot = self.seq - from_seq
        if names:
            self._open(names[-1])
        else:
            self.rotate()

    def _kept(self, head: Head | None) -> list[str]:
        """The segments, less what a retention that was interrupted had still to remove."""
        names = self._segments.names()
        if head is None:
            return names
        for name in [name for name in names[:-1] if first_seq(name) < head.first]:
            os.unlink(self.directory / name)
            names.remove(name)
        return names

    def _began(self, name: str, fact: Fact) -> None:
        if first_seq(name) == fact.seq:
            self.since_ts = fact.ts

    def _open(self, name: str) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._fd = os.open(self.directory / name, flags, 0o600)
        self._segment = name
        self._size = os.fstat(self._fd).st_size

    # Writing

    def append(self, fact: Fact) -> bytes:
        """Take a fact for the next `sync`; returns its encoding."""
        body = encode(fact)
        self._buffer.append(body)
        self.seq = fact.seq
        if self._size == 0 and len(self._buffer) == 1:
            self.since_ts = fact.ts
        return body

    def sync(self) -> None:
        """Make all appended facts durable: after a crash all of them are there or none. Raises
        OSError: then nothing may be answered."""
        if not self._buffer:
            return
        bodies = self._buffer
        data = b"".join([seal(body, True) for body in bodies[:-1]]) + seal(bodies[-1])
        if not self._write(data) and not (self._make_room() and self._write(data)):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.directory))
        os.fdatasync(self._fd)
        self._size += len(data)
        self.since_snapshot += len(self._buffer)
        self._buffer.clear()
        self._head_due = True

    def _write(self, data: bytes) -> bool:
        """False when there is no room; then nothing of it is there."""
        try:
            written = os.write(self._fd, data)
        except OSError as fault:
            if fault.errno not in FULL:
                raise
            written = 0
        if written == len(data):
            return True
        os.ftruncate(self._fd, self._size)
        return False

    def write_head(self) -> None:
        """Remember how far the journal goes, to notice a store that was shortened. Raises OSError
        when there is no room: the one before goes on being true."""
        if self._head_due:
            # Once facts were dropped, it is what tells that they are not missing.
            self._write_head(durable=self.first > 1)

    def _write_head(self, durable: bool) -> None:
        head = encode(Head(self.seq, self._segment, self._size, self.first))
        replace_file(self.directory / "head", head, durable)
        self._head_due = False

    def rotate(self) -> None:
        """Begin a new segment with the next fact."""
        before = self._fd
        if before >= 0 and self._size == 0:
            return
        self._open(f"{self.seq + 1:020}.jsonl")  # fails without room: then on in the old one
        if before >= 0:
            os.close(before)
        sync_directory(self.directory)
        self.since_snapshot = 0

    # Retention

    def drop(self, up_to: int, before_ts: float) -> int:
        """Drop the closed segments whose facts are all up to seq `up_to` and older than
        `before_ts`, oldest first. How many."""
        dropped = []
        for name in self._segments.names():
            if name == self._segment:
                break
            last = self._segments.last(name)
            if last.seq > up_to or last.ts >= before_ts:
                break
            dropped.append(name)
            self.first = last.seq + 1
        if dropped:
            self._write_head(durable=True)  # first: a missing segment is damage otherwise
        for name in dropped:
            os.unlink(self.directory / name)
        self._cursors.clear()
        return len(dropped)

    # Reading

    def read(
        self, after: int, limit: int, most_bytes: int, topic: str = ""
    ) -> tuple[list[bytes], int]:
        """Encoded facts after `after` whose topic begins with `topic`, and the seq up to which it
        was looked: no further than `LOOKED`, for others wait meanwhile. Sequential readers cost no
        search. Raises Damaged."""
        found: list[bytes] = []
        last, size, looked = after, 0, 0
        name, offset = self._find(after)
        while name is not None and len(found) < limit and size < most_bytes:
            if looked >= LOOKED and last > after:
                break
            data = self._read_block(name, offset)
            looked += len(data)
            if not data:
                name, offset = self._next_segment(name), 0
                continue
            for line in data.splitlines(keepends=True):
                body = unseal(line[:-1])
                if body is None:
                    path = self.directory / name
                    raise self._segments.damage(path, offset, "a line with a wrong checksum")
                offset += len(line)
                told = decode_line(body)
                if told.seq <= after:
                    continue
                last = told.seq
                if not topic or topic_of(told.type, told.workflow).startswith(topic):
                    found.append(body)
                    size += len(body)
                if len(found) >= limit or size >= most_bytes:
                    break
            self._remember(last, name, offset)
        return found, last

    def _find(self, after: int) -> tuple[str | None, int]:
        if after in self._cursors:
            return self._cursors[after]
        names = self._segments.names()
        before = [name for name in names if first_seq(name) <= after + 1]
        if before:
            return before[-1], 0
        return (names[0] if names else None), 0  # what was dropped cannot be read

    def _remember(self, seq: int, name: str, offset: int) -> None:
        """Where the next read of a reader that has got up to `seq` begins."""
        self._cursors[seq] = (name, offset)
        self._cursors.move_to_end(seq)
        while len(self._cursors) > CURSORS:
            self._cursors.popitem(last=False)

    def _next_segment(self, name: str) -> str | None:
        later = [other for other in self._segments.names() if other > name]
        return later[0] if later else None

    def _read_block(self, name: str, offset: int) -> bytes:
        """Whole lines from `offset` on: about 256 KiB, and one line at least."""
        if name == self._segment and offset >= self._size:
            return b""
        with (self.directory / name).open("rb") as file:
            file.seek(offset)
            data = file.read(1 << 18)
            end = data.rfind(b"\n") + 1
            return data[:end] if end else data + file.readline()

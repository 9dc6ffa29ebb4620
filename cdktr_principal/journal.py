"""The journal: the facts on disk, one JSON object a line, synced before anything is answered.

    {"crc":"9a8b7c6d","type":"task.ended","seq":17,…}

`crc` is the CRC-32 of what follows it up to the end of the object. A segment is a file named by
its first seq; a new one begins with each snapshot. What must stay true: facts are never changed
or dropped; a last line without newline, or of NULs, is a torn tail and was never acknowledged; a
whole line with a wrong checksum, or a store shorter than `head` remembers, is damage, and the
program refuses to run on it. Knows nothing of what facts mean.
"""

from __future__ import annotations

import errno
import os
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from cdktr_common.catalogue.base import Fact
from cdktr_common.catalogue.facts import FACTS
from cdktr_common.codec import encode

_PREFIX: Final = 17
"""Bytes of `{"crc":"xxxxxxxx"` and its comma less the brace that the object itself would have."""


CURSORS: Final = 256
"""Readers whose position is remembered, so that going on costs no search."""


class Damaged(Exception):
    """The store is not what was written; ends the program with exit code 74."""


class _Head(msgspec.Struct):
    seq: int
    segment: str
    size: int


class _Line(msgspec.Struct):
    type: str
    seq: int
    workflow: str = ""


def _union(kinds: tuple[type[Fact], ...]) -> Any:
    union: Any = kinds[0]
    for kind in kinds[1:]:
        union = union | kind
    return union


_fact: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_union(FACTS))
_line = msgspec.json.Decoder(_Line)


def seal(body: bytes) -> bytes:
    """An encoded fact as a journal line."""
    rest = body[1:]
    return b'{"crc":"%08x",%b\n' % (zlib.crc32(rest), rest)


def unseal(line: bytes) -> bytes | None:
    """The encoded fact of a journal line without its newline; None when the checksum is wrong."""
    rest = line[_PREFIX + 1 :]
    if line[: _PREFIX + 1] != b'{"crc":"%08x",' % zlib.crc32(rest):
        return None
    return b"{" + rest


class Journal:
    """An open journal. `recover` once, then `append` and `sync`."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.directory = directory
        self.seq = 0
        self.since_snapshot = 0
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
        names = self.segments()
        self._check_chain(names, from_seq)
        for position, name in enumerate(names):
            following = names[position + 1] if position + 1 < len(names) else None
            if following is not None and int(following[:20]) <= from_seq + 1:
                continue
            yield from self._recover_segment(name, last=following is None)
        self._check_head()
        self.since_snapshot = self.seq - from_seq
        self._open_last(names)

    def _check_chain(self, names: list[str], from_seq: int) -> None:
        """Are all segments there, each ending where the next begins, also those that a snapshot
        stands for? Their lines are checked when they are read."""
        expected = 1
        for name in names[:-1]:
            if int(name[:20]) != expected:
                break
            expected = self._last_seq(name) + 1
        if names and int(names[-1][:20]) == expected:
            return
        if names or from_seq:
            raise Damaged(
                f"{self.directory}: the segment that begins with fact {expected} is missing. Bring "
                f"it back from a copy; or, to begin anew without any history, move the directory "
                f"away"
            )

    def _last_seq(self, name: str) -> int:
        path = self.directory / name
        size = path.stat().st_size
        step = 1 << 16
        with path.open("rb") as file:
            while True:
                file.seek(max(0, size - step))
                tail = file.read()
                start = tail.rfind(b"\n", 0, -1) + 1
                if start or step >= size:
                    break
                step *= 8
        if not tail:
            return int(name[:20]) - 1
        body = unseal(tail[start:-1])
        if body is None:
            raise self._damage(path, size - len(tail) + start, "a line with a wrong checksum")
        return _line.decode(body).seq

    def _recover_segment(self, name: str, last: bool) -> Iterator[Fact]:
        path = self.directory / name
        data = path.read_bytes()
        good = data.rstrip(b"\0").rfind(b"\n") + 1
        if good < len(data):
            if not last:
                raise self._damage(path, good, "an incomplete line, and later segments follow")
            self._cut(path, good)
        offset = 0
        for line in data[:good].split(b"\n")[:-1]:
            body = unseal(line)
            if body is None:
                raise self._damage(path, offset, "a line with a wrong checksum")
            fact: Fact = _fact.decode(body)
            if fact.seq > self.seq + 1:
                raise self._damage(path, offset, f"fact {fact.seq} follows {self.seq}")
            offset += len(line) + 1
            if fact.seq == self.seq + 1:
                self.seq = fact.seq
                yield fact

    @staticmethod
    def _cut(path: Path, size: int) -> None:
        with path.open("r+b") as file:
            file.truncate(size)
            os.fsync(file.fileno())

    def _damage(self, path: Path, offset: int, what: str) -> Damaged:
        return Damaged(
            f"{path} at byte {offset}: {what}. The file was changed after it was written; nothing "
            f"has been altered now. Bring the file back from a copy, or, giving up every fact from "
            f"there on: truncate -s {offset} '{path}', remove '{self.directory / 'head'}' and "
            f"later segments, and start again"
        )

    def _check_head(self) -> None:
        path = self.directory / "head"
        if not path.exists():
            return
        try:
            head = msgspec.json.decode(path.read_bytes(), type=_Head)
        except msgspec.DecodeError:
            return  # written by rename, so damaged from outside; the journal itself is whole
        if self.seq < head.seq:
            raise Damaged(
                f"{self.directory} ends with fact {self.seq}, but {head.seq} facts had been "
                f"written: {head.segment} is shorter than the {head.size} bytes it had. Bring it "
                f"back from a copy, or remove '{path}' to accept the loss"
            )

    def segments(self) -> list[str]:
        """Names of the segments, oldest first."""
        return sorted(p.name for p in self.directory.iterdir() if p.name.endswith(".jsonl"))

    def _open_last(self, names: list[str]) -> None:
        if names:
            self._open(names[-1])
        else:
            self.rotate()

    def _open(self, name: str) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._fd = os.open(self.directory / name, flags, 0o600)
        self._segment = name
        self._size = os.fstat(self._fd).st_size

    # Writing

    def append(self, fact: Fact) -> bytes:
        """Take a fact for the next `sync`; returns its encoding."""
        body = encode(fact)
        self._buffer.append(seal(body))
        self.seq = fact.seq
        return body

    def sync(self) -> None:
        """Make all appended facts durable. Raises OSError: then nothing may be answered."""
        if not self._buffer:
            return
        data = b"".join(self._buffer)
        written = os.write(self._fd, data)
        if written != len(data):
            os.ftruncate(self._fd, self._size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.directory))
        os.fdatasync(self._fd)
        self._size += len(data)
        self.since_snapshot += len(self._buffer)
        self._buffer.clear()
        self._head_due = True

    def write_head(self) -> None:
        """Remember how far the journal goes, to notice a store that was shortened."""
        if not self._head_due:
            return
        self._head_due = False
        head = encode(_Head(self.seq, self._segment, self._size))
        replace_file(self.directory / "head", head, durable=False)

    def rotate(self) -> None:
        """Begin a new segment with the next fact."""
        if self._fd >= 0:
            if self._size == 0:
                return
            os.close(self._fd)
        self._open(f"{self.seq + 1:020}.jsonl")
        sync_directory(self.directory)
        self.since_snapshot = 0

    # Reading back

    def read(self, after: int, limit: int, most_bytes: int, topic: str) -> tuple[list[bytes], int]:
        """Encoded facts after `after` on topics that begin with `topic`, and the seq up to which
        was looked. Sequential readers cost no search. Raises Damaged."""
        found: list[bytes] = []
        last, size = after, 0
        name, offset = self._find(after)
        while name is not None and len(found) < limit and size < most_bytes:
            data = self._read_block(name, offset)
            if not data:
                name, offset = self._next_segment(name), 0
                continue
            for line in data.splitlines(keepends=True):
                body = unseal(line[:-1])
                if body is None:
                    path = self.directory / name
                    raise self._damage(path, offset, "a line with a wrong checksum")
                offset += len(line)
                told = _line.decode(body)
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
        names = [name for name in self.segments() if int(name[:20]) <= after + 1]
        return (names[-1] if names else None), 0

    def _remember(self, seq: int, name: str, offset: int) -> None:
        """Where the next read of a reader that has got up to `seq` begins."""
        self._cursors[seq] = (name, offset)
        self._cursors.move_to_end(seq)
        while len(self._cursors) > CURSORS:
            self._cursors.popitem(last=False)

    def _next_segment(self, name: str) -> str | None:
        later = [other for other in self.segments() if other > name]
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


def topic_of(kind: str, workflow: str) -> str:
    """The topic of a fact, from its wire type."""
    family = kind.partition(".")[0]
    if family in ("run", "task"):
        return f"run/{workflow}/"
    return {"epoch": "principal/"}.get(family, family + "/")


def replace_file(path: Path, data: bytes, durable: bool) -> None:
    """Write a file so that it is either the old or the new one."""
    temporary = path.with_suffix(".new")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        if durable:
            os.fsync(fd)
    finally:
        os.close(fd)
    os.replace(temporary, path)
    if durable:
        sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make renames and new files in it durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)

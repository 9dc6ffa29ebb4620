"""What lies in the journal's directory: segments, their lines, and the checks on them.

    {"crc":"9a8b7c6d","type":"task.ended","seq":17,…}

`crc` is the CRC-32 of what follows it up to the end of the object. What was decided in one turn is
there whole or not at all: the lines of a turn but its last say `crm` instead ("more follows"), and
such lines at the end of the journal belong to a turn that was never acknowledged. A segment is a
file named by its first seq, each ends where the next begins. `head` remembers how far the journal
went, so that a store that was shortened shows, and from which fact on it is kept (`first`):
retention moves that before it removes anything. Reads only, but for cutting a torn tail off.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from cdktr_common.catalogue.base import Fact
from cdktr_common.catalogue.facts import FACTS

_PREFIX: Final = 17
"""Bytes of `{"crc":"xxxxxxxx"` and its comma less the brace that the object itself would have."""


class Damaged(Exception):
    """The store is not what was written; ends the program with exit code 74."""


class Head(msgspec.Struct):
    """What the head file says."""

    seq: int
    segment: str
    size: int
    first: int = 1


class Line(msgspec.Struct):
    """What is read of a fact without knowing its kind."""

    type: str
    seq: int
    ts: float = 0.0
    workflow: str = ""


def _union(kinds: tuple[type[Fact], ...]) -> Any:
    union: Any = kinds[0]
    for kind in kinds[1:]:
        union = union | kind
    return union


_fact: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_union(FACTS))
decode_line = msgspec.json.Decoder(Line).decode


_MORE: Final = b'{"crm":"'


def seal(body: bytes, more: bool = False) -> bytes:
    """An encoded fact as a journal line; `more` of the same turn follow it."""
    rest = body[1:]
    return b'{"cr%c":"%08x",%b\n' % (b"m" if more else b"c", zlib.crc32(rest), rest)


def unseal(line: bytes) -> bytes | None:
    """The encoded fact of a journal line without its newline; None when the checksum is wrong."""
    rest = line[_PREFIX + 1 :]
    sum_at = len(_MORE)
    if line[:sum_at] not in (b'{"crc":"', _MORE) or line[sum_at : _PREFIX + 1] != b'%08x",' % (
        zlib.crc32(rest)
    ):
        return None
    return b"{" + rest


def topic_of(kind: str, workflow: str) -> str:
    """The topic of a fact, from its wire type."""
    family = kind.partition(".")[0]
    if family in ("run", "task"):
        return f"run/{workflow}/"
    return {"epoch": "principal/", "schedule": "tick/"}.get(family, family + "/")


def first_seq(name: str) -> int:
    """Of a segment, by its name."""
    return int(name[:20])


class Segments:
    """The directory as it is found. Every fault is told as `Damaged`, with a way to go on."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._torn: tuple[Path, int] | None = None

    def names(self) -> list[str]:
        """Names of the segments, oldest first."""
        return sorted(p.name for p in self.directory.iterdir() if p.name.endswith(".jsonl"))

    def head(self) -> Head | None:
        """What was remembered, if that can be read."""
        path = self.directory / "head"
        if not path.exists():
            return None
        try:
            return msgspec.json.decode(path.read_bytes(), type=Head)
        except msgspec.DecodeError:
            return None  # written by rename, so damaged from outside; the journal itself is whole

    def check_chain(self, names: list[str], first: int, from_seq: int) -> None:
        """Are all segments there from fact `first` on, each ending where the next begins, also
        those that a snapshot stands for? Their lines are checked when they are read."""
        expected = first
        for name in names[:-1]:
            if first_seq(name) != expected:
                break
            expected = self.last(name).seq + 1
        if names and first_seq(names[-1]) == expected:
            return
        if names or from_seq:
            raise Damaged(
                f"{self.directory}: the segment that begins with fact {expected} is missing. Bring "
                f"it back from a copy; or, to begin anew without any history, move the directory "
                f"away"
            )

    def check_head(self, head: Head | None, seq: int) -> None:
        """Does the journal go as far as it went?"""
        if head is not None and seq < head.seq:
            raise Damaged(
                f"{self.directory} ends with fact {seq}, but {head.seq} facts had been "
                f"written: {head.segment} is shorter than the {head.size} bytes it had. Bring it "
                f"back from a copy, or remove '{self.directory / 'head'}' to accept the loss"
            )

    def last(self, name: str) -> Line:
        """The last fact of a segment; of an empty one, the one before it."""
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
            return Line("", first_seq(name) - 1)
        body = unseal(tail[start:-1])
        if body is None:
            raise self.damage(path, size - len(tail) + start, "a line with a wrong checksum")
        return decode_line(body)

    def facts(self, name: str, after: int, last: bool) -> Iterator[Fact]:
        """The facts of one segment that follow on `after`; the last one may have a torn tail."""
        path = self.directory / name
        data = path.read_bytes()
        good = _whole(data)
        if good < len(data):
            if not last:
                raise self.damage(path, good, "an incomplete turn, and later segments follow")
            self._torn = path, good
        offset = 0
        for line in data[:good].split(b"\n")[:-1]:
            body = unseal(line)
            if body is None:
                raise self.damage(path, offset, "a line with a wrong checksum")
            fact: Fact = _fact.decode(body)
            if fact.seq > after + 1:
                raise self.damage(path, offset, f"fact {fact.seq} follows {after}")
            offset += len(line) + 1
            if fact.seq == after + 1:
                after = fact.seq
                yield fact

    def cut(self) -> None:
        """Take the torn tail off, when nothing else is wrong: it was never acknowledged."""
        if self._torn is not None:
            path, size = self._torn
            with path.open("r+b") as file:
                file.truncate(size)
                os.fsync(file.fileno())

    def damage(self, path: Path, offset: int, what: str) -> Damaged:
        """A fault at a byte, and what to do about it."""
        return Damaged(
            f"{path} at byte {offset}: {what}. The file was changed after it was written; nothing "
            f"has been altered now. Bring the file back from a copy, or, giving up every fact from "
            f"there on: truncate -s {offset} '{path}', remove '{self.directory / 'head'}' and "
            f"later segments, and start again"
        )


def _whole(data: bytes) -> int:
    """Up to where whole lines of whole turns go."""
    good = data.rstrip(b"\0").rfind(b"\n") + 1
    while good:
        start = data.rfind(b"\n", 0, good - 1) + 1
        if not data.startswith(_MORE, start):
            break
        good = start
    return good

"""What of an append is new: decisions without any I/O.

Theory of operation. A stream is (run, task, n, stream). Its *mark* is how many of its bytes are
stored; the next byte it wants has that offset. A chunk below the mark was stored before and is
trimmed, exactly to the byte; one above it leaves a gap and is not taken: the answer names the
offset that is wanted, and the sender goes back to it. So any repeated, overlapping or reordered
sending stores every byte once, in order.

Marks of the streams written last are kept in memory, the others are in the database. Looking there
for each new stream would cost a scan each, so the marks know a *horizon*: the youngest first time
of any stream that is not in memory. A stream that begins (offset 0) after the horizon is new. (A
sender that sends a beginning again keeps its time; even if not, the streams of the last moments
before a crash are read back into memory at the start.)

Knows nothing of sockets or the database. What it plans takes effect on `commit`, never before.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as BadBase64
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from cdktr_common.catalogue.values import LogChunk, LogMark
from cdktr_common.errors import ProtocolError

CHUNK_MAX: Final = 1 << 16
"""Bytes a chunk may have."""

ROW_MAX: Final = 1 << 14
"""Bytes a row may have. DuckDB works on 2048 rows at a time, so this bounds what a search needs:
with whole chunks of 64 KiB it was half a gigabyte, with this it is tens of megabytes."""

NAME_MAX: Final = 512

OUTPUT: Final = ("stdout", "stderr")
ARTIFACT: Final = "artifact/"
"""How the names of all other streams begin; the rest of it is a path."""

MARKS_KEPT: Final = 20_000

StreamKey = tuple[str, str, int, str]


class Mark(NamedTuple):
    """How far a stream is stored, and whether its end is."""

    offset: int
    ended: bool
    ts: float


class Row(NamedTuple):
    """One row of `logstore`, in the order of its columns."""

    pos: int
    workflow: str
    run: str
    task: str
    n: int
    stream: str
    off: int
    size: int
    line: int
    ts: float
    ended: bool
    text: str | None
    bytes: bytes | None


NEW: Final = Mark(0, False, 0.0)


class Marks:
    """The marks of the streams written last, at most `most` of them."""

    def __init__(self, most: int = MARKS_KEPT) -> None:
        self._marks: OrderedDict[StreamKey, Mark] = OrderedDict()
        self._most = most
        self.horizon = 0.0

    def load(self, known: Iterable[tuple[StreamKey, Mark]], horizon: float) -> None:
        """Start over from what the database says: its youngest streams, oldest first, and the
        youngest time of all that is not among them."""
        self._marks = OrderedDict(known)
        self.horizon = horizon
        self._shrink()

    def get(self, key: StreamKey) -> Mark:
        return self._marks.get(key, NEW)

    def exhausted(self, key: StreamKey, offset: int) -> bool:
        """Is it known without asking the database that nothing is stored from there on?"""
        mark = self._marks.get(key)
        return mark is not None and (
            offset > mark.offset or (offset == mark.offset and not mark.ended)
        )

    def unknown(self, chunks: Iterable[LogChunk]) -> set[StreamKey]:
        """Streams whose marks must be looked up before these chunks can be planned."""
        asked: set[StreamKey] = set()
        fresh: set[StreamKey] = set()
        for chunk in chunks:
            key = (chunk.run, chunk.task, chunk.n, chunk.stream)
            if key in self._marks or key in asked or key in fresh:
                continue
            if chunk.offset == 0 and chunk.ts > self.horizon:
                fresh.add(key)
            else:
                asked.add(key)
        return asked

    def learn(self, found: Iterable[tuple[StreamKey, Mark]]) -> None:
        """Take in what the database knows, or what was stored just now."""
        for key, mark in found:
            self._marks[key] = mark
            self._marks.move_to_end(key)

    def shrink(self) -> None:
        """Forget the streams not written for longest; the horizon remembers that there were."""
        self._shrink()

    def _shrink(self) -> None:
        while len(self._marks) > self._most:
            _, mark = self._marks.popitem(last=False)
            self.horizon = max(self.horizon, mark.ts)

    def __len__(self) -> int:
        return len(self._marks)


class Plan:
    """The rows of one transaction and the marks after it. Begun with the position of the last
    row; `add` requests one after another, store `rows`, then `commit` or throw the plan away."""

    def __init__(self, marks: Marks, pos: int) -> None:
        self._marks = marks
        self._changed: dict[StreamKey, Mark] = {}
        self.pos = pos
        self.rows: list[Row] = []
        self.stored: list[tuple[int, LogChunk]] = []
        self.repeated = 0
        self.gaps = 0

    def add(self, chunks: Iterable[LogChunk]) -> list[StreamKey]:
        """Plan the chunks of one request; returns the streams it wants to be told about."""
        touched: dict[StreamKey, None] = {}
        for chunk in chunks:
            key = (chunk.run, chunk.task, chunk.n, chunk.stream)
            touched[key] = None
            mark = self._changed.get(key) or self._marks.get(key)
            if chunk.offset > mark.offset:
                self.gaps += 1
                continue
            kept = trimmed(chunk, mark.offset)
            if kept is None or (mark.ended and not size_of(kept)):
                self.repeated += 1
                continue
            self._take(key, mark, kept)
        return list(touched)

    def _take(self, key: StreamKey, mark: Mark, chunk: LogChunk) -> None:
        size = size_of(chunk)
        if size <= ROW_MAX:
            raw = None if chunk.b64 is None else b64decode(chunk.b64)
            self._row(chunk, chunk.offset, size, chunk.line, chunk.end, chunk.text, raw)
        else:
            self._split(chunk, size)
        self.stored.append((self.pos, chunk))
        began = chunk.ts if mark.offset == 0 else mark.ts
        self._changed[key] = Mark(chunk.offset + size, mark.ended or chunk.end, began)

    def _split(self, chunk: LogChunk, size: int) -> None:
        text = chunk.text
        if text is None or not text.isascii():
            self._split_bytes(chunk, size)
            return
        begin, line = 0, chunk.line
        while begin < size:
            end = begin + ROW_MAX
            if end < size:
                end = text.rfind("\n", begin, end) + 1 or end
            part = text[begin:end]
            ended = chunk.end and end >= size
            self._row(chunk, chunk.offset + begin, len(part), line, ended, part, None)
            if end < size:
                line += part.count("\n")
            begin = end

    def _split_bytes(self, chunk: LogChunk, size: int) -> None:
        data = data_of(chunk)
        begin, line = 0, chunk.line
        while begin < size:
            end = row_end(data, begin)
            text: str | None = None
            raw: bytes | None = data[begin:end]
            if chunk.text is not None:
                text, raw = data[begin:end].decode(), None
            ended = chunk.end and end == size
            self._row(chunk, chunk.offset + begin, end - begin, line, ended, text, raw)
            line += data.count(b"\n", begin, end)
            begin = end

    def _row(
        self,
        chunk: LogChunk,
        offset: int,
        size: int,
        line: int,
        ended: bool,
        text: str | None,
        raw: bytes | None,
    ) -> None:
        self.pos += 1
        where = (chunk.workflow, chunk.run, chunk.task, chunk.n, chunk.stream)
        self.rows.append(Row(self.pos, *where, offset, size, line, chunk.ts, ended, text, raw))

    def marks_of(self, keys: Iterable[StreamKey]) -> list[LogMark]:
        """How far these streams are after this plan."""
        return [_log_mark(key, self._changed.get(key) or self._marks.get(key)) for key in keys]

    def commit(self) -> None:
        """The rows are stored: their marks hold from now on."""
        self._marks.learn(self._changed.items())
        self._marks.shrink()


class Pace:
    """How often to commit: a commit costs about the same for one row as for a thousand. A few may
    follow one another, so that a single line is stored soon; under load they come `rate` a
    second, each with all that has gathered. (A bucket of `burst` tokens that fills at that
    rate.)"""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = float(burst)
        self._then = 0.0

    def wait(self, now: float) -> float:
        """Seconds until the next commit is due. It counts as made then."""
        gained = max(0.0, now - self._then) * self._rate
        self._tokens = max(-1.0, min(self._burst, self._tokens + gained) - 1.0)
        self._then = now
        return max(0.0, -self._tokens / self._rate)

    def refund(self) -> None:
        """The commit that was counted was so large that it does not count."""
        self._tokens += 1.0


def _log_mark(key: StreamKey, mark: Mark) -> LogMark:
    run, task, n, stream = key
    return LogMark(run=run, task=task, n=n, stream=stream, offset=mark.offset)


def check_chunk(chunk: LogChunk) -> None:
    """Refuse what cannot be stored as it is. Raises ProtocolError."""
    if (chunk.text is None) == (chunk.b64 is None):
        raise ProtocolError("bad_field", "log.append: exactly one of text and b64 is needed")
    if chunk.n < 1 or chunk.n >= 1 << 31 or not 0 <= chunk.offset < 1 << 62:
        raise ProtocolError("bad_field", f"log.append: n {chunk.n} or offset {chunk.offset}")
    if not 0 <= chunk.line < 1 << 62:
        raise ProtocolError("bad_field", f"log.append: line {chunk.line}")
    for name in (chunk.workflow, chunk.run, chunk.task):
        if not 0 < len(name) <= NAME_MAX:
            raise ProtocolError("bad_field", f"log.append: a name of {len(name)} characters")
    if chunk.stream not in OUTPUT and not (
        chunk.stream.startswith(ARTIFACT) and len(ARTIFACT) < len(chunk.stream) <= NAME_MAX
    ):
        raise ProtocolError("bad_field", f"log.append: no stream {chunk.stream[:NAME_MAX]!r}")
    try:
        size = size_of(chunk)
    except BadBase64 as fault:
        raise ProtocolError("bad_field", f"log.append: b64: {fault}") from None
    if size > CHUNK_MAX:
        raise ProtocolError("too_large", f"a chunk has at most {CHUNK_MAX} bytes, not {size}")


def data_of(chunk: LogChunk) -> bytes:
    """The bytes a chunk carries."""
    if chunk.text is not None:
        return chunk.text.encode()
    return b64decode(chunk.b64 or "", validate=True)


def size_of(chunk: LogChunk) -> int:
    """How many bytes a chunk carries."""
    if chunk.text is None:
        return len(b64decode(chunk.b64 or "", validate=True))
    return len(chunk.text) if chunk.text.isascii() else len(chunk.text.encode())


def trimmed(chunk: LogChunk, offset: int) -> LogChunk | None:
    """The part of a chunk from `offset` on; None when that is nothing at all."""
    if chunk.offset == offset:
        return chunk if chunk.end or chunk.text or chunk.b64 else None
    data = data_of(chunk)
    past = offset - chunk.offset
    if past > len(data) or (past == len(data) and not chunk.end):
        return None
    line = chunk.line + data.count(b"\n", 0, past)
    return with_data(chunk, data[past:], offset, line)


def with_data(chunk: LogChunk, data: bytes, offset: int, line: int) -> LogChunk:
    """A chunk like this one that carries `data`."""
    text, b64 = as_text(data)
    return msgspec.structs.replace(chunk, text=text, b64=b64, offset=offset, line=line)


def row_end(data: bytes, begin: int) -> int:
    """Where a row that begins there ends: after the last newline that fits, else where the room
    ends, but never inside a character."""
    end = begin + ROW_MAX
    if end >= len(data):
        return len(data)
    newline = data.rfind(b"\n", begin, end)
    if newline >= 0:
        return newline + 1
    back = end
    while end - back < 4 and data[back] & 0xC0 == 0x80:
        back -= 1
    return back if data[back] & 0xC0 != 0x80 else end


def as_text(data: bytes) -> tuple[str | None, str | None]:
    """Bytes as a chunk carries them: as text, or as base64 when they are not UTF-8."""
    try:
        return data.decode(), None
    except UnicodeDecodeError:
        return None, b64encode(data).decode()

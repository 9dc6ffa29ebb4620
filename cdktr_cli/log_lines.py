"""Lines of output put together from chunks, and how they are shown.

Chunks are cut where the recorder and the agent found it handy; a line may come in several. What
belongs together by offset is joined, each stream by itself, so that only whole lines are shown and
lines of different tasks never mix. A line over `LONGEST` is shown in parts. Knows chunks and
terminals, no sockets.
"""

from __future__ import annotations

import base64
import codecs
import time
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from cdktr_cli import table
from cdktr_cli.tail import content
from cdktr_common import clean
from cdktr_common.catalogue.values import LogChunk

LONGEST: Final = 1 << 20
UNFINISHED_MOST: Final = 1000
"""Streams that may stand inside a line; the oldest line is shown unfinished when there are more."""

Key = tuple[str, str, int, str]


class Line(NamedTuple):
    """One line without its newline; `ts` is when its first byte was read."""

    chunk: LogChunk
    ts: float
    number: int
    offset: int
    data: bytes


class _Open:
    """A line that has no end yet."""

    def __init__(self, chunk: LogChunk, number: int, offset: int) -> None:
        self.chunk, self.number, self.offset = chunk, number, offset
        self.parts: list[bytes] = []
        self.size = 0

    def add(self, data: bytes) -> None:
        self.parts.append(data)
        self.size += len(data)

    def line(self) -> Line:
        return Line(self.chunk, self.chunk.ts, self.number, self.offset, b"".join(self.parts))


class Assembler:
    """Chunks in, whole lines out."""

    def __init__(self) -> None:
        self._open: dict[Key, _Open] = {}

    def feed(self, chunk: LogChunk) -> Iterator[Line]:
        """The lines that are complete now."""
        key = (chunk.run, chunk.task, chunk.n, chunk.stream)
        data = content(chunk)
        held = self._open.pop(key, None)
        if held is not None and held.offset + held.size != chunk.offset:
            yield held.line()  # what lay between was not asked for
            held = None
        number, offset, begin = chunk.line, chunk.offset, 0
        while (end := data.find(b"\n", begin)) >= 0:
            if held is not None:
                held.add(data[begin:end])
                yield held.line()
                number, held = held.number, None
            else:
                yield Line(chunk, chunk.ts, number, offset + begin, data[begin:end])
            number, begin = number + 1, end + 1
        if begin < len(data):
            if held is None:
                held = _Open(chunk, number, offset + begin)
            held.add(data[begin:])
        if held is not None:
            yield from self._hold(key, held, chunk.end)

    def _hold(self, key: Key, held: _Open, end: bool) -> Iterator[Line]:
        if end or held.size >= LONGEST:
            yield held.line()
            return
        self._open[key] = held
        if len(self._open) > UNFINISHED_MOST:
            yield self._open.pop(next(iter(self._open))).line()

    def rest(self) -> Iterator[Line]:
        """The lines without an end: nothing more comes."""
        held, self._open = self._open, {}
        for unfinished in held.values():
            yield unfinished.line()


def last(lines: Iterable[Line], most: int) -> list[Line]:
    """The last so many."""
    kept = list(lines)
    return kept[-most:]


def as_object(line: Line) -> dict[str, Any]:
    """A line for programs: `text`, or `b64` when it is not UTF-8."""
    chunk = line.chunk
    text: str | None = None
    b64: str | None = None
    try:
        text = line.data.decode()
    except UnicodeDecodeError:
        b64 = base64.b64encode(line.data).decode()
    return {
        "time": table.rfc3339(line.ts),
        "workflow": chunk.workflow,
        "run": chunk.run,
        "task": chunk.task,
        "n": chunk.n,
        "stream": chunk.stream,
        "line": line.number,
        "offset": line.offset,
        "text": text,
        "b64": b64,
    }


def as_text(line: Line, terminal: bool) -> bytes:
    """A line for people: local time, workflow/run, task, and what the task wrote. For a terminal
    it cannot steer it; elsewhere it is passed on as it is."""
    chunk = line.chunk
    clock = time.strftime("%H:%M:%S", time.localtime(line.ts))
    where = table.harmless(f"{chunk.workflow}/{chunk.run[:6]} {chunk.task}")
    bar = "|"
    if table.coloured():
        where = f"\x1b[36m{where}\x1b[0m"
        bar = "\x1b[31m|\x1b[0m" if chunk.stream == "stderr" else bar
    return f"{clock} {where} {bar} ".encode() + (shown(line.data) if terminal else line.data)


def shown(data: bytes) -> bytes:
    """Output for a terminal: its colours are said anew, if colours are wanted, and nothing else of
    what it says to a terminal comes through. A carriage return that ends the line is no news; one
    inside it would hide what stands before it, and is shown."""
    text = data.decode(errors="replace")
    if not table.coloured():
        return clean.line(text, LONGEST).encode()
    spans = ((clean.sgr(style), part) for part, style in clean.styled(text, LONGEST))
    return "".join(f"{on}{part}\x1b[0m" if on else part for on, part in spans).encode()


class Screen:
    """A stream of output on a terminal, in pieces that may end anywhere."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._kept = ""

    def shown(self, data: bytes) -> bytes:
        """What is to be written. A sequence that two pieces share is shown, not obeyed."""
        text = self._kept + self._decoder.decode(data)
        self._kept = "\r" if text.endswith("\r") else ""  # a newline may follow
        text = text.removesuffix("\r")
        return b"\n".join(shown(line.encode("utf-8", "replace")) for line in text.split("\n"))

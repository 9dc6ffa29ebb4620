"""Output from the spool to logd: windows of chunks, several under way, gone when acknowledged.

A file is read from where the last window ended; what logd did not take is sent again from there.
A file is removed when it is complete and all of it acknowledged. Logd drops what it has already,
so nothing has to be remembered across a restart. Knows no sockets: `send` takes a request and
calls back.
"""

from __future__ import annotations

import base64
import errno
import os
from collections.abc import Callable
from contextlib import suppress

from cdktr_agent.records import (
    CLOSE,
    CONTROL,
    END,
    NAME,
    NEXT,
    STREAMS,
    Header,
    Record,
    read_header,
    read_records,
)
from cdktr_common.catalogue import Reply
from cdktr_common.catalogue.logd import LogAppend, LogAppended
from cdktr_common.catalogue.values import LogChunk
from cdktr_common.errors import ProtocolError

WINDOW = 1 << 18
"""Bytes of output in a request; six times as much when each is a control character that JSON
escapes, still less than a server takes."""

CHUNKS = 1000
IN_FLIGHT = 4

Send = Callable[[LogAppend, Callable[[Reply | ProtocolError], None]], None]


class _Tail:
    """One file. `position`: read up to here; `round`: grows when it is read again from further
    back."""

    def __init__(self, name: str) -> None:
        self.name = name
        base, _, segment = name.rpartition(".")
        self.before = f"{base}.{int(segment) - 1}"
        self.header: Header | None = None
        self.names = dict(enumerate(STREAMS))
        self.position = 0
        self.under_way: list[int] = []  # where the windows not answered begin
        self.round = 0
        self.wanted_from = -1  # where it was read again from last, for want of bytes at logd
        self.complete = False  # has its last record been read?


_Part = tuple[_Tail, int, list[Record]]


class Shipper:
    """See the module text. The owner calls `pump` after anything happened."""

    def __init__(self, directory: str, agent: str, complain: Callable[[str], None]) -> None:
        self._directory = directory
        self._agent = agent
        self._complain = complain
        self._send: Send | None = None
        self._tails: dict[str, _Tail] = {}
        self._unread: dict[str, _Tail] = {}
        self._flights = 0
        self._session = 0
        self.paused = False
        self.freed = 0
        self.acknowledged = 0

    @property
    def empty(self) -> bool:
        """Is there nothing left to send or to wait for?"""
        return not self._tails

    def backlog(self) -> int:
        """Bytes in the files that logd has not taken whole."""
        sizes = 0
        for name in self._tails:
            with suppress(FileNotFoundError):
                sizes += os.path.getsize(f"{self._directory}/{name}")
        return sizes

    @property
    def waiting(self) -> bool:
        """Is an answer outstanding?"""
        return self._flights > 0

    def connect(self, send: Send | None) -> None:
        """Another logd, or none: what was under way is sent again."""
        self._send = send
        self._session += 1
        self._flights = 0
        for tail in self._tails.values():
            self._rewind(tail, 0)

    def grown(self, names: list[str]) -> None:
        """These files are there and have more than before."""
        for name in sorted(names):
            tail = self._tails.get(name)
            if tail is None:
                tail = self._tails[name] = _Tail(name)
            self._unread[name] = tail

    def pump(self) -> None:
        """Send as much as may be under way."""
        while self._send is not None and not self.paused and self._flights < IN_FLIGHT:
            parts = self._gather()
            if not parts:
                return
            chunks = [
                _chunk(tail.header, tail.names[record.stream], record)
                for tail, _, records in parts
                for record in records
                if tail.header is not None
            ]
            session = self._session
            self._flights += 1

            def answered(
                answer: Reply | ProtocolError, parts: list[_Part] = parts, session: int = session
            ) -> None:
                if session == self._session:
                    self._answered(parts, answer)

            self._send(LogAppend(agent=self._agent, chunks=chunks), answered)

    def _gather(self) -> list[_Part]:
        """Unsent records of any files, a window full."""
        parts: list[_Part] = []
        room, count = WINDOW, CHUNKS
        for tail in list(self._unread.values()):
            if room <= 0 or count <= 0:
                break
            before = self._tails.get(tail.before)
            if before is not None and not before.complete:
                continue  # its chunks come first
            records = self._read(tail, room, count)
            if records:
                tail.under_way.append(records[0].start)
                parts.append((tail, tail.round, records))
                room -= sum(len(record.data) for record in records)
                count -= len(records)
            elif not tail.under_way:
                self._remove_if_done(tail)
        return parts

    def _read(self, tail: _Tail, room: int, count: int) -> list[Record]:
        """The next records; the file is no longer `unread` when all were read."""
        try:
            fd = os.open(f"{self._directory}/{tail.name}", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            self._tails.pop(tail.name, None)
            self._unread.pop(tail.name, None)
            return []
        except OSError as fault:
            if fault.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            self.paused = True  # no descriptor is left now: the file is read later
            self._complain(f"output cannot be read now: {fault.strerror}")
            return []
        try:
            if tail.header is None:
                found = read_header(fd)
                if found is None:
                    self._unread.pop(tail.name)
                    return []
                tail.header, tail.position = found
            records: list[Record] = []
            for record in read_records(fd, tail.position, room):
                if count <= 0:
                    return records
                tail.position = record.stop
                if record.stream == CONTROL:
                    tail.complete = bool(record.flags & (CLOSE | NEXT))
                    break
                if record.flags & NAME:
                    tail.names[record.stream] = record.data.decode()
                    continue
                records.append(record)
                count -= 1
            if tail.complete or tail.position == os.fstat(fd).st_size or not records:
                self._unread.pop(tail.name, None)
            return records
        finally:
            os.close(fd)

    def _answered(self, parts: list[_Part], answer: Reply | ProtocolError) -> None:
        self._flights -= 1
        marks: dict[tuple[str, str, int, str], int] = {}
        if isinstance(answer, LogAppended) and not answer.refused:
            marks = {(m.run, m.task, m.n, m.stream): m.offset for m in answer.marks}
            self.acknowledged += 1
        else:
            self.paused = True
            why = answer.refused if isinstance(answer, LogAppended) else answer
            self._complain(f"logd takes no output now: {why}")
        for tail, turn, records in parts:
            if turn != tail.round:
                continue  # it was read again from further back meanwhile
            tail.under_way.remove(records[0].start)
            missing = next((r for r in records if not _stored(tail, r, marks)), None)
            if missing is not None:
                # Answers to windows before it do not count any more: they are sent again too.
                position = min([missing.start, *tail.under_way])
                if position == tail.wanted_from:
                    self.paused = True  # the same place again: asking at once changes nothing
                tail.wanted_from = position
                self._rewind(tail, position)
            else:
                self._remove_if_done(tail)

    def _rewind(self, tail: _Tail, position: int) -> None:
        tail.round += 1
        tail.under_way.clear()
        tail.position = position
        if position == 0:
            tail.header = None
        tail.complete = False
        self._unread[tail.name] = tail

    def _remove_if_done(self, tail: _Tail) -> None:
        if not tail.complete or tail.under_way or tail.name in self._unread:
            return
        self._tails.pop(tail.name, None)
        try:
            os.unlink(f"{self._directory}/{tail.name}")
        except FileNotFoundError:
            return  # a supervisor could read nothing of it, and has removed it
        self.freed += tail.position


def _stored(tail: _Tail, record: Record, marks: dict[tuple[str, str, int, str], int]) -> bool:
    header = tail.header
    if header is None:
        return False
    key = (header.run, header.task, header.n, tail.names[record.stream])
    return marks.get(key, -1) >= record.offset + len(record.data)


def _chunk(header: Header, stream: str, record: Record) -> LogChunk:
    text: str | None
    b64: str | None
    try:
        text, b64 = record.data.decode(), None
    except UnicodeDecodeError:
        text, b64 = None, base64.b64encode(record.data).decode()
    return LogChunk(
        workflow=header.workflow,
        run=header.run,
        task=header.task,
        n=header.n,
        stream=stream,
        offset=record.offset,
        line=record.line,
        ts=record.ts,
        text=text,
        b64=b64,
        end=bool(record.flags & END),
    )

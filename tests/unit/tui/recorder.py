"""A recorder in memory: chunks by position, and the answers that `cdktr_logd` would give."""

from __future__ import annotations

import base64

from cdktr_common.catalogue.base import Request
from cdktr_common.catalogue.logd import LogPage, LogQuery, LogRead
from cdktr_common.catalogue.values import LogChunk
from cdktr_tui.model.asks import Scope
from cdktr_tui.model.strand import data_of, size_of
from cdktr_tui.model.transcript import Transcript


class Recorder:
    """What has been stored. `page` bounds the chunks of a page, whatever is asked."""

    def __init__(self, page: int = 5) -> None:
        self.stored: list[tuple[int, LogChunk]] = []
        self.page = page
        self._ends: dict[tuple[str, str, str, int], tuple[int, int]] = {}
        self.now = 1000.0

    def write(
        self, data: bytes, task: str = "t", stream: str = "stdout", n: int = 1, skip: int = 0,
        run: str = "r",
    ) -> tuple[int, LogChunk]:  # fmt: skip
        """A task wrote this, `skip` bytes of which nobody has before it."""
        key = (run, task, stream, n)
        offset, line = self._ends.get(key, (0, 0))
        offset += skip
        self.now += 1.0
        try:
            text, b64 = data.decode(), None
        except UnicodeDecodeError:
            text, b64 = None, base64.b64encode(data).decode()
        chunk = LogChunk(
            workflow="w", run=run, task=task, n=n, stream=stream, offset=offset, line=line,
            ts=self.now, text=text, b64=b64,
        )  # fmt: skip
        self._ends[key] = (offset + len(data), line + data.count(b"\n"))
        pos = (self.stored[-1][0] if self.stored else 0) + 1
        self.stored.append((pos, chunk))
        return pos, chunk

    def answer(self, request: Request) -> LogPage:
        newest = self.stored[-1][0] if self.stored else 0
        if isinstance(request, LogRead):
            found = [one for _, one in self.stored
                     if (one.task, one.stream, one.n) == (request.task, request.stream, request.n)
                     and one.offset + size_of(one) > request.offset]  # fmt: skip
            some: list[LogChunk] = []
            for one in found[: self.page]:
                some.append(one)
                if sum(map(size_of, some)) >= request.limit:
                    break
            end = some[-1].offset + size_of(some[-1]) if some else request.offset
            return LogPage(chunks=some, next=end if len(some) < len(found) else None, last=end)
        assert isinstance(request, LogQuery)
        fits = [(pos, one) for pos, one in self.stored
                if one.run == request.run and request.task in (None, one.task)
                and request.n in (None, one.n)
                and request.stream in (None, one.stream)
                and (request.since_ts is None or one.ts >= request.since_ts)]  # fmt: skip
        limit = min(self.page, request.limit)
        if request.before is not None:
            fits = [(pos, one) for pos, one in fits if pos < request.before]
            page = fits[-limit:]
            following = page[0][0] if len(page) < len(fits) else None
        else:
            fits = [(pos, one) for pos, one in fits if pos > request.after]
            page = fits[:limit]
            following = page[-1][0] if len(page) < len(fits) else None
            if following is not None:
                return LogPage(chunks=[one for _, one in page], next=following, last=following)
        return LogPage(chunks=[one for _, one in page], next=following, last=newest)

    def bytes_of(self, task: str = "t", stream: str = "stdout", n: int = 1) -> bytes:
        return b"".join(data_of(one) for _, one in self.stored
                        if (one.task, one.stream, one.n) == (task, stream, n))  # fmt: skip


def serve(script: Transcript, recorder: Recorder) -> int:
    """Answer all that is asked until nothing is. How many times it was."""
    times = 0
    while asks := script.asks():
        for ask in asks:
            script.answer(ask, recorder.answer(ask.request))
            times += 1
        assert times < 10_000
    return times


def rows(script: Transcript, task: str = "t", stream: str = "stdout", n: int = 1) -> list[str]:
    """What is on the tape of a stream."""
    tape = script.tape
    kept = [tape.row(number) for number in range(tape.first, tape.end)]
    source = (task, stream, n)
    return [
        row.text
        for row in kept
        if row.kind != "mark" and (row.source.task, row.source.stream, row.source.n) == source
    ]


SCOPE = Scope("w", "r")

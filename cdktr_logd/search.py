"""The query thread: one search at a time, so that none ever stalls the taking in of output.

It gets a request together with a reader that the loop made for it (so it sees everything that was
acknowledged before), and gives the encoded reply back by a queue and a wake-up of the loop. It
shares nothing else with the loop.
"""

from __future__ import annotations

import queue
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

import msgspec

from cdktr_common.catalogue.base import Reply, Request
from cdktr_common.catalogue.logd import HistoryList, LogPage, LogQuery, LogRead
from cdktr_common.codec import encode, error_body
from cdktr_common.errors import ProtocolError
from cdktr_common.loop import worker
from cdktr_logd import core, history, queries
from cdktr_logd.reader import QueryFault, Reader

WAITING_MOST: Final = 256
"""Searches that may wait; more are answered `busy`."""

QUERY_MOST_S: Final = 30.0
"""A search that runs for longer is ended and answered `timeout`."""

RUN_ID_LENGTH: Final = 10
"""Ids of runs are that long: one of this length needs no search for what begins like it."""

_HINTS_KEPT: Final = 256

Done = Callable[[bytes], None]
_Job = tuple[Request, Reader, int, Done]


class Search:
    """The thread and its two queues. `wake` is called from the thread when an answer is there;
    `deliver` hands the answers out, in the loop."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._answers: deque[tuple[Done, bytes]] = deque()
        self._hints: OrderedDict[tuple[str, str, int, str], tuple[int, int]] = OrderedDict()
        self._running: Reader | None = None
        self._thread = worker(self._run, "query")
        self._thread.start()
        self.waiting = 0

    def ask(self, request: Request, reader: Reader, newest: int, done: Done) -> None:
        """Answer `request` some time later by `done(body)`; `newest` is the last row that surely
        is seen. Raises ProtocolError busy."""
        if self.waiting >= WAITING_MOST:
            reader.close()
            raise ProtocolError("busy", f"{self.waiting} searches are waiting")
        self.waiting += 1
        self._jobs.put((request, reader, newest, done))

    def deliver(self) -> None:
        """Hand out what has been answered. Called by the loop."""
        while self._answers:
            done, body = self._answers.popleft()
            self.waiting -= 1
            done(body)

    def running(self) -> Reader | None:
        """The reader of the search that runs now, to tell whether it is still the same later."""
        return self._running

    def stop(self) -> None:
        """End the thread, and the search it is at."""
        self._jobs.put(None)
        reader = self._running
        if reader is not None:
            reader.interrupt()
        self._thread.join(5.0)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            request, reader, newest, done = job
            self._running = reader
            try:
                body = encode(self._answer(request, reader, newest))
            except ProtocolError as fault:
                body = error_body(fault)
            except QueryFault as fault:
                body = error_body(_refusal(fault))
            self._running = None
            reader.close()
            self._answers.append((done, body))
            self._wake()

    def _answer(self, request: Request, reader: Reader, newest: int) -> Reply:
        if isinstance(request, LogQuery):
            return _log_query(request, reader, newest)
        if isinstance(request, LogRead):
            return self._log_read(request, reader, newest)
        assert isinstance(request, HistoryList)
        history.check(request)
        run = None if request.run is None else _run(request.run, reader)
        workflow = None if request.workflow is None else _workflow(request.workflow, reader)
        request = msgspec.structs.replace(request, workflow=workflow)
        sql = history.history_sql(request, run)
        return history.history_page(request, reader.rows(*sql))

    def _log_read(self, read: LogRead, reader: Reader, newest: int) -> LogPage:
        queries.check_read(read)
        run = _run(read.run, reader)
        n = read.n
        if n is None:
            n = reader.rows(*queries.latest_attempt(read, run))[0][0]
            if n is None:
                return LogPage(last=read.offset)
        key = (run, read.task, n, read.stream)
        hint_offset, hint = self._hints.pop(key, (0, 0))
        pos = hint if hint_offset <= read.offset else 0
        page = queries.Page(queries.PAGE_ROWS)
        offset, room = read.offset, min(read.limit, queries.PAGE_BYTES)
        more = True
        while more and room > 0 and not page.full():
            rows = reader.rows(*queries.read_sql(read, run, n, offset, pos))
            more = len(rows) == queries.FETCH
            for row in rows:
                part = queries.stream_part(queries.chunk_of(row), offset)
                if part is None:
                    continue
                page.add([part])
                pos, offset = row[0], part.offset + core.size_of(part)
                room -= core.size_of(part)
                if room <= 0 or page.full():
                    more = True
                    break
        if not page.chunks:
            pos = max(pos, newest + 1)  # what comes will be stored after all there is
        self._hints[key] = (offset, pos)
        while len(self._hints) > _HINTS_KEPT:
            self._hints.popitem(last=False)
        ended = bool(page.chunks) and page.chunks[-1].end
        following = offset if more and page.chunks and not ended else None
        return LogPage(chunks=page.chunks, next=following, last=offset)


def _run(prefix: str, reader: Reader) -> str:
    if prefix == "last":
        rows = reader.rows(*queries.last_run())
        if not rows:
            raise ProtocolError("not_found", "there are no runs yet")
        return str(rows[0][0])
    if len(prefix) >= RUN_ID_LENGTH:
        return prefix
    return queries.chosen_run(prefix, reader.rows(*queries.find_run(prefix)))


def _workflow(name: str, reader: Reader) -> str:
    """The id that is meant; what nobody knows, a pattern too, is taken as it is."""
    return queries.chosen_workflow(name, reader.rows(*queries.find_workflow(name)))


def _log_query(query: LogQuery, reader: Reader, newest: int) -> LogPage:
    queries.check_query(query)
    if query.workflow is not None:
        workflow = _workflow(query.workflow, reader)
        query = msgspec.structs.replace(query, workflow=workflow)
    run = None if query.run is None else _run(query.run, reader)
    if query.tail is not None:
        return _tail(query, run, newest, reader)
    if query.before is not None:
        return _back(query, query.before, run, newest, reader)
    page = queries.Page(query.limit)
    edge = query.after
    while True:
        rows = reader.rows(*queries.chunks_sql(query, run, edge, backwards=False))
        for row in rows:
            if page.full():
                return LogPage(chunks=page.chunks, next=edge, last=edge)
            page.add(queries.cut(queries.chunk_of(row), row[-1]))
            edge = row[0]
        if len(rows) < queries.FETCH:
            return LogPage(chunks=page.chunks, last=max(newest, edge))


def _tail(query: LogQuery, run: str | None, newest: int, reader: Reader) -> LogPage:
    page = queries.Page(query.limit, query.tail)
    edge = newest + 1
    while True:
        rows = reader.rows(*queries.chunks_sql(query, run, edge, backwards=True))
        for row in rows:
            edge = row[0]
            if page.full() or edge <= query.after:
                return LogPage(chunks=page.chunks[::-1], last=newest)
            page.add(queries.cut(queries.chunk_of(row), row[-1]))
        if len(rows) < queries.FETCH:
            return LogPage(chunks=page.chunks[::-1], last=newest)


def _back(query: LogQuery, before: int, run: str | None, newest: int, reader: Reader) -> LogPage:
    page = queries.Page(query.limit)
    edge = min(before, newest + 1)
    while True:
        rows = reader.rows(*queries.chunks_sql(query, run, edge, backwards=True))
        for row in rows:
            if page.full() or row[0] <= query.after:
                following = edge if row[0] > query.after else None
                return LogPage(chunks=page.chunks[::-1], next=following, last=newest)
            page.add(queries.cut(queries.chunk_of(row), row[-1])[::-1])
            edge = row[0]
        if len(rows) < queries.FETCH:
            return LogPage(chunks=page.chunks[::-1], last=newest)


def _refusal(fault: QueryFault) -> ProtocolError:
    text = str(fault)
    if "nterrupt" in text:
        return ProtocolError("timeout", f"the search took longer than {QUERY_MOST_S:g} s")
    if "Invalid Input" in text or "regex" in text.lower():
        return ProtocolError("bad_field", text)
    return ProtocolError("unavailable", text)

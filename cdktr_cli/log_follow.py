"""Following output without a gap, across restarts of logd and of the principal.

The recorder numbers its rows in the order in which they were stored, so the follower asks for what
comes after the last number it has seen: nothing can be missed or doubled. What is published live
is the bell that tells when to ask (and the principal's facts tell when a run may have ended); a
lost message costs a moment, never a line. Knows chunks and when to ask, not how they are printed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Final

import msgspec
import zmq

from cdktr_cli.connection import Connection
from cdktr_cli.recorded import UNTOLD, Run, sizes
from cdktr_cli.tail import content
from cdktr_common.catalogue.logd import LogPage, LogQuery
from cdktr_common.catalogue.principal import RunStatus, RunWait
from cdktr_common.catalogue.values import LogChunk
from cdktr_common.errors import ProtocolError
from cdktr_common.sockets import subscriber

LOOK_S: Final = 2.0
"""Without a bell it is asked this often."""

PACE_S: Final = 0.04
"""Between two questions at least, however often the bell rings."""

SETTLE_S: Final = 0.3
GRACE_S: Final = 10.0
"""After the end of a run: how long output may come late. The longer one when it is known that
there is more, the shorter one when that cannot be known."""

Key = tuple[str, int, str]


def ended_just_now(run: Run | None) -> bool:
    """May output of a run that has ended still be on its way?"""
    return run is not None and run.live and run.ended and time.time() - run.ended_ts < GRACE_S


class Follower:
    """See the module text. `run` given: it ends with the run. Nobody there at first is an error;
    later it is waited for, if `patient`."""

    def __init__(
        self,
        principal: Connection,
        request: LogQuery,
        run: Run | None,
        tail: int | None,
        patient: bool = True,
        program: str = "cdktr-logs",
    ) -> None:
        self._program = program
        self._principal = principal
        self._request = request
        self._run = run
        self._tail = tail
        self._only_some = tail is not None or any(
            value is not None
            for value in (request.text, request.regex, request.since_ts, request.until_ts)
        )
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._bells: list[zmq.Socket[bytes]] = []
        self._poller = zmq.Poller()
        self._seen: dict[Key, int] = {}
        self._finished: set[tuple[str, int]] = set()  # attempts of which the end of a stream came
        self._sizes: dict[Key, int] | None = None
        self._ended = run is not None and run.ended
        self._moved = time.monotonic()
        self._away = False
        self._patient = patient
        self._met = False
        self.missing: list[str] = []
        """What had not come when it ended, in words."""

    def batches(self) -> Iterator[list[LogChunk]]:
        """Chunks as they come, page by page."""
        while True:
            asked = time.monotonic()
            more = False
            try:
                if not self._bells:
                    self._hang_bells()
                if self._run is not None and not self._ended:
                    self._look_at_run()
                page = self._ask()
                self._met = True
                more = page.next is not None
                if page.chunks:
                    self._note(page.chunks)
                    yield page.chunks
                if not more and self._is_over():
                    return
                self._back()
            except ProtocolError as fault:
                if not fault.retry or not (self._patient and self._met):
                    raise
                self._gone(fault)
            if not more:
                self._wait(asked)

    def _ask(self) -> LogPage:
        request = self._request
        if self._tail is not None:
            request = msgspec.structs.replace(request, tail=self._tail)
        page = self._principal.ask_logd(request, LogPage)
        self._tail = None
        self._request = msgspec.structs.replace(request, tail=None, after=page.last)
        return page

    # Bells.

    def _hang_bells(self) -> None:
        """Subscribe before the first question, so that nothing rings unheard after it."""
        logs = self._principal.endpoint_of("logs")
        if logs is None:
            self._principal.forget_endpoints()
            raise ProtocolError("unavailable", "no logd has announced itself to the principal")
        workflow = self._run.workflow if self._run else self._request.workflow
        topic = f"log/{workflow}/" if workflow else "log/"
        if self._run is not None:
            topic += f"{self._run.run}/"
        self._bells = [subscriber(self._context, logs, [topic])]
        events = self._principal.endpoint_of("events")
        if self._run is not None and events is not None:
            facts = [f"run/{self._run.workflow}/"]
            self._bells.append(subscriber(self._context, events, facts))
        for bell in self._bells:
            self._poller.register(bell, zmq.POLLIN)

    def _wait(self, asked: float) -> None:
        """Until a bell rings, or it is time to look anyway."""
        look_s = LOOK_S if not self._ended else 0.1
        if not self._bells:
            look_s = 0.5
        self._poller.poll(int(look_s * 1000))
        pace = asked + PACE_S - time.monotonic()
        if pace > 0:
            time.sleep(pace)
        for bell in self._bells:
            while bell.poll(0):
                bell.recv_multipart()

    # The end of a run.

    def _look_at_run(self) -> None:
        assert self._run is not None
        try:
            row = self._principal.ask(RunWait(run=self._run.run, wait_s=0.0), RunStatus).run
            self._ended = row.ended_ts is not None
        except ProtocolError as fault:
            if fault.code != "not_found":
                raise
            self._ended = True
        if self._ended:
            self._moved = time.monotonic()

    def _note(self, chunks: list[LogChunk]) -> None:
        self._moved = time.monotonic()
        for chunk in chunks:
            key = (chunk.task, chunk.n, chunk.stream)
            if chunk.end:
                self._finished.add(key[:2])
            if self._run is not None:
                end = chunk.offset + len(content(chunk))
                self._seen[key] = max(end, self._seen.get(key, 0))

    def _is_over(self) -> bool:
        """Has the run ended, and all of its output come? Results tell how much was written; when
        only some lines or times are asked for, a while has to do."""
        if self._run is None or not self._ended:
            return False
        quiet_s = time.monotonic() - self._moved
        settled = self._run.ended and not ended_just_now(self._run)
        if settled and (self._only_some or not self._run.live):
            return True
        if self._sizes is None:
            self._sizes = sizes(self._principal, self._run)
        if self._only_some:
            return quiet_s > SETTLE_S
        missing = [
            self._what_is_missing(key, size)
            for key, size in self._sizes.items()
            if self._wants(key)
            and (key[:2] not in self._finished if size == UNTOLD else self._seen.get(key, 0) < size)
        ]
        if missing and not settled and quiet_s <= GRACE_S:
            return False
        self.missing = missing
        return True

    def _what_is_missing(self, key: Key, size: int) -> str:
        task, n, stream = key
        where = f"{stream} of {task}, attempt {n}"
        if size == UNTOLD:
            return f"{where}: its agent could not tell how much there is, and its end has not come"
        return f"{where}: {self._seen.get(key, 0):,} of {size:,} bytes"

    def _wants(self, key: Key) -> bool:
        task, n, stream = key
        asked = self._request
        pairs = ((asked.task, task), (asked.n, n), (asked.stream, stream))
        return all(wish is None or wish == is_ for wish, is_ in pairs)

    # Somebody is away.

    def _gone(self, fault: ProtocolError) -> None:
        if not self._away:
            print(f"{self._program}: {fault.detail}; waiting for it", file=sys.stderr)
        self._away = True
        self._principal.forget_endpoints()

    def _back(self) -> None:
        if self._away:
            print(f"{self._program}: it is back", file=sys.stderr)
        self._away = False

"""The way to the principal: which schedules there are, what has changed, and reports.

Reads all schedules after every connect, for a principal may have been restarted meanwhile, and
those of a workflow when news of it come; where the numbers of what is published show a gap,
`event.list` is the record.
One reading is under way at a time. Reports that were under way when the connection was lost are
forgotten: what was to be said of an instant may be another thing by now. Knows no calendar.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import msgspec
import zmq
from zmq.utils.monitor import recv_monitor_message

from cdktr_common import PROTOCOL, __version__
from cdktr_common.catalogue.base import Request
from cdktr_common.catalogue.common import Hello, Welcome
from cdktr_common.catalogue.principal import EventList, EventPage, ScheduleList, SchedulePage
from cdktr_common.catalogue.values import ScheduleRow
from cdktr_common.client import Answer, Channel
from cdktr_common.errors import ProtocolError
from cdktr_common.loop import Loop
from cdktr_common.sockets import resolve, subscriber

TOPIC: Final = "workflow/"
PAGE: Final = 500
SINGLY: Final = 8
"""If more workflows have changed, all are read."""

RETRY_S: Final = 1.0


class _Bell(msgspec.Struct):
    """What is looked at of a fact, or of the numbers of the newest."""

    seq: int = 0
    prev: int = 0
    type: str = ""
    workflow: str = ""
    streams: dict[str, int] = {}


class Owner(Protocol):
    """What the link needs of the program."""

    def loaded(self, rows: Sequence[ScheduleRow], workflow: str | None) -> None:
        """These are all schedules, or all of a workflow."""

    def say(self, level: str, text: str) -> None:
        """Write a line to the log."""


class Link:
    """See the module text."""

    def __init__(self, loop: Loop, endpoint: str, owner: Owner) -> None:
        self._loop = loop
        self._owner = owner
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._endpoint = endpoint
        self._channel = Channel(self._context, endpoint)
        self._monitor = self._channel.socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        self._news: zmq.Socket[bytes] | None = None
        self._news_from = ""
        self._open: set[str] = set()
        self._resending = False
        self._reading = False
        self._rung = False
        self._wanted: set[str | None] = set()
        self._rows: list[ScheduleRow] = []
        self._last = 0
        self._seen = 0
        loop.watch(self._channel.socket, self._channel.pump)
        loop.watch(self._monitor, self._connected)

    def start(self) -> None:
        """Begin, and keep on until `close`."""
        self._hello()

    def close(self) -> None:
        if self._news is not None:
            self._news.close(0)
        self._channel.socket.disable_monitor()
        self._monitor.close(0)
        self._channel.close()
        self._context.term()

    def ask(self, request: Request, answered: Callable[[Answer], None]) -> None:
        """A request that is given up when the connection is lost: nothing is called then."""
        name = ""

        def done(answer: Answer) -> None:
            self._open.discard(name)
            answered(answer)

        name = self._channel.ask(request, done, 5.0)
        self._open.add(name)
        if not self._resending:
            self._resending = True
            self._loop.later(RETRY_S, self._resend)

    def _resend(self) -> None:
        """Only while something is open: a program that waits for its time does nothing."""
        self._channel.resend()
        self._resending = bool(self._open)
        if self._resending:
            self._loop.later(RETRY_S, self._resend)

    def want(self, workflow: str | None) -> None:
        """Read the schedules of a workflow, or all, as soon as may be."""
        self._wanted.add(workflow)
        self._read()

    # Connecting

    def _connected(self) -> None:
        while self._monitor.poll(0):
            recv_monitor_message(self._monitor)
        self._hello()

    def _hello(self) -> None:
        for name in self._open:
            self._channel.forget(name)
        self._open.clear()
        self._reading = True
        hello = Hello(program="cdktr-cron", version=__version__, protocol=PROTOCOL)
        self.ask(hello, self._welcomed)

    def _welcomed(self, answer: Answer) -> None:
        if not isinstance(answer, Welcome):
            self._refused("the principal refused", answer, self._hello)
            return
        self._subscribe(resolve(answer.endpoints.get("events", []), self._endpoint))
        self._reading = False
        self._wanted = {None}
        self._read()

    def _refused(self, what: str, answer: Any, again: Callable[[], None]) -> None:
        self._owner.say("warning", f"{what}: {answer}")
        self._loop.later(RETRY_S, again)

    def _subscribe(self, endpoint: str | None) -> None:
        if endpoint is None or endpoint == self._news_from:
            return
        if self._news is not None:
            self._loop.unwatch(self._news)
            self._news.close(0)
        self._news = subscriber(self._context, endpoint, (TOPIC, "stat/"))
        self._news_from = endpoint
        self._loop.watch(self._news, self._ring)

    # News

    def _ring(self) -> None:
        assert self._news is not None
        while True:
            try:
                topic, body = self._news.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            bell = msgspec.json.decode(body, type=_Bell)
            stat = topic == b"stat/"
            self._seen = max(self._seen, bell.streams.get(TOPIC, 0) if stat else bell.seq)
            if not stat and bell.prev <= self._last < bell.seq:
                self._last = bell.seq  # nothing was missed: what is published is the record
                self._changed(bell)
        self._read()

    def _changed(self, news: _Bell) -> None:
        if news.type != "workflow.broken":
            self._wanted.add(news.workflow or None)

    def _read(self) -> None:
        """The next thing that is to be read, if nothing is being read."""
        if self._reading:
            return
        if self._wanted:
            every = None in self._wanted or len(self._wanted) > SINGLY
            workflow = None if every else self._wanted.pop()
            if every:
                self._wanted.clear()
            self._rows = []
            self._reading = True
            self._list(workflow, "")
        elif self._seen > self._last:
            self._reading = True
            self.ask(EventList(after=self._last, topic=TOPIC, limit=PAGE), self._told)

    def _told(self, answer: Answer) -> None:
        self._reading = False
        if not isinstance(answer, EventPage):
            self._refused("no news from the principal", answer, self._read)
            return
        for raw in answer.events:
            self._changed(msgspec.json.decode(raw, type=_Bell))
        if answer.last <= self._last:
            self._wanted.add(None)  # another journal: nothing that is known counts
        self._last = answer.last
        self._read()

    def _list(self, workflow: str | None, after: str) -> None:
        asked = ScheduleList(workflow=workflow, after=after)
        self.ask(asked, lambda answer: self._listed(answer, workflow, after))

    def _listed(self, answer: Answer, workflow: str | None, after: str) -> None:
        # What is gone may still be the name of others.
        gone = isinstance(answer, ProtocolError) and answer.code in ("not_found", "ambiguous")
        if not isinstance(answer, SchedulePage) and not gone:
            self._reading = False
            self._wanted.add(workflow)
            self._refused("no schedules from the principal", answer, self._read)
            return
        more = None
        if isinstance(answer, SchedulePage):
            self._rows += answer.schedules
            more = answer.next
            if workflow is None and not after:
                self._last = self._seen = answer.seq
        if more is not None:
            self._list(workflow, more)
            return
        self._reading = False
        self._owner.loaded(self._rows, workflow)
        self._read()

"""The sockets of a feed: requests to the principal and the recorder, subscriptions to both.

It says how it stands with them: `up` while anything is heard, `lost` after `LOST_S` of silence.
What is missing of a stream is asked for and told in order; after a silence nothing is pieced
together, all is asked for anew. Runs in the feed's thread and nowhere else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec
import zmq

from cdktr_common import PROTOCOL, __version__, versions
from cdktr_common.catalogue.base import Reply, Request
from cdktr_common.catalogue.common import Hello, Ping, Pong, StreamStat, Welcome
from cdktr_common.catalogue.logd import LogLive
from cdktr_common.catalogue.principal import AgentLoads, EventList, EventPage
from cdktr_common.client import Answer, Channel
from cdktr_common.errors import ProtocolError
from cdktr_common.loop import Loop
from cdktr_common.sockets import resolve, subscriber
from cdktr_tui.feed.items import Answered, Counted, Gap, Item, Link, Loads, Output, Told
from cdktr_tui.feed.published import read
from cdktr_tui.feed.streams import HELD_MOST, Hole, Streams

LOST_S: Final = 5.0
"""Silence after which a principal counts as lost, or its recorder as away. The one is asked for a
sign of life well before, the other gives one every two seconds."""

LOOK_S: Final = 0.25
"""How often it is looked whether something has to be asked again, or nothing was heard."""

PAGE: Final = 1000
TURN: Final = 2000
"""Published messages taken in one turn, so that answers never wait for a flood."""

Give = Callable[[Iterable[Item]], None]


class Wire:
    """One principal's sockets and those of its recorder."""

    def __init__(self, loop: Loop, endpoint: str, give: Give) -> None:
        self._loop, self._endpoint, self._give = loop, endpoint, give
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._principal = Channel(self._context, endpoint)
        self._logd: Channel | None = None
        self._events: zmq.Socket[bytes] | None = None
        self._logs: zmq.Socket[bytes] | None = None
        self._endpoints: dict[str, str | None] = {}
        self._streams = Streams()
        self._topics: frozenset[str] = frozenset()
        self._asked: dict[int, tuple[Channel, str]] = {}
        self._link = Link(state="connecting")
        self._heard = 0.0
        self._greeted = False
        self._probing = False
        self._looked_for_logd = 0.0
        self._logd_heard = 0.0

    def start(self) -> None:
        self._loop.watch(self._principal.socket, self._answered)
        self._loop.every(LOOK_S, self._look)
        self.hello()
        self._push(LOOK_S / 64)

    def close(self) -> None:
        self._principal.close()
        for each in (self._logd, self._events, self._logs):
            if isinstance(each, Channel):
                each.close()
            elif each is not None:
                each.close(0)
        self._context.term()

    def _push(self, again_s: float) -> None:
        """What was asked before there was a connection goes out as soon as there is one."""
        self._principal.resend()
        if self._principal.unsent and again_s < LOOK_S:
            self._loop.later(again_s, lambda: self._push(again_s * 1.5))

    # Is it there?

    def hello(self) -> None:
        """Ask who it is and where everything is."""

        def told(answer: Answer) -> None:
            if isinstance(answer, Welcome):
                self._welcomed(answer)
            elif isinstance(answer, ProtocolError):
                self._show(msgspec.structs.replace(self._link, state="refused", detail=str(answer)))

        self._principal.ask(Hello(program="cdktr-tui", version=__version__), told, resend_s=1.0)

    def _welcomed(self, told: Welcome) -> None:
        try:
            versions.check("cdktr-tui", told.program, told.version, told.protocol or PROTOCOL)
        except ProtocolError as fault:
            self._show(Link(state="refused", detail=str(fault), version=told.version))
            return
        places = {part: resolve(told.endpoints.get(part, []), self._endpoint)
                  for part in ("events", "logd", "logs")}  # fmt: skip
        anew = not self._greeted or places != self._endpoints
        if anew:
            self._connect(places)
            self._streams = Streams()
        self._greeted = True
        if anew:
            self._ask_bases(self._topics)
            self._probe()
        self._show(
            Link(
                state="up", at=time.time(), latency_s=self._link.latency_s,
                version=told.version, epoch=told.epoch, logd=places["logd"] is not None,
                logd_at=self._logd_at(),
            )
        )  # fmt: skip

    def _show(self, link: Link) -> None:
        if link != self._link:
            self._link = link
            self._give([link])

    def _note_heard(self) -> None:
        self._heard = time.monotonic()
        if self._link.state == "lost":
            # Whatever was told meanwhile is gone: what is shown is asked for as at the beginning.
            self._greeted = False
            self._show(msgspec.structs.replace(self._link, state="connecting"))
            self.hello()

    def _look(self) -> None:
        self._principal.resend()
        if self._logd is not None:
            self._logd.resend()
        silent = time.monotonic() - self._heard
        if self._link.state == "up" and silent > LOST_S:
            self._show(msgspec.structs.replace(self._link, state="lost", at=time.time() - silent))
        elif self._link.state == "up" and silent > LOST_S / 2 and not self._probing:
            self._probe()
        elif self._link.state == "up" and not self._link.logd and silent < 1.0:
            self._look_for_logd()
        if self._link.state == "up":
            self._show(msgspec.structs.replace(self._link, logd_at=self._logd_at()))

    def _logd_at(self) -> float | None:
        """When the recorder was heard last, if that is too long ago."""
        silent = time.monotonic() - self._logd_heard
        if self._logs is None or silent < LOST_S:
            return None
        return self._link.logd_at or time.time() - silent

    def _note_logd(self) -> None:
        self._logd_heard = time.monotonic()
        if self._link.logd_at is not None:
            self._show(msgspec.structs.replace(self._link, logd_at=None))

    def _probe(self) -> None:
        self._probing = True
        began = time.monotonic()

        def told(answer: Answer) -> None:
            self._probing = False
            if self._link.state == "up":
                latency_s = round(time.monotonic() - began, 3)
                self._show(msgspec.structs.replace(self._link, latency_s=latency_s))
            if isinstance(answer, Pong) and answer.epoch != self._link.epoch:
                self.hello()

        self._principal.ask(Ping(), told, resend_s=1.0)

    def _look_for_logd(self) -> None:
        """It may come later than the principal."""
        now = time.monotonic()
        if now - self._looked_for_logd > 2.0:
            self._looked_for_logd = now
            self.hello()

    # Sockets.

    def _connect(self, places: dict[str, str | None]) -> None:
        for socket in (self._events, self._logs):
            if socket is not None:
                self._loop.unwatch(socket)
                socket.close(0)
        if self._logd is not None and places["logd"] != self._endpoints.get("logd"):
            self._loop.unwatch(self._logd.socket)
            self._logd.close()
            self._logd = None
        if places["logs"] != self._endpoints.get("logs"):
            self._logd_heard = time.monotonic()  # it is given time to be heard at all
        self._endpoints = places
        self._events = self._subscribe(places["events"], ["stat/", *self._of("log/", False)])
        self._logs = self._subscribe(places["logs"], ["stat/", *self._of("log/", True)])
        if self._logd is None and places["logd"] is not None:
            self._logd = Channel(self._context, places["logd"])
            self._loop.watch(self._logd.socket, self._answered_by_logd)

    def _of(self, prefix: str, those: bool) -> list[str]:
        return [topic for topic in self._topics if topic.startswith(prefix) == those]

    def _subscribe(self, place: str | None, topics: list[str]) -> zmq.Socket[bytes] | None:
        if place is None:
            return None
        socket = subscriber(self._context, place, topics)
        self._loop.watch(socket, lambda: self._published(socket))
        return socket

    # What is asked.

    def ask(self, number: int, request: Request, wait_s: float) -> None:
        """An `Answered` comes, whatever happens."""
        channel = self._logd if request.to == "logd" else self._principal
        if channel is None:
            fault = ProtocolError("unavailable", "no cdktr-logd has announced itself here")
            self._give([Answered(number=number, reply=fault)])
            return
        began = time.monotonic()

        def told(answer: Answer) -> None:
            self._asked.pop(number, None)
            timer.cancel()
            took = time.monotonic() - began
            self._give([Answered(number=number, reply=answer, took_s=took)])

        def late() -> None:
            if number in self._asked:
                self.forget(number)
                fault = ProtocolError("timeout", f"no answer within {wait_s:g} s")
                self._give([Answered(number=number, reply=fault, took_s=wait_s)])

        timer = self._loop.later(wait_s, late)
        rid = channel.ask(request, told, resend_s=max(2.0, wait_s / 4), request_id=request.id)
        self._asked[number] = (channel, rid)

    def forget(self, number: int) -> None:
        asked = self._asked.pop(number, None)
        if asked is not None:
            asked[0].forget(asked[1])

    def _answered(self) -> None:
        self._note_heard()
        self._principal.pump()

    def _answered_by_logd(self) -> None:
        self._note_logd()
        if self._logd is not None:
            self._logd.pump()

    # What is followed.

    def follow(self, topics: frozenset[str]) -> None:
        """These beginnings of topics, and no others."""
        gone, come = self._topics - topics, topics - self._topics
        self._topics = topics
        for topic in gone:
            self._option(topic, zmq.UNSUBSCRIBE)
            self._streams.drop(topic)
        for topic in come:
            self._option(topic, zmq.SUBSCRIBE)
        if self._greeted:
            self._ask_bases(come)

    def _option(self, topic: str, option: int) -> None:
        socket = self._logs if topic.startswith("log/") else self._events
        if socket is not None:
            socket.setsockopt(option, topic.encode())

    def _ask_bases(self, prefixes: Iterable[str]) -> None:
        """From which number on facts count: the newest now. Asked before what is shown is asked
        for, so that no fact falls between."""
        for prefix in prefixes:
            if prefix.startswith(("log/", "load/")):
                continue  # not facts
            self._streams.follow(prefix)

            def told(answer: Answer, prefix: str = prefix) -> None:
                if isinstance(answer, EventPage):
                    facts, holes = self._streams.based(prefix, answer.newest)
                    self._tell(facts)
                    for hole in holes:
                        self._fill(hole)

            self._principal.ask(EventList(after=-1, topic=prefix), told, resend_s=2.0)

    def _published(self, socket: zmq.Socket[bytes]) -> None:
        items: list[Item] = []
        for _ in range(TURN):
            try:
                topic, body = socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            except ValueError:
                continue  # not two frames: not ours
            self._take(topic.decode("utf-8", "replace"), body, items)
        if socket is self._events:
            self._note_heard()
        else:
            self._note_logd()
        if items:
            self._give(items)

    def _take(self, topic: str, body: bytes, items: list[Item]) -> None:
        message: Any = read(body)
        if isinstance(message, LogLive):
            items.append(Output(seq=message.seq, chunk=message.chunk))
        elif isinstance(message, StreamStat):
            if message.counts:
                items.append(Counted(counts=message.counts, ts=message.ts))
            for hole in self._streams.stat(message.streams):
                self._fill(hole)
        elif isinstance(message, AgentLoads):
            items.append(Loads(agents=message.agents))
        elif message is not None:
            facts, missing = self._streams.take(topic, message)
            items += [Told(fact=fact) for fact in facts]
            if missing is not None:
                self._fill(missing)

    def _tell(self, facts: Iterable[Any]) -> None:
        items = [Told(fact=fact) for fact in facts]
        if items:
            self._give(items)

    def _fill(self, hole: Hole, got: list[Any] | None = None) -> None:
        """Ask for what is missing, page by page; too much is left to be asked for as a whole."""
        facts = got if got is not None else []
        after = facts[-1].seq if facts else hole.after

        def told(answer: Reply | ProtocolError) -> None:
            if not isinstance(answer, EventPage) or len(facts) > HELD_MOST:
                self._streams.give_up(hole)
                self._give([Gap(topic=hole.topic, missed=hole.upto - hole.after, healed=False)])
                return
            facts.extend(fact for raw in answer.events if (fact := read(raw)))
            if answer.events and answer.last < hole.upto:
                self._fill(hole, facts)
                return
            ready, again = self._streams.filled(hole, facts)
            self._give([Gap(topic=hole.topic, missed=len(facts), healed=True)])
            self._tell(ready)
            if again is not None:
                self._fill(again)

        ask = EventList(after=after, topic=hole.topic, limit=PAGE)
        self._principal.ask(ask, told, resend_s=2.0)

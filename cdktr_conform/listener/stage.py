"""The sockets of the principal that is played, and when it does what it does to a listener.

Requests are answered as `World` knows and as the scene of their event says; `news.py` publishes;
now and then sockets close and another epoch begins. It ends when
all scenes are played and nothing is left to be seen, when the listener has ended, or when its time
is over. It judges nothing.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import Final

import zmq

from cdktr_common import sockets
from cdktr_common.catalogue import COMMON_REQUESTS, PRINCIPAL_REQUESTS
from cdktr_common.codec import RequestDecoder, encode
from cdktr_common.errors import ProtocolError
from cdktr_common.loop import Loop, Timer
from cdktr_conform.listener.news import News, beside
from cdktr_conform.listener.scenes import FOR_NOW, KILLED_AT, SCENES
from cdktr_conform.listener.watch import Asked, Watch, question
from cdktr_conform.listener.world import Message, World, error

PAGE: Final = 7
"""Facts in a page: fewer than anybody asks for."""
RUNS: Final = 25
"""Runs that come about by themselves, for those who only follow."""
AWAY_S: Final = 0.6
"""How long the principal is away when it was killed."""
LAST_S: Final = 1.5
"""So long it is waited at the end for what a listener prints, and for a last long poll."""
POLL_S: Final = 2.5
"""The longest that a long poll is held back."""

LOST: Final = (3, 11)
NOT_NOW: Final = 6
"""Questions about the record that are lost, on the way there or back, or refused for now."""
SEEN: Final = "all has been seen"

Envelope = tuple[bytes, ...]


class Stage:
    """See the module text."""

    def __init__(self, endpoint: str, seconds: float, patience_s: float) -> None:
        self.world = World()
        self.watch = Watch()
        self.loop = Loop()
        self.over = ""
        self.kill: Callable[[], None] | None = None
        self.patience_s = patience_s
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._decoder = RequestDecoder((*COMMON_REQUESTS, *PRINCIPAL_REQUESTS))
        self._held: dict[str, tuple[Envelope, Message]] = {}
        self._polls: list[tuple[Envelope, Message, float]] = []
        self._own_runs = 0
        self._asked_reads = 0
        self._hellos = 0
        self._tail_since: float | None = None
        self._last: Timer | None = None
        self._away = False
        self.endpoint = endpoint
        self.news = News(beside(endpoint), self.world, self.watch, self.loop)
        self.requests = self._open()
        self.loop.every(0.15, self._play)
        self.loop.later(seconds, lambda: self.end("its time is over"))

    def _open(self) -> zmq.Socket[bytes]:
        """A principal takes over."""
        requests = self._context.socket(zmq.ROUTER)
        requests.linger = 0
        self.endpoint = sockets.bind(requests, [self.endpoint])[0]
        self.loop.watch(requests, self._take)
        self._away = False
        self.world.begin(time.time())
        self.news.open()
        return requests

    def fall(self) -> None:
        """The principal dies without a word; a while later there is another one."""
        if self._away:
            return
        self._away = True
        self.loop.unwatch(self.requests)
        self.requests.close(0)
        self.news.fall()
        self._polls, self._held = [], {}
        self.world.run(time.time())  # recorded, and nobody heard of it
        self.news.publish(lost="away")
        self.loop.later(AWAY_S, self._back)

    def _back(self) -> None:
        self.requests = self._open()
        self._publish()

    def end(self, why: str) -> None:
        self.over = self.over or why
        self.loop.stop()

    def close(self) -> None:
        self.requests.close(0)
        self.news.close()
        self._context.term()
        for endpoint in (self.endpoint, self.news.endpoint):
            if endpoint.startswith("ipc://") and os.path.exists(endpoint[6:]):
                os.unlink(endpoint[6:])

    # Requests

    def _take(self) -> None:
        for envelope, body in sockets.receive(self.requests, 100):
            if self._away:
                return
            self.watch.requests += 1
            self.watch.begun = self.watch.begun or time.monotonic()
            try:
                self._decoder.decode(body)
            except ProtocolError as refusal:
                self.watch.wrong.append((body.decode(errors="replace"), str(refusal)))
                self._answer(envelope, {}, error(refusal.code, refusal.detail))
                continue
            asked: Message = json.loads(body)
            self._handler(asked["type"])(envelope, asked)
            self._publish()

    def _handler(self, kind: str) -> Callable[[Envelope, Message], None]:
        return {
            "event.fire": self._fire, "run.start": self._fire, "event.list": self._list,
            "hello": self._hello, "ping": self._ping,
        }.get(kind, self._unknown)  # fmt: skip

    def _answer(
        self, envelope: Envelope, asked: Message, reply: Message, odd: bool = False
    ) -> None:
        said = {**reply, "id": asked["id"]} if "id" in asked else reply
        said = {**said, "colour": {"type": "blue", "id": 7}}
        body = encode(said)
        if odd:
            body = json.dumps(dict(reversed(said.items())), indent=1).encode()
        sockets.send(self.requests, envelope, body)

    def _hello(self, envelope: Envelope, asked: Message) -> None:
        """The first is lost, too."""
        self.watch.asked_again(asked)
        self._hellos += 1
        if self._hellos == 1:
            self.watch.lose(asked, time.monotonic())
            return
        addresses = {
            "principal": [self.endpoint],
            "events": [self.news.told()],
            "moons": ["x://y"],
        }
        self._answer(envelope, asked, self.world.welcome(addresses))

    def _ping(self, envelope: Envelope, asked: Message) -> None:
        told = {"type": "pong", "program": "cdktr-conform", "version": "1"}
        self._answer(envelope, asked, {**told, "epoch": self.world.epoch})

    def _unknown(self, envelope: Envelope, asked: Message) -> None:
        detail = "this principal takes events and starts, and tells of what happened"
        self._answer(envelope, asked, error("unknown_type", detail))

    def _fire(self, envelope: Envelope, asked: Message) -> None:
        event = self.watch.fire(asked, time.monotonic())
        deed = event.deed()
        if self.kill and len(event.times) == 1 and event.name in self._to_be_killed_at():
            self.loop.later(0.02, self.kill)
        late = self._held.pop(event.name, None)
        if deed in ("lose", "fall"):
            self._after(deed)
        elif deed in FOR_NOW:
            code, detail = FOR_NOW[deed]
            self._answer(envelope, asked, error(code, detail, retry=True))
        elif deed == "refuse":
            self._finish(event, refused=True)
            self._answer(envelope, asked, error("bad_field", "this principal does not take it"))
        elif deed == "unread":
            self._finish(event, refused=True)
            self._answer(envelope, {}, error("bad_message", "not one JSON object"))
        else:
            reply = self.world.take(asked, time.time())
            if deed == "hold":
                self._held[event.name] = (envelope, asked)
            elif deed in ("commit", "commit_fall"):
                self._after(deed)
            else:
                self._finish(event)
                if late is not None:
                    self._answer(*late, reply)
                self._answer(envelope, asked, reply, odd=deed == "odd")

    def _to_be_killed_at(self) -> list[str]:
        names = list(self.watch.events)
        return [names[number] for number in KILLED_AT if number < len(names)]

    def _finish(self, event: Asked, refused: bool = False) -> None:
        event.done, event.refused = True, refused

    def _after(self, deed: str) -> None:
        if deed.endswith("fall"):
            self.loop.later(0, self.fall)

    def _list(self, envelope: Envelope, asked: Message) -> None:
        now = time.monotonic()
        self.watch.read(asked, now)
        self._asked_reads += 1
        if self._asked_reads in LOST:
            self.watch.lose(asked, time.monotonic())
            return
        if self._asked_reads == NOT_NOW:
            self.watch.lose(asked, time.monotonic())
            self._answer(envelope, asked, error("unavailable", "not now", retry=True))
            return
        wait_s = min(asked.get("wait_s", 0.0), POLL_S)
        if wait_s > 0 and asked.get("after", 0) >= self.world.newest:
            self.watch.long_polls += 1
            self.watch.reads[question(asked)] = now + wait_s
            self._polls.append((envelope, asked, now + wait_s))
            return
        self._page(envelope, asked)

    def _page(self, envelope: Envelope, asked: Message) -> None:
        page = self.world.page(asked, PAGE)
        self.watch.paged(page, time.monotonic())
        self._answer(envelope, asked, page)

    def _answer_polls(self) -> None:
        polls, self._polls = self._polls, []
        for envelope, asked, until in polls:
            if asked.get("after", 0) < self.world.newest or until <= time.monotonic():
                self.watch.reads.pop(question(asked), None)
                self._page(envelope, asked)
            else:
                self._polls.append((envelope, asked, until))

    def _publish(self, lost: str = "") -> None:
        if not self._away:
            self.news.publish(lost)
            self._answer_polls()

    # When what happens

    def _play(self) -> None:
        """Every so often: something happens by itself, or all is over."""
        if self._away:
            return
        begun, now = self.watch.begun, time.monotonic()
        self._answer_polls()
        silent = self.news.silent(self.patience_s)
        if begun is None or silent or self.watch.owes(now, self.patience_s):
            return
        if self.watch.topics and self._own_runs < RUNS:
            self._own_runs += 1
            self.world.run(time.time())
            self._publish()
            if self._own_runs == RUNS // 2 and not self.watch.events:
                self.fall()  # whoever fires events has seen it die already
        elif self._tail_since is None and self._fired_out(now):
            self._tail_since = now
            self.world.run(time.time())
            self._publish(lost="tail")
        elif self._tail_since is not None:
            quiet = self.watch.last_fire < now - 2
            waited = now > max(self._tail_since, self.watch.last_read) + self.patience_s
            if quiet and (waited or not self.watch.missing(self.world.facts)) and not self._last:
                self._last = self.loop.later(LAST_S, lambda: self.end(SEEN))

    def _fired_out(self, now: float) -> bool:
        """Have all scenes been played, or will there be no more?"""
        events = self.watch.events
        quiet = now - max(
            self.watch.last_fire, self.watch.begun or 0, self.news.spoke, self.watch.lost_at
        )
        done = all(event.done for event in events.values())
        return (
            quiet > self.patience_s
            or (done and quiet > 1 and len(events) >= len(SCENES))
            or (done and quiet > self.patience_s / 2)
        )

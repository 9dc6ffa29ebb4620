"""The sockets of the principal that is played, and when it does what it does to a listener.

Requests are answered as `World` knows and as the scene of their event says; facts are published
with gaps, doubles and repeats; now and then sockets close and another epoch begins. It ends when
all scenes are played and nothing is left to be seen, when the listener has ended, or when its time
is over. It judges nothing.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from typing import Final

import zmq

from cdktr_common import sockets
from cdktr_common.catalogue import COMMON_REQUESTS, PRINCIPAL_REQUESTS
from cdktr_common.codec import RequestDecoder, encode
from cdktr_common.errors import ProtocolError
from cdktr_common.loop import Loop, Timer
from cdktr_conform.listener.scenes import FOR_NOW, KILLED_AT, SCENES
from cdktr_conform.listener.watch import Asked, Watch
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
        self._wanted = [endpoint, _beside(endpoint)]
        self._held: dict[str, tuple[Envelope, Message]] = {}
        self._polls: list[tuple[Envelope, Message, float]] = []
        self._published = 0
        self._own_runs = 0
        self._falls = 0
        self._asked_reads = 0
        self._tail_since: float | None = None
        self._last: Timer | None = None
        self._away = False
        self.requests, self.events = self._open()
        self.loop.every(2.0, self._publish_stat)
        self.loop.every(0.15, self._play)
        self.loop.later(seconds, lambda: self.end("its time is over"))

    @property
    def endpoint(self) -> str:
        return self._wanted[0]

    def _open(self) -> tuple[zmq.Socket[bytes], zmq.Socket[bytes]]:
        """A principal takes over."""
        requests, events = self._context.socket(zmq.ROUTER), self._context.socket(zmq.XPUB)
        for socket, place, read in ((requests, 0, self._take), (events, 1, self._subscriptions)):
            socket.linger = 0
            self._wanted[place] = sockets.bind(socket, [self._wanted[place]])[0]
            self.loop.watch(socket, read)
        self._away = False
        self.world.begin(time.time())
        return requests, events

    def fall(self) -> None:
        """The principal dies without a word; a while later there is another one."""
        if self._away:
            return
        self._falls += 1
        self._away = True
        for socket in (self.requests, self.events):
            self.loop.unwatch(socket)
            socket.close(0)
        self._polls, self._held = [], {}
        self._own_run(published=False)  # recorded, and nobody heard of it
        self.loop.later(AWAY_S, self._back)

    def _back(self) -> None:
        self.requests, self.events = self._open()
        self._publish()

    def end(self, why: str) -> None:
        self.over = self.over or why
        self.loop.stop()

    def close(self) -> None:
        self.requests.close(0)
        self.events.close(0)
        self._context.term()
        for endpoint in self._wanted:
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
        addresses = {
            "principal": [self._wanted[0]],
            "events": [self._wanted[1]],
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
        if self._asked_reads in (3, 11):  # lost, on the way there or back
            self.watch.lost_reads.setdefault(encode(asked), False)
            return
        wait_s = min(asked.get("wait_s", 0.0), POLL_S)
        if wait_s > 0 and asked.get("after", 0) >= self.world.newest:
            self.watch.long_polls += 1
            self.watch.reads[encode(asked)] = now + wait_s
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
                self.watch.reads.pop(encode(asked), None)
                self._page(envelope, asked)
            else:
                self._polls.append((envelope, asked, until))

    # What is published

    def _subscriptions(self) -> None:
        while not self._away:
            try:
                word = self.events.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            if word[:1] == b"\x01":
                self.watch.subscribed(word[1:].decode(errors="replace"))

    def _publish(self, silently: bool = False) -> None:
        """What is new, but for some facts that get lost; some come twice, some again later."""
        if self._away:
            return
        while self._published < self.world.newest:
            number = self._published
            self._published += 1
            _, fact = self.world.facts[number]
            if silently or number % 5 == 3:
                self.watch.unpublished[fact["seq"]] = "tail" if silently else "gap"
                continue
            self._say(*self.world.facts[number])
            for again in _said_again(number):
                if again + 1 not in self.watch.unpublished:
                    self._say(*self.world.facts[again])
        self._answer_polls()

    def _say(self, topic: str, fact: Message) -> None:
        if self.watch.follows(topic):
            self.watch.covered.add(fact["seq"])
        self.events.send_multipart((topic.encode(), encode({**fact, "new": [1]})))

    def _publish_stat(self) -> None:
        if not self._away:
            self.events.send_multipart((b"stat/", encode(self.world.stat())))

    def _own_run(self, published: bool = True) -> None:
        before = self.world.newest
        self.world.run(time.time())
        if not published:
            for _, fact in self.world.facts[before:]:
                self.watch.unpublished[fact["seq"]] = "away"
            self._published = self.world.newest

    # When what happens

    def _play(self) -> None:
        """Every so often: something happens by itself, or all is over."""
        if self._away:
            return
        begun, now = self.watch.begun, time.monotonic()
        self._answer_polls()
        if begun is None:
            return
        if self.watch.topics and self._own_runs < RUNS:
            self._own_runs += 1
            self._own_run()
            self._publish()
            if self._own_runs == RUNS // 2 and not self.watch.events:
                self.fall()  # whoever fires events has seen it die already
        elif self._tail_since is None and self._fired_out(now):
            self._tail_since = now
            self._own_run()
            self._publish(silently=True)
        elif self._tail_since is not None:
            quiet = self.watch.last_fire < now - 2
            waited = now > max(self._tail_since, self.watch.last_read) + self.patience_s
            if quiet and (waited or not self.watch.missing(self.world.facts)) and not self._last:
                self._last = self.loop.later(LAST_S, lambda: self.end("all has been seen"))

    def _fired_out(self, now: float) -> bool:
        """Have all scenes been played, or will there be no more?"""
        events = self.watch.events
        quiet = now - max(self.watch.last_fire, self.watch.begun or 0)
        done = all(event.done for event in events.values())
        return (
            quiet > self.patience_s
            or (done and quiet > 1 and len(events) >= len(SCENES))
            or (done and quiet > self.patience_s / 2)
        )


def _said_again(number: int) -> Iterator[int]:
    """Facts that come once more after that one."""
    if number % 7 == 5:
        yield number
    if number % 11 == 9:
        yield number - 3


def _beside(endpoint: str) -> str:
    """Where facts are published."""
    if endpoint.startswith("ipc://"):
        return f"{endpoint}.events"
    return f"{endpoint.rpartition(':')[0]}:0"

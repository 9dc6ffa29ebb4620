"""What the principal that is played publishes: with gaps, doubles and repeats, and at first with
silence, as if the connection had been cut.

Everything here is allowed: what is published is no record.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

import zmq

from cdktr_common import sockets
from cdktr_common.codec import encode
from cdktr_common.loop import Loop
from cdktr_conform.listener.cut import Silence
from cdktr_conform.listener.watch import Watch
from cdktr_conform.listener.world import Message, World

STAT_S: Final = 2.0


class News:
    """See the module text. `endpoint` is where it is published."""

    def __init__(self, endpoint: str, world: World, watch: Watch, loop: Loop) -> None:
        self._world, self._watch, self._loop = world, watch, loop
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket: zmq.Socket[bytes] | None = None
        self._silence: Silence | None = Silence(endpoint, loop, lambda: self._speak(True))
        self._silent_since = 0.0
        self.spoke = 0.0
        self._published = 0
        self.endpoint = self._silence.endpoint
        loop.every(STAT_S, self._stat)

    def told(self) -> str:
        """The address as `hello` tells it; over TCP without its host, as of a server with many."""
        if self.endpoint.startswith("tcp://"):
            self._watch.hostless = True
            return f"tcp://*:{self.endpoint.rpartition(':')[2]}"
        return self.endpoint

    def _speak(self, asked: bool | None) -> None:
        """The silence ends: the subscriber has asked, or did not in time."""
        if self._silence is not None:
            self._silence.close()
            self._silence = None
            self._watch.asked_alive = asked
            self.spoke = time.monotonic()
            self.open()

    def open(self) -> None:
        """From now on it is published, unless there is still to be silence."""
        if self._silence is None:
            self._socket = self._context.socket(zmq.XPUB)
            self._socket.linger = 0
            self.endpoint = sockets.bind(self._socket, [self.endpoint])[0]
            self._loop.watch(self._socket, self._subscriptions)

    def fall(self) -> None:
        """The principal is dead: what has happened and happens until `open` is not published."""
        self._speak(None)
        assert self._socket is not None
        self._loop.unwatch(self._socket)
        self._socket.close(0)
        self._socket = None

    def close(self) -> None:
        if self._silence is not None:
            self._silence.close()
        if self._socket is not None:
            self._socket.close(0)
        self._context.term()

    def silent(self, patience_s: float) -> bool:
        """Does a subscriber hear nothing yet? The silence ends when it was borne so long."""
        if self._silence is not None and self._silence.came:
            now = time.monotonic()
            self._silent_since = self._silent_since or now
            if now > self._silent_since + patience_s:
                self._speak(False)
        return self._silence is not None and self._silence.came

    def _subscriptions(self) -> None:
        while self._socket is not None:
            try:
                word = self._socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            if word[:1] == b"\x01":
                self._watch.subscribed(word[1:].decode(errors="replace"), self._world.newest)

    def publish(self, lost: str = "") -> None:
        """What is new, but for some facts that get lost, or all (`lost` says how); some come twice,
        some again later."""
        while self._published < self._world.newest:
            number = self._published
            self._published += 1
            if lost or number % 5 == 3 or self._socket is None:
                self._watch.unpublished[number + 1] = lost or "gap"
                continue
            self._say(number)
            for again in said_again(number):
                if again + 1 not in self._watch.unpublished:
                    self._say(again)

    def _say(self, number: int) -> None:
        topic, fact = self._world.facts[number]
        if self._watch.follows(topic):
            self._watch.covered.add(fact["seq"])
        self._send(topic, {**fact, "new": [1]})

    def _stat(self) -> None:
        self._send("stat/", self._world.stat())

    def _send(self, topic: str, message: Message) -> None:
        if self._socket is not None:
            self._socket.send_multipart((topic.encode(), encode(message)))


def said_again(number: int) -> Iterator[int]:
    """Facts that come once more after that one."""
    if number % 7 == 5:
        yield number
    if number % 11 == 9:
        yield number - 3


def beside(endpoint: str) -> str:
    """Where a principal at that address publishes."""
    if endpoint.startswith("ipc://"):
        return f"{endpoint}.events"
    return f"{endpoint.rpartition(':')[0]}:0"

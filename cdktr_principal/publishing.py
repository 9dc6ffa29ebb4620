"""What was committed, told to whoever subscribes: facts by topic, and `stat/` that shows gaps; and
once a second how many there are of everything (`stat/`) and how agents are (`load/`).

A window, not the record: nothing waits for a subscriber, and nothing is made while nobody listens
to it. Knows no meaning of facts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import zmq

from cdktr_common import sockets
from cdktr_common.catalogue import common as c
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.base import Fact
from cdktr_common.catalogue.values import AgentRow
from cdktr_common.codec import encode

STAT_S: Final = 1.0
STAT_REPEATS: Final = 16
"""`stat/` tells of what moved so often: for longer than it takes a subscriber to notice a
connection that was cut silently, and to make another."""

Counts = Callable[[], dict[str, int]]
Rows = Callable[[], list[AgentRow]]


class Publishing:
    """The socket of events."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self.socket = sockets.publisher(context)
        self._prefixes: set[str] = set()
        self._moved: dict[str, int] = {}
        self._moved_before: deque[dict[str, int]] = deque(maxlen=STAT_REPEATS)
        self._told: dict[str, AgentRow] = {}

    def publish(self, facts: Sequence[Fact], bodies: Sequence[bytes]) -> None:
        """Tell of facts, each with its encoding."""
        for fact, body in zip(facts, bodies, strict=True):
            topic = fact.topic()
            self._moved[topic] = fact.seq
            if self._prefixes:
                self.socket.send_multipart((topic.encode(), body))

    def take_subscriptions(self) -> None:
        """Somebody came or went: of those that want the same, only the first and the last show."""
        while True:
            try:
                word = self.socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            prefix = word[1:].decode("utf-8", "replace")
            if word[:1] == b"\x01":
                self._prefixes.add(prefix)
            elif word[:1] == b"\x00":
                self._prefixes.discard(prefix)

    def publish_stat(self, newest: int, ts: float, counts: Counts) -> None:
        """Repeat what moved last, and count."""
        self._moved_before.append(self._moved)
        if self._heard("stat/"):
            streams = {topic: seq for past in self._moved_before for topic, seq in past.items()}
            stat = c.StreamStat(newest=newest, streams=streams, counts=counts(), ts=ts)
            self.socket.send_multipart((b"stat/", encode(stat)))
        self._moved = {}

    def publish_loads(self, rows: Rows) -> None:
        """Tell of agents that are not as they were a second ago."""
        if not self._heard("load/"):
            self._told.clear()
            return
        told, self._told = self._told, {row.agent: row for row in rows()}
        news = [row for name, row in self._told.items() if told.get(name) != row]
        if news:
            self.socket.send_multipart((b"load/", encode(p.AgentLoads(agents=news))))

    def _heard(self, topic: str) -> bool:
        return any(topic.startswith(prefix) for prefix in self._prefixes)

"""What was committed, told to whoever subscribes: facts by topic, and `stat/` that shows gaps.

A window, not the record: nothing waits for a subscriber. Knows no meaning of facts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

import zmq

from cdktr_common import sockets
from cdktr_common.catalogue import common as c
from cdktr_common.catalogue.base import Fact
from cdktr_common.codec import encode

STAT_REPEATS: Final = 8
"""`stat/` tells of what moved so often, every two seconds: for longer than it takes a subscriber to
notice a connection that was cut silently, and to make another."""


class Publishing:
    """The socket of events."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self.socket = sockets.publisher(context)
        self._subscribed = 0
        self._moved: dict[str, int] = {}
        self._moved_before: deque[dict[str, int]] = deque(maxlen=STAT_REPEATS)

    def publish(self, facts: Sequence[Fact], bodies: Sequence[bytes]) -> None:
        """Tell of facts, each with its encoding."""
        for fact, body in zip(facts, bodies, strict=True):
            topic = fact.topic()
            self._moved[topic] = fact.seq
            if self._subscribed:
                self.socket.send_multipart((topic.encode(), body))

    def take_subscriptions(self) -> None:
        """Somebody came or went."""
        while True:
            try:
                word = self.socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            self._subscribed = max(0, self._subscribed + (1 if word[:1] == b"\x01" else -1))

    def publish_stat(self, newest: int) -> None:
        """Repeat what moved last."""
        self._moved_before.append(self._moved)
        if self._subscribed:
            streams = {topic: seq for past in self._moved_before for topic, seq in past.items()}
            stat = c.StreamStat(newest=newest, streams=streams)
            self.socket.send_multipart((b"stat/", encode(stat)))
        self._moved = {}

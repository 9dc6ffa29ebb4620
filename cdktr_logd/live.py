"""Live output: what was stored just now, published to whoever listens.

Nothing is encoded while nobody does. `stat/` repeats the newest numbers of what moved lately, so
that a subscriber also notices when it was the last message that it missed: for longer than it takes
to notice a connection that was cut silently and to make another, and also what moved right before
a restart. It is a window, never the record: a slow subscriber loses messages and asks for them by
request.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

import zmq

from cdktr_common.catalogue.common import StreamStat
from cdktr_common.catalogue.logd import LogLive
from cdktr_common.catalogue.values import LogChunk
from cdktr_common.codec import encode
from cdktr_logd.core import OUTPUT
from cdktr_logd.joining import Placed, joined

STAT_S: Final = 2.0
REPEATS: Final = 8
"""How often what moved is repeated: for 16 seconds."""

STREAMS_MOST: Final = 500
"""Streams that one `stat/` names; `newest` speaks for all."""


class Live:
    """The publishing socket and who listens to it."""

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self.socket = socket
        self._prefixes: tuple[str, ...] = ()
        self._moved: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self._round = 0
        self.published = 0

    @property
    def heard(self) -> bool:
        """Does anybody listen to anything?"""
        return bool(self._prefixes)

    def subscriptions(self) -> None:
        """Take note of who came and went."""
        prefixes = set(self._prefixes)
        while True:
            try:
                message = self.socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                break
            prefix = message[1:].decode("utf-8", "replace")
            if message[:1] == b"\x01":
                prefixes.add(prefix)
            elif message[:1] == b"\x00":
                prefixes.discard(prefix)
        self._prefixes = tuple(sorted(prefixes))

    def publish(self, stored: Iterable[tuple[int, LogChunk]]) -> None:
        """Publish what has a listener: output, since files are not for watching."""
        heard: list[Placed] = []
        for pos, chunk in stored:
            if chunk.stream not in OUTPUT:
                continue
            topic = topic_of(chunk.workflow, chunk.run, chunk.task)
            self.moved(topic, pos)
            if self._prefixes and topic.startswith(self._prefixes):
                heard.append((pos, chunk))
        for pos, chunk in joined(heard):
            topic = topic_of(chunk.workflow, chunk.run, chunk.task)
            self._send(topic, encode(LogLive(seq=pos, chunk=chunk)))

    def moved(self, topic: str, pos: int) -> None:
        """`stat/` is to tell that a stream has come so far."""
        self._moved[topic] = (pos, self._round)
        self._moved.move_to_end(topic)
        if len(self._moved) > STREAMS_MOST:
            self._moved.popitem(last=False)

    def stat(self, newest: int) -> None:
        """Publish the newest numbers of what moved lately."""
        self._round += 1
        while self._moved and next(iter(self._moved.values()))[1] < self._round - REPEATS:
            self._moved.popitem(last=False)
        if self._prefixes:
            streams = {topic: pos for topic, (pos, _) in self._moved.items()}
            self._send("stat/", encode(StreamStat(newest=newest, streams=streams)))

    def _send(self, topic: str, body: bytes) -> None:
        with suppress(zmq.Again):
            self.socket.send_multipart((topic.encode(), body), zmq.NOBLOCK)
            self.published += 1


def topic_of(workflow: str, run: str, task: str) -> str:
    """Where the output of a task is published."""
    return f"log/{workflow}/{run}/{task}/"

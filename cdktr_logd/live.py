"""Live output: what was stored just now, published to whoever listens.

Nothing is encoded while nobody does. `stat/` repeats the newest numbers of what moved lately, so
that a subscriber also notices when it was the last message that it missed. It is a window, never
the record: a slow subscriber loses messages and asks for them by request.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Final

import zmq

from cdktr_common.catalogue.common import StreamStat
from cdktr_common.catalogue.logd import LogLive
from cdktr_common.catalogue.values import LogChunk
from cdktr_common.codec import encode

STAT_S: Final = 2.0
STREAMS_MOST: Final = 500
"""Streams that one `stat/` names; `newest` speaks for all."""


class Live:
    """The publishing socket and who listens to it."""

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self.socket = socket
        self._prefixes: tuple[str, ...] = ()
        self._moved: dict[str, int] = {}
        self._moved_before: dict[str, int] = {}
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
        if not self._prefixes:
            self._moved, self._moved_before = {}, {}

    def publish(self, stored: Iterable[tuple[int, LogChunk]]) -> None:
        """Publish what has a listener."""
        if not self._prefixes:
            return
        for pos, chunk in stored:
            topic = f"log/{chunk.workflow}/{chunk.run}/{chunk.task}/"
            self._moved[topic] = pos
            if topic.startswith(self._prefixes):
                self._send(topic, encode(LogLive(seq=pos, chunk=chunk)))

    def stat(self, newest: int) -> None:
        """Publish the newest numbers of what moved since the stat before the last."""
        if not self._prefixes:
            return
        streams = {**self._moved_before, **self._moved}
        shown = dict(list(streams.items())[-STREAMS_MOST:])
        self._moved_before, self._moved = self._moved, {}
        self._send("stat/", encode(StreamStat(newest=newest, streams=shown)))

    def _send(self, topic: str, body: bytes) -> None:
        with suppress(zmq.Again):
            self.socket.send_multipart((topic.encode(), body), zmq.NOBLOCK)
            self.published += 1

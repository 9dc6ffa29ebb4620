"""A TCP proxy that makes a network bad: it cuts, holds, delays, and sends messages twice.

It reads ZMTP only as far as to know where a message begins and ends, so that a doubled or lost
message is a whole one. One thread a proxy; what it is told takes effect with the next bytes.
"""

from __future__ import annotations

import random
import selectors
import socket
import threading
import time
from collections import deque
from contextlib import suppress

GREETING = 64


class Units:
    """Cuts a direction of a ZMTP connection into what must stay whole: commands, and messages
    with all their frames. The greeting is passed on as it comes: each waits for parts of it."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._greeting = GREETING

    def feed(self, data: bytes) -> list[tuple[bytes, bool]]:
        """Whole units, and whether each is a message."""
        found = []
        if self._greeting:
            found.append((data[: self._greeting], False))
            data = data[self._greeting :]
            self._greeting -= len(found[0][0])
        self._data += data
        while (size := self._whole()) is not None:
            found.append((bytes(self._data[:size]), not self._data[0] & 4))
            del self._data[:size]
        return found

    def _whole(self) -> int | None:
        at = 0
        while True:
            head = 9 if len(self._data) > at and self._data[at] & 2 else 2
            if len(self._data) < at + head:
                return None
            flags = self._data[at]
            at += head + int.from_bytes(self._data[at + 1 : at + head], "big")
            if len(self._data) < at:
                return None
            if not flags & 1:
                return at


class _Way:
    """One direction: where bytes come from, where they go, and what waits."""

    def __init__(self, source: socket.socket, target: socket.socket, requests: bool) -> None:
        self.source = source
        self.target = target
        self.requests = requests
        self.units = Units()
        self.waiting: deque[tuple[float, bytes]] = deque()


class Proxy:
    """Listens on `host`, any port; forwards to `target`: an address, or the path of a socket."""

    def __init__(self, host: str, target: tuple[str, int] | str, seed: int = 0) -> None:
        self._target = target
        self._chance = random.Random(seed)
        self._listener = socket.create_server((host, 0))
        self.address: tuple[str, int] = self._listener.getsockname()[:2]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._ways: dict[socket.socket, _Way] = {}
        self.delay_s = 0.0
        self.held = False
        self.doubled = 0.0
        self.lost_replies = 0.0
        self.counts = {"doubled": 0, "lost": 0, "cut": 0}
        self._cut = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._thread.start()

    # What may be wrong with it

    def cut(self) -> None:
        """Close all connections; new ones are taken."""
        self._cut = True

    def calm(self) -> None:
        """A good network again."""
        self.held = False
        self.delay_s = self.doubled = self.lost_replies = 0.0

    def close(self) -> None:
        """The end."""
        self._stopping = True
        self._thread.join(5)

    # The thread

    def _run(self) -> None:
        while not self._stopping:
            if self._cut:
                self._cut = False
                self.counts["cut"] += 1
                self._drop_all()
            if self.held:
                time.sleep(0.02)  # half open: everything stands, nothing moves
                continue
            for key, _ in self._selector.select(0.02):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj in self._ways:
                    self._read(self._ways[key.fileobj])
            for way in list(self._ways.values()):
                self._write(way)
        self._drop_all()
        self._listener.close()
        self._selector.close()

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        family = socket.AF_UNIX if isinstance(self._target, str) else socket.AF_INET
        server = socket.socket(family, socket.SOCK_STREAM)
        server.settimeout(0.5)
        try:
            server.connect(self._target)
        except OSError:
            client.close()
            server.close()
            return
        for source, target, requests in ((client, server, True), (server, client, False)):
            source.settimeout(5)
            self._ways[source] = _Way(source, target, requests)
            self._selector.register(source, selectors.EVENT_READ)

    def _read(self, way: _Way) -> None:
        try:
            data = way.source.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            self._drop(way)
            return
        due = time.monotonic() + self.delay_s * self._chance.random()
        if way.waiting:
            due = max(due, way.waiting[-1][0])
        for unit, message in way.units.feed(data):
            if message and not way.requests and self._chance.random() < self.lost_replies:
                self.counts["lost"] += 1
                continue
            way.waiting.append((due, unit))
            if message and way.requests and self._chance.random() < self.doubled:
                self.counts["doubled"] += 1
                way.waiting.append((due, unit))

    def _write(self, way: _Way) -> None:
        now = time.monotonic()
        try:
            while way.waiting and way.waiting[0][0] <= now:
                way.target.sendall(way.waiting.popleft()[1])
        except OSError:
            self._drop(way)

    def _drop(self, way: _Way) -> None:
        for sock in (way.source, way.target):
            if sock in self._ways:
                del self._ways[sock]
                self._selector.unregister(sock)
            with suppress(OSError):
                sock.close()

    def _drop_all(self) -> None:
        for way in list(self._ways.values()):
            self._drop(way)

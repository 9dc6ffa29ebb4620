"""A publisher that is connected and silent, as one looks whose machine has lost its network.

It shakes hands as ZMTP 3.1 has it and says nothing more, over a plain socket, so that it sees what
no ZeroMQ socket shows: whether the subscriber asks if anybody is there. Then the real publisher
takes its place.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from typing import Final

from cdktr_common.errors import BAD_SETTINGS, BUSY
from cdktr_common.loop import Loop
from cdktr_common.sockets import BindError

GREETING: Final = b"\xff" + bytes(7) + b"\x01\x7f\x03\x01NULL" + bytes(48)
READY: Final = b"\x04\x1a\x05READY\x0bSocket-Type\x00\x00\x00\x04XPUB"
PING: Final = b"\x04PING"


class Silence:
    """Waits at an ipc or tcp address; `heard` is called once a subscriber has asked. Raises
    BindError."""

    def __init__(self, endpoint: str, loop: Loop, heard: Callable[[], None]) -> None:
        self._loop = loop
        self._heard = heard
        self._connected: dict[socket.socket, bytes] = {}
        self.came = False
        try:
            self._server, self.endpoint = _bound(endpoint)
        except OSError as fault:
            code = BUSY if fault.errno == errno.EADDRINUSE else BAD_SETTINGS
            why = os.strerror(fault.errno) if fault.errno else str(fault)
            raise BindError(f"cannot bind {endpoint}: {why}", code) from None
        self._server.listen()
        self._server.setblocking(False)
        loop.watch(self._server, self._accept)

    def _accept(self) -> None:
        connected, _ = self._server.accept()
        connected.setblocking(False)
        self._connected[connected] = b""
        connected.send(GREETING)
        self._loop.watch(connected, lambda: self._read(connected))

    def _read(self, connected: socket.socket) -> None:
        try:
            got = connected.recv(4096)
        except OSError:
            got = b""
        if not got:
            self._drop(connected)
            return
        before = self._connected[connected]
        self._connected[connected] = before + got
        if len(before) < len(GREETING) <= len(before + got):
            connected.send(READY)
            self.came = True
        if PING in before + got:
            self._heard()

    def _drop(self, connected: socket.socket) -> None:
        self._loop.unwatch(connected)
        connected.close()
        del self._connected[connected]

    def close(self) -> None:
        """Give the address free."""
        for connected in list(self._connected):
            self._drop(connected)
        self._loop.unwatch(self._server)
        self._server.close()
        if self.endpoint.startswith("ipc://"):
            os.unlink(self.endpoint[6:])


def _bound(endpoint: str) -> tuple[socket.socket, str]:
    if endpoint.startswith("ipc://"):
        server = socket.socket(socket.AF_UNIX)
        server.bind(endpoint[6:])
        return server, endpoint
    host, _, port = endpoint[6:].rpartition(":")
    server = socket.create_server((host.replace("*", ""), int(port)))
    return server, f"tcp://{host}:{server.getsockname()[1]}"

"""Where the supervisor meets the network process: one connection at a time, by its unix socket.

The next one is served when the one before has been read to its end: what that one said counts,
and `state` then tells all of it. Knows how to talk, not what is said.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import msgspec

from cdktr_agent import local
from cdktr_agent.turns import Turns


class Desk:
    """`obey` is called with each order."""

    def __init__(self, turns: Turns, path: str, obey: Callable[[local.ToSupervisor], None]) -> None:
        self._turns = turns
        self._obey = obey
        self._line: local.Line | None = None
        self._left_at = turns.now
        if os.path.exists(path):
            os.unlink(path)  # the lock says that nobody serves it
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.setblocking(False)
        self._listener.bind(_short(path))
        self._listener.listen(4)
        turns.watch(self._listener.fileno(), self._accept)

    @property
    def attached(self) -> bool:
        """Is a network process there?"""
        return self._line is not None

    @property
    def idle(self) -> bool:
        """Is everything told?"""
        return self._line is None or self._line.idle

    @property
    def alone_s(self) -> float:
        """For how long nobody has been there."""
        return 0.0 if self._line is not None else self._turns.now - self._left_at

    def attach(self, sock: socket.socket) -> None:
        """Serve this connection."""
        self._line = local.Line(sock)
        self._turns.watch(sock.fileno(), self._take)

    def tell(self, message: local.Local) -> None:
        """Say something, if anybody is there."""
        if self._line is not None:
            self._line.put([message])
            if not self._line.idle:
                self._turns.watch_writing(self._line.sock.fileno(), True)

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return  # gone again
        if self._line is not None:
            # The one before is dead, or this one would not have its lock.
            self._take()
            self._detach()
        self.attach(sock)

    def _detach(self) -> None:
        if self._line is not None:
            self._turns.unwatch(self._line.sock.fileno())
            self._line.close()
            self._line = None
            self._left_at = self._turns.now

    def _take(self) -> None:
        line = self._line
        if line is None:
            return
        if not line.idle and line.flush():
            self._turns.watch_writing(line.sock.fileno(), False)
        data = line.take()
        try:
            for order in local.orders.decode_lines(data):
                self._obey(order)
        except msgspec.DecodeError as fault:
            report(f"the network process says what is not understood: {fault}")
            self._detach()
            return
        if line.closed:
            self._detach()


def _short(path: str) -> str:
    """The same socket by a path that fits the 107 bytes there are for it. The directory stays
    open for the life of the process."""
    if len(os.fsencode(path)) <= 107:
        return path
    directory, name = os.path.split(path)
    fd = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    return f"/proc/self/fd/{fd}/{name}"


def report(text: str) -> None:
    """A line in the supervisor's log."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    with suppress(OSError):  # a full disk is no reason to die
        print(f"{stamp} cdktr-agent supervisor: {text}", file=sys.stderr, flush=True)

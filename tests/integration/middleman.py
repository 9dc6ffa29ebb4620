"""A middleman on a unix socket: takes the place of a program's socket and passes bytes on, until it
is told to go silent (connections stay open and nothing passes) or to cut them. What is sent into
silence is read and thrown away: a full buffer would be a fault of its own, which only TCP has."""

from __future__ import annotations

import os
import selectors
import socket
import threading
from contextlib import suppress
from pathlib import Path


class Middleman:
    """Stands at `path` from construction until `close`; the program is behind it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._behind = path.with_name(path.name + ".behind")
        path.rename(self._behind)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(os.fspath(path))
        self._listener.listen(200)
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._lock = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._refusing = False
        self._ended = False
        self._dead: list[socket.socket] = []
        self.accepted = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended:
            for key, _ in self._selector.select(0.05):
                with self._lock:
                    if key.fileobj is self._listener:
                        self._accept()
                    elif key.fileobj in self._pairs:
                        self._pass_on(key.fileobj)  # type: ignore[arg-type]
                    elif key.fileobj in self._dead:
                        self._swallow(key.fileobj)  # type: ignore[arg-type]
                    # Else it was closed since it was selected: cut in the other thread.

    def _swallow(self, source: socket.socket) -> None:
        try:
            data = source.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            self._selector.unregister(source)

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        if self._refusing:
            self._dead.append(near)
            self._selector.register(near, selectors.EVENT_READ)
            return
        far = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            far.connect(os.fspath(self._behind))
        except OSError:
            near.close()
            far.close()
            return
        self.accepted += 1
        self._pairs |= {near: far, far: near}
        for end in (near, far):
            self._selector.register(end, selectors.EVENT_READ)

    def _pass_on(self, source: socket.socket) -> None:
        try:
            data = source.recv(1 << 16)
            if data:
                self._pairs[source].sendall(data)
                return
        except OSError:
            pass
        self._end(source)

    def _end(self, source: socket.socket) -> None:
        target = self._pairs.pop(source)
        del self._pairs[target]
        for end in (source, target):
            self._selector.unregister(end)
            end.close()

    def silence(self, new_ones_too: bool = False) -> None:
        """What is connected stays so, and nothing passes any more; new connections work, or stay
        as silent until `heal`."""
        with self._lock:
            self._refusing = new_ones_too
            self._dead += self._pairs
            self._pairs.clear()

    def heal(self) -> None:
        """New connections work."""
        with self._lock:
            self._refusing = False

    def cut(self) -> None:
        """Close all connections."""
        with self._lock:
            for end in list(self._pairs):
                if end in self._pairs:
                    self._end(end)

    def close(self) -> None:
        """Give the place back to the program, unless a newer one has taken it."""
        self._ended = True
        self._thread.join()
        self.cut()
        for end in [*self._dead, self._listener]:
            end.close()
        self._selector.close()
        with suppress(FileNotFoundError):
            self._behind.rename(self._path)

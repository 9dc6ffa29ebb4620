"""A terminal that a program can be run in: it keeps every byte and knows what they show.

It reads as fast as it is told to, so that a slow line can be had without one. Waiting is always for
something to be seen or sent; a time only bounds it.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence

import pyte

PATIENCE_S = 20.0


class NotSeen(AssertionError):
    """What was waited for did not come; the message is the screen as it is."""


class Recorder:
    """`argv` in a terminal of `cols` x `rows` that takes `rate` bytes a second (None: all)."""

    def __init__(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        cols: int = 80,
        rows: int = 24,
        rate: float | None = None,
    ) -> None:
        self.screen = pyte.Screen(cols, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.sent = bytearray()
        """All that the program wrote."""
        self.rate = rate
        self._allowed, self._since = 0.0, time.monotonic()
        self.status: int | None = None
        self.started = time.monotonic()
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            _size(0, cols, rows)
            try:
                os.execvpe(argv[0], list(argv), dict(env))
            finally:
                os._exit(127)
        _size(self._fd, cols, rows)

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()
        os.close(self._fd)

    # What it shows

    @property
    def text(self) -> str:
        return "\n".join(row.rstrip() for row in self.screen.display)

    def take(self, seconds: float) -> int:
        """Reads what comes within so long at most; how many bytes came."""
        if self.rate is not None:
            now = time.monotonic()
            self._allowed = min(self.rate, self._allowed + (now - self._since) * self.rate)
            self._since = now
            if self._allowed < 256:
                select.select((), (), (), min(seconds, 256 / self.rate))
                return 0
        if not select.select((self._fd,), (), (), seconds)[0]:
            return 0
        try:
            data = os.read(self._fd, 65536 if self.rate is None else int(self._allowed))
        except OSError:  # nobody has the other side open any more
            data = b""
        if not data:
            self.wait()
            return 0
        self._allowed -= len(data)
        self.sent += data
        self._stream.feed(data)
        return len(data)

    def until(self, seen: Callable[[], bool], within: float = PATIENCE_S) -> float:
        """Reads until that is so; how long it took."""
        start = time.monotonic()
        while not seen():
            left = within - (time.monotonic() - start)
            if left <= 0 or self.status is not None:
                raise NotSeen(f"after {within - left:.1f} s, status {self.status}:\n{self.text}")
            self.take(min(left, 0.1))
        return time.monotonic() - start

    def shows(self, text: str, within: float = PATIENCE_S) -> float:
        return self.until(lambda: text in self.text, within)

    def quiet(self, seconds: float = 0.5, within: float = PATIENCE_S) -> None:
        """Reads until nothing has come for so long."""
        last, end = time.monotonic(), time.monotonic() + within
        while time.monotonic() - last < seconds:
            if self.take(seconds):
                last = time.monotonic()
            if self.status is not None or last > end:
                raise NotSeen(f"it is not quiet, status {self.status}:\n{self.text}")

    def during(self, seconds: float) -> bytes:
        """What the program writes within so long."""
        before, end = len(self.sent), time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and self.status is None:
            self.take(left)
        return bytes(self.sent[before:])

    # What is done to it

    def keys(self, text: str) -> None:
        data = text.encode()
        while data:
            data = data[os.write(self._fd, data) :]

    def key_to_paint(self, key: str, seen: Callable[[], bool]) -> float:
        """Seconds from a key to what it shows."""
        self.keys(key)
        return self.until(seen)

    def resize(self, cols: int, rows: int) -> None:
        self.screen.resize(rows, cols)
        _size(self._fd, cols, rows)

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def hang_up(self) -> None:
        """The terminal is gone."""
        os.close(self._fd)
        self._fd = os.open(os.devnull, os.O_RDWR)

    def modes(self) -> list[int]:
        """The settings of the line, as `stty` shows them."""
        return [int(flags) for flags in termios.tcgetattr(self._fd)[:4]]

    def wait(self, within: float = PATIENCE_S) -> int:
        """The program's exit status; what it still writes is read."""
        end = time.monotonic() + within
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > end:
                raise NotSeen(f"it does not end:\n{self.text}")
            elif select.select((self._fd,), (), (), 0.02)[0]:
                self._drain()
        return self.status

    def ends(self, within: float = PATIENCE_S) -> int:
        """The exit status of a program that is not read from meanwhile."""
        end = time.monotonic() + within
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > end:
                raise NotSeen("it does not end")
            else:
                select.select((), (), (), 0.02)
        return self.status

    def _drain(self) -> None:
        try:
            data = os.read(self._fd, 65536)
        except OSError:
            select.select((), (), (), 0.02)
            return
        self.sent += data
        self._stream.feed(data)


def _size(fd: int, cols: int, rows: int) -> None:
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

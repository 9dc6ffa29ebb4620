"""Reading what tasks write: from their pipes, past the mask, into the spool.

A short task is over before it is worth watching its pipes; they are read at its end. A line without
end waits a moment for more. Knows when a pipe is at its end, not what follows from that.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final

from cdktr_agent.attempt import Attempt
from cdktr_agent.outputs import MOST
from cdktr_agent.turns import Turns

QUIET_S: Final = 0.1
"""How long a line without end waits for more."""

UNWATCHED_S: Final = 0.002
"""For so long nobody watches."""

_READ: Final = 1 << 16
_PIPE: Final = 1 << 20


class Pipes:
    """`emptied` is called when an attempt whose last program has exited has nothing to read any
    more."""

    def __init__(self, turns: Turns, emptied: Callable[[Attempt], None]) -> None:
        self._turns = turns
        self._emptied = emptied
        self._fresh: deque[tuple[float, Attempt]] = deque()
        self._partial: dict[tuple[int, int], tuple[float, Attempt]] = {}

    def opened(self, attempt: Attempt) -> None:
        """It was started."""
        self._fresh.append((self._turns.now + UNWATCHED_S, attempt))

    def due(self) -> float | None:
        """When `tick` wants to be called at the latest."""
        dues = []
        while self._fresh and self._fresh[0][1].exited:
            self._fresh.popleft()  # over before it was worth watching
        if self._fresh:
            dues.append(self._fresh[0][0])
        if self._partial:
            dues.append(next(iter(self._partial.values()))[0])
        return min(dues) if dues else None

    def tick(self) -> None:
        """What has become due."""
        now = self._turns.now
        while self._fresh and self._fresh[0][0] <= now:
            self._watch(self._fresh.popleft()[1])
        while self._partial:
            key, (due, attempt) = next(iter(self._partial.items()))
            if due > now:
                break
            del self._partial[key]
            if attempt.spool.quiet(key[1], time.time()):
                self._partial[key] = (now + QUIET_S, attempt)

    def watch(self, attempt: Attempt) -> None:
        """Its program has ended and others hold its pipes: read what they write."""
        if any(entry[1] is attempt for entry in self._fresh):
            self._fresh = deque(entry for entry in self._fresh if entry[1] is not attempt)
            self._watch(attempt)

    def _watch(self, attempt: Attempt) -> None:
        for stream in (0, 1):
            fd = attempt.fds[stream]
            if fd >= 0:
                self._turns.watch(fd, partial(self._readable, attempt, stream))

    def _readable(self, attempt: Attempt, stream: int) -> None:
        self._read(attempt, stream, 8)
        if attempt.exited and attempt.fds == [-1, -1]:
            self._emptied(attempt)

    def read_all(self, attempt: Attempt) -> bool:
        """What is there now. False: there may come more."""
        for stream in (0, 1):
            if attempt.fds[stream] >= 0:
                self._read(attempt, stream, 64, True)
        return attempt.fds == [-1, -1]

    def close(self, attempt: Attempt) -> None:
        """Nobody is left who could write: take what there is."""
        self.read_all(attempt)
        self.flush(attempt)
        for stream in (0, 1):
            self._close(attempt, stream)
            if self._partial:
                self._partial.pop((id(attempt), stream), None)

    def say(self, attempt: Attempt, data: bytes) -> None:
        """A line on its stderr that somebody else would have written."""
        self.read_all(attempt)
        self._keep(attempt, 1, data, time.time())

    def flush(self, attempt: Attempt) -> None:
        """What has been read so far is for itself: nothing of a secret goes on in what follows."""
        if attempt.maskers is not None:
            for stream in (0, 1):
                if rest := attempt.maskers[stream].end():
                    self._keep(attempt, stream, rest, time.time())

    def _read(self, attempt: Attempt, stream: int, times: int, to_end: bool = False) -> None:
        """Read what is there, at most so many pieces; closes the pipe at its end."""
        fd = attempt.fds[stream]
        for count in range(times):
            try:
                data = os.read(fd, _READ)
            except BlockingIOError:
                return
            if not data:
                self._close(attempt, stream)
                if self._partial:
                    self._partial.pop((id(attempt), stream), None)
                return
            if count == 1 and len(data) == _READ:
                _widen(fd)
            size = len(data)
            if attempt.maskers is not None:
                data = attempt.maskers[stream].feed(data)
            if data:
                self._keep(attempt, stream, data, time.time())
            if size < 4096 and not to_end:
                return  # likely all there is

    def _keep(self, attempt: Attempt, stream: int, data: bytes, ts: float) -> None:
        captured = attempt.captured
        if captured is not None and not stream and len(captured) <= MOST and attempt.at_main:
            captured += data
        waits = attempt.spool.write(stream, data, ts)
        key = (id(attempt), stream)
        self._partial.pop(key, None)
        if waits:
            self._partial[key] = (self._turns.now + QUIET_S, attempt)

    def _close(self, attempt: Attempt, stream: int) -> None:
        fd = attempt.fds[stream]
        if fd >= 0:
            self._turns.unwatch(fd)
            os.close(fd)
            attempt.fds[stream] = -1


def _widen(fd: int) -> None:
    """A task that fills its pipe gets a larger one: fewer switches between it and us."""
    try:
        if fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ) < _PIPE:
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE)
    except OSError:
        pass  # over the user's allowance

"""The supervisor's loop: descriptors, timers and signals in one thread, over epoll.

The loop of the other daemons needs ZeroMQ, which has threads; this process has none, since it
spawns, and nothing to go wrong, since tasks die with it. Signals are blocked and read from a
descriptor, so that none ever interrupts anything.
"""

from __future__ import annotations

import ctypes
import heapq
import itertools
import os
import select
import signal
import struct
import time
from collections.abc import Callable, Iterable

_SIGINFO = 128
_PR_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None, use_errno=True)


def clock() -> float:
    """Seconds of CLOCK_BOOTTIME: the network process has the same."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def become_subreaper() -> None:
    """Orphans among our descendants become our children instead of init's."""
    if _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def signal_descriptor(numbers: Iterable[int]) -> int:
    """Block these signals; they are read from the descriptor instead."""
    numbers = list(numbers)
    signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    mask = ctypes.create_string_buffer(128)  # sigset_t
    struct.pack_into("=Q", mask, 0, sum(1 << (number - 1) for number in numbers))
    fd: int = _libc.signalfd(-1, mask, os.O_NONBLOCK | os.O_CLOEXEC)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "signalfd")
    return fd


class Turns:
    """`now` is the time at which the current turn began."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._handlers: dict[int, Callable[[], object]] = {}
        self._timers: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self.now = clock()

    def watch(self, fd: int, handler: Callable[[], object]) -> None:
        """Call `handler` when `fd` can be read."""
        self._handlers[fd] = handler
        self._epoll.register(fd, select.EPOLLIN)

    def watch_writing(self, fd: int, writing: bool) -> None:
        """Call its handler also when it can be written, or no longer."""
        self._epoll.modify(fd, select.EPOLLIN | (select.EPOLLOUT if writing else 0))

    def unwatch(self, fd: int) -> None:
        """Before closing it: a child just being spawned may hold a copy, and then epoll goes on
        reporting the closed one."""
        if self._handlers.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def later(self, seconds: float, call: Callable[[], object]) -> None:
        """Call once; for what is rare."""
        heapq.heappush(self._timers, (self.now + seconds, next(self._order), call))

    def turn(self, due: float | None) -> None:
        """Wait until something happens or `due` has come, and call what is to be called."""
        if self._timers and (due is None or self._timers[0][0] < due):
            due = self._timers[0][0]
        wait = -1.0 if due is None else max(0.0, due - clock())
        events = self._epoll.poll(wait)
        self.now = clock()
        for fd, _ in events:
            # None: closed by another handler in this very turn
            handler = self._handlers.get(fd)
            if handler is not None:
                handler()
        while self._timers and self._timers[0][0] <= self.now:
            heapq.heappop(self._timers)[2]()


def read_signals(fd: int) -> list[int]:
    """The numbers of the signals that came."""
    try:
        data = os.read(fd, _SIGINFO * 16)
    except BlockingIOError:
        return []
    return [struct.unpack_from("=I", data, at)[0] for at in range(0, len(data), _SIGINFO)]

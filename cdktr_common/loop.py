"""The poll loop of every daemon: sockets, descriptors, timers and signals in one thread.

A turn: wait, call the handlers of what is ready, run the timers that are due, then call `after`
once: the place where a daemon makes its turn durable and sends what waited for that. Handlers
never block. Knows no message.
"""

from __future__ import annotations

import heapq
import itertools
import math
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from typing import Any

import zmq

from cdktr_common.sockets import wake_pair


class Timer:
    """A call to come; `cancel()` takes it back."""

    __slots__ = ("call", "due")

    def __init__(self, due: float, call: Callable[[], None]) -> None:
        self.due = due
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self.call = None


class Loop:
    """See the module text. Times are seconds of CLOCK_BOOTTIME, which counts suspended time and
    never steps."""

    def __init__(self) -> None:
        self._poller = zmq.Poller()
        self._handlers: dict[Any, Callable[[], None]] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._stopped = False
        self._wake, self._waker = wake_pair()
        self._wake_handlers: list[Callable[[], None]] = []
        self.after: Callable[[], None] = lambda: None
        self.now = clock()
        self.watch(self._wake, self._drain_wake)

    def watch(self, source: Any, handler: Callable[[], None]) -> None:
        """Call `handler` when `source` (a ZeroMQ socket, file or descriptor) can be read."""
        self._poller.register(source, zmq.POLLIN)
        self._handlers[source if isinstance(source, zmq.Socket) else _fd(source)] = handler

    def unwatch(self, source: Any) -> None:
        """Forget `source`; before it is closed."""
        self._poller.unregister(source)
        self._handlers.pop(source if isinstance(source, zmq.Socket) else _fd(source), None)

    def later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Call once, `seconds` from now."""
        return self.at(clock() + seconds, call)

    def at(self, due: float, call: Callable[[], None]) -> Timer:
        """Call once, then; by `clock`."""
        timer = Timer(due, call)
        heapq.heappush(self._timers, (timer.due, next(self._order), timer))
        return timer

    def every(self, seconds: float, call: Callable[[], None]) -> None:
        """Call again and again, `seconds` apart, first in `seconds`."""

        def again() -> None:
            self.later(seconds, again)
            call()

        self.later(seconds, again)

    def on_signals(self, numbers: Iterable[int], handler: Callable[[int], None]) -> None:
        """Call `handler` in the loop, not inside the signal. Main thread only."""
        pending: list[int] = []

        def note(number: int, _frame: object) -> None:
            pending.append(number)
            self.wake()

        def handle() -> None:
            while pending:
                handler(pending.pop(0))

        for number in numbers:
            signal.signal(number, note)
        self._wake_handlers.append(handle)

    def wake(self) -> None:
        """Make the loop turn now; safe from threads and signal handlers."""
        try:
            self._waker.send(b"w")
        except OSError:
            pass  # full: a wake-up is under way already

    def on_wake(self, handler: Callable[[], None]) -> None:
        """Call `handler` whenever somebody called `wake`."""
        self._wake_handlers.append(handler)

    def _drain_wake(self) -> None:
        try:
            while self._wake.recv(4096):
                pass
        except OSError:
            pass
        for handler in list(self._wake_handlers):
            handler()

    def stop(self) -> None:
        """End `run` after this turn."""
        self._stopped = True

    def run(self) -> None:
        """Turn until `stop`."""
        while not self._stopped:
            self.turn(None)

    def close(self) -> None:
        """Give up what it needs to be woken. Nobody turns it any more; `wake` does nothing."""
        self._wake.close()
        self._waker.close()

    def turn(self, most_s: float | None) -> None:
        """One turn that waits at most `most_s` (None: until something happens)."""
        wait = self._wait(most_s)
        ready = self._poller.poll(wait)
        self.now = clock()
        for source, _ in ready:
            handler = self._handlers.get(source)
            if handler is not None:
                handler()
        self._run_timers()
        self.after()

    def _wait(self, most_s: float | None) -> int | None:
        while self._timers and self._timers[0][2].call is None:
            heapq.heappop(self._timers)
        waits = [] if most_s is None else [most_s]
        if self._timers:
            waits.append(max(0.0, self._timers[0][0] - clock()))
        return math.ceil(min(waits) * 1000) if waits else None

    def _run_timers(self) -> None:
        while self._timers and self._timers[0][0] <= self.now:
            timer = heapq.heappop(self._timers)[2]
            if timer.call is not None:
                timer.call()


def worker(work: Callable[[], None], name: str) -> threading.Thread:
    """A thread beside the loop. A bug in it ends the program, as one in the loop does: else nobody
    would answer for what it was to do."""

    def run() -> None:
        done = False
        try:
            work()
            done = True
        finally:
            if not done:
                traceback.print_exc()
                os._exit(1)

    return threading.Thread(target=run, name=name, daemon=True)


def clock() -> float:
    """Seconds that only go forward, suspension included; the same for all processes of a host."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _fd(source: Any) -> int:
    return source if isinstance(source, int) else source.fileno()

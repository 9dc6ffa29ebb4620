"""A principal's news, gathered by a thread of its own: answers, facts in order, output, counts.

The program asks (`ask`), says what it follows (`follow`) and takes what has come (`take`) from its
own thread; `wake` is called, once, when there is something to take. What it does not take in time
is bounded: then everything it follows is a `Gap`, to be asked for anew. Knows the protocol, and
nothing of what is shown.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Set
from typing import Final

from cdktr_common.catalogue.base import Request
from cdktr_common.loop import Loop
from cdktr_tui.feed.items import Gap, Item, Output, Told
from cdktr_tui.feed.wire import Wire

MOST: Final = 20_000
"""Items that wait to be taken."""


class Feed:
    """One principal. All methods but `_run` may be called from the program's thread."""

    def __init__(self, endpoint: str, wake: Callable[[], None]) -> None:
        self.endpoint = endpoint
        self.fault: BaseException | None = None
        self._wake = wake
        self._awake = False
        self._loop = Loop()
        self._said: deque[Callable[[Wire], None]] = deque()
        self._come: deque[Item] = deque()
        self._missed = 0
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=f"feed {endpoint}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread; its sockets are closed when this returns."""
        self._loop.stop()
        self._loop.wake()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def ask(self, number: int, request: Request, wait_s: float = 10.0) -> None:
        """Ask; an `Answered` with this number comes, an error when nobody answers in time."""
        self._say(lambda wire: wire.ask(number, request, wait_s))

    def forget(self, number: int) -> None:
        """Nobody waits for that answer any more."""
        self._say(lambda wire: wire.forget(number))

    def follow(self, topics: Set[str]) -> None:
        """Facts and output on topics that begin so, and on no others, from now on."""
        wanted = frozenset(topics)
        self._say(lambda wire: wire.follow(wanted))

    def retry(self) -> None:
        """Look for the principal now."""
        self._say(lambda wire: wire.hello())

    def take(self) -> list[Item]:
        """What has come since the last time. Raises what has ended the thread."""
        if self.fault is not None:
            raise self.fault
        with self._lock:
            self._awake = False
            items = list(self._come)
            self._come.clear()
            missed, self._missed = self._missed, 0
        if missed:
            items.append(Gap(topic="", missed=missed, healed=False))
        return items

    def _say(self, word: Callable[[Wire], None]) -> None:
        self._said.append(word)
        self._loop.wake()

    # In the thread.

    def _run(self) -> None:
        wire = Wire(self._loop, self.endpoint, self._give)
        try:
            self._loop.on_wake(lambda: self._hear(wire))
            wire.start()
            self._hear(wire)
            self._loop.run()
        finally:
            self.fault = sys.exception()
            wire.close()
            self._loop.close()
            if self.fault is not None:
                self._wake()

    def _hear(self, wire: Wire) -> None:
        while self._said:
            self._said.popleft()(wire)

    def _give(self, items: Iterable[Item]) -> None:
        with self._lock:
            self._come.extend(items)
            if len(self._come) > MOST:
                self._shorten()
            first, self._awake = not self._awake, True
        if first:
            self._wake()

    def _shorten(self) -> None:
        """Nobody takes: what can be asked for again goes, what answers a question stays."""
        kept = [item for item in self._come if not isinstance(item, Told | Output)]
        self._missed += len(self._come) - len(kept)
        self._come = deque(kept, MOST)

"""A recording shown again: the news come when they came then, `speed` times as fast, and a question
gets the answer it got, the one that was true at that time of the recording.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Set
from typing import Final

from cdktr_common.catalogue.base import Request
from cdktr_common.errors import ProtocolError
from cdktr_tui.feed import items as i
from cdktr_tui.feed.recording import Line, answer, asked, question, read

NOTHING: Final = "the recording has no answer to that: only what was looked at then is in it"


class Replay:
    """One recording, as a feed. Raises BadRecording, OSError when it cannot be read."""

    def __init__(self, path: str, speed: float = 1.0) -> None:
        head, news = read(path)
        self.principal = head.principal
        self.wake: Callable[[], None] = lambda: None
        self._began_ts, self._speed = head.began_ts, speed
        self._start = time.monotonic()
        self._end = max((t for t, _, _ in news), default=0.0)
        self._news = deque((t, item) for t, item, _ in news if item is not None)
        self._answers: dict[bytes, list[tuple[float, Line]]] = defaultdict(list)
        self._kinds: dict[type, list[tuple[float, Line]]] = defaultdict(list)
        for t, _, line in news:
            if line.asked is not None:
                request = asked(line)
                self._answers[question(request)].append((t, line))
                self._kinds[type(request)].append((t, line))
        self._ready: list[i.Item] = []
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="replay", daemon=True)

    @property
    def at(self) -> float:
        """Seconds of the recording that have passed. At its end time stands still."""
        return min(self._end, (time.monotonic() - self._start) * self._speed)

    def now(self) -> float:
        """What the clock showed then."""
        return self._began_ts + self.at

    def start(self) -> None:
        self._start = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        self._over.set()

    def retry(self) -> None:
        """Nobody to look for."""

    def follow(self, topics: Set[str]) -> None:
        """What was followed then comes."""

    def forget(self, number: int) -> None:
        with self._lock:
            self._ready = [
                item
                for item in self._ready
                if not (isinstance(item, i.Answered) and item.number == number)
            ]

    def ask(self, number: int, request: Request, wait_s: float = 10.0) -> None:
        known = self._answers.get(question(request)) or self._kinds.get(type(request)) or []
        past = [line for t, line in known if t <= self.at]
        line = past[-1] if past else known[0][1] if known else None
        reply = answer(line) if line is not None else ProtocolError("not_found", NOTHING)
        self._give([i.Answered(number=number, reply=reply, took_s=line.took_s if line else 0.0)])

    def take(self) -> list[i.Item]:
        with self._lock:
            ready, self._ready = self._ready, []
        return ready

    def _give(self, items: list[i.Item]) -> None:
        with self._lock:
            self._ready += items
        self.wake()

    def _run(self) -> None:
        while self._news and not self._over.is_set():
            wait = (self._news[0][0] - self.at) / self._speed
            if wait > 0 and self._over.wait(wait):
                return
            due: list[i.Item] = []
            while self._news and self._news[0][0] <= self.at:
                due.append(self._news.popleft()[1])
            if due:
                self._give(due)

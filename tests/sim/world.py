"""One clock, one queue of events, processes that freeze and die, and a network that may misbehave.

Everything is decided by the seed: the same scenario gives the same events in the same order. A
process takes its events one after another; while it is frozen they pile up as they would in the
kernel's buffers, and when it dies they are gone. Knows nothing of CDKTR.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from typing import Any

Call = Callable[..., None]


class Violation(Exception):
    """A promise was broken. The text says which, in one sentence."""


class Process:
    """What can freeze, thaw and die. `life` grows with each death: what was meant for an earlier
    life never arrives."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.life = 0
        self.alive = False
        self.frozen = False
        self._backlog: list[tuple[Call, tuple[Any, ...]]] = []

    @property
    def awake(self) -> bool:
        return self.alive and not self.frozen

    def later(self, delay: float, call: Call, *args: Any) -> None:
        """Do something later, if it still lives then."""
        self.world.at(self.world.now + delay, self, call, args)

    def freeze(self) -> None:
        self.frozen = True

    def thaw(self) -> None:
        self.frozen = False
        backlog, self._backlog = self._backlog, []
        for call, args in backlog:
            self.later(0.0, call, *args)

    def die(self) -> None:
        self.alive = self.frozen = False
        self.life += 1
        self._backlog.clear()

    def postpone(self, call: Call, args: tuple[Any, ...]) -> None:
        self._backlog.append((call, args))


class World:
    """The clock and the queue. `tell` writes the story when somebody listens."""

    def __init__(self, seed: int, story: list[str] | None = None) -> None:
        self.now = 0.0
        self.dice = random.Random(seed)
        self.story = story
        self.steps = 0
        self._queue: list[tuple[float, int, Process | None, int, Call, tuple[Any, ...]]] = []
        self._order = 0

    def at(self, when: float, process: Process | None, call: Call, args: tuple[Any, ...]) -> None:
        """Let `process` (None: the world itself) do something at a time."""
        self._order += 1
        life = 0 if process is None else process.life
        heapq.heappush(self._queue, (when, self._order, process, life, call, args))

    def run(self, until: float, done: Callable[[], bool]) -> None:
        """Let things happen until `done` or that time."""
        queue = self._queue
        while queue and queue[0][0] <= until:
            when, _, process, life, call, args = heapq.heappop(queue)
            if when > self.now:
                self.now = when
            if process is not None:
                if process.life != life:
                    continue
                if process.frozen:
                    process.postpone(call, args)
                    continue
            self.steps += 1
            call(*args)
            if not self.steps & 31 and done():
                return
        self.now = max(self.now, min(until, self.now if queue else until))

    def tell(self, who: str, text: str) -> None:
        """A line of the story."""
        if self.story is not None:
            self.story.append(f"{self.now:8.3f}  {who:<6} {text}")


class Network:
    """Messages between hosts. In good times they arrive in order within milliseconds; in bad ones
    some are lost, doubled or late. A cut shorter than `PATIENCE_S` only delays (TCP sends again),
    a longer one loses what was under way and costs the connection. `weather` is the share of
    messages lost, the share doubled, and the longest extra delay."""

    PATIENCE_S = 3.0

    def __init__(self, world: World) -> None:
        self._world = world
        self._dice = random.Random(world.dice.random())
        self._arrived: dict[tuple[str, str], float] = {}
        self._cuts: dict[frozenset[str], float] = {}
        self._slow: dict[frozenset[str], float] = {}
        self.weather: tuple[float, float, float] | None = None

    def cut(self, a: str, b: str, until: float) -> None:
        """Nothing passes between these two until then."""
        self._cuts[frozenset((a, b))] = until

    def slow(self, a: str, b: str, extra: float) -> None:
        """Everything between these two takes so much longer from now on."""
        self._slow[frozenset((a, b))] = extra

    def is_cut(self, a: str, b: str) -> bool:
        return self._cuts.get(frozenset((a, b)), 0.0) > self._world.now

    def heal(self) -> None:
        """Good weather everywhere from now on."""
        self._cuts.clear()
        self._slow.clear()
        self.weather = None

    def heal_weather(self) -> None:
        self.weather = None

    def send(self, source: str, target: str, process: Process, call: Call, *args: Any) -> None:
        """One message; `call` is what `process` does with it, if it is still the same then."""
        now = self._world.now
        dice = self._dice
        delay = 0.0005 + 0.02 * dice.random() ** 3
        route = (source, target)
        if self._slow:
            delay += self._slow.get(frozenset(route), 0.0)
        arrival = max(self._arrived.get(route, 0.0), now + delay)
        if self._cuts:
            until = self._cuts.get(frozenset(route), 0.0)
            if until > now:
                if until - now > self.PATIENCE_S:
                    return
                arrival = max(arrival, until + dice.random())
        if self.weather is not None:
            loss, double, late = self.weather
            if dice.random() < loss:
                return
            if dice.random() < double:
                self._world.at(now + delay + late * dice.random(), process, call, args)
            if dice.random() < 0.3:  # overtaken by those behind it
                self._world.at(arrival + late * dice.random(), process, call, args)
                return
        self._arrived[route] = arrival
        self._world.at(arrival, process, call, args)

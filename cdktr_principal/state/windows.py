"""Events that wait in the windows of listeners, and listeners that take none for a while.

Part of the state: changed by facts alone. A window opens with the first `event.fired` that is held
in it and ends with the run that it starts, or an `event.dropped`. A listener that throttles takes
nothing until so long after its last run. Both belong to a workflow and the number of its listener,
and are forgotten when its listeners change. Knows no clock.
"""

from __future__ import annotations

from typing import Any

import msgspec

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.values import Held, Listener, Plan
from cdktr_common.codec import encode

Place = tuple[str, int]
"""A listener: its workflow, and its number among the listeners of that."""


class Window(msgspec.Struct, omit_defaults=True):
    """Events that wait for `due_ts`. `payloads` are those of all, or of the last alone, as the
    listener wants them, `count` how many have come, `size` the bytes that are kept; `event` and
    `params` are those of the last. `chain` is how many runs have started one another by events
    before the one that comes of it, and `root` the first of them."""

    first_ts: float
    due_ts: float
    event: str
    payloads: list[Any] = []
    params: dict[str, Any] = {}
    size: int = 0
    count: int = 0
    chain: int = 0
    root: str = ""


class Windows(msgspec.Struct):
    """Windows that are open, and until when listeners that throttle take nothing."""

    open: dict[Place, Window] = {}
    throttled: dict[Place, float] = {}

    def hold(self, held: Held, listener: Listener, fact: f.EventFired, root: str) -> None:
        """An event waits; `root` is the first run of its chain."""
        window = self.open.get((held.workflow, held.listener))
        if window is None:
            window = Window(fact.ts, held.due_ts, fact.event)
            self.open[held.workflow, held.listener] = window
        window.due_ts, window.event, window.params = held.due_ts, fact.event, fact.params
        window.count += 1
        if fact.cause and fact.chain >= window.chain:
            window.chain, window.root = fact.chain + 1, root
        if is_batch(listener):
            window.payloads.append(fact.payload)
            window.size += size(fact.payload)
        else:
            window.payloads = [fact.payload]

    def started(self, fact: f.RunCreated) -> None:
        """A run was started by a listener with a window."""
        assert fact.listener is not None
        place = (fact.workflow, fact.listener)
        self.open.pop(place, None)
        throttle_s = fact.plan.listeners[fact.listener].throttle_s
        if throttle_s:
            self.throttled[place] = fact.ts + throttle_s

    def dropped(self, place: Place) -> None:
        """A window has ended without a run."""
        self.open.pop(place, None)

    def change(self, workflow: str, before: Plan | None, now: Plan | None) -> None:
        """A workflow is in force with another plan, or no longer."""
        if before is None or (now is not None and now.listeners == before.listeners):
            return
        for number in range(len(before.listeners)):
            self.open.pop((workflow, number), None)
            self.throttled.pop((workflow, number), None)


def is_batch(listener: Listener) -> bool:
    """Does it want all payloads in one run?"""
    return bool(listener.batch_s or listener.batch_size)


def size(payload: Any) -> int:
    """What a payload adds to a list, as JSON."""
    return len(encode(payload)) + 1

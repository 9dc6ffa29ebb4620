"""What the network process knows of its supervisor: does it answer, what does it hold until when.

The supervisor is asked about once a second. One that has not answered for `STUCK_S` is stuck:
frozen, or its machine is. Then nothing renews a lease, and who ends its tasks at their deadlines
is this process; it does so in any case, since both then agree who is still alive. What a dead
supervisor held is watched until its successor has swept it. Time that this process itself stood
still is no silence of the other. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from cdktr_agent.local import Hold

PULSE_S: Final = 1.0
"""Between two questions."""

STUCK_S: Final = 2.5

SLEPT_S: Final = 1.5
"""Turns come more often than this, or we were not awake."""


class Watch:
    """See the module text. `now` comes with each call and never goes back."""

    def __init__(self) -> None:
        self.held: dict[str, Hold] = {}
        self.slots = 0  # that these take
        self._forsaken: dict[str, Hold] = {}
        self._ended: set[str] = set()
        self._lease_at = math.inf  # no lease ends before
        self._asked_at: float | None = None
        self._ask_at = math.inf
        self._turned_at = 0.0
        self.look_at = math.inf  # from when on every turn has to look here

    # Does it answer?

    def asked(self, now: float) -> None:
        """It was asked something. Counts from the first question without an answer."""
        if self._asked_at is None:
            self._asked_at = now
            self._turned_at = now
        self._ask_at = math.inf
        self.look_at = now

    def answered(self, now: float) -> None:
        """It has answered."""
        self._asked_at = None
        self._ask_at = now + PULSE_S
        self.look_at = min(self._ask_at, self._lease_at)

    def turn(self, now: float) -> bool:
        """A turn has begun. True: it is to be asked again, now."""
        if self._asked_at is not None and now - self._turned_at > SLEPT_S:
            self._asked_at = now
        self._turned_at = now
        if now < self._ask_at:
            return False
        self.asked(now)
        return True

    def stuck(self, now: float) -> bool:
        """Has it been silent for too long?"""
        return self._asked_at is not None and now - self._asked_at > STUCK_S

    # What does it hold?

    def told(self, holds: Iterable[Hold]) -> None:
        """A supervisor told all it holds; a new one has ended what the one before it held."""
        self._forsaken.clear()
        self.held = {hold.token: hold for hold in holds}
        self.slots = sum(hold.slots for hold in self.held.values())
        self._ended &= self.held.keys()
        self._lease_at = self.look_at = 0.0

    def hold(self, hold: Hold) -> None:
        """It was given another attempt."""
        before = self.held.get(hold.token)
        self.held[hold.token] = hold
        self.slots += hold.slots - (before.slots if before is not None else 0)
        if hold.until is not None:
            self._lease_at = min(self._lease_at, hold.until)
            self.look_at = min(self.look_at, hold.until)

    def gone(self) -> None:
        """It has died."""
        self._forsaken.update(self.held)
        self.held.clear()
        self.slots = 0
        self._asked_at, self._ask_at = None, math.inf
        self.look_at = self._lease_at

    def over(self, token: str) -> None:
        """An attempt has ended."""
        hold = self.held.pop(token, None)
        if hold is not None:
            self.slots -= hold.slots
        self._ended.discard(token)

    def expired(self, now: float) -> list[Hold]:
        """Those of whom nobody may be alive from now on; each once."""
        if now < self._lease_at:
            return []
        late = []
        self._lease_at = math.inf
        for token, hold in (*self.held.items(), *self._forsaken.items()):
            if hold.until is None or token in self._ended:
                continue
            if hold.until <= now:
                self._ended.add(token)
                late.append(hold)
            else:
                self._lease_at = min(self._lease_at, hold.until)
        if self._asked_at is None:
            self.look_at = min(self._ask_at, self._lease_at)
        return late

    @property
    def nothing_left(self) -> bool:
        """Is the lease of all it holds over?"""
        return len(self._ended) == len(self.held) + len(self._forsaken)

    def due(self) -> float:
        """When a turn is needed at the latest."""
        due = min(self._ask_at, self._lease_at)
        if self._asked_at is not None:
            # Often enough that a turn that comes late tells of a sleep.
            due = min(due, self._turned_at + PULSE_S / 2)
        return due

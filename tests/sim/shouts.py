"""The judge of events: each that was accepted counts once, whenever whoever dies.

Told of every fact about events when it is durable, and of every answer that a client gets.
"""

from __future__ import annotations

from typing import Any

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.values import Listener
from tests.sim.world import Violation


class Shouts:
    """`answers`: what a client was told, by the number of the event."""

    def __init__(self) -> None:
        self.answers: dict[int, Any] = {}
        self._fired: list[int] = []
        self._heard: list[int] = []
        self._later: set[str] = set()

    @property
    def done(self) -> bool:
        """Is nothing for later any more?"""
        return not self._later

    def taken(self, number: int, answer: Any) -> None:
        """A client holds this answer in its hands."""
        self.answers[number] = answer

    def deferred(self, fact: f.EventDeferred) -> None:
        self._later.add(fact.deferred)

    def fired(self, fact: f.EventFired) -> None:
        if fact.payload in self._fired:
            raise Violation(f"event {fact.payload} was fired twice")
        if fact.deferred:
            if fact.deferred not in self._later:
                raise Violation(f"event {fact.payload} was fired, and was not for later any more")
            self._later.remove(fact.deferred)
        self._fired.append(fact.payload)

    def started(self, fact: f.RunCreated) -> None:
        """A run of an event, or of all that were in a window."""
        numbers = fact.payload if isinstance(fact.payload, list) else [fact.payload]
        for number in numbers:
            if number in self._heard:
                raise Violation(f"event {number} has started two runs")
            self._heard.append(number)

    def check(self, listener: Listener | None) -> None:
        """At the end: was each fired that a client was told of, and has each started its run? Of a
        debounce at least the last one has."""
        if set(self.answers) != set(self._fired):
            raise Violation(f"events {sorted(self.answers)} were accepted, {self._fired} fired")
        if listener is None or not self._fired:
            return
        wanted = self._fired[-1:] if listener.debounce_s else self._fired
        lost = set(wanted) - set(self._heard)
        if lost:
            raise Violation(f"event {min(lost)} has started no run")

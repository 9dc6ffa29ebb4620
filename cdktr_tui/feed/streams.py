"""How far the streams of facts are known that somebody follows, and what is missing of them.

Facts of a topic are told in order and once. One whose `prev` is not the last one known shows a
hole; so does `stat/`, when the last ones were lost. While a hole is being filled, what comes after
it on its topic waits. Pure: who asks for what is missing is another's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from cdktr_common.catalogue.base import Fact

HELD_MOST = 10_000
"""Facts of a topic that wait for what is missing before them, and facts that may be missing: what
is more is not filled, but what was made of it is to be asked for anew."""


class Hole(NamedTuple):
    """Facts of a topic are missing: those after `after`, up to `upto`."""

    topic: str
    after: int
    upto: int


class Streams:
    """What is followed, by beginnings of topics, and how far each topic is known."""

    def __init__(self) -> None:
        self._bases: dict[str, int | None] = {}
        self._last: dict[str, int] = {}
        self._held: dict[str, list[Fact]] = {}
        self._early: list[tuple[str, Fact]] = []

    @property
    def followed(self) -> frozenset[str]:
        return frozenset(self._bases)

    def follow(self, prefix: str) -> None:
        """From now on; facts wait until `based` says from which number on they count."""
        self._bases.setdefault(prefix, None)

    def drop(self, prefix: str) -> None:
        """No longer. What is known of its topics is forgotten."""
        self._bases.pop(prefix, None)
        for topic in [topic for topic in self._last if not self._concerns(topic)]:
            del self._last[topic]
        for topic in [topic for topic in self._held if not self._concerns(topic)]:
            del self._held[topic]

    def based(self, prefix: str, newest: int) -> tuple[list[Fact], list[Hole]]:
        """Facts after `newest` count, for topics that begin so."""
        if prefix not in self._bases:
            return [], []
        self._bases[prefix] = newest
        early, self._early = self._early, []
        told: list[Fact] = []
        holes: list[Hole] = []
        for topic, fact in early:
            some, hole = self.take(topic, fact)
            told += some
            holes += [hole] if hole else []
        return told, holes

    def take(self, topic: str, fact: Fact) -> tuple[list[Fact], Hole | None]:
        """A fact has come: what may be told now, and what has to be asked for first."""
        known = self._known(topic)
        if known is None:
            if self._concerns(topic):
                self._early.append((topic, fact))
            return [], None
        if topic in self._held:
            self._held[topic].append(fact)
            return [], None
        if fact.seq <= known:
            return [], None
        if fact.prev > known:
            self._held[topic] = [fact]
            return [], Hole(topic, known, fact.prev)
        self._last[topic] = fact.seq
        return [fact], None

    def stat(self, newest: Mapping[str, int]) -> list[Hole]:
        """What `stat/` says that has been told and was never heard."""
        holes = []
        for topic, seq in newest.items():
            known = self._known(topic)
            if known is not None and seq > known and topic not in self._held:
                self._held[topic] = []
                holes.append(Hole(topic, known, seq))
        return holes

    def filled(self, hole: Hole, facts: Iterable[Fact]) -> tuple[list[Fact], Hole | None]:
        """What was missing has come. What may be told now, and what is missing still."""
        if hole.topic not in self._held:
            return [], None
        waiting = self._held.pop(hole.topic)
        told = [fact for fact in facts if fact.seq > hole.after]
        self._last[hole.topic] = max([hole.upto, *(fact.seq for fact in told)])
        again = None
        for fact in waiting:
            some, more = self.take(hole.topic, fact)
            told += some
            again = again or more
        return told, again

    def give_up(self, hole: Hole) -> None:
        """It cannot be filled: go on after what waits now."""
        waiting = self._held.pop(hole.topic, [])
        self._last[hole.topic] = max([hole.upto, *(fact.seq for fact in waiting)])

    def _known(self, topic: str) -> int | None:
        """Up to which number everything of a topic was told; None: not followed, or not yet."""
        bases = [base for prefix, base in self._bases.items() if topic.startswith(prefix)]
        if not bases or (any(base is None for base in bases) and topic not in self._last):
            return None
        least = min(base for base in bases if base is not None) if any(bases) else 0
        return max(self._last.get(topic, 0), least)

    def _concerns(self, topic: str) -> bool:
        return topic.startswith(tuple(self._bases))

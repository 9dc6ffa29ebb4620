"""The newest facts that were told, in order, each once: what the view of events shows.

They serve the others, too: a page tells how things stood after fact number `seq`, and what was told
after that while it was underway is folded on it again (`after`). Kept without what is large (plans,
payloads, outputs); the whole of one can be asked for by its number.

Each fact names the one before it on its topic. Where a fact follows on none that was told, others
may have been missed: what is true as of before that (`since`) is to be asked for again. Knows no
rows.
"""

from __future__ import annotations

import operator
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from functools import reduce
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.base import Fact
from cdktr_common.catalogue.values import Plan
from cdktr_tui.model.keys import EVENTS, Keys

MOST: Final = 10_000
"""Facts that are kept; of more the oldest go."""

_SLACK: Final = 500
"""So many more may be there for a moment: the oldest go at once, not one by one."""

_SEQ: Final = operator.attrgetter("seq")
_ANY: Final[Any] = reduce(operator.or_, f.FACTS)
_READER: Final = msgspec.json.Decoder(_ANY)
_NO_PLAN: Final = Plan(workflow="", tasks=[])

_LARGE: Final[dict[type[Fact], dict[str, Any]]] = {
    f.RunCreated: {"plan": _NO_PLAN, "payload": None, "params": {}, "reused": {}},
    f.EventFired: {"payload": None, "params": {}},
    f.EventDeferred: {"payload": None, "params": {}},
    f.RunEnded: {"output": None},
    f.TaskExpanded: {"items": []},
}


class Events:
    """Facts by their number, the oldest first."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.complete_after = 0
        """Of the facts that were followed, all with a higher number are here."""
        self.since: dict[str, int] = {}
        """By topic: after this number all its facts were told up to the last one."""
        self._told: dict[str, int] = {}

    def add(self, fact: Fact) -> bool:
        """A fact was told. False: it is known. One that is older than all that are kept may be."""
        facts = self.facts
        if fact.seq <= self.complete_after:
            self._follows(fact)
            return True
        if facts and fact.seq <= facts[-1].seq:
            at = bisect_left(facts, fact.seq, key=_SEQ)
            if facts[at].seq == fact.seq:
                return False
            facts.insert(at, _light(fact))
        else:
            facts.append(_light(fact))
        self._follows(fact)
        if len(facts) > MOST + _SLACK:
            self._forget(len(facts) - MOST)
        return True

    def breaks(self, fact: Fact) -> bool:
        """Is it the first of those that were told one after the other, on its topic?"""
        return self.since.get(fact.topic()) == fact.prev

    def lacks(self, topic: str, seq: int) -> bool:
        """May facts of a topic with a higher number have been missed, or forgotten?"""
        return self.since.get(topic, 0) > seq or self.complete_after > seq

    def _follows(self, fact: Fact) -> None:
        topic = fact.topic()
        if self._told.get(topic) != fact.prev:
            self.since[topic] = fact.prev
        self._told[topic] = max(fact.seq, self._told.get(topic, 0))

    def older(self, facts: Iterable[Fact]) -> Keys:
        """Facts of before were asked for. More than fit in are left out."""
        known = {fact.seq for fact in self.facts}
        new = sorted((_light(each) for each in facts if each.seq not in known), key=_SEQ)
        room = MOST - len(self.facts)
        if not new or room <= 0:
            return set()
        self.facts = sorted([*new[-room:], *self.facts], key=_SEQ)
        return {EVENTS}

    def drop_before(self, seq: int) -> None:
        """Nobody looks at those with a lower number: room for others."""
        del self.facts[: bisect_left(self.facts, seq, key=_SEQ)]

    def get(self, seq: int) -> Fact | None:
        """The fact of this number, if it is here."""
        at = bisect_left(self.facts, seq, key=_SEQ)
        return self.facts[at] if at < len(self.facts) and self.facts[at].seq == seq else None

    def after(self, seq: int) -> list[Fact]:
        """Those that were told with a higher number."""
        return self.facts[bisect_right(self.facts, seq, key=_SEQ) :]

    def _forget(self, count: int) -> None:
        self.complete_after = max(self.complete_after, self.facts[count - 1].seq)
        del self.facts[:count]


def read(told: Any) -> Fact | None:
    """A fact of an answer: its JSON, or what that says; None for what only newer programs know."""
    try:
        fact = _READER.decode(told) if isinstance(told, msgspec.Raw | bytes) else None
        found: Fact = fact if fact is not None else msgspec.convert(told, _ANY)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found


def _light(fact: Fact) -> Fact:
    large = _LARGE.get(type(fact))
    if large is not None:
        return replace(fact, **large)
    if type(fact) is f.TaskEnded and (fact.outputs or fact.result is not None):
        return replace(fact, outputs={}, result=None)
    return fact

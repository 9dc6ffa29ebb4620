"""All that is known of one principal: what its feed gives is folded here, and nowhere else.

`fold` says what has changed; answers to questions are given to the part they are about (`runs.page`
and so on), in any order with the facts: a page that is older than what was told is brought up to
date by it. `stale` holds keys of what is shown as it was and must be asked for again by whoever
shows it; it is taken out when the answer is folded. Pure: no socket, no clock, no terminal.
"""

from __future__ import annotations

from collections.abc import Iterable

from cdktr_common.catalogue.base import Fact
from cdktr_common.catalogue.principal import RunDetail
from cdktr_tui.feed.items import Counted, Gap, Item, Link, Loads, Told
from cdktr_tui.model.agents import Agents
from cdktr_tui.model.events import Events
from cdktr_tui.model.keys import COUNTS, EVENTS, LINK, Key, Keys
from cdktr_tui.model.runs import Runs
from cdktr_tui.model.schedules import Schedules
from cdktr_tui.model.tasks import Tasks
from cdktr_tui.model.workflows import Workflows


class Model:
    """One principal by its name in the settings."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.link = Link(state="connecting")
        self.counts: dict[str, int] = {}
        self.counted_ts = 0.0
        self.seq = 0
        """The highest number of a fact that was told."""
        self.stale: set[Key] = set()
        self.events = Events()
        self.workflows = Workflows(self.events, self.stale)
        self.runs = Runs(self.events, self.stale)
        self.tasks = Tasks(self.events, self.stale)
        self.agents = Agents(self.events, self.stale)
        self.schedules = Schedules(self.events, self.stale)
        self._parts = (self.workflows, self.runs, self.tasks, self.agents, self.schedules)

    def fold(self, item: Item) -> Keys:
        """Take one piece of news in; what has changed. Output and answers are for others."""
        dirty: Keys = set()
        match item:
            case Told(fact=fact):
                self._told(fact, dirty)
            case Loads():
                dirty |= self.agents.loads(item)
            case Counted():
                if item.counts != self.counts:
                    self.counts = item.counts
                    dirty.add(COUNTS)
                self.counted_ts = item.ts
            case Link():
                if item != self.link:
                    self.link = item
                    dirty.add(LINK)
            case Gap(healed=False):
                dirty |= self._missed(item.topic) | {("gap", item.topic)}
        return dirty

    def detail(self, detail: RunDetail) -> Keys:
        """A run that is looked at, with its plan: for its row, and for its tasks."""
        return self.runs.detail(detail) | self.tasks.detail(detail)

    def left(self, topics: Iterable[str]) -> Keys:
        """These topics are followed no more: what was folded from them is stale from now on."""
        return set[Key]().union(*(self._missed(topic) for topic in topics))

    def _missed(self, topic: str) -> Keys:
        return set[Key]().union(*(part.missed(topic) for part in self._parts))

    def _told(self, fact: Fact, dirty: Keys) -> None:
        if self.events.add(fact):
            dirty.add(EVENTS)
            self.seq = max(self.seq, fact.seq)
            for part in self._parts:
                part.fold(fact, dirty)

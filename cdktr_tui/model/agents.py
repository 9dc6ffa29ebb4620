"""Rows of agents with their last samples of load, and what those that are looked at work on.

Facts tell who is there; how much it has to do is told once a second (`Loads`). Knows no picture.
"""

from __future__ import annotations

from cdktr_common.catalogue.base import Fact
from cdktr_common.catalogue.principal import AgentDetail, AgentPage
from cdktr_common.catalogue.values import AgentRow, AgentTask
from cdktr_tui.feed.items import Loads
from cdktr_tui.model.events import Events
from cdktr_tui.model.keys import Key, Keys


class Agents:
    """Agents by name; `tasks` are those of the agents of which the detail was asked for."""

    def __init__(self, events: Events, stale: set[Key]) -> None:
        self.rows: dict[str, AgentRow] = {}
        self.tasks: dict[str, list[AgentTask]] = {}
        self._events = events
        self._stale = stale

    @property
    def order(self) -> list[str]:
        """All names, sorted."""
        return sorted(self.rows)

    def page(self, page: AgentPage) -> Keys:
        """All agents."""
        raise NotImplementedError

    def detail(self, detail: AgentDetail) -> Keys:
        """One agent and its tasks."""
        raise NotImplementedError

    def loads(self, loads: Loads) -> Keys:
        """Agents that were heard of."""
        return set()

    def fold(self, fact: Fact, dirty: Keys) -> None:
        """A fact was told."""

    def missed(self, topic: str) -> Keys:
        """Facts of these topics were not told, or will not be."""
        return set()

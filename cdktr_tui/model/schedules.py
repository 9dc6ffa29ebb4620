"""Rows of schedules, folded from pages and from what was told of their instants.

A workflow that is loaded, removed or paused may change its schedules in ways that only the
principal tells: they are stale then, and to be asked for again. Knows no calendar.
"""

from __future__ import annotations

from cdktr_common.catalogue.base import Fact
from cdktr_common.catalogue.principal import SchedulePage
from cdktr_common.catalogue.values import ScheduleRow
from cdktr_tui.model.events import Events
from cdktr_tui.model.keys import Key, Keys

Id = tuple[str, str]
"""A workflow and the schedule's own id."""


class Schedules:
    """Schedules in force by id, and those `retired` that are not accounted for up to their end."""

    def __init__(self, events: Events, stale: set[Key]) -> None:
        self.rows: dict[Id, ScheduleRow] = {}
        self.retired: list[ScheduleRow] = []
        self._events = events
        self._stale = stale

    def page(self, page: SchedulePage, after: str = "", workflow: str | None = None) -> Keys:
        """A page of all schedules asked for with this `after`, or those of a workflow."""
        raise NotImplementedError

    def fold(self, fact: Fact, dirty: Keys) -> None:
        """A fact was told."""

    def missed(self, topic: str) -> Keys:
        """Facts of these topics were not told, or will not be."""
        return set()

"""Rows of workflows, with strips of their last runs, folded from pages and facts.

Knows no plan beyond its row, and no order but that of ids.
"""

from __future__ import annotations

from cdktr_common.catalogue.base import Fact
from cdktr_common.catalogue.principal import WorkflowPage
from cdktr_common.catalogue.values import WorkflowRow
from cdktr_tui.model.events import Events
from cdktr_tui.model.keys import Key, Keys


class Workflows:
    """Workflows by id. `paused`: all are, whatever their rows say."""

    def __init__(self, events: Events, stale: set[Key]) -> None:
        self.rows: dict[str, WorkflowRow] = {}
        self.paused = False
        self._events = events
        self._stale = stale

    @property
    def order(self) -> list[str]:
        """All ids, sorted."""
        return sorted(self.rows)

    def page(self, page: WorkflowPage, after: str | None = "") -> Keys:
        """A page of all workflows, asked for with this `after`: those between it and `next` that
        are not in it are no more. With None: some workflows, as those of a pattern or of a pause;
        the others stay."""
        raise NotImplementedError

    def fold(self, fact: Fact, dirty: Keys) -> None:
        """A fact was told."""

    def missed(self, topic: str) -> Keys:
        """Facts of these topics were not told, or will not be."""
        return set()

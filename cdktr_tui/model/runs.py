"""Rows of runs, folded from pages and from the facts that came after them.

A row is true as of a number (`asof`): facts up to it are in it and change nothing more. What cannot
be folded, since the plan of the run is not known or facts were missed, makes the row `stale`: it is
shown as it was and to be asked for again (`run.show`). Knows no filter and no order of a view.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cdktr_common.catalogue.base import Fact
from cdktr_common.catalogue.principal import RunDetail, RunPage
from cdktr_common.catalogue.values import RunRow
from cdktr_tui.model.events import Events
from cdktr_tui.model.keys import Key, Keys
from cdktr_tui.model.shape import Shape

KEPT: Final = 2_000
"""Rows that are kept of what facts tell; of more the oldest that have ended go."""

MOST: Final = 10_000
"""Rows that are kept of what was asked for."""

FINAL: Final = frozenset({"COMPLETED", "FAILED", "CANCELLED"})


class Runs:
    """Runs by id. `agents` are those that attempts of a run were seen on; `unknown` runs of which
    facts told and that have no row: their workflows."""

    def __init__(self, events: Events, stale: set[Key]) -> None:
        self.rows: dict[str, RunRow] = {}
        self.agents: dict[str, set[str]] = {}
        self.unknown: dict[str, str] = {}
        self.most = KEPT
        self._events = events
        self._stale = stale
        self._asof: dict[str, int] = {}
        self._shapes: dict[str, Shape] = {}
        self._order: list[str] | None = None

    @property
    def order(self) -> list[str]:
        """All runs, the newest first. Not to be changed."""
        if self._order is None:
            self._order = sorted(self.rows, key=lambda run: -self.rows[run].seq)
        return self._order

    def page(self, page: RunPage, agent: str | None = None) -> Keys:
        """Rows as the principal has them; `agent`: what the page was asked for."""
        raise NotImplementedError

    def detail(self, detail: RunDetail) -> Keys:
        """A row with its plan: from now on everything can be folded on it."""
        raise NotImplementedError

    def history(self, rows: Iterable[RunRow], agent: str | None = None) -> Keys:
        """Rows as the recorder has them, of runs that the principal has forgotten."""
        raise NotImplementedError

    def fold(self, fact: Fact, dirty: Keys) -> None:
        """A fact was told."""

    def missed(self, topic: str) -> Keys:
        """Facts of these topics were not told, or will not be: what is not over is stale."""
        return set()

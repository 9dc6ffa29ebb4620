"""Tasks of the runs that are looked at, with their attempts and the plan of each.

A run is `open` from when somebody wants to see it: from then on facts about it are kept, so that
pages that come later than they do are as true as they are. Few are open at once; of more the one
that was used longest ago is closed. Knows no picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cdktr_common.catalogue.base import Fact
from cdktr_common.catalogue.principal import RunDetail, TaskPage
from cdktr_common.catalogue.values import TaskPlan, TaskRow
from cdktr_tui.model.keys import Key, Keys

OPEN: Final = 4
"""Runs that are open at once."""


class OpenRun:
    """One run that is looked at. `plans` holds the plans also of what groups have made; `detail` is
    null until it was told; `whole`: all its tasks are in `rows`."""

    def __init__(self, run: str) -> None:
        self.run = run
        self.detail: RunDetail | None = None
        self.rows: dict[str, TaskRow] = {}
        self.plans: dict[str, TaskPlan] = {}
        self.whole = False

    @property
    def order(self) -> list[str]:
        """The tasks that are known, in the order of the plan, then of the groups that made them."""
        return list(self.rows)


class Tasks:
    """Runs that are open, by id."""

    def __init__(self, stale: set[Key]) -> None:
        self._stale = stale
        self._open: dict[str, OpenRun] = {}

    @property
    def runs(self) -> Mapping[str, OpenRun]:
        return self._open

    def open(self, run: str) -> OpenRun:
        """Before its detail and pages are asked for, and after its topic is followed."""
        raise NotImplementedError

    def close(self, run: str) -> None:
        """Nobody looks at it any more."""
        self._open.pop(run, None)

    def detail(self, detail: RunDetail) -> Keys:
        """The run and its plan."""
        raise NotImplementedError

    def page(self, page: TaskPage, after: int = 0) -> Keys:
        """Some of its tasks; `after`: what the page was asked for."""
        raise NotImplementedError

    def fold(self, fact: Fact, dirty: Keys) -> None:
        """A fact was told."""

    def missed(self, topic: str) -> Keys:
        """Facts of these topics were not told, or will not be."""
        return set()

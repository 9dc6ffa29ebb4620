"""What the view of schedules asks for: all of them when it is shown, then those of a workflow whose
facts do not tell how they are now.

A schedule that has fired is asked for a moment later: when it fires next is said by whoever keeps
the time, after it has told what became of the instant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from cdktr_common.catalogue.principal import ScheduleList, SchedulePage
from cdktr_common.errors import ProtocolError
from cdktr_tui.view import View

AT_ONCE: Final = 20
"""Workflows that are asked for one by one; of more all are."""
LATER_S: Final = 2.0
"""How long after it has fired a schedule is asked for."""


class Asking:
    """`told` is called when an answer has been folded, `refused` when there is none."""

    def __init__(
        self, view: View, told: Callable[[], None], refused: Callable[[ProtocolError], None]
    ) -> None:
        self._view = view
        self._told = told
        self._refused = refused
        self._whole = False
        self._under_way: set[str] = set()
        self._fired: dict[str, float] = {}

    @property
    def busy(self) -> bool:
        """Are all of them being asked for?"""
        return self._whole

    def load(self) -> None:
        """All of them, page by page."""
        self._whole = True
        self._fired.clear()
        self._page("")

    def _page(self, after: str) -> None:
        def told(page: SchedulePage) -> None:
            self._view.model.schedules.page(page, after)
            if page.next is not None:
                self._page(page.next)
                return
            self._whole = False
            self._told()

        def refused(fault: ProtocolError) -> None:
            self._whole = False
            self._refused(fault)

        self._view.ask(ScheduleList(after=after), told, refused)

    def fired(self, workflows: Iterable[str]) -> None:
        """Something became of instants of these."""
        rows = self._view.model.schedules.rows
        silent = {name for (name, _), row in rows.items() if row.next_ts is None and not row.paused}
        for name in silent.intersection(workflows):
            self._fired.setdefault(name, self._view.now)

    def renew(self) -> None:
        """Ask for what is not known any more."""
        stale = {key for key in self._view.model.stale if key[0] == "schedules"}
        due = {name for name, ts in self._fired.items() if self._view.now - ts >= LATER_S}
        names = {key[1] for key in stale if len(key) > 1} | due
        if self._whole or not (stale or due):
            return
        if ("schedules",) in stale or len(names) > AT_ONCE:
            self.load()
            return
        for name in names - self._under_way:
            self._fired.pop(name, None)
            self._under_way.add(name)
            asked = ScheduleList(workflow=name)
            self._view.ask(asked, partial(self._one, name), partial(self._gone, name))

    def _one(self, name: str, page: SchedulePage) -> None:
        self._under_way.discard(name)
        self._view.model.schedules.page(page, workflow=name)
        self._told()

    def _gone(self, name: str, fault: ProtocolError) -> None:
        """There is no such workflow any more; another refusal says nothing of it."""
        if fault.code == "not_found":
            self._one(name, SchedulePage(seq=self._view.model.seq))
        else:
            self._under_way.discard(name)
            self._refused(fault)

"""Asks for runs, page after page: those that the principal remembers, then those that only the
recorder does.

What is shown is everything down to `reach`: below that there may be runs that nobody asked for yet.
Asked again, as after a gap, it goes down to where it was. Knows no widget.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from cdktr_common.catalogue.logd import HistoryList, HistoryPage
from cdktr_common.catalogue.principal import RunList, RunPage
from cdktr_common.catalogue.values import RunRow
from cdktr_common.errors import ProtocolError
from cdktr_tui.model.filters import ALL, Filter
from cdktr_tui.model.runs import MOST
from cdktr_tui.view import View

PAGE: Final = 200
HISTORY: Final = 500
NOTHING: Final = 1 << 62
"""A reach before anything was told."""


class RunPages:
    """`reach`: every run with a number of at least this, that fits, is in the model. `more` says
    who can be asked for older ones: `principal`, `recorder` or nobody."""

    def __init__(self, view: View, told: Callable[[], None]) -> None:
        self._view = view
        self._told = told
        self._wanted = ALL
        self._asking: int | None = None
        self._before: int | None = None
        self._reach_of_all = NOTHING
        self.reach = NOTHING
        self.more = "principal"
        self.fault = ""

    def begin(self, wanted: Filter, depth: int = NOTHING) -> None:
        """From the newest on, down to `depth` at least. What was not followed is not known."""
        self._reach_of_all = NOTHING
        self._begin(wanted, depth)

    def narrow(self, wanted: Filter) -> None:
        """Another filter, while all is followed: what is known down to where no filter has reached
        can be shown at once."""
        self.reach = self._reach_of_all
        self._begin(wanted, NOTHING)

    def _begin(self, wanted: Filter, depth: int) -> None:
        if self._asking is not None:
            self._view.session.forget(self._asking)
        self._wanted, self._before, self.more, self.fault = wanted, None, "principal", ""
        self._ask(depth)

    def older(self) -> None:
        """The next page, unless it is underway."""
        full = len(self._view.model.runs.rows) >= MOST
        if self._asking is None and self.more and not full:
            self._ask(NOTHING)

    def newest(self) -> None:
        """The first page again: runs that were heard of may fit."""

        def told(page: RunPage) -> None:
            self._view.model.runs.page(page, self._wanted.asked.get("agent"))
            self._told()

        self._view.ask(RunList(limit=PAGE, **self._wanted.asked), told)

    def _ask(self, depth: int) -> None:
        if self.more == "principal":
            request = RunList(limit=PAGE, before=self._before, **self._wanted.asked)
            self._asking = self._view.ask(request, lambda page: self._page(page, depth))
        else:
            asked = HistoryList(
                table="runs", limit=HISTORY, before=self._before, **self._wanted.asked
            )
            self._asking = self._view.ask(asked, self._history, self._no_recorder)

    def _page(self, page: RunPage, depth: int) -> None:
        self._asking = None
        runs = self._view.model.runs
        runs.page(page, self._wanted.asked.get("agent"))
        if page.more and page.runs:
            self._before = page.runs[-1].seq
            if self._before > depth and len(runs.rows) < MOST:
                self._ask(depth)
                return
            self.reach = self._before
        else:
            self.reach, self.more, self._before = 0, "recorder", None
        if not self._wanted.asked:
            self._reach_of_all = self.reach
        self._told()

    def _history(self, page: HistoryPage) -> None:
        self._asking = None
        runs = self._view.model.runs
        told = [row_of(page.columns, row) for row in page.rows]
        rows = [row for row in told if row is not None]
        if len(rows) < len(told):
            self.fault = f"{len(told) - len(rows)} older runs are told in a way not known here"
        new = any(row.run not in runs.rows for row in rows)
        runs.history(rows, self._wanted.asked.get("agent"))
        self._before = page.next
        if page.next is None:
            self.more = ""
        elif not new:
            self._ask(NOTHING)  # the principal has told of all these
            return
        self._told()

    def _no_recorder(self, fault: ProtocolError) -> None:
        self._asking, self.more = None, ""
        self.fault = f"older runs: {fault.detail or fault.code}"
        self._told()


def row_of(columns: list[str], values: list[Any]) -> RunRow | None:
    """A run as the recorder tells it; None when that is no run."""
    told = {key: value for key, value in zip(columns, values, strict=False) if value is not None}
    told.pop("output", None)
    try:
        return msgspec.convert(told, RunRow)
    except msgspec.ValidationError:
        return None

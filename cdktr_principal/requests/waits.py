"""Long polls that the core does not know of: who waits for the end of a run, or for facts.

They are answered after the commit of the turn that brings what they wait for. Readers of the record
come after everybody else: nobody waits for them to work.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.base import Reply
from cdktr_common.errors import ProtocolError
from cdktr_principal.decisions.core import Core, Moment
from cdktr_principal.decisions.session import Ask
from cdktr_principal.requests import queries
from cdktr_principal.state.records import Run

Page = Callable[[p.EventList], p.EventPage]
Refuse = Callable[[Ask, ProtocolError], None]


class RunWaits:
    """`run.wait`."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._waits: dict[str, list[tuple[Ask, float]]] = {}

    def wait(self, ask: Ask, request: p.RunWait, at: Moment) -> Reply | None:
        """Answer now what can be."""
        run = queries.find_run(self._core.state, request.run)
        if run.ended_ts is not None or request.wait_s <= 0:
            return p.RunStatus(run=queries.run_row(run))
        self._waits.setdefault(run.id, []).append((ask, at.clock + request.wait_s))
        return None

    def tick(self, now: float) -> None:
        """Answer those that have waited long enough."""
        for run_id, waits in list(self._waits.items()):
            run = self._core.state.runs.get(run_id)
            due = [ask for ask, until in waits if until <= now or run is None]
            for ask in due:
                if run is not None:
                    self._answer(ask, run)
            left = [(ask, until) for ask, until in waits if until > now and run is not None]
            if left:
                self._waits[run_id] = left
            else:
                del self._waits[run_id]

    def answer_ended(self) -> None:
        """Runs have ended in this turn."""
        ended, self._core.session.ended = self._core.session.ended, []
        for run in ended:
            for ask, _ in self._waits.pop(run.id, ()):
                self._answer(ask, run)

    def _answer(self, ask: Ask, run: Run) -> None:
        self._core.answers.append((ask, p.RunStatus(run=queries.run_row(run))))


class EventWaits:
    """`event.list` with `wait_s`."""

    def __init__(self, core: Core, page: Page, refuse: Refuse) -> None:
        self._core = core
        self._page = page
        self._refuse = refuse
        self._waits: list[tuple[Ask, p.EventList, float]] = []

    def add(self, ask: Ask, request: p.EventList, at: Moment) -> None:
        """It has read everything there is."""
        self._waits.append((ask, request, at.clock + request.wait_s))

    def answer(self, now: float, moved: bool) -> None:
        """`moved`: there are new facts."""
        waits, self._waits = self._waits, []
        for ask, request, until in waits:
            if not moved and until > now:
                self._waits.append((ask, request, until))
                continue
            try:
                page = self._page(request)
            except ProtocolError as refusal:
                self._refuse(ask, refusal)
                continue
            if page.events or until <= now or page.last < page.newest:
                self._core.answers.append((ask, page))
            else:  # nothing on its topic: what was looked at is not looked at again
                further = msgspec.structs.replace(request, after=page.last)
                self._waits.append((ask, further, until))

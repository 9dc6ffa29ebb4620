"""The ledger of schedules: how far each is accounted for, and which of them are paused.

Part of the state: changed by facts alone. An instant of a schedule belongs to it from when the
schedule was loaded; what becomes of it is told by whoever keeps the time, in order, and recorded
here as a mark, `ticked_ts`. A schedule that is changed or removed is retired: it stays until it is
accounted for up to its end, so that no instant falls between two versions of a file. Knows no
calendar and no clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from cdktr_common import schedules
from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.plan import Plan, Schedule

MAX_RETIRED: Final = 200
"""Retired schedules of a workflow that are remembered while nobody accounts for them."""

MAX_PAUSES: Final = 100
"""Pauses of a schedule that are remembered while nobody accounts for it; of more, the two oldest
are taken for one."""

EVERY: Final = ""
"""In place of a workflow: all of them."""


class Planned(msgspec.Struct):
    """A schedule of a workflow; the fields are those of a `ScheduleRow`. `paused_ts` is null when
    it is not paused."""

    workflow: str
    schedule: str
    spec: Schedule
    since_ts: float
    ticked_ts: float
    until_ts: float | None = None
    paused_ts: float | None = None
    pauses: list[list[float]] = []
    state: str = ""
    run: str = ""
    due_ts: float | None = None


class Schedules(msgspec.Struct):
    """Those in force by workflow and id, those retired by workflow, oldest first; and why which
    workflows are paused."""

    current: dict[str, dict[str, Planned]] = {}
    retired: dict[str, list[Planned]] = {}
    pauses: dict[str, str] = {}

    def find(self, workflow: str, schedule: str, due_ts: float) -> Planned | None:
        """The schedule that an instant belongs to: a retired one that is not yet accounted for so
        far, or the one in force."""
        for old in self.retired.get(workflow, ()):
            if old.schedule == schedule and old.until_ts is not None and due_ts <= old.until_ts:
                return old
        return self.current.get(workflow, {}).get(schedule)

    def of(self, workflow: str) -> Iterator[Planned]:
        """All of a workflow, the retired ones first."""
        yield from self.retired.get(workflow, ())
        yield from self.current.get(workflow, {}).values()

    def paused(self, workflow: str) -> bool:
        """Do neither time nor events start it?"""
        return workflow in self.pauses or EVERY in self.pauses

    # What facts do

    def loaded(self, workflow: str, plan: Plan, ts: float) -> None:
        """A workflow is in force: schedules it had before go on."""
        before = self.current.pop(workflow, {})
        now: dict[str, Planned] = {}
        for spec in schedules.of(plan):
            name = schedules.schedule_id(spec)
            known = now.get(name) or before.pop(name, None) or Planned(workflow, name, spec, ts, ts)
            known.spec = spec
            now[name] = known
        if now:
            self.current[workflow] = now
        self._retire(workflow, list(before.values()), ts)
        self._mark_pauses(workflow, ts)

    def removed(self, workflow: str, ts: float) -> None:
        """Its file is gone."""
        self._retire(workflow, list(self.current.pop(workflow, {}).values()), ts)

    def _retire(self, workflow: str, gone: list[Planned], ts: float) -> None:
        for planned in gone:
            planned.until_ts = ts
        kept = [*self.retired.get(workflow, ()), *gone][-MAX_RETIRED:]
        if kept:
            self.retired[workflow] = kept

    def pause(self, fact: f.WorkflowPaused) -> None:
        """Somebody paused or resumed a workflow, or all."""
        if fact.paused:
            self.pauses[fact.workflow] = fact.reason
        else:
            self.pauses.pop(fact.workflow, None)
        for workflow in self.current if fact.workflow == EVERY else [fact.workflow]:
            self._mark_pauses(workflow, fact.ts)

    def _mark_pauses(self, workflow: str, ts: float) -> None:
        whole = self.paused(workflow)
        for planned in self.current.get(workflow, {}).values():
            if (whole or planned.spec.paused) == (planned.paused_ts is not None):
                continue
            if planned.paused_ts is None:
                planned.paused_ts = ts
            else:
                planned.pauses = _with(planned.pauses, planned.paused_ts, ts)
                planned.paused_ts = None

    def ticked(self, fact: f.TickRecorded) -> None:
        """An instant is accounted for."""
        planned = self.find(fact.workflow, fact.schedule, fact.due_ts)
        if planned is not None:
            planned.ticked_ts = planned.due_ts = fact.due_ts
            planned.state, planned.run = fact.state, fact.run
            planned.pauses = [each for each in planned.pauses if each[1] > fact.due_ts]

    def closed(self, fact: f.ScheduleClosed) -> None:
        """A retired one is accounted for up to its end."""
        left = [
            old
            for old in self.retired.get(fact.workflow, ())
            if (old.schedule, old.until_ts) != (fact.schedule, fact.until_ts)
        ]
        self.retired.pop(fact.workflow, None)
        if left:
            self.retired[fact.workflow] = left


def _with(pauses: list[list[float]], begin: float, end: float) -> list[list[float]]:
    found = [*pauses, [begin, max(begin, end)]]
    if len(found) > MAX_PAUSES:
        found[:2] = [[found[0][0], found[1][1]]]
    return found

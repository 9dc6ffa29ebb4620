"""Rows of schedules, folded from pages and from what was told of their instants.

A workflow that is loaded, removed or paused may change its schedules in ways that only the
principal tells: they are stale then, and to be asked for again. Knows no calendar.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from cdktr_common import clean
from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.base import Fact
from cdktr_common.catalogue.principal import SchedulePage
from cdktr_common.catalogue.values import ScheduleRow
from cdktr_tui.model.events import Events
from cdktr_tui.model.keys import SCHEDULES, Key, Keys, concerns

Id = tuple[str, str]
"""A workflow and the schedule's own id."""

_ABOUT: Final = (
    f.TickRecorded, f.ScheduleClosed, f.WorkflowLoaded, f.WorkflowRemoved, f.WorkflowPaused,
)  # fmt: skip


class Schedules:
    """Schedules in force by id, and those `retired` that are not accounted for up to their end.
    ("schedules", workflow) in what is stale: ask for those of the workflow."""

    def __init__(self, events: Events, stale: set[Key]) -> None:
        self.rows: dict[Id, ScheduleRow] = {}
        self.retired: list[ScheduleRow] = []
        self._events = events
        self._stale = stale
        self._asof: dict[str, int] = {}
        self._base = 1 << 62
        """The number of the oldest page that is in here."""

    def page(self, page: SchedulePage, after: str = "", workflow: str | None = None) -> Keys:
        """A page of all schedules asked for with this `after`, or those of a workflow."""
        dirty: Keys = {SCHEDULES}

        def told(name: str) -> bool:
            if workflow is not None:
                return name == workflow
            return name > after and (page.next is None or name <= page.next)

        self.rows = {name: row for name, row in self.rows.items() if not told(name[0])}
        self.retired = [row for row in self.retired if not told(row.workflow)]
        for row in map(_clean, page.schedules):
            self._asof[row.workflow] = page.seq
            if row.until_ts is None:
                self.rows[row.workflow, row.schedule] = row
                dirty.add(("schedule", row.workflow, row.schedule))
            else:
                self.retired.append(row)
        fresh = {key for key in self._stale if key[:1] == SCHEDULES and told("".join(key[1:]))}
        self._stale -= fresh
        if workflow is None and after == "":
            self._stale.discard(SCHEDULES)
            self._base = page.seq
        if self._events.lacks("tick/", page.seq) or self._events.lacks("workflow/", page.seq):
            self._stale.add(SCHEDULES)
        for fact in self._events.after(page.seq):
            of = getattr(fact, "workflow", "")
            if not of or told(of):
                self.fold(fact, dirty)
        return dirty

    def fold(self, fact: Fact, dirty: Keys) -> None:
        """A fact was told."""
        if isinstance(fact, _ABOUT) and self._events.breaks(fact) and self._base < fact.prev:
            self._stale.add(SCHEDULES)
            dirty.add(SCHEDULES)
        match fact:
            case f.TickRecorded() if fact.seq > self._asof.get(fact.workflow, 0):
                self._ticked(fact, dirty)
            case f.ScheduleClosed() if fact.seq > self._asof.get(fact.workflow, 0):
                end = (fact.workflow, fact.schedule, fact.until_ts)
                self.retired = [
                    row for row in self.retired if (row.workflow, row.schedule, row.until_ts) != end
                ]
                dirty.add(SCHEDULES)
            case f.WorkflowLoaded() | f.WorkflowRemoved() if self._changes(fact):
                self._stale.add(("schedules", fact.workflow))
                dirty.add(SCHEDULES)
            case f.WorkflowPaused() if fact.seq > self._asof.get(fact.workflow, 0):
                self._stale.add(("schedules", fact.workflow) if fact.workflow else SCHEDULES)
                dirty.add(SCHEDULES)

    def _changes(self, fact: f.WorkflowLoaded | f.WorkflowRemoved) -> bool:
        if fact.seq <= self._asof.get(fact.workflow, 0):
            return False
        had = any(workflow == fact.workflow for workflow, _ in self.rows)
        plan = fact.plan if isinstance(fact, f.WorkflowLoaded) else None
        return had or (plan is not None and bool(plan.schedules or plan.cron))

    def _ticked(self, fact: f.TickRecorded, dirty: Keys) -> None:
        dirty.add(("schedule", fact.workflow, fact.schedule))
        for place, old in enumerate(self.retired):
            ours = (old.workflow, old.schedule) == (fact.workflow, fact.schedule)
            if ours and old.until_ts is not None and fact.due_ts <= old.until_ts:
                self.retired[place] = _after(old, fact)
                return
        row = self.rows.get((fact.workflow, fact.schedule))
        if row is not None:
            self.rows[fact.workflow, fact.schedule] = _after(row, fact)

    def missed(self, topic: str) -> Keys:
        """Facts of these topics were not told, or will not be."""
        about = concerns(topic, "tick/") or concerns(topic, "workflow/")
        if not (about and (self.rows or self.retired)):
            return set()
        self._stale.add(SCHEDULES)
        return {SCHEDULES}


def _after(row: ScheduleRow, fact: f.TickRecorded) -> ScheduleRow:
    coming = row.next_ts if row.next_ts is not None and row.next_ts > fact.due_ts else None
    return replace(
        row, ticked_ts=fact.due_ts, due_ts=fact.due_ts, state=fact.state, run=fact.run,
        pauses=[each for each in row.pauses if each[1] > fact.due_ts], next_ts=coming,
    )  # fmt: skip


def _clean(row: ScheduleRow) -> ScheduleRow:
    spec = row.spec
    texts = (spec.cron, spec.at, spec.timezone, spec.start, spec.end)
    if all(text.isascii() and text.isprintable() for text in texts):
        return row
    cron, at, timezone, start, end = map(clean.line, texts)
    spec = replace(spec, cron=cron, at=at, timezone=timezone, start=start, end=end)
    return replace(row, spec=spec)

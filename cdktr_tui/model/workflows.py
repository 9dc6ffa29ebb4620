"""Rows of workflows, with strips of their last runs, folded from pages and facts.

Facts about a workflow and about its runs come on two topics, each in order by itself: a row is true
as of a number on each. What cannot be told from facts, as when it fires next, makes the row stale.
Knows no plan beyond its row, and no order but that of ids.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from cdktr_common import clean, schedules
from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.base import Fact
from cdktr_common.catalogue.principal import WorkflowPage
from cdktr_common.catalogue.values import RunMark, WorkflowRow
from cdktr_tui.model.events import Events
from cdktr_tui.model.keys import WORKFLOWS, Key, Keys, concerns

STRIP: Final = 14
"""Runs in a strip."""

TOPIC: Final = "workflow/"

EVERY: Final = ""
"""In place of a workflow: all of them."""

Live = dict[str, tuple[bool, bool]]
"""Runs of a workflow that are not over: has one begun, is it queued?"""

_ABOUT: Final = (f.WorkflowLoaded, f.WorkflowBroken, f.WorkflowRemoved)
_STARTS: Final = (f.TaskAssigned, f.TaskExpanded, f.TaskCalled)


class Workflows:
    """Workflows by id. `paused`: all are. `strip`: how many runs `last` holds at most."""

    def __init__(self, events: Events, stale: set[Key]) -> None:
        self.rows: dict[str, WorkflowRow] = {}
        self.paused = False
        self.strip = STRIP
        self._events = events
        self._stale = stale
        self._asof: dict[str, int] = {}
        self._runs_asof: dict[str, int] = {}
        self._base: dict[str, int] = {}
        self._live: dict[str, Live] = {}
        self._pauses: dict[str, str] = {}

    @property
    def order(self) -> list[str]:
        """All ids, sorted."""
        return sorted(self.rows)

    # Answers

    def page(self, page: WorkflowPage, after: str | None = "") -> Keys:
        """A page of all workflows, asked for with this `after`: those between it and `next` that
        are not in it are no more. With None: some workflows, as those of a pattern or of a pause;
        the others stay."""
        dirty: Keys = set()
        self.paused = page.paused
        for row in page.workflows:
            self._take(row, page, dirty)
        if after is not None:
            told = {row.workflow for row in page.workflows}
            for name in [n for n in self.rows if n > after and (not page.next or n <= page.next)]:
                if name not in told and self._asof[name] <= page.seq:
                    self._remove(name, dirty)
            if page.next is None:
                self._stale.discard(WORKFLOWS)
        for fact in self._events.after(page.seq):
            self.fold(fact, dirty)
        return dirty

    def _take(self, row: WorkflowRow, page: WorkflowPage, dirty: Keys) -> None:
        name, key = row.workflow, ("workflow", row.workflow)
        sure = key not in self._stale and WORKFLOWS not in self._stale
        if sure and self._asof.get(name, -1) > page.seq and name in self.rows:
            row = _with_fields(row, self.rows[name])
        else:
            self._asof[name] = page.seq
        self._stale.discard(key)
        self._runs_asof[name] = self._base[name] = page.seq
        if self._events.lacks(f"run/{name}/", page.seq) or self._events.lacks(TOPIC, page.seq):
            self._stale.add(key)
        if not page.paused:
            self._pauses.pop(EVERY, None)
            self._pauses.pop(name, None)
            if row.paused:
                self._pauses[name] = row.paused_reason
        self._live[name] = self._not_over(row, self._live.get(name, {}) if sure else {})
        self._put(_clean(row), dirty)

    def _not_over(self, row: WorkflowRow, before: Live) -> Live:
        """Its runs as the strip says, and as is known of those that are older."""
        shown = {mark.run for mark in row.last}
        older = {run: known for run, known in before.items() if run not in shown}
        return older | {
            mark.run: (mark.started_ts is not None, False)
            for mark in row.last
            if mark.ended_ts is None and not (mark.started_ts is None and row.queued)
        }

    def _put(self, row: WorkflowRow, dirty: Keys) -> None:
        before = self.rows.get(row.workflow)
        if before is None:
            dirty.add(WORKFLOWS)
        if before != row:
            self.rows[row.workflow] = row
            dirty.add(("workflow", row.workflow))

    def _remove(self, name: str, dirty: Keys) -> None:
        for of in (self.rows, self._live, self._base):
            of.pop(name, None)
        self._stale.discard(("workflow", name))
        dirty |= {WORKFLOWS, ("workflow", name)}

    # Facts

    def fold(self, fact: Fact, dirty: Keys) -> None:
        """A fact was told."""
        if isinstance(fact, f.RunFact | f.RunCreated):
            row = self.rows.get(fact.workflow)
            base = self._base.get(fact.workflow, 0)
            if row is not None and base < fact.prev and self._events.breaks(fact):
                self._unsure(row, dirty)
            if row is not None and fact.seq > self._runs_asof.get(fact.workflow, 0):
                self._runs_asof[fact.workflow] = fact.seq
                self._of_run(row, fact, dirty)
        elif isinstance(fact, _ABOUT):
            self._check(fact, dirty)
            if fact.seq > self._asof.get(fact.workflow, 0):
                self._asof[fact.workflow] = fact.seq
                self._of_workflow(fact, dirty)
        elif isinstance(fact, f.WorkflowPaused):
            self._check(fact, dirty)
            self._of_pause(fact, dirty)
        elif isinstance(fact, f.TickRecorded):
            row = self.rows.get(fact.workflow)
            if row is not None and row.next_ts is not None and row.next_ts <= fact.due_ts:
                self._unsure(row, dirty)

    def _check(self, fact: Fact, dirty: Keys) -> None:
        if self._events.breaks(fact) and any(base < fact.prev for base in self._base.values()):
            self._stale.add(WORKFLOWS)
            dirty.add(WORKFLOWS)

    def _unsure(self, row: WorkflowRow, dirty: Keys) -> None:
        key = ("workflow", row.workflow)
        self._stale.add(key)
        dirty.add(key)

    def _of_run(self, row: WorkflowRow, fact: f.RunFact | f.RunCreated, dirty: Keys) -> None:
        live = self._live.setdefault(row.workflow, {})
        if isinstance(fact, f.RunCreated):
            live[fact.run] = (False, fact.queued)
            mark = RunMark(run=fact.run, state="PENDING", created_ts=fact.ts)
            last = [*row.last, mark][-self.strip :]
            self._put(replace(row, last=last, queued=row.queued + fact.queued), dirty)
        elif isinstance(fact, _STARTS) and not live.get(fact.run, (False, False))[0]:
            known = fact.run in live
            live[fact.run] = (True, False)
            if not known:
                self._unsure(row, dirty)  # it may have begun long ago
            row = replace(row, running=row.running + known)
            self._put(_marked(row, fact.run, state="RUNNING", started_ts=fact.ts), dirty)
        elif isinstance(fact, f.RunAdmitted):
            known = live.get(fact.run, (False, False))[1]
            live[fact.run] = (False, False)
            if not known:
                self._unsure(row, dirty)
            self._put(replace(row, queued=row.queued - known), dirty)
        elif isinstance(fact, f.RunEnded):
            if fact.run not in live:
                self._unsure(row, dirty)
            begun, queued = live.pop(fact.run, (False, False))
            row = replace(row, running=row.running - begun, queued=row.queued - queued)
            self._put(_marked(row, fact.run, state=fact.state, ended_ts=fact.ts), dirty)

    def _of_workflow(self, fact: Fact, dirty: Keys) -> None:
        match fact:
            case f.WorkflowLoaded():
                self._put(self._loaded(fact), dirty)
            case f.WorkflowBroken():
                row = self.rows.get(fact.workflow)
                if row is None:
                    row = self._told(WorkflowRow(workflow=fact.workflow, file=fact.file))
                self._put(_clean(replace(row, broken=fact.faults)), dirty)
            case f.WorkflowRemoved():
                if fact.workflow in self.rows:
                    self._remove(fact.workflow, dirty)

    def _loaded(self, fact: f.WorkflowLoaded) -> WorkflowRow:
        plan, before = fact.plan, self.rows.get(fact.workflow)
        heard = dict.fromkeys([*plan.events, *(one.event for one in plan.listeners)])
        row = WorkflowRow(
            workflow=fact.workflow, name=plan.name, description=plan.description,
            tasks=len(plan.tasks), events=list(heard), schedule=schedules.summary(plan),
            hash=fact.hash, file=fact.file, loaded_ts=fact.ts,
        )  # fmt: skip
        if before is not None:
            row = replace(row, last=before.last, running=before.running, queued=before.queued)
            if before.schedule == row.schedule:
                row = replace(row, next_ts=before.next_ts)
        if before is None or (row.schedule and row.next_ts is None):
            self._stale.add(("workflow", fact.workflow))  # what it had of runs, when it fires next
        return _clean(self._told(row))

    def _told(self, row: WorkflowRow) -> WorkflowRow:
        """With what is known of its pause."""
        paused = self.paused or row.workflow in self._pauses
        reason = self._pauses.get(row.workflow) or self._pauses.get(EVERY, "")
        if paused and not self._pauses.keys() & {row.workflow, EVERY}:
            self._stale.add(("workflow", row.workflow))  # the page did not say why all are
        return replace(row, paused=paused, paused_reason=clean.line(reason))

    def _of_pause(self, fact: f.WorkflowPaused, dirty: Keys) -> None:
        if fact.paused:
            self._pauses[fact.workflow] = fact.reason
        else:
            self._pauses.pop(fact.workflow, None)
        if fact.workflow == EVERY:
            if self.paused and not fact.paused:
                self._stale.add(WORKFLOWS)  # which were paused one by one, too?
            self.paused = fact.paused
            dirty.add(WORKFLOWS)
        for name in list(self.rows) if fact.workflow == EVERY else [fact.workflow]:
            row = self.rows.get(name)
            if row is not None and fact.seq > self._asof[name]:
                self._asof[name] = fact.seq
                self._put(self._told(row), dirty)

    def missed(self, topic: str) -> Keys:
        """Facts of these topics were not told, or will not be."""
        if concerns(topic, TOPIC) or topic == "run/":
            keys = {WORKFLOWS} if self.rows else set()
        else:
            names = (name for name in self.rows if concerns(topic, f"run/{name}/"))
            keys = {("workflow", name) for name in names}
        self._stale |= keys
        return keys


def _with_fields(row: WorkflowRow, newer: WorkflowRow) -> WorkflowRow:
    """What runs say from the first, the rest from the second."""
    return replace(
        newer, last=row.last, running=row.running, queued=row.queued, next_ts=row.next_ts
    )


def _marked(row: WorkflowRow, run: str, **changed: object) -> WorkflowRow:
    for place in range(len(row.last) - 1, -1, -1):
        if row.last[place].run == run:
            last = list(row.last)
            last[place] = replace(last[place], **changed)
            return replace(row, last=last)
    return row


def _clean(row: WorkflowRow) -> WorkflowRow:
    told = (row.name, row.description, row.file, row.paused_reason, *row.events)
    if all(text.isascii() and text.isprintable() for text in told) and not row.broken:
        return row
    line = clean.line
    broken = [
        replace(each, file=line(each.file), what=line(each.what), hint=line(each.hint))
        for each in row.broken
    ]
    return replace(
        row, name=line(row.name), description=line(row.description), file=line(row.file),
        paused_reason=line(row.paused_reason), events=[line(one) for one in row.events],
        broken=broken,
    )  # fmt: skip

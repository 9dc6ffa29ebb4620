"""Tasks of the runs that are looked at, with their attempts and the plan of each.

A run is open from when somebody wants to see it: from then on facts about it are kept, so that
pages that come later than they do are as true as they are. Few are open at once; of more the one
that was used longest ago is closed. Knows no picture.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final

from msgspec.structs import replace

from cdktr_common import clean
from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.base import Fact
from cdktr_common.catalogue.principal import RunDetail, TaskPage
from cdktr_common.catalogue.values import TaskPlan, TaskRow
from cdktr_tui.model import attempts
from cdktr_tui.model.events import Events
from cdktr_tui.model.keys import Key, Keys, concerns
from cdktr_tui.model.shape import Shape

OPEN: Final = 4
"""Runs that are open at once."""

FACTS: Final = 5_000
"""Facts of an open run that are kept for pages that are underway."""


class OpenRun:
    """One run that is looked at. `plans` holds the plans also of what groups have made; `detail` is
    null until it was told; `whole`: all its tasks are in `rows`. `unsure` is the number of the last
    fact that could not be folded: only pages of after it are true."""

    def __init__(self, run: str) -> None:
        self.run = run
        self.detail: RunDetail | None = None
        self.rows: dict[str, TaskRow] = {}
        self.plans: dict[str, TaskPlan] = {}
        self.whole = False
        self.unsure = 0
        self._shape: Shape | None = None
        self._facts: deque[f.RunFact] = deque(maxlen=FACTS)
        self._asof: dict[str, int] = {}
        self._doubted: set[str] = set()
        self._bases: dict[int, int] = {}
        self._places: dict[str, int] = {}
        self._size = 0
        self._come = 0
        self._order: list[str] | None = None

    @property
    def order(self) -> list[str]:
        """The tasks that are known, in the order of the plan, then of the groups that made them."""
        if self._order is None:
            self._order = sorted(self.rows, key=self._places.__getitem__)
        return self._order

    def take_detail(self, detail: RunDetail, dirty: Keys) -> None:
        if self.detail is not None and self.detail.seq > detail.seq:
            return
        self.detail = detail
        self._shape = Shape(detail.plan, None if detail.run.retry_of else frozenset())
        self.plans = {task.id: task for task in detail.plan.tasks} | {
            name: plan for name, plan in self.plans.items() if name in self.rows
        }
        self._size = detail.run.tasks
        dirty.add(("tasks", self.run))
        for fact in self._facts:
            if fact.seq > detail.seq and isinstance(fact, f.TaskExpanded):
                self._expand(fact, dirty)

    def take_page(self, page: TaskPage, after: int, dirty: Keys) -> None:
        for place, row in enumerate(page.tasks, after):
            newer = self._asof.get(row.task, -1) > page.seq
            if newer and row.task not in self._doubted and self._places.get(row.task) == place:
                continue
            self._doubted.discard(row.task)
            self._put(_clean(row), place, page.seq, dirty)
        self._bases[after] = page.seq
        if after <= self._come:
            self._come = max(self._come, after + len(page.tasks))
            self.whole = self.whole or page.next is None
        for fact in self._facts:
            if fact.seq > page.seq:
                self.apply(fact, dirty)

    def doubt(self) -> Key:
        """Something was missed: what comes in pages counts, whatever is known."""
        self._doubted = set(self.rows)
        return ("tasks", self.run)

    def hear(self, fact: f.RunFact, dirty: Keys) -> None:
        self._facts.append(fact)
        if isinstance(fact, f.TaskExpanded) and self.detail is not None:
            self._expand(fact, dirty)
        self.apply(fact, dirty)

    def apply(self, fact: f.RunFact, dirty: Keys) -> None:
        if not isinstance(fact, attempts.OF_TASK):
            return
        row = self.rows.get(fact.task)
        if row is not None and fact.seq > self._asof[fact.task]:
            self._asof[fact.task] = fact.seq
            self.rows[fact.task] = attempts.after(row, fact, self.plan(fact.task))
            dirty.add(("task", self.run, fact.task))

    def plan(self, task: str) -> TaskPlan | None:
        """The plan of a task, also of one that a group has made."""
        known = self.plans.get(task)
        if known is None and self._shape is not None:
            known = self._shape.body(task)
            if known is not None:
                self.plans[task] = known
        return known

    def lacks(self, seq: int) -> bool:
        """Were facts after `seq` forgotten?"""
        return len(self._facts) == FACTS and self._facts[0].seq > seq

    @property
    def base(self) -> int:
        """The number of the oldest page that is in here."""
        return min(self._bases.values(), default=1 << 62)

    def _expand(self, fact: f.TaskExpanded, dirty: Keys) -> None:
        assert self._shape is not None and self.detail is not None
        if fact.seq <= self.detail.seq:
            return
        made = self._shape.made(fact.task, fact.items)
        first, self._size = self._size, self._size + len(made)
        if self._shape.reused is None:  # which are over already is for the principal to say
            self.unsure = max(self.unsure, fact.seq)
            return
        for place, plan in enumerate(made, first):
            self.plans[plan.id] = plan
            if self._asof.get(plan.id, -1) < fact.seq:
                row = TaskRow(
                    task=plan.id, state="PENDING", name=plan.name, depends=plan.depends,
                    group=fact.task,
                )  # fmt: skip
                self._put(_clean(row), place, fact.seq, dirty)

    def _put(self, row: TaskRow, place: int, seq: int, dirty: Keys) -> None:
        if self._places.get(row.task) != place:
            self._places[row.task] = place
            self._order = None
            dirty.add(("tasks", self.run))
        if self.rows.get(row.task) != row:
            dirty.add(("task", self.run, row.task))
        self.rows[row.task] = row
        self._asof[row.task] = seq


class Tasks:
    """Runs that are open, by id."""

    def __init__(self, events: Events, stale: set[Key]) -> None:
        self._events = events
        self._stale = stale
        self._open: dict[str, OpenRun] = {}

    @property
    def runs(self) -> Mapping[str, OpenRun]:
        return self._open

    def open(self, run: str) -> OpenRun:
        """Before its detail and pages are asked for, and after its topic is followed."""
        known = self._open.pop(run, None) or OpenRun(run)
        self._open[run] = known
        while len(self._open) > OPEN:
            self.close(next(iter(self._open)))
        return known

    def close(self, run: str) -> None:
        """Nobody looks at it any more."""
        self._open.pop(run, None)
        self._stale.discard(("tasks", run))

    def detail(self, detail: RunDetail) -> Keys:
        """The run and its plan."""
        dirty: Keys = set()
        run = self.open(detail.run.run)
        before = run.unsure
        run.take_detail(detail, dirty)
        if run.unsure > before:
            self._stale.add(("tasks", run.run))
        return dirty

    def page(self, page: TaskPage, after: int = 0) -> Keys:
        """Some of its tasks; `after`: what the page was asked for."""
        dirty: Keys = set()
        run = self.open(page.run)
        if after == 0:
            self._stale.discard(("tasks", page.run))
        run.take_page(page, after, dirty)
        of = run.detail.run.workflow if run.detail is not None else ""
        missed = self._events.lacks(f"run/{of}/", page.seq) or run.lacks(page.seq)
        if missed or run.unsure > page.seq:
            self._stale.add(run.doubt())
        return dirty

    def fold(self, fact: Fact, dirty: Keys) -> None:
        """A fact was told."""
        if not self._open or not isinstance(fact, f.RunFact | f.RunCreated):
            return
        if self._events.breaks(fact):
            for each in self._open.values():
                about = each.detail is None or each.detail.run.workflow == fact.workflow
                if about and each.base < fact.prev:
                    self._stale.add(each.doubt())
                    dirty.add(("tasks", each.run))
        run = self._open.get(fact.run)
        if run is not None and isinstance(fact, f.RunFact):
            run.hear(fact, dirty)
            if run.unsure == fact.seq:
                self._stale.add(("tasks", fact.run))
                dirty.add(("tasks", fact.run))

    def missed(self, topic: str) -> Keys:
        """Facts of these topics were not told, or will not be."""
        keys: Keys = {run.doubt() for run in self._missed(topic)}
        self._stale |= keys
        return keys

    def _missed(self, topic: str) -> Iterable[OpenRun]:
        for known in self._open.values():
            of = "" if known.detail is None else known.detail.run.workflow
            if not of or concerns(topic, f"run/{of}/"):
                yield known


def _clean(row: TaskRow) -> TaskRow:
    texts = [row.name, row.reason, *(attempt.reason for attempt in row.attempts)]
    if all(text.isascii() and text.isprintable() for text in texts):
        return row
    told = [replace(each, reason=clean.line(each.reason)) for each in row.attempts]
    return replace(row, name=clean.line(row.name), reason=clean.line(row.reason), attempts=told)

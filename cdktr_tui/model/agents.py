"""Rows of agents with their last samples of load, and what those that are looked at work on.

Facts tell who is there; how much it has to do is told once a second (`Loads`). Knows no picture.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from cdktr_common import clean
from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.base import Fact
from cdktr_common.catalogue.principal import AgentDetail, AgentPage
from cdktr_common.catalogue.values import AgentRow, AgentTask
from cdktr_tui.feed.items import Loads
from cdktr_tui.model.events import Events
from cdktr_tui.model.keys import AGENTS, Key, Keys, concerns

MOST: Final = 1_000
"""Agents that are kept; of more those that are gone go."""

SAMPLES: Final = 60
SAMPLE_S: Final = 5.0
"""Of the CPU so many are kept, so far apart."""

About = f.AgentJoined | f.AgentChanged | f.AgentDraining
_ABOUT: Final = (f.AgentJoined, f.AgentChanged, f.AgentDraining)
_ENDS: Final = (f.TaskReleased, f.TaskCrashed, f.TaskRetrying, f.TaskEnded)


class Agents:
    """Agents by name; `tasks` are those of the agents of which the detail was asked for, the oldest
    first, as far as facts about their runs are followed."""

    def __init__(self, events: Events, stale: set[Key]) -> None:
        self.rows: dict[str, AgentRow] = {}
        self.tasks: dict[str, list[AgentTask]] = {}
        self._events = events
        self._stale = stale
        self._asof: dict[str, int] = {}
        self._base = 0
        self._sampled: dict[str, float] = {}
        self._aids: dict[str, str] = {}
        self._drains: dict[str, str] = {}

    @property
    def order(self) -> list[str]:
        """All names, sorted."""
        return sorted(self.rows)

    # Answers

    def page(self, page: AgentPage) -> Keys:
        """All agents."""
        dirty: Keys = set()
        sure = AGENTS not in self._stale
        self._base = page.seq
        self._stale.discard(AGENTS)
        if self._events.lacks("agent/", page.seq):
            self._stale.add(AGENTS)
        for row in page.agents:
            self._take(row, page.seq, sure, dirty)
        told = {row.agent for row in page.agents}
        for name in [name for name in self.rows if name not in told]:
            if self._asof.get(name, 0) <= page.seq:
                self._forget(name, dirty)
        for fact in self._events.after(page.seq):
            if not isinstance(fact, f.RunFact):
                self.fold(fact, dirty)
        return dirty

    def detail(self, detail: AgentDetail) -> Keys:
        """One agent and its tasks."""
        dirty: Keys = set()
        name = detail.agent.agent
        self._take(detail.agent, detail.seq, AGENTS not in self._stale, dirty)
        self.tasks[name] = [_clean_task(task) for task in detail.tasks]
        dirty.add(("agent", name))
        for fact in self._events.after(detail.seq):
            self.fold(fact, dirty)
        return dirty

    def _take(self, row: AgentRow, seq: int, sure: bool, dirty: Keys) -> None:
        before, asof = self.rows.get(row.agent), seq
        if before is not None:
            if sure and self._asof.get(row.agent, -1) > seq:
                asof = self._asof[row.agent]
                row = replace(
                    row, state=before.state, host=before.host, version=before.version,
                    slots=before.slots, labels=before.labels, reason=before.reason,
                    drain=before.drain,
                )  # fmt: skip
            if (before.heard_ts or 0) > (row.heard_ts or 0):
                row = _loaded(row, before)
            if len(before.cpu) > len(row.cpu):
                row = replace(row, cpu=before.cpu)
        self._asof[row.agent] = asof
        if row.cpu and row.heard_ts is not None:
            self._sampled.setdefault(row.agent, row.heard_ts)
        self._put(_clean(row), dirty)

    def loads(self, loads: Loads) -> Keys:
        """Agents that were heard of."""
        dirty: Keys = set()
        for row in loads.agents:
            before = self.rows.get(row.agent)
            cpu = list(before.cpu) if before is not None else []
            heard = row.heard_ts
            due = self._sampled.get(row.agent, 0.0) + SAMPLE_S - 0.5
            if row.load is not None and heard is not None and heard >= due:
                self._sampled[row.agent] = heard
                cpu = [*cpu, row.load.cpu_pct][-SAMPLES:]
            self._put(_clean(replace(row, cpu=cpu)), dirty)
        return dirty

    # Facts

    def fold(self, fact: Fact, dirty: Keys) -> None:
        """A fact was told."""
        if isinstance(fact, f.RunFact):
            if self.tasks:
                self._of_task(fact, dirty)
        elif isinstance(fact, _ABOUT):
            if self._events.breaks(fact) and self._base < fact.prev and self.rows:
                self._stale.add(AGENTS)
                dirty.add(AGENTS)
            if fact.seq > self._asof.get(fact.agent, 0):
                self._of_agent(fact, dirty)

    def _of_agent(self, fact: About, dirty: Keys) -> None:
        row = self.rows.get(fact.agent)
        self._asof[fact.agent] = fact.seq
        if isinstance(fact, f.AgentJoined):
            self._put(self._joined(fact, row), dirty)
        elif row is None:
            self._stale.add(AGENTS)
        elif isinstance(fact, f.AgentChanged):
            self._put(replace(row, state=fact.state, reason=clean.line(fact.reason)), dirty)
        else:
            self._drains[fact.agent] = fact.reason
            self._put(replace(row, drain=fact.drain), dirty)

    def _joined(self, fact: f.AgentJoined, before: AgentRow | None) -> AgentRow:
        row = AgentRow(
            agent=fact.agent, state="ready", slots=fact.slots, labels=fact.labels, host=fact.host,
            version=fact.version,
        )  # fmt: skip
        if before is not None:
            row = _loaded(row, before)
            row = replace(row, cpu=before.cpu)
            if self._aids.get(fact.agent, fact.aid) == fact.aid:
                row = replace(row, losses=before.losses)
                if before.drain:
                    known = before.reason if before.state == "draining" else ""
                    reason = self._drains.get(fact.agent, known)
                    if not reason:
                        self._stale.add(AGENTS)  # there may be one
                    row = replace(row, state="draining", drain=True, reason=reason)
        self._aids[fact.agent] = fact.aid
        return _clean(row)

    def _of_task(self, fact: f.RunFact, dirty: Keys) -> None:
        if isinstance(fact, f.TaskAssigned) and fact.agent in self.tasks:
            held = self.tasks[fact.agent]
            if all((task.run, task.task) != (fact.run, fact.task) for task in held):
                new = AgentTask(
                    run=fact.run, workflow=fact.workflow, task=fact.task, n=fact.n,
                    since_ts=fact.ts, slots=fact.slots, name=fact.name,
                )  # fmt: skip
                self.tasks[fact.agent] = [*held, _clean_task(new)]
                dirty.add(("agent", fact.agent))
        elif isinstance(fact, _ENDS) and fact.agent in self.tasks:
            held = self.tasks[fact.agent]
            left = [task for task in held if (task.run, task.task) != (fact.run, fact.task)]
            if len(left) < len(held):
                self.tasks[fact.agent] = left
                dirty.add(("agent", fact.agent))

    def missed(self, topic: str) -> Keys:
        """Facts of these topics were not told, or will not be."""
        if not (self.rows and concerns(topic, "agent/")):
            return set()
        self._stale.add(AGENTS)
        return {AGENTS}

    # What there is

    def _put(self, row: AgentRow, dirty: Keys) -> None:
        before = self.rows.get(row.agent)
        if before is None:
            dirty.add(AGENTS)
        if before != row:
            self.rows[row.agent] = row
            dirty.add(("agent", row.agent))
        if before is None and len(self.rows) > MOST:
            gone = next((n for n, each in self.rows.items() if each.state == "gone"), None)
            if gone is not None:
                self._forget(gone, dirty)

    def _forget(self, name: str, dirty: Keys) -> None:
        for of in (self.rows, self.tasks, self._asof, self._sampled, self._aids, self._drains):
            of.pop(name, None)
        dirty |= {AGENTS, ("agent", name)}


def _loaded(row: AgentRow, told: AgentRow) -> AgentRow:
    """The row with what is told every second, as of another."""
    return replace(
        row, load=told.load, heard_ts=told.heard_ts, running=told.running, busy=told.busy
    )


def _clean_task(task: AgentTask) -> AgentTask:
    return replace(task, name=clean.line(task.name)) if task.name else task


def _clean(row: AgentRow) -> AgentRow:
    texts = (row.host, row.version, row.reason, *row.labels)
    if all(text.isascii() and text.isprintable() for text in texts):
        return row
    line = clean.line
    return replace(
        row, host=line(row.host), version=line(row.version), reason=line(row.reason),
        labels=[line(label) for label in row.labels],
    )  # fmt: skip

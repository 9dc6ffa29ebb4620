"""Rows of runs, folded from pages and from the facts that came after them.

A row is true as of a number: facts up to it are in it and change nothing more. What cannot be
folded, since the plan of the run is not known or facts were missed, makes the row `stale`: it is
shown as it was and to be asked for again (`run.show`). Knows no filter and no order of a view.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from cdktr_common import clean
from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.base import Fact
from cdktr_common.catalogue.principal import RunDetail, RunPage
from cdktr_common.catalogue.values import RunRow
from cdktr_tui.model import shape
from cdktr_tui.model.events import Events
from cdktr_tui.model.keys import RUNS, Key, Keys, concerns
from cdktr_tui.model.shape import Shape

KEPT: Final = 2_000
"""Rows that are kept of what facts tell; of more the oldest that have ended go."""

MOST: Final = 10_000
"""Rows that are kept of what was asked for."""

UNKNOWN: Final = 1_000
"""Runs that are remembered to be without a row."""

_SLACK: Final = 100
"""So many more may be there for a moment."""

FINAL: Final = frozenset({"COMPLETED", "FAILED", "CANCELLED"})


class Runs:
    """Runs by id. `agents` are those that attempts of a run were seen on; `unknown` runs of which
    facts told and that have no row, with their workflows."""

    def __init__(self, events: Events, stale: set[Key]) -> None:
        self.rows: dict[str, RunRow] = {}
        self.agents: dict[str, set[str]] = {}
        self.unknown: dict[str, str] = {}
        self.most = KEPT
        self._events = events
        self._stale = stale
        self._asof: dict[str, int] = {}
        self._base: dict[str, int] = {}
        """What a row is folded from: the number of its page, or of the fact that made it."""
        self._live: dict[str, set[str]] = {}
        """By workflow: runs that are not over."""
        self._shapes: dict[str, Shape] = {}
        self._order: list[str] | None = None
        self._crowd = 0
        """Runs that are not over, when it was counted last: they stay, however many there are."""

    @property
    def order(self) -> list[str]:
        """All runs, the newest first. Not to be changed."""
        if self._order is None:
            self._order = sorted(self.rows, key=lambda run: -self.rows[run].seq)
        return self._order

    # Answers

    def page(self, page: RunPage, agent: str | None = None) -> Keys:
        """Rows as the principal has them; `agent`: what the page was asked for."""
        later = _by_run(self._events.after(page.seq))
        dirty: Keys = set()
        for row in page.runs:
            self._take(row, page.seq, later.get(row.run, ()), dirty)
            if agent is not None:
                self.agents.setdefault(row.run, set()).add(agent)
        self._bound(asked=True)
        return dirty

    def detail(self, detail: RunDetail) -> Keys:
        """A row with its plan: from now on everything can be folded on it."""
        run, dirty = detail.run.run, set[Key]()
        if detail.run.state not in FINAL and run not in self._shapes:
            self._shapes[run] = Shape(detail.plan, None if detail.run.retry_of else frozenset())
        later = _by_run(self._events.after(detail.seq))
        self._take(detail.run, detail.seq, later.get(run, ()), dirty)
        self._bound(asked=True)
        return dirty

    def history(self, rows: Iterable[RunRow], agent: str | None = None) -> Keys:
        """Rows as the recorder has them, of runs that the principal has forgotten."""
        dirty: Keys = set()
        for row in rows:
            if row.run not in self.rows:
                self._take(row, 0, (), dirty)
            if agent is not None:
                self.agents.setdefault(row.run, set()).add(agent)
        self._bound(asked=True)
        return dirty

    def _take(self, row: RunRow, seq: int, later: Iterable[Fact], dirty: Keys) -> None:
        run, key = row.run, ("run", row.run)
        if self._asof.get(run, -1) > seq and key not in self._stale:
            return
        self._stale.discard(key)
        self.unknown.pop(run, None)
        before = self.rows.get(run)
        row = _clean(row)
        if row != before:
            dirty.add(key)
        self.rows[run] = row
        self._asof[run] = self._base[run] = seq
        self._live.setdefault(row.workflow, set()).add(run)
        if row.state in FINAL:
            self._over(row)
        if before is None or before.seq != row.seq:
            self._order = None
            dirty.add(RUNS)
        if row.state not in FINAL and self._events.lacks(f"run/{row.workflow}/", seq):
            self._stale.add(key)
        for fact in later:
            self._apply(fact, dirty)

    # Facts

    def fold(self, fact: Fact, dirty: Keys) -> None:
        """A fact was told."""
        if isinstance(fact, f.RunFact | f.RunCreated):
            if self._events.breaks(fact):
                for run in self._live.get(fact.workflow, ()):
                    if self._base[run] < fact.prev:
                        self._stale.add(("run", run))
                        dirty.add(("run", run))
            self._apply(fact, dirty)

    def _apply(self, fact: Fact, dirty: Keys) -> None:
        if isinstance(fact, f.RunCreated):
            self._created(fact, dirty)
        elif isinstance(fact, f.RunFact):
            row = self.rows.get(fact.run)
            if row is None:
                self._heard_of(fact, dirty)
            elif fact.seq > self._asof[fact.run]:
                self._asof[fact.run] = fact.seq
                after = self._after(row, fact)
                if after is not row:
                    self.rows[fact.run] = after
                    dirty.add(("run", fact.run))

    def _created(self, fact: f.RunCreated, dirty: Keys) -> None:
        run = fact.run
        if run in self.rows:
            return
        known = self._shapes[run] = shape.of_created(fact)
        reused = known.reused or ()
        self.unknown.pop(run, None)
        self.rows[run] = _clean(
            RunRow(
                run=run, workflow=fact.workflow, name=fact.plan.name, state="PENDING",
                event=fact.event, created_ts=fact.ts, tasks=len(fact.plan.tasks), seq=fact.seq,
                done=sum(task.id in reused for task in fact.plan.tasks), queued=fact.queued,
                parent=fact.parent, retry_of=fact.retry_of, tick=fact.tick,
            )
        )  # fmt: skip
        self._asof[run] = self._base[run] = fact.seq
        self._live.setdefault(fact.workflow, set()).add(run)
        if self._order is not None:
            if not self._order or self.rows[self._order[0]].seq < fact.seq:
                self._order.insert(0, run)
            else:
                self._order = None
        dirty |= {RUNS, ("run", run)}
        self._bound(asked=False)

    def _heard_of(self, fact: f.RunFact, dirty: Keys) -> None:
        if fact.run not in self.unknown:
            self.unknown[fact.run] = fact.workflow
            if len(self.unknown) > UNKNOWN:
                del self.unknown[next(iter(self.unknown))]
            dirty.add(RUNS)

    def _after(self, row: RunRow, fact: f.RunFact) -> RunRow:
        match fact:
            case f.TaskAssigned():
                self.agents.setdefault(row.run, set()).add(fact.agent)
                return _started(row, fact.ts)
            case f.TaskEnded(state="FAILED"):
                return self._failed(row, fact)
            case f.TaskEnded() | f.TaskSkipped():
                return replace(row, done=row.done + 1)
            case f.TaskExpanded():
                return self._expanded(_started(row, fact.ts), fact)
            case f.TaskCalled():
                return _started(row, fact.ts)
            case f.RunAdmitted():
                return replace(row, queued=False)
            case f.RunCancelling():
                if row.reason or not fact.reason:
                    return row
                return replace(row, reason=clean.line(fact.reason))
            case f.RunSettled():
                return replace(row, settled=True)
            case f.RunEnded():
                self._over(row)
                return replace(
                    row, state=fact.state, code=fact.code, reason=clean.line(fact.reason),
                    ended_ts=fact.ts, settled=False,
                )  # fmt: skip
        return row

    def _failed(self, row: RunRow, fact: f.TaskEnded) -> RunRow:
        known = self._shapes.get(row.run)
        if known is None:
            self._stale.add(("run", row.run))
        elif not known.tolerated(fact.task, fact.code):
            code = row.code if row.code is not None else fact.code or 1
            return replace(row, done=row.done + 1, failed=row.failed + 1, code=code)
        return replace(row, done=row.done + 1)

    def _expanded(self, row: RunRow, fact: f.TaskExpanded) -> RunRow:
        known = self._shapes.get(row.run)
        if known is None or known.reused is None:
            self._stale.add(("run", row.run))
            return row
        made, reused = known.counts(fact.task, fact.items)
        return replace(row, tasks=row.tasks + made, done=row.done + reused)

    def missed(self, topic: str) -> Keys:
        """Facts of these topics were not told, or will not be: what is not over is stale."""
        about = (w for w in self._live if concerns(topic, f"run/{w}/"))
        keys: Keys = {("run", run) for workflow in about for run in self._live[workflow]}
        self._stale |= keys
        return keys

    # Bounds

    def _over(self, row: RunRow) -> None:
        self._shapes.pop(row.run, None)
        live = self._live.get(row.workflow, set())
        live.discard(row.run)
        if not live:
            self._live.pop(row.workflow, None)

    def shrink(self) -> Keys:
        """Nobody looks at old ones any more."""
        self.most = KEPT
        return {RUNS} if self._bound(asked=False) else set()

    def _bound(self, *, asked: bool) -> bool:
        if asked:
            self.most = min(MOST, max(self.most, len(self.rows)))
        if len(self.rows) <= max(self.most, self._crowd) + (0 if asked else _SLACK):
            return False
        spare = len(self.rows) - self.most
        over = [run for run in reversed(self.order) if self.rows[run].state in FINAL]
        self._crowd = len(self.rows) - len(over)
        for run in over[:spare]:
            del self.rows[run], self._asof[run], self._base[run]
            self.agents.pop(run, None)
            self._stale.discard(("run", run))
        self._order = None
        return bool(over)


def _by_run(told: Iterable[Fact]) -> dict[str, list[Fact]]:
    found: dict[str, list[Fact]] = {}
    for fact in told:
        if isinstance(fact, f.RunFact):
            found.setdefault(fact.run, []).append(fact)
    return found


def _started(row: RunRow, ts: float) -> RunRow:
    return row if row.started_ts is not None else replace(row, state="RUNNING", started_ts=ts)


def _clean(row: RunRow) -> RunRow:
    texts = (row.name, row.reason, row.event or "")
    if all(text.isascii() and text.isprintable() for text in texts):
        return row
    event = None if row.event is None else clean.line(row.event)
    return replace(row, name=clean.line(row.name), reason=clean.line(row.reason), event=event)

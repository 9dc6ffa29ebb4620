"""The books of time, audited: was every instant of every schedule accounted for, exactly once?

Facts go in, in their order; which schedules were in force from when to when follows from them as in
the principal's ledger, and what became of their instants stands in them. The calendar says which
instants there were. Pure; the time of day is given. Instants that are too young to have been told
are counted apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import msgspec

from cdktr_common import schedules
from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.base import Fact
from cdktr_common.catalogue.plan import Schedule
from cdktr_common.catalogue.values import ScheduleRow
from cdktr_cron.planner import GATHER_S, Instants

STATES: Final = ("fired", "late", "coalesced", "skipped", "suppressed", "missed")

Make = Callable[[Schedule], Instants]


class Told(NamedTuple):
    """What became of instants: `number` of them from `first` to `last`."""

    state: str
    first: float
    last: float
    number: int
    run: str
    seq: int


class Span(msgspec.Struct):
    """A schedule in force from `since` to `until`."""

    workflow: str
    schedule: str
    spec: Schedule
    since: float
    until: float | None = None
    closed: bool = False
    told: list[Told] = []


class Wrong(NamedTuple):
    """An instant that is not accounted for exactly once, and why."""

    workflow: str
    schedule: str
    due_ts: float
    what: str


class Verdict(msgspec.Struct):
    """Instants by what became of them; those not told yet; and what is wrong, the first of it."""

    counts: Counter[str] = msgspec.field(default_factory=Counter)
    untold: int = 0
    schedules: int = 0
    wrong: list[Wrong] = []
    wrong_total: int = 0


class Accounts:
    """See the module text."""

    def __init__(self) -> None:
        self._current: dict[str, dict[str, Span]] = {}
        self._retired: dict[str, list[Span]] = {}
        self._spans: list[Span] = []
        self._pauses: set[str] = set()
        self.orphans: list[f.TickRecorded] = []

    def begin(self, rows: list[ScheduleRow], oldest_ts: float) -> None:
        """Schedules that were loaded before the oldest fact there is: the principal knows since
        when. Before any fact."""
        for row in rows:
            if row.since_ts < oldest_ts and row.until_ts is None:
                self._open(row.workflow, row.spec, row.since_ts)

    def _open(self, workflow: str, spec: Schedule, since: float) -> Span:
        span = Span(workflow, schedules.schedule_id(spec), spec, since, told=[])
        self._current.setdefault(workflow, {})[span.schedule] = span
        self._spans.append(span)
        return span

    def take(self, fact: Fact) -> None:
        """The next fact; others than those of workflows and ticks mean nothing here."""
        if isinstance(fact, f.WorkflowLoaded):
            self._loaded(fact)
        elif isinstance(fact, f.WorkflowRemoved):
            self._retire(self._current.pop(fact.workflow, {}), fact.workflow, fact.ts)
        elif isinstance(fact, f.WorkflowPaused):
            (self._pauses.add if fact.paused else self._pauses.discard)(fact.workflow)
        elif isinstance(fact, f.TickRecorded):
            self._ticked(fact)
        elif isinstance(fact, f.ScheduleClosed):
            for span in self._retired.get(fact.workflow, []):
                if (span.schedule, span.until) == (fact.schedule, fact.until_ts):
                    span.closed = True

    def _loaded(self, fact: f.WorkflowLoaded) -> None:
        before = self._current.pop(fact.workflow, {})
        for spec in schedules.of(fact.plan):
            known = before.pop(schedules.schedule_id(spec), None)
            if known is None:
                self._open(fact.workflow, spec, fact.ts)
            else:
                known.spec = spec
                self._current.setdefault(fact.workflow, {})[known.schedule] = known
        self._retire(before, fact.workflow, fact.ts)

    def _retire(self, gone: dict[str, Span], workflow: str, ts: float) -> None:
        for span in gone.values():
            span.until = ts
            self._retired.setdefault(workflow, []).append(span)

    def _ticked(self, fact: f.TickRecorded) -> None:
        for span in self._candidates(fact):
            first = fact.due_ts if fact.from_ts is None else fact.from_ts
            told = Told(fact.state, first, fact.due_ts, fact.count, fact.run, fact.seq)
            span.told.append(told)
            return
        self.orphans.append(fact)

    def _candidates(self, fact: f.TickRecorded) -> Iterator[Span]:
        for span in self._retired.get(fact.workflow, []):
            open_end = span.until is not None and fact.due_ts <= span.until
            if span.schedule == fact.schedule and open_end and not span.closed:
                yield span
        current = self._current.get(fact.workflow, {}).get(fact.schedule)
        if current is not None:
            yield current

    def workflows(self) -> set[str]:
        """All that had a schedule."""
        return {span.workflow for span in self._spans}

    # The verdict

    def verdict(
        self, make: Make, from_ts: float, now: float, grace_s: float, most: int = 20,
        workflow: str | None = None,
    ) -> Verdict:  # fmt: skip
        """Of all instants from `from_ts` to `now`; `most` of what is wrong is told."""
        verdict = Verdict()
        for span in self._spans:
            if span.until is not None and span.until < from_ts:
                continue
            if workflow not in (None, span.workflow):
                continue
            try:
                calendar = make(span.spec)
            except ValueError:
                continue  # of an older principal: it never had an instant
            verdict.schedules += 1
            for wrong in self._check(span, calendar, from_ts, now, grace_s, verdict):
                verdict.wrong_total += 1
                if len(verdict.wrong) < most:
                    verdict.wrong.append(wrong)
        return verdict

    def _check(
        self, span: Span, calendar: Instants, from_ts: float, now: float, grace_s: float,
        verdict: Verdict,
    ) -> Iterator[Wrong]:  # fmt: skip
        def wrong(ts: float, what: str) -> Wrong:
            return Wrong(span.workflow, span.schedule, ts, what)

        mark = span.since
        runs: set[str] = set()
        for told in span.told:
            if told.last < from_ts:
                mark = max(mark, told.last)
                continue
            verdict.counts[told.state] += told.number
            if told.first <= mark:
                yield wrong(told.first, f"told twice: {told.state} in fact {told.seq}, too")
            begin = max(mark, from_ts - 1e-6)
            inside = 0
            for instant in calendar.between(min(begin, told.first - 1e-6), told.last):
                if instant.ts >= told.first:
                    inside += 1
                elif instant.ts > mark:
                    yield wrong(instant.ts, "nothing is said of it")
            if inside != told.number:
                what = f"fact {told.seq} speaks of {told.number} instants, and there were {inside}"
                yield wrong(told.first, what)
            if told.state in ("fired", "late"):
                if not told.run or told.run in runs:
                    yield wrong(told.first, f"it has no run of its own: '{told.run}'")
                runs.add(told.run)
            mark = max(mark, told.last)
        begin = max(mark, from_ts - 1e-6)
        yield from self._rest(span, calendar, begin, now, grace_s, verdict)

    def _rest(
        self, span: Span, calendar: Instants, begin: float, now: float, grace_s: float,
        verdict: Verdict,
    ) -> Iterator[Wrong]:  # fmt: skip
        """What follows on the last that was told."""
        patience = grace_s + span.spec.jitter_s
        if span.spec.paused or self._pauses & {"", span.workflow}:
            patience += GATHER_S
        end = now if span.until is None else min(now, span.until)
        for instant in calendar.between(begin, end):
            young = instant.ts if span.until is None else span.until
            if not span.closed and now - young <= patience:
                verdict.untold += 1
            else:
                yield Wrong(span.workflow, span.schedule, instant.ts, "nothing is said of it")

"""All schedules with what is to happen next: which ticks are to be told now, what the answers mean.

Pure: rows of the principal and the time of day go in, reports come out. A schedule is under way
from when something is told of it until that is answered; a row that is read anew takes its place,
and then late answers mean nothing: telling twice does no harm. Versions of a schedule (one in
force, retired ones before it) are told one after another, the oldest first.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Final, NamedTuple

from msgspec.structs import replace

from cdktr_common.catalogue.plan import Schedule
from cdktr_common.catalogue.principal import TickReport
from cdktr_common.catalogue.values import NextTick, ScheduleRef, ScheduleRow, Tick, TickResult
from cdktr_cron import planner
from cdktr_cron.planner import Instants, Step

TICKS: Final = 500
"""Ticks in one report, or a few more."""

WORK: Final = 4000
"""What one call may cost, in instants; looking at a schedule costs as much as `LOOK` of them."""

LOOK: Final = 20

RETRY_S: Final = 1.0
REFUSED_S: Final = 10.0

Key = tuple[str, str]
Make = Callable[[Schedule], Instants]


class Entry:
    """One schedule: its versions, the oldest first, and what was planned for it."""

    __slots__ = ("alone", "asked", "calendar", "fault", "rows", "step", "told_next", "turn")

    def __init__(self, rows: list[ScheduleRow]) -> None:
        self.rows = rows
        self.calendar: Instants | None = None
        self.step = Step()
        self.told_next = rows[-1].next_ts
        self.turn = 0
        self.fault = ""
        self.asked = True
        self.alone = False


class Report(NamedTuple):
    """A request to send, and whose answers will come back in which order."""

    request: TickReport
    told: Sequence[tuple[Entry, int]]
    closed: Sequence[Entry]


class Book:
    """See the module text. `make` turns a schedule into its calendar and raises ValueError."""

    def __init__(self, make: Make) -> None:
        self._make = make
        self._entries: dict[Key, Entry] = {}
        self._names: dict[str, set[Key]] = {}
        self._ready: list[tuple[float, int, Entry, int]] = []
        self._rough: list[tuple[float, int, Entry, int]] = []
        self._order = count()
        self._next: dict[Key, NextTick] = {}
        self.troubles: list[str] = []
        self.unknown: set[str] = set()

    def __len__(self) -> int:
        return len(self._entries)

    # What the principal says

    def load(self, rows: Iterable[ScheduleRow], workflow: str | None = None) -> None:
        """These are all schedules there are, or all of a workflow."""
        grouped: dict[Key, list[ScheduleRow]] = {}
        for row in rows:
            grouped.setdefault((row.workflow, row.schedule), []).append(row)
        known = list(self._entries) if workflow is None else list(self._names.get(workflow, ()))
        for key in known:
            if key not in grouped:
                self._drop(key)
        for key, versions in grouped.items():
            versions.sort(key=lambda row: (row.until_ts is None, row.until_ts or 0.0))
            if not self._goes_on(self._entries.get(key), versions):
                self._drop(key)
                entry = Entry(versions)
                self._entries[key] = entry
                self._names.setdefault(key[0], set()).add(key)
                self._look(entry, 0.0)

    def _goes_on(self, entry: Entry | None, versions: list[ScheduleRow]) -> bool:
        """What is planned for it holds: it waits, and for all that matters its row is the same."""
        if entry is None or entry.asked or len(entry.rows) != len(versions):
            return False
        if any(_matters(a) != _matters(b) for a, b in zip(entry.rows, versions, strict=True)):
            return False
        entry.told_next = versions[-1].next_ts
        self._tell_next(entry)
        return True

    def _drop(self, key: Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        entry.turn += 1
        names = self._names[key[0]]
        names.discard(key)
        if not names:
            del self._names[key[0]]

    def _look(self, entry: Entry, at_ts: float) -> None:
        """Plan it anew, then."""
        entry.turn += 1
        heapq.heappush(self._rough, (at_ts, next(self._order), entry, entry.turn))

    # What is to be told

    def wake_ts(self) -> float | None:
        """When `due` will have something to do."""
        times = []
        for heap in (self._ready, self._rough):
            while heap and heap[0][2].turn != heap[0][3]:
                heapq.heappop(heap)
            if heap:
                times.append(heap[0][0])
        return min(times, default=None)

    def due(self, now: float) -> Report | None:
        """What is to be told at this time of day, or a part of it: first what only had to be waited
        for. None: nothing is left to do now."""
        ticks: list[Tick] = []
        told: list[tuple[Entry, int]] = []
        closed: list[Entry] = []
        worked = self._take_ready(now, ticks, told)
        if not ticks:
            worked = self._take_rough(now, ticks, told, closed) or worked
        if not worked:
            return self._news()
        refs = [_ref(entry.rows[0]) for entry in closed]
        return Report(TickReport(ticks=ticks, closed=refs), told, closed)

    def _news(self) -> Report | None:
        """Only when there is nothing else to do: it is for people."""
        if not self._next:
            return None
        some = list(self._next.values())[:TICKS]
        for told in some:
            del self._next[told.workflow, told.schedule]
        return Report(TickReport(next=some), [], [])

    def _take_ready(
        self, now: float, ticks: list[Tick], told: list[tuple[Entry, int]]
    ) -> bool:  # fmt: skip
        worked = False
        while len(ticks) < TICKS and self._ready and self._ready[0][0] <= now:
            wake, _, entry, turn = heapq.heappop(self._ready)
            if turn != entry.turn:
                continue
            worked = True
            tick = entry.step.ready
            if tick is None or now - wake > planner.ON_TIME_S or entry.alone:
                self._look(entry, now)
                continue
            entry.asked = True
            ticks.append(tick)
            told.append((entry, 1))
        return worked

    def _take_rough(
        self, now: float, ticks: list[Tick], told: list[tuple[Entry, int]], closed: list[Entry]
    ) -> bool:
        work = 0
        later: list[Entry] = []
        while len(ticks) < TICKS and work < WORK and self._rough and self._rough[0][0] <= now:
            _, _, entry, turn = heapq.heappop(self._rough)
            if turn != entry.turn:
                continue
            work += LOOK
            if entry.alone and (told or closed):
                later.append(entry)
                continue
            step = self._plan(entry, now)
            if step.closed:
                closed.append(entry)
            elif step.ticks:
                work += sum(tick.count for tick in step.ticks)
                ticks += step.ticks
                told.append((entry, len(step.ticks)))
            if entry.alone and (step.ticks or step.closed):
                break
        for entry in later:
            self._look(entry, now)
        return work > 0

    def _plan(self, entry: Entry, now: float) -> Step:
        row = entry.rows[0]
        step = Step()
        if entry.calendar is None and not entry.fault:
            try:
                entry.calendar = self._make(row.spec)
            except ValueError as fault:
                entry.fault = str(fault)
                self.troubles.append(f"{row.workflow}: schedule {row.schedule}: {fault}")
        if entry.calendar is not None:
            step = planner.step(row, entry.calendar, now)
        entry.step = step
        if step.wake_ts is not None:
            entry.turn += 1
            heap = self._ready if step.ready else self._rough
            heapq.heappush(heap, (step.wake_ts, next(self._order), entry, entry.turn))
        entry.asked = bool(step.ticks or step.closed)
        if not entry.asked:
            self._tell_next(entry)
        return step

    def _tell_next(self, entry: Entry) -> None:
        row, next_ts = entry.rows[0], entry.step.next_ts
        if row.until_ts is None and next_ts != entry.told_next:
            entry.told_next = next_ts
            news = NextTick(workflow=row.workflow, schedule=row.schedule, next_ts=next_ts)
            self._next[row.workflow, row.schedule] = news

    # What the answers mean

    def answered(self, report: Report, results: Sequence[TickResult], now: float) -> None:
        """The principal has recorded what it could."""
        at = 0
        for entry, ticks in report.told:
            mine = results[at : at + ticks]
            at += ticks
            if self._current(entry) and mine:
                self._answered(entry, mine, now)
        for entry in report.closed:
            if self._current(entry):
                self._closed(entry, now)

    def _answered(self, entry: Entry, results: Sequence[TickResult], now: float) -> None:
        row, last = entry.rows[0], results[-1]
        entry.alone = False
        if last.ticked_ts is None:
            self._drop((row.workflow, row.schedule))
            self.unknown.add(row.workflow)
            return
        moved = last.ticked_ts != row.ticked_ts
        if moved:
            entry.rows[0] = replace(row, ticked_ts=last.ticked_ts, due_ts=last.ticked_ts)
        refused = next((one.reason for one in results if not one.state and one.reason), "")
        if refused:
            self.troubles.append(f"{row.workflow}: the principal refused an instant: {refused}")
        self._look(entry, now if moved else now + (REFUSED_S if refused else RETRY_S))

    def _closed(self, entry: Entry, now: float) -> None:
        row = entry.rows[0]
        if len(entry.rows) == 1:
            self._drop((row.workflow, row.schedule))
        else:
            del entry.rows[0]
            self._look(entry, now)

    def failed(self, report: Report, now: float, again: bool) -> None:
        """Nothing of it was recorded. Without `again` something in it is wrong, and its parts are
        told one by one, so that one does not keep the others back."""
        entries = [*(entry for entry, _ in report.told), *report.closed]
        for entry in entries:
            if self._current(entry):
                alone = not again
                wait_s = REFUSED_S if alone and len(entries) == 1 else RETRY_S
                entry.alone = alone
                self._look(entry, now + wait_s)

    def _current(self, entry: Entry) -> bool:
        row = entry.rows[0] if entry.rows else None
        return row is not None and self._entries.get((row.workflow, row.schedule)) is entry


def _matters(row: ScheduleRow) -> tuple[object, ...]:
    """What a plan is made of."""
    marks = (row.ticked_ts, row.since_ts, row.until_ts)
    return (*marks, row.spec, row.paused, row.paused_ts, row.pauses)


def _ref(row: ScheduleRow) -> ScheduleRef:
    return ScheduleRef(workflow=row.workflow, schedule=row.schedule, until_ts=row.until_ts)

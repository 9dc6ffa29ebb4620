"""What agents will be up to: coming runs with the durations of past ones, through so many slots.

A simulation in a few words: a task waits for those it depends on and then, in the order of the
time since when it waits, for slots; a run waits for its turn where its workflow says how many may
be in work. Pure. It knows nothing of pools, labels, failures and of what is in work now, so it
tells what the hours ahead are like, not what will happen.
"""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec


class Work(NamedTuple):
    """A task of a run: how long it takes, which tasks (by number) it waits for, its slots."""

    took_s: float
    after: Sequence[int] = ()
    slots: int = 1


class Shape(NamedTuple):
    """A run of a workflow; at most `limit` of them are in work (0: any number), one more is not run
    (`skip`) or waits."""

    tasks: Sequence[Work]
    limit: int = 0
    skip: bool = False


class Bucket(msgspec.Struct):
    """A part of the time ahead: runs that are due, the share of the slots that is busy, the most
    tasks that wait for a slot, the longest from due to the first task's start."""

    from_ts: float
    runs: int = 0
    busy: float = 0.0
    waiting: int = 0
    late_s: float = 0.0
    skipped: int = 0


class _Run:
    __slots__ = ("begun", "due", "left", "shape", "waits", "workflow")

    def __init__(self, workflow: str, due: float, shape: Shape) -> None:
        self.workflow = workflow
        self.due = due
        self.shape = shape
        self.waits = [len(set(task.after)) for task in shape.tasks]
        self.left = len(shape.tasks)
        self.begun = False


class Outlook:
    """See the module text. `run` once; then `buckets` and the totals tell."""

    def __init__(
        self, shapes: Mapping[str, Shape], slots: int, from_ts: float, to_ts: float, parts: int
    ) -> None:
        self._shapes = shapes
        self._slots = slots
        self._free = slots
        self._from, self._to = from_ts, to_ts
        self._part_s = (to_ts - from_ts) / parts
        self.buckets = [Bucket(from_ts + n * self._part_s) for n in range(parts)]
        self.lateness: list[float] = []
        self._ends: list[tuple[float, int, _Run, int]] = []
        self._count = 0
        self._waiting: deque[tuple[_Run, int]] = deque()
        self._active: dict[str, int] = defaultdict(int)
        self._queued: dict[str, deque[_Run]] = defaultdict(deque)

    def run(self, arrivals: Iterable[tuple[float, str]]) -> None:
        """Arrivals in order of time."""
        for due, workflow in arrivals:
            self._until(due)
            self._bucket(due).runs += 1
            self._arrive(_Run(workflow, due, self._shapes[workflow]), due)
            self._fill(due)
        self._until(float("inf"))

    def _bucket(self, ts: float) -> Bucket:
        at = int((ts - self._from) / self._part_s)
        return self.buckets[min(max(at, 0), len(self.buckets) - 1)]

    def _arrive(self, run: _Run, now: float) -> None:
        shape = run.shape
        if shape.limit and self._active[run.workflow] >= shape.limit:
            if shape.skip:
                self._bucket(run.due).skipped += 1
            else:
                self._queued[run.workflow].append(run)
            return
        self._begin(run)

    def _begin(self, run: _Run) -> None:
        self._active[run.workflow] += 1
        ready = [number for number, waits in enumerate(run.waits) if not waits]
        self._waiting.extend((run, number) for number in ready)

    def _until(self, ts: float) -> None:
        """Tasks end, and others begin in their place."""
        while self._ends and self._ends[0][0] <= ts:
            now, _, run, number = heapq.heappop(self._ends)
            self._free += self._needs(run, number)
            self._ended(run, number)
            self._fill(now)

    def _ended(self, run: _Run, number: int) -> None:
        run.left -= 1
        for other, task in enumerate(run.shape.tasks):
            if number in task.after:
                run.waits[other] -= 1
                if not run.waits[other]:
                    self._waiting.append((run, other))
        if run.left == 0:
            self._active[run.workflow] -= 1
            if self._queued[run.workflow]:
                self._begin(self._queued[run.workflow].popleft())

    def _needs(self, run: _Run, number: int) -> int:
        return min(run.shape.tasks[number].slots, self._slots)

    def _fill(self, now: float) -> None:
        while self._waiting and self._needs(*self._waiting[0]) <= self._free:
            run, number = self._waiting.popleft()
            self._free -= self._needs(run, number)
            end = now + run.shape.tasks[number].took_s
            self._count += 1
            heapq.heappush(self._ends, (end, self._count, run, number))
            self._busy(now, end, self._needs(run, number))
            if not run.begun:
                run.begun = True
                self.lateness.append(now - run.due)
                bucket = self._bucket(run.due)
                bucket.late_s = max(bucket.late_s, now - run.due)
        bucket = self._bucket(now)
        bucket.waiting = max(bucket.waiting, len(self._waiting))

    def _busy(self, start: float, end: float, slots: int) -> None:
        """The share of each part of the time that a task takes of all slots."""
        at = start
        while at < min(end, self._to):
            bucket = self._bucket(at)
            edge = min(end, bucket.from_ts + self._part_s)
            if edge <= at:
                return
            bucket.busy += slots * (edge - at) / (self._slots * self._part_s)
            at = edge

"""A million runs through core, journal, snapshots and retention in one process: memory stays where
it was, a restart replays little, and old segments go."""

from __future__ import annotations

import gc
import itertools
import os
import shutil
import tempfile
from pathlib import Path

import psutil
import pytest

from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import Plan, TaskPlan, TaskResult
from cdktr_principal.__main__ import recover
from cdktr_principal.decisions import agents, assigning, triggers
from cdktr_principal.decisions.core import Core, Moment, Timing
from cdktr_principal.state.state import KEYS, RECENT_RUNS
from cdktr_principal.store.ballast import Ballast
from cdktr_principal.store.journal import Journal
from cdktr_principal.store.keeper import SNAPSHOT_FACTS, Keeper

PLAN = Plan(workflow="w", tasks=[TaskPlan(id="a", argv=["true"])])
BATCH = 250
FACTS = 4
"""Of each run: created, assigned, ended, run ended."""


class Days:
    """A principal without a network. `day_s`: how far its clock goes with each batch."""

    def __init__(self, directory: Path, retention_days: float) -> None:
        ballast = Ballast(directory / "ballast", 1 << 16)
        self.journal = Journal(directory / "journal", ballast.give_up)
        self.state = recover(self.journal)
        self.replayed = self.journal.since_snapshot
        self.core = Core(self.state, Timing())
        log = lambda *_, **__: None  # noqa: E731
        self.keeper = Keeper(self.core, self.journal, ballast, retention_days, log)  # type: ignore[arg-type]
        self._names = itertools.count(self.journal.seq)
        self._clock = float(self.journal.seq)
        self.core.begin_epoch("h", self.at())
        agents.hello(self.core, None, p.AgentHello(agent="x", aid="i", boot=f"b{self.journal.seq}",
                     slots=BATCH), self.at())  # fmt: skip
        self._boot = self.core.session.greeted["x"]
        self.commit()

    def at(self) -> Moment:
        return Moment(1e9 + self._clock, self._clock, lambda n: f"{next(self._names):0{n}d}")

    def commit(self) -> list[p.TaskBatch]:
        """As a turn of the service ends."""
        assigning.settle(self.core, self.at())
        facts, self.core.facts = self.core.facts, []
        for fact in facts:
            self.journal.append(fact)
        self.journal.sync()
        answers, self.core.answers = self.core.answers, []
        self.core.session.ended.clear()
        self.keeper.after_turn()
        return [reply for _, reply in answers if isinstance(reply, p.TaskBatch)]

    def batch(self) -> None:
        """So many runs from trigger to end."""
        self._clock += 1.0
        at = self.at()
        for _ in range(BATCH):
            key = f"k{next(self._names)}"
            triggers.run_start(self.core, None, p.RunStart(plan=PLAN, key=key), at)
        fetch = p.TaskFetch(agent="x", boot=self._boot, free=BATCH, wait_s=9.0)
        assigning.task_fetch(self.core, None, fetch, at)
        tokens = [task.token for batch in self.commit() for task in batch.tasks]
        assert len(tokens) == BATCH
        results = [TaskResult(token=token, state="COMPLETED", code=0) for token in tokens]
        report = p.TaskReport(agent="x", boot=self._boot, results=results)
        self.core.task_report(None, report, self.at())
        self.commit()

    def close(self) -> None:
        os.close(self.journal._fd)


def grow(directory: Path, runs: int, most_mb: float) -> None:
    """So many runs, with a restart in the middle; retention lets the older ones go."""
    days = Days(directory, retention_days=1e-9)
    process = psutil.Process()
    settled = 0.0
    for number in range(runs // BATCH):
        days.batch()
        if number == runs // BATCH // 2:
            days.close()
            days = Days(directory, retention_days=1e-9)
            assert days.replayed <= SNAPSHOT_FACTS
        if number % 400 == 399:
            days.keeper.recorded = days.journal.seq
            days.keeper.retain()
            days.keeper.every_second()
            gc.collect()
            used = process.memory_info().rss / 1e6
            if (number + 1) * BATCH >= 1.5 * KEYS and not settled:
                settled = used  # the keys that are remembered are all there
    assert days.journal.seq >= runs * FACTS
    assert len(days.state.runs) == RECENT_RUNS and len(days.state.keys) <= KEYS
    gc.collect()
    grown = process.memory_info().rss / 1e6 - settled
    assert settled and grown < most_mb, f"{grown:.0f} MB more than after the first of them"
    days.keeper.recorded = days.journal.seq
    days.keeper.retain()
    segments = list((directory / "journal").glob("*.jsonl"))
    assert len(segments) <= 2 + SNAPSHOT_FACTS // (BATCH * FACTS), [s.name for s in segments]
    assert days.journal.first > runs * FACTS * 0.7
    size = sum(path.stat().st_size for path in (directory / "journal").iterdir())
    assert size < 400 * 2 * SNAPSHOT_FACTS + (64 << 20)
    seq = days.state.seq
    days.close()
    again = Days(directory, retention_days=1e-9)
    assert again.replayed <= SNAPSHOT_FACTS and again.state.seq >= seq
    again.close()


@pytest.mark.long
def test_a_million_runs_cost_no_more_than_the_first_ones() -> None:
    memory = Path("/dev/shm")
    directory = Path(tempfile.mkdtemp(prefix="cdktr-", dir=memory if memory.is_dir() else None))
    try:
        grow(directory, 1_000_000, 60.0)
    finally:
        shutil.rmtree(directory)

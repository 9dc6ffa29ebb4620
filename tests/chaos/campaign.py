"""One campaign: start everything, let work and faults come, wait until it is quiet, judge.

`run` returns the judge with all counts; the directory is left to the caller. It decides the order
of things and nothing else: what goes wrong is in `faults`, what is right in `judge`.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.chaos import faults, load
from tests.chaos.clients import Clients, Readers
from tests.chaos.cluster import AGENTS, HOSTS, Cluster
from tests.chaos.deeds import DEEDS
from tests.chaos.ground import Ground, living
from tests.chaos.history import History, read_journal
from tests.chaos.judge import Judge
from tests.chaos.ledger import Ledger, build_worker
from tests.chaos.nemesis import Nemesis
from tests.chaos.watch import Agents, Facts, pong, wait_for

QUIET_S = 60.0
"""How long after the last fault everything must have come to its end."""

OUTPUT_S = 30.0
SURVIVE_S = 5.0
READERS = 2
DISK_MB = 1024

Say = Callable[[str], None]


class Campaign:
    """Its parts, for as long as it takes."""

    def __init__(self, directory: Path, seed: int, seconds: float, say: Say) -> None:
        self.seed = seed
        self.seconds = seconds
        self._say = say
        self.directory = directory
        ground = Ground(HOSTS)
        self.apart = ground.apart
        self._ledger = Ledger(directory / "ledger")
        self.cluster = Cluster(directory, ground, self._ledger, DISK_MB)
        load.write(self.cluster.workflows, build_worker(directory))
        self.cluster.start_all()
        self.facts = Facts(self.cluster.client)
        self.agents = Agents(self.cluster.client)
        self.nemesis = Nemesis(self.cluster, self.facts, self.agents, DEEDS, say)
        self.clients = Clients(self.cluster, self.facts, seed, rate=3.6)
        self.readers = Readers(self.cluster, self.facts, directory / "readers")

    def go(self) -> None:
        """Faults and work, until the time is over and all is whole again."""
        plan = faults.make(self.seed, self.seconds, self.apart)
        self._say(f"seed {self.seed}: {len(plan)} faults in {self.seconds:g} s")
        began = told = time.monotonic()
        self.clients.start()
        self.nemesis.start(plan)
        while time.monotonic() - began < self.seconds:
            time.sleep(0.2)
            self.cluster.bury()
            self.readers.look(READERS)
            if time.monotonic() - told > 10:
                told = time.monotonic()
                self._say(self._progress())
        self.nemesis.join()

    def _progress(self) -> str:
        done, unfinished = len(self.facts.ended), len(self.facts.unfinished)
        faults = len(self.nemesis.injected)
        return f"-- {faults} faults, {done} runs ended, {unfinished} going on"

    def settle(self) -> None:
        """No more faults: everything has to come to its end."""
        self.clients.stop()
        self.cluster.bury()
        self.clients.settle()
        self._say(f"no more faults; {self._progress()}")

        def ended() -> bool:
            self.clients.release_held()
            return not self.facts.unfinished

        wait_for(ended, QUIET_S)
        wait_for(self._all_recorded, OUTPUT_S)
        self.cluster.bury()

    def _all_recorded(self) -> bool:
        """Have the agents given away their output, and has logd all facts?"""
        answer = pong(self.cluster.recorder)
        told = answer is not None and answer.counts.get("facts_to", 0) >= self.facts.seq
        return told and not self._spooled()

    def _spooled(self) -> list[str]:
        """Output that logd has not got yet."""
        spools = [self.directory / agent / "agent" / agent / "spool" for agent in AGENTS]
        return [f"{file} of {file.stat().st_size}" for spool in spools for file in spool.iterdir()]

    # The judgement

    def judge(self) -> Judge:
        """Look at what is left, end everything, look again."""
        survivors, spooled = self._tasks_alive(), self._spooled()
        seq = self.facts.seq
        self.readers.stop(15.0)
        history = History(self.facts.facts, self._ledger)
        history.operations = self.clients.operations
        history.injected = self.nemesis.injected
        history.cancelled = self.clients.cancelled
        judge = Judge(history)
        self.history = history
        try:
            history.collect(lambda: self.cluster.recorder(30.0))
        except Exception as fault:
            judge.find("store", f"logd cannot be read: {fault!r}")
        judge.judge()
        for text in spooled:
            judge.find("stuck", f"output that nobody fetches: {text}")
        for pid, command in survivors.items():
            judge.find("survivors", f"{pid}: {command}")
        self._readers(judge, seq)
        self.facts.stop()
        self.agents.stop()
        self.cluster.close()
        self._after(judge)
        return judge

    def _tasks_alive(self) -> dict[int, str]:
        """Tasks that live although all runs have ended; given a moment to be ended."""
        mark = self.directory / "ledger"

        def tasks() -> dict[int, str]:
            worker = str(self.directory / "work")
            return {pid: said for pid, said in living(mark).items() if said.startswith(worker)}

        wait_for(lambda: not tasks(), SURVIVE_S)
        return tasks()

    def _after(self, judge: Judge) -> None:
        for death in self.cluster.deaths:
            measure = "store" if death.code == 74 else "died"
            judge.find(measure, f"{death.name} ended {death.code}: {death.said}")
        for agent, boots in self.nemesis.boots.items():
            seen = {
                fact["boot"] for fact in self.facts.facts
                if fact["type"] == "agent.joined" and fact["agent"] == agent
            }  # fmt: skip
            if len(seen) > boots:
                judge.find("died", f"{agent} had {len(seen)} supervisors, {boots} were expected")
        left = living(self.directory)
        wait_for(lambda: not living(self.directory), SURVIVE_S)
        left = living(self.directory)
        for pid, command in left.items():
            judge.find("survivors", f"after the end: {pid}: {command}")
        journal, wrong = read_journal(self.cluster.home / "principal" / "journal")
        for text in wrong:
            judge.find("store", text)
        for text in self.facts.rewritten:
            judge.find("record", text)
        if journal[: self.facts.seq] != self.facts.facts:
            judge.find("record", "the journal is not what was told to those who followed it")
        for sample in self.nemesis.samples:
            if sample.alone and not sample.done:
                judge.find("stuck", f"{sample.what} after {sample.seconds:.0f} s: {sample.fault}")
        for text in self.nemesis.errors:
            judge.find("stuck", text)
        for text in self.clients.wrong:
            judge.find("clients", text)

    def _readers(self, judge: Judge, seq: int) -> None:
        seen = [fact["seq"] for fact in self.readers.read("events")]
        if seen != list(range(1, len(seen) + 1)) or len(seen) < seq:
            judge.find(
                "readers", f"`events -f` printed {len(seen)} facts of {seq}, or not in order"
            )
        for run, popen in self.readers.following.items():
            said = self.readers.said(run)
            judge.checked["readers of output"] += 1
            if popen.returncode or "missing" in said:
                judge.checked["readers that said what they missed"] += 1
                self._say(f"reader of {run}, exit code {popen.returncode}: {said.strip()[-300:]}")
                continue
            self._reader(judge, run)

    def _reader(self, judge: Judge, run: str) -> None:
        """What it printed, by stream, must be what is stored: all of it for attempts that were
        accepted, a beginning for others, whose output may come after the end of the run."""
        printed: dict[tuple[str, str, int, str], list[str]] = {}
        for line in self.readers.read(run):
            stream = (run, str(line["task"]), int(str(line["n"])), str(line["stream"]))
            printed.setdefault(stream, []).append(str(line["text"]))
        for stream, data in self.history.output.items():
            if stream[0] != run:
                continue
            stored, have = data.decode().splitlines(), printed.get(stream, [])
            taken = self.history.accepted.get((run, stream[1]), [])
            if not any(fact["n"] == stream[2] for fact in taken):
                stored = stored[: len(have)]
            if stored != have:
                judge.find("readers", f"{stream}: {len(have)} lines of {data.count(10)}", run)


def run(directory: Path, seed: int, seconds: float, say: Say) -> tuple[Campaign, Judge]:
    """The whole of it."""
    campaign = Campaign(directory, seed, seconds, say)
    campaign.go()
    campaign.settle()
    return campaign, campaign.judge()


def versions() -> str:
    """What it ran on and with."""
    import platform

    import duckdb
    import zmq

    from cdktr_common import __version__

    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=Path(__file__).parent,
        capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    return (
        f"CDKTR {__version__} ({commit or 'no repository'}), Python {platform.python_version()}, "
        f"libzmq {zmq.zmq_version()}, DuckDB {duckdb.__version__}, Linux {platform.release()}"
    )

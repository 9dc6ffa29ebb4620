"""Carries out a plan of faults, one thread a target, and measures how long each took to get over.

A sample is the time from the end of a fault (the program is started again, the network is whole)
until what the fault took away is there again. Samples during which another fault was under way on
one of the parts concerned are kept apart: they say nothing about this one. What a fault does is
in `deeds`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from cdktr_common.errors import ProtocolError
from tests.chaos.cluster import AGENTS, Cluster
from tests.chaos.faults import Fault
from tests.chaos.watch import Agents, Facts, wait_for

PATIENCE_S = 25.0
SETTLING_S = 1.5
"""So long after it was made whole, an agent does not count as one that nothing is wrong with."""

TOO_LATE_S = 4.0
"""A fault that would begin so much later than planned is left out."""


class Recovery(NamedTuple):
    """How to see that a fault is over: what is measured, from when, and when it is done. `void`:
    in the end there was nothing that could be seen."""

    what: str
    since: float
    done: Callable[[], object]
    void: Callable[[], bool] = lambda: False


class Injected(NamedTuple):
    """A fault as it was, by the clock of facts and by the clock of tasks."""

    fault: Fault
    began: float
    healed: float
    began_boot: float
    healed_boot: float


class Sample(NamedTuple):
    """How long it took to get over a fault. `alone`: nothing else was wrong meanwhile."""

    what: str
    fault: Fault
    seconds: float
    alone: bool
    done: bool


def boottime() -> float:
    """The clock that tasks write down."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Nemesis:
    """See the module text."""

    def __init__(
        self, cluster: Cluster, facts: Facts, agents: Agents, deeds: Mapping[str, Any],
        say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.cluster = cluster
        self.facts = facts
        self.agents = agents
        self._say = say
        self.injected: list[Injected] = []
        self.samples: list[Sample] = []
        self.left_out = 0
        self.boots = dict.fromkeys(AGENTS, 1)
        self.errors: list[str] = []
        self._deeds = deeds
        self._busy: dict[str, list[tuple[float, float]]] = {}
        self._threads: list[threading.Thread] = []

    def start(self, plan: list[Fault]) -> None:
        """Begin now."""
        began = time.monotonic()
        for target in sorted({fault.target for fault in plan}):
            own = [fault for fault in plan if fault.target == target]
            thread = threading.Thread(target=self._work, args=(began, own), name=target)
            self._threads.append(thread)
            thread.start()

    def join(self) -> None:
        """Until the plan is carried out and all is whole again."""
        for thread in self._threads:
            thread.join()

    def _work(self, began: float, faults: list[Fault]) -> None:
        for fault in faults:
            wait = began + fault.at - time.monotonic()
            if wait < -TOO_LATE_S:
                self.left_out += 1
                continue
            time.sleep(max(0.0, wait))
            try:
                self._one(fault)
            except (OSError, AssertionError, ProtocolError) as wrong:
                self.errors.append(f"{fault}: {wrong!r}")
                self._say(f"fault {fault.number} could not be carried out: {wrong!r}")

    def _one(self, fault: Fault) -> None:
        began, began_boot = time.time(), boottime()
        windows = self._busy.setdefault(fault.target, [])
        windows.append((began, float("inf")))
        try:
            recovery = self._deeds[fault.kind](self, fault)
            healed = time.time()
            self.injected.append(Injected(fault, began, healed, began_boot, boottime()))
            if fault.target in AGENTS:
                windows[-1] = (began, healed + SETTLING_S)
            self._say(f"{fault.at:7.2f} s  {fault.kind}: {fault.target}, {fault.seconds} s")
            self.measure(fault, recovery)
        finally:
            if windows[-1][1] == float("inf"):
                windows[-1] = (began, time.time())

    # Measuring

    def measure(
        self, fault: Fault, recovery: Recovery | None, patience_s: float = PATIENCE_S
    ) -> None:
        """Wait until a fault is over, and note how long it took."""
        if recovery is None:
            return
        done = wait_for(recovery.done, patience_s)
        seconds = time.time() - recovery.since
        if recovery.void():
            return
        alone = not self._disturbed(fault, recovery.since)
        self.samples.append(Sample(recovery.what, fault, seconds, alone, done))

    def _disturbed(self, fault: Fault, since: float) -> bool:
        concerned = {"principal"} | ({"logd"} if fault.target == "logd" else set())
        return any(
            end > since
            for target in concerned - {fault.target}
            for _, end in self._busy.get(target, [])
        )

    def healthy(self) -> set[str]:
        """Agents to which nothing is done now."""
        now = time.time()
        return {
            agent for agent in AGENTS if not any(end > now for _, end in self._busy.get(agent, []))
        }

    # What recoveries there are

    def well(self, agent: str) -> Recovery:
        """The principal knows the agent again."""
        since = time.time()
        return Recovery("agent known again", since, lambda: self.agents.well(agent, since))

    def resync(self) -> Recovery:
        """All agents to which nothing is done are known to the principal again."""
        since = time.time()
        waiting = self.healthy()

        def known() -> bool:
            waiting.intersection_update(self.healthy())
            return all(self.agents.well(agent, since) for agent in waiting)

        return Recovery("all agents known again", since, known, lambda: not waiting)

    def released(self, agent: str, tokens: list[str]) -> Recovery:
        """All that an agent ran is over, one way or the other."""
        if not tokens:
            return self.well(agent)
        over = self.facts.over
        return Recovery(
            "attempts released", time.time(), lambda: all(token in over for token in tokens)
        )

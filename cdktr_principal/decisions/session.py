"""What the principal knows only while it runs: who waits, who was heard when, leases.

Losing it costs nothing but a resync: a restarted principal asks every agent for hello, and gives
every attempt in work a whole new lease. Pure: clocks come as arguments.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cdktr_common.catalogue.principal import TaskBatch
from cdktr_common.catalogue.values import AgentLoad, DeferredRow
from cdktr_principal.decisions.alarms import Alarms
from cdktr_principal.decisions.pools import Pools

if TYPE_CHECKING:
    from cdktr_principal.state.records import Run, Task
    from cdktr_principal.state.windows import Place

Ask = Any
"""Where an answer goes; the core hands it back and never looks inside."""

CPU_S: Final = 5.0
CPU_KEPT: Final = 60
"""How far samples of an agent's load are apart, and how many of them are kept: five minutes."""


class FetchWait(msgspec.Struct):
    """A fetch that waits for tasks."""

    ask: Ask
    request_id: str | None
    agent: str
    boot: str
    free: int
    since: float
    due: float
    sent_s: float = 0.0


class Session:
    """See the module text. `kept`: agents that get nothing from behind a task that needs more slots
    than they have free, and how many they lack. `alarm` is when a turn is wanted although nobody
    may have said anything; of the turn's own making, and so never out of date. `progress`: by
    agent, of its tokens, as its last beat had it. `next_ticks`: when schedules fire next, as was
    told last. `windows` end by the clock that never steps, what is `deferred` is due by the time of
    day; `taken_back`: what was deferred until somebody took it back."""

    def __init__(self) -> None:
        self.pools = Pools()
        self.kept: dict[Task, tuple[str, int]] = {}
        self.alarm: float | None = None
        self.progress: dict[str, dict[str, float]] = {}
        self.fetches: dict[str, FetchWait] = {}
        self.beats: dict[str, tuple[Ask, list[str], float]] = {}
        self.last_batch: dict[str, tuple[str | None, TaskBatch]] = {}
        self.greeted: dict[str, str] = {}
        self.leases: dict[str, float] = {}
        self.ended: list[Run] = []
        self.timers: list[tuple[float, int, Task | Run]] = []
        self.reminders = 0
        self.windows: Alarms[Place] = Alarms()
        self.deferred: Alarms[str] = Alarms()
        self.taken_back: OrderedDict[str, DeferredRow] = OrderedDict()
        self.stopped: set[Task] = set()
        self.next_ticks: dict[tuple[str, str], float | None] = {}
        self.ordered: set[str] = set()
        self.loads: dict[str, AgentLoad] = {}
        self.heard_ts: dict[str, float] = {}
        self.cpu: dict[str, deque[float]] = {}
        self._heard: dict[str, float] = {}
        self._sent: dict[str, float] = {}
        self._started: float | None = None

    def hear(self, agent: str, clock: float, ts: float, load: AgentLoad | None = None) -> None:
        """An agent spoke."""
        self._heard[agent] = clock
        self.heard_ts[agent] = ts
        if load is not None:
            self.loads[agent] = load

    def heard_within(self, agent: str, clock: float, seconds: float) -> bool:
        """Was it heard of lately? Before a restart counts as heard at the restart."""
        if self._started is None:
            self._started = clock
        return clock - self._heard.get(agent, self._started) <= seconds

    def sample(self, clock: float) -> None:
        """Keep a sample of all that was heard since the last one; wanted every `CPU_S`."""
        for agent, load in self.loads.items():
            if self.heard_within(agent, clock, CPU_S):
                self.cpu.setdefault(agent, deque(maxlen=CPU_KEPT)).append(load.cpu_pct)

    def cpu_of(self, agent: str, most: int) -> list[float]:
        """The newest of its samples, the very newest last."""
        kept = self.cpu.get(agent)
        return list(kept)[-most:] if kept and most > 0 else []

    def overtaken(self, agent: str, sent_s: float) -> bool:
        """Was something that the agent said later taken before this? (By its own clock.)"""
        return 0 < sent_s < self._sent.get(agent, 0.0)

    def sent(self, agent: str, sent_s: float) -> None:
        """A fetch is taken that the agent sent then."""
        self._sent[agent] = max(sent_s, self._sent.get(agent, 0.0))

    def begin(self, agent: str, sent_s: float) -> None:
        """A hello of another supervisor is taken: from here on its clock counts."""
        self._sent[agent] = sent_s

    def forget(self, agent: str) -> None:
        """The agent has left."""
        self.greeted.pop(agent, None)
        self.fetches.pop(agent, None)
        self.beats.pop(agent, None)
        self.last_batch.pop(agent, None)
        self.loads.pop(agent, None)
        self.cpu.pop(agent, None)
        self.progress.pop(agent, None)

    def batch_again(self, agent: str, request_id: str | None) -> TaskBatch | None:
        """The batch that this very request was answered with."""
        known = self.last_batch.get(agent)
        if known is None or request_id is None or known[0] != request_id:
            return None
        return known[1]

    def wake(self, clock: float | None) -> None:
        """A turn is wanted then."""
        if clock is not None and (self.alarm is None or clock < self.alarm):
            self.alarm = clock

    def order(self, agent: str) -> None:
        """There is something to tell this agent: its beat is answered in this turn."""
        self.ordered.add(agent)

    def due_fetches(self, clock: float) -> list[FetchWait]:
        """Take the fetches that have waited long enough."""
        due = [wait for wait in self.fetches.values() if wait.due <= clock]
        for wait in due:
            del self.fetches[wait.agent]
        return due

    def due_beats(self, clock: float) -> list[tuple[str, Ask, list[str]]]:
        """Take the beats to answer now: those that are due, and those with something ordered."""
        due = [
            (agent, ask, running)
            for agent, (ask, running, until) in self.beats.items()
            if until <= clock or agent in self.ordered
        ]
        for agent, _, _ in due:
            del self.beats[agent]
        self.ordered.clear()
        return due

    def ended_leases(self, clock: float) -> list[str]:
        """Take the tokens whose lease has ended."""
        ended = [token for token, until in self.leases.items() if until <= clock]
        for token in ended:
            del self.leases[token]
        return ended

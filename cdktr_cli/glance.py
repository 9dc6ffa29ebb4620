"""How everything stands at one moment: what `cdktr-ctl top` asks for.

Counts come by themselves, once a second, as `stat/` of the principal; lists are asked for and
bounded, so that a look costs the principal the same however much there is. Knows no terminal.
"""

from __future__ import annotations

import time
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
import zmq

from cdktr_cli.connection import Connection
from cdktr_common.catalogue.base import Reply, Request
from cdktr_common.catalogue.common import StreamStat
from cdktr_common.catalogue.principal import (
    AgentDetail,
    AgentList,
    AgentPage,
    AgentShow,
    RunList,
    RunPage,
)
from cdktr_common.catalogue.values import AgentRow, AgentTask, RunRow
from cdktr_common.errors import ProtocolError
from cdktr_common.sockets import subscriber

R = TypeVar("R", bound=Reply)

ASKED: Final = 8
"""Agents that are asked for their tasks, the busiest."""

ANSWER_S: Final = 1.0
"""How long an answer is waited for when there have been some: meanwhile no key is heard."""

COUNTS_S: Final = 1.5
"""How long the first counts are waited for; older principals have none."""


class Glance(NamedTuple):
    """`going` are runs that go on, `ended` the last that did, both newest first; `tasks` are the
    attempts on the busiest agents, the oldest first, each with the name of its agent."""

    ts: float
    counts: dict[str, int]
    going: list[RunRow]
    ended: list[RunRow]
    tasks: list[tuple[str, AgentTask]]
    agents: list[AgentRow]

    def plain(self) -> dict[str, Any]:
        """For `--json`."""
        tasks = [{"agent": agent, **msgspec.structs.asdict(task)} for agent, task in self.tasks]
        return {
            "ts": self.ts, "counts": self.counts, "runs": self.going, "ended": self.ended,
            "tasks": tasks, "agents": self.agents,
        }  # fmt: skip


class Looker:
    """Looks again and again. Raises ProtocolError when nobody answers; the next look may do."""

    def __init__(self, principal: Connection) -> None:
        self._principal = principal
        self._timeout_s = principal.timeout_s
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._news: zmq.Socket[bytes] | None = None
        self._counts: dict[str, int] = {}

    def look(self, most: int) -> Glance:
        """With up to `most` runs of each kind."""
        try:
            going = self._ask(RunList(states=["PENDING", "RUNNING"], limit=most), RunPage).runs
            over = RunList(states=["COMPLETED", "FAILED", "CANCELLED"], limit=most)
            ended = self._ask(over, RunPage).runs
            # Older principals know no `states` and give all.
            going = [row for row in going if row.ended_ts is None]
            ended = [row for row in ended if row.ended_ts is not None]
            agents = self._ask(AgentList(), AgentPage).agents
            busy = sorted(agents, key=lambda row: -row.running)
            busy = [row for row in busy if row.running]
            tasks = [found for row in busy[:ASKED] for found in self._tasks_on(row.agent)]
            self._hear()
        except ProtocolError:
            self._principal.forget_endpoints()
            if self._news is not None:
                self._news.close(linger=0)
                self._news = None
            raise
        self._timeout_s = min(self._timeout_s, ANSWER_S)
        tasks.sort(key=lambda found: found[1].since_ts)
        return Glance(time.time(), dict(self._counts), going, ended, tasks, agents)

    def _ask(self, request: Request, expected: type[R]) -> R:
        return self._principal.ask(request, expected, timeout_s=self._timeout_s)

    def _tasks_on(self, agent: str) -> list[tuple[str, AgentTask]]:
        try:
            return [(agent, task) for task in self._ask(AgentShow(agent=agent), AgentDetail).tasks]
        except ProtocolError as fault:
            if fault.code not in (
                "not_found",
                "unknown_type",
            ):  # forgotten since; an older principal
                raise
            return []

    def _hear(self) -> None:
        """The newest counts that have come; the first ones are waited for."""
        wait_s = 0.0
        if self._news is None:
            endpoint = self._principal.endpoint_of("events")
            if endpoint is None:
                return
            self._news = subscriber(self._context, endpoint, ["stat/"])
            wait_s = COUNTS_S
        until = time.monotonic() + wait_s
        while self._news.poll(max(0, int((until - time.monotonic()) * 1000))):
            stat = msgspec.json.decode(self._news.recv_multipart()[-1], type=StreamStat)
            if stat.counts:
                self._counts, until = stat.counts, 0.0

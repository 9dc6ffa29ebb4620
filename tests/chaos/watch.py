"""What anyone can see from outside while a campaign runs: the facts as they come, and the agents.

`Facts` follows `event.list` over every restart and notices a record that was rewritten. `Agents`
asks for the list of agents again and again. Both are threads; neither decides anything.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec

from cdktr_common.catalogue.common import Ping, Pong
from cdktr_common.catalogue.principal import AgentList, AgentPage, EventList, EventPage
from cdktr_common.catalogue.values import AgentRow
from cdktr_common.client import Client
from cdktr_common.errors import ProtocolError

Fact = dict[str, Any]
Task = tuple[str, str]

FINAL = ("task.crashed", "task.released", "task.ended")


class Facts:
    """All facts so far, and what follows from them for tasks and runs."""

    def __init__(self, client: Callable[[], Client]) -> None:
        self._client = client
        self.facts: list[Fact] = []
        self.rewritten: list[str] = []
        self.runs: dict[str, Fact] = {}
        self.ended: dict[str, Fact] = {}
        self.running: dict[str, Fact] = {}
        self.over: dict[str, Fact] = {}
        self.held: set[Task] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="facts", daemon=True)
        self._thread.start()

    @property
    def seq(self) -> int:
        """The number of the newest fact seen."""
        return len(self.facts)

    @property
    def unfinished(self) -> list[str]:
        """Runs that have not ended."""
        return [run for run in list(self.runs) if run not in self.ended]

    def tokens_of(self, agent: str) -> list[str]:
        """Attempts that an agent holds."""
        return [token for token, fact in list(self.running.items()) if fact["agent"] == agent]

    def stop(self) -> None:
        """No more."""
        self._stopping.set()
        self._thread.join(10)

    def _follow(self) -> None:
        with self._client() as client:
            while not self._stopping.is_set():
                try:
                    request = EventList(after=self.seq, limit=2000, wait_s=0.5)
                    page = client.ask(request, EventPage, wait_s=0.5, timeout_s=1.5)
                except ProtocolError:
                    self._stopping.wait(0.05)
                    continue
                if page.newest < self.seq:
                    self._complain(f"{self.seq} facts were seen, and now there are {page.newest}")
                for raw in page.events:
                    self._take(msgspec.json.decode(raw))

    def _complain(self, text: str) -> None:
        if text not in self.rewritten:
            self.rewritten.append(text)

    def _take(self, fact: Fact) -> None:
        if fact["seq"] != self.seq + 1:
            self._complain(f"fact {fact['seq']} came after {self.seq}")
            return
        kind = fact["type"]
        if kind == "run.created":
            self.runs[fact["run"]] = fact
        elif kind == "run.ended":
            self.ended[fact["run"]] = fact
        elif kind == "task.assigned":
            self.running[fact["token"]] = fact
            self.held.discard((fact["run"], fact["task"]))
        elif kind in FINAL:
            self.running.pop(fact.get("token", ""), None)
            self.over[fact.get("token", "")] = fact
            if fact.get("held"):
                self.held.add((fact["run"], fact["task"]))
        self.facts.append(fact)


class Agents:
    """The list of agents, as fresh as it can be had."""

    def __init__(self, client: Callable[[], Client]) -> None:
        self._client = client
        self.rows: dict[str, AgentRow] = {}
        self.asked_at = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="agents", daemon=True)
        self._thread.start()

    def _poll(self) -> None:
        with self._client() as client:
            while not self._stopping.wait(0.05):
                asked_at = time.time()
                try:
                    page = client.ask(AgentList(), AgentPage, timeout_s=0.5)
                except ProtocolError:
                    continue
                self.rows = {row.agent: row for row in page.agents}
                self.asked_at = asked_at

    def well(self, agent: str, since: float) -> bool:
        """Does the principal, asked after `since`, call it ready, and has it heard of it since?"""
        row = self.rows.get(agent)
        heard = row is not None and (row.heard_ts or 0.0) > since
        return row is not None and heard and row.state == "ready" and self.asked_at > since

    def stop(self) -> None:
        """No more."""
        self._stopping.set()
        self._thread.join(10)


def pong(client: Callable[[float], Client], timeout_s: float = 0.5) -> Pong | None:
    """How a program says it is; None when it does not answer."""
    with client(timeout_s) as asked:
        try:
            return asked.ask(Ping(), Pong)
        except ProtocolError:
            return None


def wait_for(check: Callable[[], object], seconds: float) -> bool:
    """Was it true within the time?"""
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True

"""Those who trigger, cancel and operate. They ask again until they are answered, and write down
what they were told; nothing they need is kept by CDKTR."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from cdktr_common.catalogue import principal as p
from cdktr_common.errors import ProtocolError
from tests.sim.ledger import Ledger
from tests.sim.principal import Peer, Principal
from tests.sim.scenario import Shout, Work
from tests.sim.world import Network, World

AGAIN_S = 1.5


class Client(Peer):
    """All clients in one: each request is its own conversation."""

    host = "C"

    def __init__(self, world: World, net: Network, ledger: Ledger, principal: Principal) -> None:
        super().__init__(world, "C")
        self.alive = True
        self.net = net
        self.ledger = ledger
        self.principal = principal
        self.open = 0
        self._count = 0
        self._waiting: dict[str, Callable[[Any], None]] = {}

    def _say(self, request: Any, request_id: str) -> None:
        if self.principal.alive:
            request = msgspec.structs.replace(request, id=request_id)
            principal = self.principal
            self.net.send("C", "P", principal, principal.arrive, (self, 0), request)

    def answered(self, connection: int, request_id: str | None, answer: Any) -> None:
        """To whom it concerns, if it still waits."""
        wait = self._waiting.pop(request_id or "", None)
        if wait is not None:
            wait(answer)

    def ask(self, request: Any, then: Callable[[Any], None] | None = None) -> None:
        """Ask until it is answered, with the same id."""
        self._count += 1
        name = f"c{self._count}"

        def told(answer: Any) -> None:
            self.open -= 1
            if then is not None:
                then(answer)

        def again() -> None:
            if name in self._waiting:
                self._say(request, name)
                self.later(AGAIN_S, again)

        self.open += 1
        self._waiting[name] = told
        again()

    # Triggers

    def trigger(self, number: int, work: Work) -> None:
        """Start a run, and perhaps cancel it later."""
        key = None if work.style == "id" else f"key{number}"
        request = p.RunStart(plan=work.plan, key=key)
        stays = f"t{number}"
        self.open += 1
        self._try(request, work, key or f"id:{stays}", stays, 0)

    def _try(self, request: p.RunStart, work: Work, key: str, stays: str, turn: int) -> None:
        """One try; `keys` uses a new request id for each, as a command that is run again."""
        name = f"{stays}.{turn}" if work.style == "keys" else stays

        def told(answer: Any) -> None:
            if isinstance(answer, ProtocolError):
                if answer.code == "conflict":
                    raise AssertionError(answer.detail)
                self._waiting[name] = told  # no room now: the next try may find some
                return
            run = answer.runs[0].run
            first = key not in self.ledger.acknowledged
            self.ledger.acknowledge(key, run)
            if not first:
                return
            self.world.tell("C", f"{key} is acknowledged as run {run}")
            if work.cancel_at is not None:
                delay = max(0.0, work.cancel_at - self.world.now)
                self.later(delay, self.ask, p.RunCancel(run=run))
            self.open -= 1

        self._waiting[name] = told
        self._say(request, name)
        self.later(AGAIN_S, self._once_more, request, work, key, stays, turn)

    def shout(self, shout: Shout) -> None:
        """Fire an event, until it is taken."""

        def told(answer: Any) -> None:
            if isinstance(answer, ProtocolError):
                self.later(AGAIN_S, self.ask, request, told)  # no room now
                return
            self.ledger.shouts.taken(shout.number, answer)

        request = p.EventFire(
            event="e", payload=shout.number, key=f"e{shout.number}", delay_s=shout.delay_s
        )
        self.ask(request, told)

    def _once_more(self, request: p.RunStart, work: Work, key: str, stays: str, turn: int) -> None:
        if key not in self.ledger.acknowledged:
            self._try(request, work, key, stays, turn + 1)

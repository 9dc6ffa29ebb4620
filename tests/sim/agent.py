"""The network process of the simulation: the real core and the real shipper over simulated lines.

What `cdktr_agent.service` and `cdktr_agent.attachment` do around them is done here in the same
order: what has come is told to the core, it decides once, lines to the supervisor go first, then
requests. Tasks of a supervisor that does not answer are ended as `cdktr_agent.guard` ends them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import msgspec

from cdktr_agent import local
from cdktr_agent.core import Core
from cdktr_agent.instructions import Complain, EndTrees, Identity, Leave, Serve
from cdktr_agent.shipper import Shipper
from cdktr_common.catalogue.base import Request
from cdktr_common.catalogue.principal import AgentBeat, AgentHello, TaskFetch
from cdktr_common.errors import ProtocolError
from tests.sim.principal import Peer, Principal
from tests.sim.supervisor import LINE_S, Supervisor
from tests.sim.tasks import Machine
from tests.sim.world import Network, Process

STOP_GRACE_S = 1.0
GIVE_UP_S = 3.0
LOOK_S = 0.5


class _Open:
    """A request that was not answered yet."""

    __slots__ = ("answered", "due", "request", "resend_s", "to")

    def __init__(self, to: str, request: Any, answered: Any, resend_s: float) -> None:
        self.to = to
        self.request = request
        self.answered = answered
        self.resend_s = resend_s
        self.due = 0.0


class Agent(Peer):
    """See the module text. One object for all lives of the process on its machine."""

    def __init__(
        self, machine: Machine, net: Network, principal: Principal, logd: Any, slots: int
    ) -> None:
        super().__init__(machine.world, machine.name)
        self.machine = machine
        self.host = machine.name
        self.net = net
        self.principal = principal
        self.logd = logd
        self.slots = slots
        self.leaving = False
        self.late_leases = False
        self.guards = True
        self.core: Core
        self.shipper: Shipper
        self._pending: dict[str, _Open] = {}
        self._of_core: set[str] = set()
        self._count = 0
        self._attached = False

    # Life

    def start(self) -> None:
        """The service manager has started it."""
        machine = self.machine
        before = machine.attended
        self.alive, self.leaving = True, False
        machine.noticed(before)
        self.connection += 1
        self._pending.clear()
        self._of_core.clear()
        name = machine.name
        self.core = Core(Identity(name, f"aid-{name}", self.slots, [], name, "1", 1))
        self.shipper = Shipper(f"{name}/spool", name, self._complain)
        self.shipper.connect(self._append)
        self._attached = False
        self._beat = ""
        self._turn_at = math.inf
        self._since = began_at = machine.clock()
        if machine.renewed_at is None or machine.renewed_at > began_at:
            machine.renewed_at = began_at
        else:
            self._since = machine.renewed_at
        self._attach()
        self.later(1.0, self._every_second)
        self.later(LOOK_S, self._watch)

    def _attach(self) -> None:
        """To the supervisor that runs, or a new one."""
        supervisor: Supervisor = self.machine.supervisor
        if self._attached or self.leaving:
            return
        if not supervisor.alive:
            supervisor.start()
        self.core.attaching(supervisor.boot, self.machine.clock())
        if supervisor.listens:
            self.supervisor_ready()
        else:
            self.later(0.1, self._attach)  # it still sweeps

    def supervisor_ready(self) -> None:
        """It listens."""
        if not self._attached:
            self._attached = True
            self._tell([local.Attach(self.slots, "/", 1 << 30, STOP_GRACE_S)])

    def _tell(self, orders: list[local.Local]) -> None:
        """In one write: they are read together."""
        supervisor = self.machine.supervisor
        for order in orders:
            if isinstance(order, local.Renew):
                self.machine.renewed_at = order.sent_at
        if orders and self._attached and supervisor.alive:
            supervisor.later(LINE_S, supervisor.hear, orders)

    def news(self, message: local.Local) -> None:
        """One line from the supervisor."""
        self.core.heard(self.machine.clock())
        if isinstance(message, local.Ended):
            self.core.ended(message)
        elif isinstance(message, local.Wrote):
            self.shipper.grown(message.names)
        elif isinstance(message, local.State):
            self.core.supervisor_state(message)
            self.shipper.grown(message.spools)
        self._after()

    def supervisor_gone(self) -> None:
        """The line has ended."""
        self._attached = False
        self.core.supervisor_gone()
        if self.leaving:
            self._end()
            return
        self.later(0.05, self._attach)
        self._after()

    def _end(self) -> None:
        self.machine.world.tell(self.name, "has left")
        self.die()

    def reconnect(self) -> None:
        """A connection to the principal stands, the first or another."""
        self.connection += 1
        self.core.reconnected()
        self._after()

    # Turns

    def _after(self) -> None:
        now = self.machine.clock()
        lines: list[local.Local] = []
        requests: list[Request] = []
        for instruction in self.core.decide(now):
            if isinstance(instruction, local.Local):
                lines.append(instruction)
            elif isinstance(instruction, Request):
                requests.append(instruction)
            elif isinstance(instruction, Complain):
                self.later(1.0, self._resume)
            elif isinstance(instruction, EndTrees):
                self._end_trees(instruction)
            elif isinstance(instruction, Leave):
                self._begin_leaving()
            elif not isinstance(instruction, Serve):
                raise TypeError(instruction)
        self._tell(lines)
        for request in requests:
            self._ask_principal(request)
        self._pump()
        due = self.core.due()
        if due < self._turn_at - 0.001:
            self._turn_at = due
            self.later(max(0.0, due - now) + 1e-4, self._turn)

    def _turn(self) -> None:
        self._turn_at = math.inf
        self._after()

    # A supervisor that does not answer

    def _watch(self) -> None:
        """What a supervisor that never told its state has running is ended by what is known."""
        now = self.machine.clock()
        if self.guards and not self.core.boot:
            for task in list(self.machine.tasks.values()):
                started = task.execution.started + self.machine.offset
                over = max(self._since, started) + task.spec.lost_after_s <= now
                if over and task.spec.on_principal_lost != "finish":
                    task.kill()
        self.later(LOOK_S, self._watch)
        self._after()

    def _end_trees(self, trees: EndTrees) -> None:
        for hold in trees.holds:
            task = self.machine.tasks.get(hold.token)
            if task is not None and self.guards:
                self.machine.world.tell(self.name, f"kills {hold.token}: its lease is over")
                task.kill()

    def _pump(self) -> None:
        self.shipper.pump()
        if self.shipper.freed:
            freed, self.shipper.freed = self.shipper.freed, 0
            self._tell([local.Freed(freed)])

    def _resume(self) -> None:
        self.core.resume()
        self._after()

    def _complain(self, text: str) -> None:
        pass

    def _every_second(self) -> None:
        for name, pending in list(self._pending.items()):
            if pending.due <= self.world.now:
                self._send(name, pending)
        self.shipper.paused = False
        self._after()
        self.later(1.0, self._every_second)

    # Asking

    def _ask_principal(self, request: Request) -> None:
        resend_s = 2.0
        if isinstance(request, AgentHello):
            for name in self._of_core:
                self._pending.pop(name, None)  # the hello is the truth from now on
            self._of_core.clear()
            resend_s = 0.1
        elif isinstance(request, AgentBeat):
            resend_s += request.wait_s
            self._pending.pop(self._beat, None)  # this one tells more than the one before
        elif isinstance(request, TaskFetch):
            resend_s += request.wait_s
        asked_at = self.machine.clock()
        sent = request
        if isinstance(request, AgentHello | TaskFetch):
            sent = msgspec.structs.replace(request, sent_s=asked_at)
        name = ""

        def answered(answer: Any) -> None:
            self._of_core.discard(name)
            if isinstance(answer, ProtocolError):
                self.core.refused(request, answer.code, answer.detail)
            else:
                now = self.machine.clock()
                self.core.answered(request, answer, now if self.late_leases else asked_at, now)
            self._after()

        name = self._ask("P", sent, answered, resend_s)
        self._of_core.add(name)
        if isinstance(request, AgentBeat):
            self._beat = name

    def _append(self, request: Any, answered: Callable[[Any], None]) -> None:
        def heard(answer: Any) -> None:
            answered(answer)
            self._pump()

        self._ask("L", request, heard, 2.0)

    def _ask(self, to: str, request: Any, answered: Any, resend_s: float) -> str:
        self._count += 1
        name = f"{self.name}-{self.life}-{self._count}"
        request = msgspec.structs.replace(request, id=name)
        pending = self._pending[name] = _Open(to, request, answered, resend_s)
        self._send(name, pending)
        return name

    def _send(self, name: str, pending: _Open) -> None:
        server: Any = self.principal if pending.to == "P" else self.logd
        if not server.alive:
            return  # not connected: with the next resend
        pending.due = self.world.now + pending.resend_s
        envelope = (self, self.connection)
        self.net.send(self.host, pending.to, server, server.arrive, envelope, pending.request)

    def answered(self, connection: int, request_id: str | None, answer: Any) -> None:
        """An answer has come; one to an older connection cannot."""
        if connection != self.connection:
            return
        pending = self._pending.pop(request_id or "", None)
        if pending is not None:
            pending.answered(answer)

    # Leaving

    def terminate(self) -> None:
        """SIGTERM."""
        self.core.drain()
        self.later(GIVE_UP_S, self._stop_tasks)
        self._after()

    def _stop_tasks(self) -> None:
        self.core.stop()
        self.later(GIVE_UP_S, self._give_up)
        self._after()

    def _give_up(self) -> None:
        if not self.leaving:
            self.core.give_up()
            self._after()

    def _begin_leaving(self) -> None:
        """A moment for the output that is still here, then the supervisor is told to leave."""
        self.leaving = True
        self.later(0.5, self._quit)

    def _quit(self) -> None:
        if not self._attached:
            self._end()
        self._tell([local.Quit()])


def die(process: Process) -> None:
    """kill -9, and what the other process of the agent sees of it."""
    process.die()
    if isinstance(process, Supervisor):
        agent = process.machine.agent
        if agent.alive:
            agent.later(0.001, agent.supervisor_gone)
    elif isinstance(process, Agent):
        process.machine.supervisor.peer = None

"""What the network process knows and decides. No I/O, no clock, no random.

Theory of operation. A stimulus is a method call: what the supervisor said, what the principal
answered, what the operator wants. It changes the state and may leave instructions; `decide`, once
a turn, adds what follows from the state and returns them all, in order of sending. Instructions
are messages: catalogue requests go to the principal, local ones to the supervisor, `Serve`,
`Complain` and `Leave` to the process itself.

    no supervisor --State--> to greet --AgentWelcome--> welcomed
    welcomed --unknown epoch, `hello`, unknown_agent--> to greet
    any --supervisor gone--> no supervisor

What must hold: only while welcomed is anything but a hello asked. A hello tells all tokens, so a
batch answering a fetch from before it is not taken: the principal has counted its tokens as never
delivered. One hello, fetch and beat are open at a time. A result is kept until it is answered
with ack or drop, and it is told before room for new work is, so that both are one commit.

How much to ask for. Slots, and beyond them as much as will be done within `AHEAD_S`, judged by how
long tasks took lately: nothing until one has ended. What was taken in vain comes back RELEASED
from the supervisor and sets the judgement back.
"""

from __future__ import annotations

import math
from typing import Final

from cdktr_agent import local
from cdktr_agent.instructions import Complain, Identity, Instruction, Leave, Serve
from cdktr_common.catalogue import Request
from cdktr_common.catalogue.principal import (
    AgentBeat,
    AgentBye,
    AgentHello,
    AgentOrders,
    AgentWelcome,
    TaskBatch,
    TaskFetch,
    TaskReport,
    TaskReported,
)
from cdktr_common.catalogue.values import TaskResult

AHEAD_S: Final = 0.06
MOST_AHEAD: Final = 256
FETCH_WAIT_S: Final = 20.0
REPORT_MOST: Final = 2000
"""Results in one report, to stay far from the largest message there may be."""

FATAL: Final = ("conflict", "version", "denied")


class Core:
    """See the module text."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.boot = ""
        self.epoch = 0
        self.held: dict[str, local.Hold] = {}
        self.results: dict[str, TaskResult] = {}
        self.welcomed = False
        self.draining = False
        self.leaving = False
        self.lost_after_s = 600.0
        self.beat_s = 2.0
        self.took_s = 0.0
        self._ever_welcomed = False
        self._greeting = False
        self._fetching = False
        self._beating = False
        self._paused = False
        self._ordered_drain = False
        self._said_bye = False
        self._gone = False
        self._told_release = False
        self._reporting: set[str] = set()
        self._instructions: list[Instruction] = []

    # From the supervisor

    def supervisor_state(self, state: local.State) -> None:
        """A supervisor is there: ours again, or a new one."""
        self._reset()
        self.boot = state.boot
        self.held = {hold.token: hold for hold in state.held}
        self.results.update((result.token, result) for result in state.results)
        self._told_release = False

    def supervisor_gone(self) -> None:
        """It died, and what it ran must not be called ours any more."""
        self.boot = ""
        self.held.clear()
        self._reset()

    def ended(self, ended: local.Ended) -> None:
        """Attempts are over."""
        for result in ended.results:
            self.held.pop(result.token, None)
            self.results[result.token] = result
            self._judge(result)
        for token in ended.dropped:
            self.held.pop(token, None)

    def _judge(self, result: TaskResult) -> None:
        if result.state == "RELEASED":
            self.took_s = max(self.took_s, 1.0)
        elif result.started_ts is not None and result.ended_ts is not None:
            took = min(3600.0, max(0.0002, result.ended_ts - result.started_ts))
            self.took_s = took if not self.took_s else self.took_s * 0.8 + took * 0.2

    # From the principal. `asked_at` is when the request was first sent.

    def answered(self, request: Request, reply: object, asked_at: float) -> None:
        """The reply to an instruction."""
        if isinstance(reply, AgentWelcome):
            self._welcome(reply)
        elif isinstance(reply, TaskReported):
            self._reported(request, reply)
        elif isinstance(request, AgentBye):
            self._gone = True
        elif isinstance(reply, TaskBatch):
            self._fetching = False
            self._batch(reply, asked_at)
        elif isinstance(reply, AgentOrders) and isinstance(request, AgentBeat):
            self._beating = False
            self._orders(request, reply, asked_at)

    def refused(self, request: Request, code: str, detail: str) -> None:
        """An error. Whatever it was, the next try waits for `resume`."""
        self._close(request)
        if isinstance(request, AgentHello) and code in FATAL and not self._ever_welcomed:
            self._instructions.append(Leave(code, detail))
        elif code == "unknown_agent":
            self._reset()
        else:
            self._paused = True
            self._instructions.append(Complain(f"{type(request).__name__}: {code}: {detail}"))

    def reconnected(self) -> None:
        """The connection to the principal is a new one: what was under way on the old may be lost,
        and a hello settles all of it."""
        self._reset()

    def resume(self) -> None:
        """Some time has passed since a refusal."""
        self._paused = False

    def _close(self, request: Request) -> None:
        if isinstance(request, AgentHello):
            self._greeting = False
        elif isinstance(request, TaskFetch):
            self._fetching = False
        elif isinstance(request, AgentBeat):
            self._beating = False
        elif isinstance(request, TaskReport):
            self._reporting.difference_update(result.token for result in request.results)
        elif isinstance(request, AgentBye):
            self._said_bye = False

    def _welcome(self, reply: AgentWelcome) -> None:
        self._greeting = False
        self.welcomed = True
        self.epoch = reply.epoch
        self.beat_s = reply.beat_s
        self.lost_after_s = reply.lost_after_s
        self._forget([*reply.ack, *reply.drop])
        self._end(reply.drop, "drop")
        first, self._ever_welcomed = not self._ever_welcomed, True
        self._instructions.append(Serve(reply.endpoints, first))

    def _batch(self, batch: TaskBatch, asked_at: float) -> None:
        if batch.tasks:
            for spec in batch.tasks:
                endless = spec.on_principal_lost == "finish"
                until = math.inf if endless else asked_at + spec.lost_after_s
                self.held[spec.token] = local.hold(spec, until)
            self._instructions.append(local.Run(batch.tasks, batch.runs, asked_at))
            if self.draining or self._ordered_drain:
                self._instructions.append(local.Release())
        self._heard(batch.epoch, batch.hello)

    def _orders(self, beat: AgentBeat, orders: AgentOrders, sent_at: float) -> None:
        renewed = self.held.keys() & set(beat.running) - set(orders.drop)
        if renewed:
            for token in renewed:
                self.held[token].renew(sent_at)
            self._instructions.append(local.Renew(sorted(renewed), sent_at))
        self._forget(orders.drop)
        self._end(orders.drop, "drop")
        self._end(orders.cancel, "cancel")
        self._ordered_drain = orders.drain
        self._heard(orders.epoch, orders.hello)

    def _reported(self, request: Request, reply: TaskReported) -> None:
        if isinstance(request, TaskReport):
            self._reporting.difference_update(result.token for result in request.results)
        self._forget([*reply.ack, *reply.drop])
        self._heard(reply.epoch or self.epoch, False)

    def _heard(self, epoch: int, hello: bool) -> None:
        if hello or epoch != self.epoch:
            self._reset()

    def _forget(self, tokens: list[str]) -> None:
        known = [token for token in tokens if self.results.pop(token, None) is not None]
        if known:
            self._instructions.append(local.Ack(known))

    def _end(self, tokens: list[str], why: local.EndReason) -> None:
        known = [token for token in tokens if token in self.held]
        if known:
            self._instructions.append(local.End(known, why))

    def _reset(self) -> None:
        """Say hello again; whatever is open is answered to somebody we are no longer."""
        self.welcomed = False
        self._greeting = self._fetching = self._beating = False
        self._reporting.clear()

    # From the operator

    def drain(self) -> None:
        """Take nothing new, let what runs end, then leave."""
        self.draining = True

    def stop(self) -> None:
        """As drain, but end what runs."""
        self.draining = True
        if self.held:
            self._instructions.append(local.End(sorted(self.held), "drain"))

    def give_up(self) -> None:
        """Leave although the principal has not answered; the results stay in the outbox."""
        self._gone = True

    # What follows

    @property
    def ahead(self) -> int:
        """How many tasks to hold beyond the slots."""
        if not self.took_s:
            return 0
        return min(MOST_AHEAD, int(AHEAD_S * self.identity.slots / self.took_s))

    def decide(self) -> list[Instruction]:
        """All that is to be done now."""
        if self.boot and not self._paused:
            if self.welcomed:
                self._report()
                self._fetch()
                self._beat()
            else:
                self._greet()
        if self.draining or self._ordered_drain:
            self._drain()
        else:
            self._told_release = False
        instructions, self._instructions = self._instructions, []
        return instructions

    def _greet(self) -> None:
        if self._greeting:
            return
        self._reset()
        self._greeting = True
        who = self.identity
        self._instructions.append(
            AgentHello(
                agent=who.agent,
                aid=who.aid,
                boot=self.boot,
                slots=who.slots,
                labels=who.labels,
                host=who.host,
                version=who.version,
                protocol=who.protocol,
                running=sorted(self.held),
                outbox=list(self.results),
            )
        )

    def _report(self) -> None:
        if len(self.results) == len(self._reporting):
            return
        new = [result for token, result in self.results.items() if token not in self._reporting]
        for at in range(0, len(new), REPORT_MOST):
            part = new[at : at + REPORT_MOST]
            self._reporting.update(result.token for result in part)
            request = TaskReport(agent=self.identity.agent, boot=self.boot, results=part)
            self._instructions.append(request)

    def _fetch(self) -> None:
        """Ask for more before all is done, but not for every single place."""
        if self._fetching or self.draining or self._ordered_drain:
            return
        ahead = self.ahead
        most = self.identity.slots + ahead
        if len(self.held) < self.identity.slots or len(self.held) <= most - max(1, ahead // 2):
            # The first work after a pause is for the slots alone: others may be idle too.
            free = most - len(self.held) if self.held else self.identity.slots
            # An unanswered fetch uses up the lease of what it brings.
            wait_s = min(FETCH_WAIT_S, self.lost_after_s / 4)
            self._fetching = True
            self._instructions.append(
                TaskFetch(agent=self.identity.agent, boot=self.boot, free=free, wait_s=wait_s)
            )

    def _beat(self) -> None:
        if self._beating or self._said_bye:
            return
        self._beating = True
        self._instructions.append(
            AgentBeat(
                agent=self.identity.agent,
                boot=self.boot,
                running=sorted(self.held),
                draining=self.draining,
                wait_s=self.beat_s,
            )
        )

    def _drain(self) -> None:
        if self.held and not self._told_release:
            self._told_release = True
            self._instructions.append(local.Release())
        if not self.draining or self.leaving:
            return
        if self._gone:
            self.leaving = True
            self._instructions.append(Leave())
        elif self.welcomed and not self.held and not self.results and not self._said_bye:
            self._said_bye = True
            self._instructions.append(AgentBye(agent=self.identity.agent, boot=self.boot))

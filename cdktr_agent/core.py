"""What the network process knows and decides. No I/O, no clock, no random.

Theory of operation. A stimulus is a method call: what the supervisor said, what the principal
answered, what the operator wants. It changes the state and may leave instructions; `decide`, once
a turn, adds what follows from the state and returns them all, in order of sending. Instructions
are messages: catalogue requests go to the principal, local ones to the supervisor, `Serve`,
`Complain`, `EndTrees` and `Leave` to the process itself.

    no supervisor --State--> to greet --AgentWelcome--> welcomed
    welcomed --unknown epoch, `hello`, unknown_agent--> to greet
    any --supervisor gone--> no supervisor

What must hold: only while welcomed is anything but a hello asked. A hello tells all tokens, so a
batch answering a fetch from before it is not taken: the principal has counted its tokens as never
delivered. One hello, fetch and beat are open at a time. A result is kept until it is answered
with ack or drop, and it is told before room for new work is, so that both are one commit. While
the supervisor does not answer (`watch`) beats say so, which renews nothing, and nothing is fetched.

"""

from __future__ import annotations

from typing import Final

from cdktr_agent import local
from cdktr_agent.appetite import Appetite
from cdktr_agent.arrivals import Arrivals
from cdktr_agent.beats import Beats
from cdktr_agent.instructions import Complain, EndTrees, Identity, Instruction, Leave, Serve
from cdktr_agent.reports import Reports
from cdktr_agent.watch import Watch
from cdktr_common.catalogue import Request
from cdktr_common.catalogue import principal as p

FETCH_WAIT_S: Final = 20.0
FATAL: Final = ("conflict", "version", "denied")


class Core:
    """See the module text."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.boot = ""
        self.epoch = 0
        self._tasks_v = 0  # the newest form of tasks that the supervisor understands
        self.hint = ""  # the boot of a supervisor that has not told its state
        self.watch = Watch()
        self.beats = Beats(identity.agent)
        self.appetite = Appetite(identity.slots)
        self.reports = Reports(identity.agent)
        self.results = self.reports.results
        self.arrivals = Arrivals(self.watch, self.results)
        self.welcomed = False
        self.draining = False
        self.leaving = False
        self._ever_welcomed = False
        self._greeting = False
        self._fetching = False
        self._late_renewal: local.Renew | None = None
        self._paused = False
        self._ordered_drain = False
        self._said_bye = False
        self._gone = False
        self._told_release = False
        self._instructions: list[Instruction] = []

    # From the supervisor

    def attaching(self, hint: str, now: float) -> None:
        """A supervisor is there or started, and asked for its state. `hint`: its boot, as far as
        it can be known without its answer."""
        self.hint = hint
        self.watch.asked(now)

    def heard(self, now: float) -> None:
        """The supervisor has answered, or spoken."""
        self.watch.answered(now)

    def supervisor_state(self, state: local.State) -> None:
        """A supervisor is there: ours again, or a new one."""
        self._reset()
        self.boot = state.boot
        self._tasks_v = state.tasks_v
        self.arrivals.give_back("never reached its supervisor")
        self.watch.told(state.held)
        self.results.update((result.token, result) for result in state.results)
        self._told_release = False

    def supervisor_gone(self) -> None:
        """It died, and what it ran must not be called ours any more."""
        self.boot = ""
        self.beats.progress.clear()
        self.arrivals.give_back("never reached its supervisor")
        self.watch.gone()
        self._late_renewal = None
        self._reset()

    def ended(self, ended: local.Ended) -> None:
        """Attempts are over."""
        for result in ended.results:
            self.watch.over(result.token)
            self.results[result.token] = result
            self.appetite.judge(result)
            self.beats.progress.pop(result.token, None)
        for token in ended.dropped:
            self.watch.over(token)
            self.beats.progress.pop(token, None)

    def progressed(self, progress: local.Progress) -> None:
        """Tasks have told how far they are."""
        self.beats.progress.update(progress.of)

    # From the principal. `asked_at` is when the request was first sent.

    def answered(self, request: Request, reply: object, asked_at: float, now: float) -> None:
        """The reply to an instruction. One that was asked for a supervisor that is gone may only
        acknowledge: what it brings was given to that one, and the hello to come gives it up."""
        if getattr(request, "boot", "") != self.boot and not isinstance(reply, p.TaskReported):
            return
        if isinstance(reply, p.AgentWelcome):
            self._welcome(reply)
        elif isinstance(reply, p.TaskReported):
            self._reported(request, reply)
        elif isinstance(request, p.AgentBye):
            self._gone = True
        elif isinstance(reply, p.TaskBatch):
            self._fetching = False
            self._batch(reply, asked_at, now)
        elif isinstance(reply, p.AgentOrders) and isinstance(request, p.AgentBeat):
            self.beats.answered(request, asked_at)
            self._orders(request, reply, asked_at, now)

    def refused(self, request: Request, code: str, detail: str) -> None:
        """An error. Whatever it was, the next try waits for `resume`."""
        self._close(request)
        if isinstance(request, p.AgentHello) and code in FATAL and not self._ever_welcomed:
            self._instructions.append(Leave(code, detail))
        elif code == "unknown_agent":
            self._reset()
        else:
            self._paused = True
            self._instructions.append(Complain(f"{type(request).__name__}: {code}: {detail}"))

    def reconnected(self) -> None:
        """The connection is a new one: what was under way may be lost; a hello settles it."""
        self._reset()

    def resume(self) -> None:
        """Some time has passed since a refusal."""
        self._paused = False

    def _close(self, request: Request) -> None:
        if isinstance(request, p.AgentHello):
            self._greeting = False
        elif isinstance(request, p.TaskFetch):
            self._fetching = False
        elif isinstance(request, p.AgentBeat):
            self.beats.close()
        elif isinstance(request, p.AgentBye):
            self._said_bye = False
        self.reports.close(request)

    def _welcome(self, reply: p.AgentWelcome) -> None:
        self._greeting = False
        self.welcomed = True
        self.epoch = reply.epoch
        self.beats.beat_s = reply.beat_s
        self.beats.lost_after_s = reply.lost_after_s
        self._forget([*reply.ack, *reply.drop])
        self._end(reply.drop, "drop")
        first, self._ever_welcomed = not self._ever_welcomed, True
        self._instructions.append(Serve(reply.endpoints, first))

    def _batch(self, batch: p.TaskBatch, asked_at: float, now: float) -> None:
        if self._said_bye:
            return  # nothing is held, it said: the principal gives these to others
        stuck = self.watch.stuck(now)
        ready = self.arrivals.take(batch, asked_at, now, stuck)
        for spec in batch.tasks:
            self.beats.arrived(spec.lost_after_s, spec.token not in self.arrivals)
        if ready:
            self._instructions.append(local.Run(ready, batch.runs, asked_at))
        if stuck:
            self.arrivals.give_back("its supervisor does not answer")
        if batch.tasks and (self.draining or self._ordered_drain):
            self._hand_back()
        self._heard(batch.epoch, batch.hello)

    def _orders(self, beat: p.AgentBeat, orders: p.AgentOrders, sent_at: float, now: float) -> None:
        self._forget(orders.drop)
        self._end(orders.drop, "drop")
        self._end(orders.cancel, "cancel")
        alive = set() if beat.stuck else set(beat.running) - set(orders.drop)
        renewed = [token for token in self.watch.held if token in alive]  # as they came
        for token in renewed:
            self.watch.held[token].renew(sent_at)
        self._instructions += self.arrivals.proved(renewed, sent_at)
        if renewed:
            renewal = local.Renew(sorted(renewed), sent_at)
            if self.watch.stuck(now):
                self._late_renewal = renewal  # nothing is piled up before one who sleeps
            else:
                self._instructions.append(renewal)
        self._ordered_drain = orders.drain and self.welcomed
        self._heard(orders.epoch, orders.hello)

    def _reported(self, request: Request, reply: p.TaskReported) -> None:
        self.reports.close(request)
        self._forget([*reply.ack, *reply.drop])
        self._heard(reply.epoch or self.epoch, False)

    def _heard(self, epoch: int, hello: bool) -> None:
        if hello or epoch != self.epoch:
            self._reset()

    def _forget(self, tokens: list[str]) -> None:
        self._instructions += self.reports.forget(tokens)

    def _end(self, tokens: list[str], why: local.EndReason) -> None:
        known = [token for token in tokens if token in self.watch.held]
        for token in known:
            if token in self.arrivals:
                self.arrivals.end(token, why)
        passed_on = [token for token in known if token in self.watch.held]
        if passed_on:
            self._instructions.append(local.End(passed_on, why))

    def _hand_back(self) -> None:
        """All that was not started."""
        self.arrivals.give_back("not started")
        self._instructions.append(local.Release())

    def _reset(self) -> None:
        """Say hello again; whatever is open is answered to somebody we are no longer."""
        self.welcomed = False
        self._greeting = self._fetching = False
        self.beats.close()
        self.reports.reset()

    # From the operator

    def drain(self) -> None:
        """Take nothing new, let what runs end, then leave."""
        self.draining = True

    def stop(self) -> None:
        """As drain, but end what runs."""
        self.draining = True
        self.arrivals.give_back("not started")
        if self.watch.held:
            self._instructions.append(local.End(sorted(self.watch.held), "drain"))

    def give_up(self) -> None:
        """Leave although the principal has not answered; the results stay in the outbox."""
        self._gone = True

    # What follows

    def due(self) -> float:
        """When to `decide` at the latest, if nothing happens before."""
        due = self.watch.due()
        beating = self.welcomed and not self._paused and not self._said_bye
        return min(due, self.beats.due) if beating else due

    def decide(self, now: float) -> list[Instruction]:
        """All that is to be done now."""
        stuck = now >= self.watch.look_at and self._look(now)
        if self._late_renewal is not None and not stuck:
            self._instructions.append(self._late_renewal)
            self._late_renewal = None
        if self.boot and not self._paused:
            if self.welcomed:
                self._instructions += self.reports.next(self.boot)
                if not stuck:
                    self._fetch(now)
                self._beat(stuck, now)
            else:
                self._greet()
        elif stuck and self.hint and not self._paused:
            self._beat(stuck, now)  # it never told its state: a hello would give up what it holds
        if self.draining or self._ordered_drain:
            self._drain()
        else:
            self._told_release = False
        instructions, self._instructions = self._instructions, []
        return instructions

    def _look(self, now: float) -> bool:
        """After the supervisor: is it stuck? And after the leases: at its deadline nobody is alive
        of an attempt, also when the one who owns it sleeps."""
        if self.watch.turn(now):
            self._instructions.append(local.Pulse(now))
        late = []
        for hold in self.watch.expired(now):
            if hold.token in self.arrivals:
                self.arrivals.give_back("its lease was over before it was started", [hold.token])
            else:
                late.append(hold)
        if late:
            self._instructions.append(EndTrees(late, self.watch.nothing_left))
        return self.watch.stuck(now)

    def _greet(self) -> None:
        if self._greeting:
            return
        self._reset()
        self._greeting = True
        who, held = self.identity, sorted(self.watch.held)
        hello = who.hello(self.boot, held, list(self.results), self._tasks_v)
        self._instructions.append(hello)

    def _fetch(self, now: float) -> None:
        if self._fetching or self.draining or self._ordered_drain:
            return
        free = self.appetite.free(self.watch.slots, now)
        if free:
            # An unanswered fetch uses up the lease of what it brings.
            wait_s = min(FETCH_WAIT_S, self.beats.lost_after_s / 4)
            self._fetching = True
            self._instructions.append(
                p.TaskFetch(agent=self.identity.agent, boot=self.boot, free=free, wait_s=wait_s)
            )

    def _beat(self, stuck: bool, now: float) -> None:
        if not self._said_bye:
            boot = self.boot or self.hint
            beat = self.beats.next(boot, self.watch.held, self.draining, stuck, now)
            if beat is not None:
                self._instructions.append(beat)

    def _drain(self) -> None:
        if self.watch.held and not self._told_release:
            self._told_release = True
            self._hand_back()
        if not self.draining or self.leaving:
            return
        if self._gone:
            self.leaving = True
            self._instructions.append(Leave())
        elif self.welcomed and not self.watch.held and not self.results and not self._said_bye:
            self._said_bye = True
            self._instructions.append(p.AgentBye(agent=self.identity.agent, boot=self.boot))

"""The principal of the simulation: the real core, fed from the simulated network, its facts kept
by a simulated journal.

A turn is the one of `cdktr_principal.service`: decide what has arrived, settle, write the facts,
sync, send. Between any two of these effects the process can be killed, or its machine lose power:
then what was written and not synced may be gone. A turn that was not written to its end is cut off
when the journal is opened (tests/crash shows that of the real one), so it is not there from the
beginning here.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.base import Fact, Request
from cdktr_common.catalogue.values import Plan
from cdktr_common.codec import encode
from cdktr_common.errors import ProtocolError
from cdktr_principal.decisions import agents, assigning, events, operators, triggers
from cdktr_principal.decisions.core import Core, Moment, Timing
from cdktr_principal.requests import queries
from cdktr_principal.state.invariants import violations
from cdktr_principal.state.state import State
from cdktr_principal.store import snapshot
from tests.sim.ledger import Ledger
from tests.sim.world import Network, Process, Violation, World

TICK_S = 0.5

Envelope = tuple[Any, int]
"""Who asked (a Peer), and on which of its connections."""

_image = msgspec.json.Decoder(snapshot.Image)


class _Dead(Exception):
    """The process was killed between two effects."""


class Peer(Process):
    """Whoever asks the principal or logd. `connection` grows with each new one; an answer to an
    older one is lost."""

    host = ""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        self.connection = 0

    def answered(self, connection: int, request_id: str | None, answer: Any) -> None:
        raise NotImplementedError


def folded(facts: list[Fact]) -> State:
    """The state as all these facts give it."""
    state = State()
    for fact in facts:
        state.apply(fact, fact.topic())
    return state


class Principal(Process):
    """See the module text. `facts` is what is in the journal, the first `synced` of it for sure."""

    host = "P"

    def __init__(self, world: World, net: Network, ledger: Ledger, timing: Timing) -> None:
        super().__init__(world, "P")
        self.net = net
        self.ledger = ledger
        self.timing = timing
        self.facts: list[Fact] = []
        self.synced = 0
        self.snapshot_every = world.dice.choice((10, 25, 60))
        self.disk_full = False
        self.fuse: int | None = None
        self.power_fails = False
        self.on_death: Callable[[], None] = lambda: None
        self.core = Core(State(), timing)
        self.listens: Plan | None = None
        self._images: list[tuple[int, bytes]] = []
        self._names = itertools.count(1)
        self._inbox: list[tuple[Envelope, Request]] = []
        self._turning = False
        self._handlers: dict[type, Callable[[Any, Any, Moment], Any]] = {}
        self.steps: list[Callable[[], None]] = [self._persist, self._send]

    def moment(self) -> Moment:
        now = self.world.now
        return Moment(1e9 + now, now + 500.0, lambda n: f"{next(self._names):0{n}d}")

    # Life

    def start(self) -> None:
        """Recover from the newest snapshot and the facts after it, and take over."""
        self.alive = True
        self.fuse = None
        state = State()
        if self._images:
            state = snapshot.restore(_image.decode(self._images[-1][1]))
        for fact in self.facts[state.seq :]:
            state.apply(fact, fact.topic())
        if encode(snapshot.take(state)) != encode(snapshot.take(folded(self.facts))):
            raise Violation("the state recovered is not the one that all facts give")
        self.core = core = Core(state, self.timing)
        core.disk_full = self.disk_full
        self._inbox, self._turning = [], False
        self._handlers = {
            p.RunStart: partial(triggers.run_start, core),
            p.EventFire: partial(events.event_fire, core),
            p.RunCancel: self._run_cancel,
            p.TaskContinue: self._task_continue,
            p.AgentHello: partial(agents.hello, core),
            p.AgentBeat: partial(agents.beat, core),
            p.AgentBye: partial(agents.bye, core),
            p.AgentDrain: partial(operators.drain, core),
            p.AgentUndrain: partial(operators.undrain, core),
            p.AgentLost: partial(operators.lost, core),
            p.TaskFetch: partial(assigning.task_fetch, core),
            p.TaskReport: core.task_report,
        }
        core.begin_epoch("P", self.moment())
        if self.listens is not None and self.listens.workflow not in state.workflows:
            core.emit(
                f.WorkflowLoaded, "workflow/", self.moment(), workflow=self.listens.workflow,
                hash="h", plan=self.listens,
            )  # fmt: skip
        self.world.tell("P", f"serves, epoch {state.epoch}, {len(self.facts)} facts recovered")
        self._turn()
        self.later(TICK_S, self._tick)

    def doom(self, effects: int, power_fails: bool) -> None:
        """Die after so many effects, or in half a second when there are not that many."""
        self.fuse, self.power_fails = effects, power_fails
        self.later(0.5, self._end)

    def _effect(self) -> None:
        if self.fuse is not None:
            if self.fuse <= 0:
                self._end()
                raise _Dead
            self.fuse -= 1

    def _end(self) -> None:
        """Here and now."""
        if self.power_fails:
            self.power_fails = False
            if self.world.dice.random() < 0.5:
                del self.facts[self.synced :]
        self.world.tell("P", "is dead")
        self.die()
        self._take_note()
        self.ledger.check_acknowledged()
        self.on_death()

    def _take_note(self) -> None:
        """What has outlasted the process is history now."""
        for fact in self.facts[self.ledger.facts :]:
            self.ledger.fact(fact)
        self.synced = len(self.facts)

    # Turns

    def arrive(self, envelope: Envelope, request: Request) -> None:
        """A request has come over the network."""
        self._inbox.append((envelope, request))
        if not self._turning:
            self._turning = True
            self.later(0.0003, self._turn)

    def _tick(self) -> None:
        agents.tick(self.core, self.moment())
        self._turn()
        self.later(TICK_S, self._tick)

    def _turn(self) -> None:
        self._turning = False
        inbox, self._inbox = self._inbox, []
        core, at = self.core, self.moment()
        for envelope, request in inbox:
            ask = (envelope, request.id)
            try:
                reply = self._handlers[type(request)](ask, request, at)
            except ProtocolError as refusal:
                core.answers.append((ask, refusal))  # type: ignore[arg-type]
            else:
                if reply is not None:
                    core.answers.append((ask, reply))
        assigning.settle(core, at)
        if core.session.ordered:
            agents.tick(core, at)
        core.session.ended.clear()
        try:
            for step in self.steps:
                step()
        except _Dead:
            pass

    def _persist(self) -> None:
        """Write and sync the facts of this turn."""
        facts, self.core.facts = self.core.facts, []
        if not facts:
            return
        wrong = violations(self.core.state)
        if wrong:
            raise Violation(f"the state is not sound: {wrong[0]}")
        for fact in facts:
            self._effect()  # in the middle of a line, or between two: this turn was never there
            if self.world.story is not None:
                self.world.tell("P", _told(fact))
        self.facts += facts
        self._effect()
        self._take_note()
        newest = self._images[-1][0] if self._images else 0
        if self.core.state.seq - newest >= self.snapshot_every:
            image = encode(snapshot.take(self.core.state))
            self._effect()
            self._images = [*self._images[-1:], (self.core.state.seq, image)]

    def _send(self) -> None:
        """Let the answers of this turn out."""
        answers, self.core.answers = self.core.answers, []
        for ((peer, connection), request_id), reply in answers:
            self._effect()
            self.net.send("P", peer.host, peer, peer.answered, connection, request_id, reply)

    def _run_cancel(self, ask: Any, request: p.RunCancel, at: Moment) -> Any:
        run = queries.find_run(self.core.state, request.run)
        self.core.run_cancel(run, request.reason, at, now=request.now)
        return p.RunStatus(run=queries.run_row(run))

    def _task_continue(self, ask: Any, request: p.TaskContinue, at: Moment) -> Any:
        run = queries.find_run(self.core.state, request.run)
        return p.TaskContinued(run=run.id, tasks=operators.unhold(self.core, run, request.task, at))

    # For the end

    def set_disk_full(self, full: bool) -> None:
        """Its keeper has noticed."""
        self.disk_full = self.core.disk_full = full

    def check_fold(self) -> None:
        """Do the facts give the state it works with?"""
        if self.core.state.seq != len(self.facts):
            return  # it was killed in the middle of a turn
        if encode(snapshot.take(self.core.state)) != encode(snapshot.take(folded(self.facts))):
            raise Violation("the facts do not give the state it works with")


def _told(fact: Fact) -> str:
    """A fact as a line of the story."""
    fields = msgspec.structs.asdict(fact)
    words = [str(fact.__struct_config__.tag)]
    for name in ("run", "task", "token", "agent", "state", "cause", "reason", "held"):
        if fields.get(name) and not (name in ("run", "task") and fields.get("token")):
            words.append(f"{name}={fields[name]}")
    return " ".join(words)

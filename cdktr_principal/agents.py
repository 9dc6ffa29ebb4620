"""What the principal decides about agents: introductions, beats, leases, silence.

A closed connection or silence means nothing by itself. Only proof shortens a lease: the hello of
a newer supervisor of the same agent, or the agent's own word; else the lease has to run out. An
agent and the principal count the same lease from different moments, the agent always the shorter.

Pure; every change goes through the core's facts.
"""

from __future__ import annotations

from cdktr_common import PROTOCOL
from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.base import Reply
from cdktr_common.errors import ProtocolError
from cdktr_principal.core import LEASE_GRACE_S, Core, Moment
from cdktr_principal.session import Ask


def hello(core: Core, ask: Ask, request: p.AgentHello, at: Moment) -> Reply:
    """`agent.hello`: sort every token the agent has, and end those it should have."""
    if request.protocol != PROTOCOL:
        raise ProtocolError(
            "version", f"protocol {PROTOCOL} is spoken here, not {request.protocol}"
        )
    name = request.agent
    known = core.state.agents.get(name)
    if known is not None and known.aid != request.aid and core.session.heard_within(
        name, at.clock, core.timing.silent_s
    ):  # fmt: skip
        raise ProtocolError(
            "conflict", f"an agent '{name}' on {known.host} is at work: choose another name"
        )
    _join(core, request, at)
    core.session.greeted[name] = request.boot
    core.session.hear(name, at.clock, at.ts)
    waiting = core.session.fetches.pop(name, None)
    if waiting is not None:
        core.answers.append((waiting.ask, p.TaskBatch(epoch=core.state.epoch)))
    core.session.last_batch.pop(name, None)
    return _sort_tokens(core, request, at)


def _join(core: Core, request: p.AgentHello, at: Moment) -> None:
    known = core.state.agents.get(request.agent)
    labels = sorted(set(request.labels))
    if known is not None and known.state != "gone" and (
        known.aid, known.boot, known.slots, known.labels
    ) == (request.aid, request.boot, request.slots, labels):  # fmt: skip
        if known.state != "ready":
            _agent_changed(core, request.agent, "ready", "", at)
        return
    core.emit(
        f.AgentJoined, "agent/", at, agent=request.agent, aid=request.aid, boot=request.boot,
        slots=request.slots, labels=labels, host=request.host, version=request.version,
    )  # fmt: skip


def _sort_tokens(core: Core, request: p.AgentHello, at: Moment) -> p.AgentWelcome:
    adopt, drop, ack = [], [], []
    for token in request.running:
        if _is_held_by(core, token, request.agent):
            core.renew(token, at)
            adopt.append(token)
        else:
            drop.append(token)
    for token in request.outbox:
        if _is_held_by(core, token, request.agent):
            core.renew(token, at)
        else:
            ack.append(token)
    _end_missing(core, request, at)
    return p.AgentWelcome(
        epoch=core.state.epoch, beat_s=core.timing.beat_s,
        lost_after_s=core.timing.lost_after_s, adopt=adopt, ack=ack, drop=drop,
    )  # fmt: skip


def _is_held_by(core: Core, token: str, agent: str) -> bool:
    task = core.state.tokens.get(token)
    return task is not None and task.attempts[-1].agent == agent


def _end_missing(core: Core, request: p.AgentHello, at: Moment) -> None:
    """Attempts given to this agent that it does not have: a newer supervisor is the proof
    that an older one's are dead; from the same one, the batch never arrived."""
    has = {*request.running, *request.outbox}
    identity = core.state.agents[request.agent].aid
    for token, task in list(core.state.held.get(request.agent, {}).items()):
        if token in has:
            continue
        attempt = task.attempts[-1]
        if attempt.boot == request.boot:
            core.session.leases.pop(token, None)
            core.release(task, attempt, "never reached the agent", at)
        elif identity == request.aid:
            core.crash(task, attempt, "the agent's supervisor died", at)


def beat(core: Core, ask: Ask, request: p.AgentBeat, at: Moment) -> Reply | None:
    """`agent.beat`: renews leases; held back while there is nothing to order."""
    name = request.agent
    if not core.knows(name, request.boot):
        return p.AgentOrders(epoch=core.state.epoch, hello=True)
    core.session.hear(name, at.clock, at.ts, request.load)
    shown = "draining" if request.draining else "ready"
    if core.state.agents[name].state != shown:
        _agent_changed(core, name, shown, "", at)
    for token in request.running:
        if _is_held_by(core, token, name):
            core.renew(token, at)
    orders = _orders(core, name, request.running)
    if orders.cancel or orders.drop or request.wait_s <= 0:
        return orders
    core.session.beats[name] = (ask, request.running, at.clock + request.wait_s)
    return None


def _orders(core: Core, agent: str, running: list[str]) -> p.AgentOrders:
    drop = [token for token in running if not _is_held_by(core, token, agent)]
    held = core.state.held.get(agent, {})
    cancel = [token for token in running if token in held and held[token].run.cancelling]
    return p.AgentOrders(
        epoch=core.state.epoch, cancel=cancel, drop=drop
    )


def bye(core: Core, ask: Ask, request: p.AgentBye, at: Moment) -> Reply:
    """`agent.bye`: it has drained and holds nothing."""
    if core.knows(request.agent, request.boot):
        _agent_changed(core, request.agent, "gone", "drained", at)
        for task in list(core.state.held.get(request.agent, {}).values()):
            core.session.leases.pop(task.attempts[-1].token, None)
            core.release(task, task.attempts[-1], "the agent left", at)
        core.session.forget(request.agent)
    return p.AgentGone()


def _agent_changed(core: Core, agent: str, to: str, reason: str, at: Moment) -> None:
    boot = core.state.agents[agent].boot
    core.emit(f.AgentChanged, "agent/", at, agent=agent, boot=boot, state=to, reason=reason)


def tick(core: Core, at: Moment) -> None:
    """What has become due: long polls, silent agents, leases that ended."""
    empty = p.TaskBatch(epoch=core.state.epoch)
    for wait in core.session.due_fetches(at.clock):
        core.answers.append((wait.ask, empty))
    for name, ask, running in core.session.due_beats(at.clock):
        core.answers.append((ask, _orders(core, name, running)))
    for name, agent in core.state.agents.items():
        heard = core.session.heard_within(name, at.clock, core.timing.silent_s)
        if agent.state in ("ready", "draining") and not heard:
            _agent_changed(core, name, "silent", "no beat", at)
        if agent.state == "silent" and not core.session.heard_within(
            name, at.clock, core.timing.lost_after_s + LEASE_GRACE_S
        ):  # fmt: skip
            _agent_changed(core, name, "gone", "silent for too long", at)
            core.session.forget(name)
    for token in core.session.ended_leases(at.clock):
        task = core.state.tokens.get(token)
        if task is not None:
            reason = f"not heard of for {core.timing.lost_after_s:g} s"
            core.crash(task, task.attempts[-1], reason, at)

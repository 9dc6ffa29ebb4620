"""What the principal decides about agents: introductions, beats, leases, silence.

A closed connection or silence means nothing by itself. Only proof shortens a lease: the hello of
a newer supervisor of the same agent (the same `aid`: a name may be taken by another machine), the
agent's own word, or an operator's (`operators`); else the lease has to run out. An agent and the
principal count the same lease from different moments, the agent always the shorter.

Pure; every change goes through the core's facts.
"""

from __future__ import annotations

from typing import Final

from cdktr_common import versions
from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.base import Reply
from cdktr_common.errors import ProtocolError
from cdktr_principal.decisions.core import Core, Moment
from cdktr_principal.decisions.session import Ask
from cdktr_principal.state.records import Agent

STUCK: Final = "its supervisor does not answer"
"""Why an agent that speaks is shown as silent."""

LEASE_PART: Final = 1 / 8
"""A beat is not held back for more of a lease that it renews: it counts from when it was sent."""


def hello(core: Core, ask: Ask, request: p.AgentHello, at: Moment) -> Reply:
    """`agent.hello`: sort every token the agent has, and end those it should have."""
    versions.check("cdktr-principal", "cdktr-agent", request.version, request.protocol)
    name = request.agent
    known = core.state.agents.get(name)
    if known is not None and known.aid != request.aid and core.session.heard_within(
        name, at.clock, core.timing.silent_s
    ):  # fmt: skip
        raise ProtocolError(
            "conflict", f"an agent '{name}' on {known.host} is at work: choose another name"
        )
    if known is not None and known.aid == request.aid and request.boot in known.older_boots:
        raise ProtocolError("conflict", f"a newer supervisor of agent {name} has taken over")
    if core.knows(name, request.boot):
        if core.session.overtaken(name, request.sent_s):
            raise ProtocolError("unknown_agent", "a later word of this agent has come before")
        core.session.sent(name, request.sent_s)
    else:
        core.session.begin(name, request.sent_s)
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
        known.aid, known.boot, known.slots, known.labels, known.tasks_v
    ) == (request.aid, request.boot, request.slots, labels, request.tasks_v):  # fmt: skip
        show(core, known, *wanted(known), at)
        return
    core.emit(
        f.AgentJoined, "agent/", at, agent=request.agent, aid=request.aid, boot=request.boot,
        slots=request.slots, labels=labels, host=request.host, version=request.version,
        tasks_v=request.tasks_v,
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
        elif not _was_lost(core, token):
            ack.append(token)
    _end_missing(core, request, at)
    return p.AgentWelcome(
        epoch=core.state.epoch, beat_s=core.timing.beat_s,
        lost_after_s=core.timing.lost_after_s, adopt=adopt, ack=ack, drop=drop,
    )  # fmt: skip


def _was_lost(core: Core, token: str) -> bool:
    """Was it given up? Then its result is to be reported, and recorded as stale."""
    task = core.state.task_of(token)
    attempts = task.attempts if task is not None else ()
    return any(each.token == token and each.state == "CRASHED" for each in attempts)


def _is_held_by(core: Core, token: str, agent: str) -> bool:
    task = core.state.tokens.get(token)
    return task is not None and task.attempts[-1].agent == agent


def _end_missing(core: Core, request: p.AgentHello, at: Moment) -> None:
    """Attempts given to this agent that it does not have: a newer supervisor is the proof
    that an older one's are dead; from the same one, the batch never arrived."""
    has = {*request.running, *request.outbox}
    for token, task in list(core.state.held.get(request.agent, {}).items()):
        if token in has:
            continue
        attempt = task.attempts[-1]
        if attempt.aid != request.aid:
            continue  # another machine by the same name proves nothing of this one
        if attempt.boot == request.boot and 0 < request.sent_s < attempt.asked_s:
            continue  # said before it asked for this one: an old connection delivered it late
        if attempt.boot == request.boot:
            core.session.leases.pop(token, None)
            core.release(task, attempt, "never reached the agent", at)
        else:
            core.crash(task, attempt, "supervisor", "the agent's supervisor died", at)


def beat(core: Core, ask: Ask, request: p.AgentBeat, at: Moment) -> Reply | None:
    """`agent.beat`: renews leases; held back while there is nothing to order. From an agent whose
    supervisor does not answer it renews none: that one cannot end its tasks when told."""
    name = request.agent
    if not core.knows(name, request.boot):
        return p.AgentOrders(epoch=core.state.epoch, hello=True)
    core.session.hear(name, at.clock, at.ts, request.load)
    core.session.progress[name] = request.progress
    agent = core.state.agents[name]
    show(core, agent, *wanted(agent, request.draining, request.stuck), at)
    wait_s = request.wait_s
    for token in request.running:
        if not request.stuck and _is_held_by(core, token, name):
            core.renew(token, at)
            wait_s = min(wait_s, core.state.tokens[token].attempts[-1].lost_after_s * LEASE_PART)
    orders = _orders(core, name, request.running)
    if orders.cancel or orders.drop or wait_s <= 0:
        return orders
    core.session.beats[name] = (ask, request.running, at.clock + wait_s)
    return None


def _orders(core: Core, agent: str, running: list[str]) -> p.AgentOrders:
    drop = [token for token in running if not _is_held_by(core, token, agent)]
    held = core.state.held.get(agent, {})
    cancel = [token for token in running if token in held and held[token].ending]
    drain = core.state.agents[agent].drain
    leases = [held[token].attempts[-1].lost_after_s for token in running if token in held]
    lease_s = min(leases, default=core.timing.lost_after_s)
    return p.AgentOrders(
        epoch=core.state.epoch, lease_s=lease_s, cancel=cancel, drop=drop, drain=drain
    )


def bye(core: Core, ask: Ask, request: p.AgentBye, at: Moment) -> Reply:
    """`agent.bye`: it has drained and holds nothing."""
    if core.knows(request.agent, request.boot):
        show(core, core.state.agents[request.agent], "gone", "left", at)
        for task in list(core.state.held.get(request.agent, {}).values()):
            core.session.leases.pop(task.attempts[-1].token, None)
            core.release(task, task.attempts[-1], "the agent left", at)
        core.session.forget(request.agent)
    return p.AgentGone()


def wanted(agent: Agent, leaving: bool = False, stuck: bool = False) -> tuple[str, str]:
    """The state in which an agent that is heard of is shown, and why."""
    if stuck:
        return "silent", STUCK
    if leaving:
        return "draining", "it was told to stop"
    return ("draining", agent.drain_reason) if agent.drain else ("ready", "")


def show(core: Core, agent: Agent, state: str, reason: str, at: Moment) -> None:
    """An agent is in this state from now on, if it was not before."""
    if (agent.state, agent.reason) != (state, reason):
        core.emit(
            f.AgentChanged, "agent/", at, agent=agent.name, boot=agent.boot, state=state,
            reason=reason,
        )  # fmt: skip


def dismiss(core: Core, agent: str) -> None:
    """Forget an agent that may still be there: should it speak, it has to say hello."""
    epoch = core.state.epoch
    waiting = core.session.fetches.pop(agent, None)
    if waiting is not None:
        core.answers.append((waiting.ask, p.TaskBatch(epoch=epoch, hello=True)))
    beat = core.session.beats.pop(agent, None)
    if beat is not None:
        core.answers.append((beat[0], p.AgentOrders(epoch=epoch, hello=True)))
    core.session.forget(agent)


def tick(core: Core, at: Moment) -> None:
    """What has become due: long polls, silent agents, leases that ended."""
    empty = p.TaskBatch(epoch=core.state.epoch)
    for wait in core.session.due_fetches(at.clock):
        core.answers.append((wait.ask, empty))
    for name, ask, running in core.session.due_beats(at.clock):
        core.answers.append((ask, _orders(core, name, running)))
    for name, agent in list(core.state.agents.items()):
        heard = core.session.heard_within(name, at.clock, core.timing.silent_s)
        if agent.state in ("ready", "draining") and not heard:
            show(core, agent, "silent", "not heard of", at)
        if agent.state == "silent" and not core.session.heard_within(
            name, at.clock, core.timing.lost_after_s + core.timing.lease_grace_s
        ):  # fmt: skip
            show(core, agent, "gone", "not heard of for too long", at)
            core.session.forget(name)
    for token in core.session.ended_leases(at.clock):
        task = core.state.tokens.get(token)
        if task is not None:
            attempt = task.attempts[-1]
            reason = f"not heard of for its lease of {attempt.lost_after_s:g} s"
            core.crash(task, attempt, "silence", reason, at)

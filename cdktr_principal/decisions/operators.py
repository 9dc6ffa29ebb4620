"""What an operator may say: drain an agent, give it work again, call it lost; let held tasks go on.

A drain is a wish that is kept (also over restarts of both sides) until it is taken back. `lost` is
the one word that ends attempts without proof: if it was wrong, two copies run until the agent hears
of it. Pure; every change goes through the core's facts.
"""

from __future__ import annotations

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.base import Reply
from cdktr_common.errors import ProtocolError
from cdktr_principal.decisions import agents
from cdktr_principal.decisions.core import Core, Moment
from cdktr_principal.decisions.session import Ask
from cdktr_principal.requests import queries
from cdktr_principal.requests.agents import agent_row, find_agent
from cdktr_principal.state.records import Agent, Run

_REASON_MOST = 500


def drain(core: Core, ask: Ask, request: p.AgentDrain, at: Moment) -> Reply:
    """`agent.drain`."""
    agent = find_agent(core.state, request.agent)
    reason = _reason(request.reason) or "drained by an operator"
    if not agent.drain or agent.drain_reason != reason:
        _set_drain(core, agent, True, reason, at)
    return _status(core, agent)


def undrain(core: Core, ask: Ask, request: p.AgentUndrain, at: Moment) -> Reply:
    """`agent.undrain`."""
    agent = find_agent(core.state, request.agent)
    if agent.drain:
        _set_drain(core, agent, False, "", at)
    return _status(core, agent)


def _set_drain(core: Core, agent: Agent, on: bool, reason: str, at: Moment) -> None:
    core.emit(f.AgentDraining, "agent/", at, agent=agent.name, drain=on, reason=reason)
    if agent.state in ("ready", "draining"):
        agents.show(core, agent, *agents.wanted(agent), at)
    core.session.order(agent.name)


def lost(core: Core, ask: Ask, request: p.AgentLost, at: Moment) -> Reply:
    """`agent.lost`: everything it held is given up now."""
    agent = find_agent(core.state, request.agent)
    heard = core.session.heard_within(agent.name, at.clock, core.timing.silent_s)
    if heard and agent.state in ("ready", "draining") and not request.force:
        raise ProtocolError(
            "conflict",
            f"agent {agent.name} is heard of: to end its work in good order drain it; to give its "
            "tasks away although two copies may run for a while, force it",
        )
    why = _reason(request.reason)
    said = "called lost by an operator" + (f": {why}" if why else "")
    held = list(core.state.held.get(agent.name, {}).items())
    agents.show(core, agent, "gone", said, at)
    agents.dismiss(core, agent.name)
    for _, task in held:
        core.crash(task, task.attempts[-1], "operator", said, at)
    status = _status(core, agent)
    return p.AgentStatus(agent=status.agent, lost=[token for token, _ in held])


def unhold(core: Core, run: Run, name: str | None, at: Moment) -> list[str]:
    """Let held tasks go on: the one named, or all. Their ids."""
    tasks = run.tasks if name is None else [queries.find_task(run, name)]
    held = [task.plan.id for task in tasks if task.held]
    for task_id in held:
        core.about(f.TaskUnheld, run, at, task=task_id)
    return held


def _reason(text: str) -> str:
    if len(text) > _REASON_MOST or not (text.isprintable() or not text):
        raise ProtocolError(
            "bad_field", f"a reason is up to {_REASON_MOST} characters that can be printed"
        )
    return text


def _status(core: Core, agent: Agent) -> p.AgentStatus:
    return p.AgentStatus(agent=agent_row(core.state, core.session, agent))

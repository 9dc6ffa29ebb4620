"""The agents' part of the state: what a fact about an agent changes. Called by `State.apply` alone.

Pure; decides nothing.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final

from cdktr_common.catalogue import facts as f
from cdktr_principal.state.records import Agent

AGENTS: Final = 1000
"""Agents that are remembered, gone ones included."""

OLDER_BOOTS: Final = 8
"""Supervisors of an agent that are remembered as superseded."""


def join(agents: dict[str, Agent], fact: f.AgentJoined, busy: Container[str]) -> None:
    """An agent is there, new or again. Of too many the one that is gone longest is forgotten,
    unless it is `busy`: some attempt still counts as its own."""
    before = agents.get(fact.agent)
    now = agents[fact.agent] = Agent(
        fact.agent, fact.aid, fact.boot, fact.slots, fact.labels, fact.host, fact.version,
        tasks_v=fact.tasks_v,
    )  # fmt: skip
    if before is None:
        _forget_one(agents, busy)
    elif before.aid == fact.aid:
        _same_again(before, now)


def _same_again(before: Agent, now: Agent) -> None:
    now.losses = before.losses
    now.older_boots = before.older_boots
    if before.boot != now.boot:
        now.older_boots = [*before.older_boots, before.boot][-OLDER_BOOTS:]
    if before.drain:
        now.drain, now.drain_reason = True, before.drain_reason
        now.state, now.reason = "draining", before.drain_reason


def _forget_one(agents: dict[str, Agent], busy: Container[str]) -> None:
    if len(agents) > AGENTS:
        gone = (agent.name for agent in agents.values() if agent.state == "gone")
        oldest = next((name for name in gone if name not in busy), None)
        if oldest is not None:
            del agents[oldest]


def drain(agent: Agent, fact: f.AgentDraining) -> None:
    """An operator's wish."""
    agent.drain = fact.drain
    agent.drain_reason = fact.reason


def change(agent: Agent, fact: f.AgentChanged) -> None:
    """It is shown as this from now on."""
    agent.state = fact.state
    agent.reason = fact.reason

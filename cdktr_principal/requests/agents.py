"""Agents as rows, and what each works on. Changes nothing; knows no socket and no clock."""

from __future__ import annotations

from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import AgentRow, AgentTask
from cdktr_common.errors import ProtocolError
from cdktr_principal.decisions.ready import nearest
from cdktr_principal.decisions.session import CPU_KEPT, Session
from cdktr_principal.state.records import Agent, Task
from cdktr_principal.state.state import State


def agent_list(state: State, session: Session, cpu: int = 0) -> p.AgentPage:
    """`agent.list`; agents that have left are shown until the name is used again."""
    rows = [agent_row(state, session, agent, cpu) for _, agent in sorted(state.agents.items())]
    return p.AgentPage(agents=rows, seq=state.seq)


def agent_row(state: State, session: Session, agent: Agent, cpu: int = 0) -> AgentRow:
    """An agent as a row."""
    name = agent.name
    return AgentRow(
        agent=name, state=agent.state, host=agent.host, version=agent.version,
        slots=agent.slots, running=len(state.held.get(name, ())), labels=agent.labels,
        load=session.loads.get(name), heard_ts=session.heard_ts.get(name),
        losses=agent.losses, reason=agent.reason, drain=agent.drain,
        busy=state.busy.get(name, 0), cpu=session.cpu_of(name, cpu),
    )  # fmt: skip


def agent_detail(state: State, session: Session, name: str) -> p.AgentDetail:
    """`agent.show`, with all samples that are kept."""
    agent = find_agent(state, name)
    held = sorted(state.held.get(name, {}).values(), key=lambda task: task.attempts[-1].fence)
    row = agent_row(state, session, agent, CPU_KEPT)
    return p.AgentDetail(agent=row, tasks=[_held(task) for task in held], seq=state.seq)


def _held(task: Task) -> AgentTask:
    attempt = task.attempts[-1]
    return AgentTask(
        run=task.run.id, workflow=task.run.workflow, task=task.plan.id, n=attempt.n,
        since_ts=attempt.assigned_ts, started_ts=attempt.started_ts, slots=attempt.slots,
        name=task.name,
    )  # fmt: skip


def find_agent(state: State, name: str) -> Agent:
    """An agent by name. Raises not_found."""
    agent = state.agents.get(name)
    if agent is None:
        raise ProtocolError("not_found", f"no agent '{name}'", nearest(name, state.agents))
    return agent

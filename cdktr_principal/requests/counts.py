"""How much there is of everything, as `stat/` tells it every second. Changes nothing.

It must stay cheap when there are very many runs: whatever is looked at one by one in here is
bounded (agents, minutes of a day), the rest was counted as it came and went.
"""

from __future__ import annotations

from collections import Counter

from cdktr_principal.state.schedules import EVERY
from cdktr_principal.state.state import State


def counts(state: State, ts: float) -> dict[str, int]:
    """The counts of a `stream.stat` at this time."""
    runs = state.admission
    there = [agent for agent in state.agents.values() if agent.state != "gone"]
    shown = Counter(agent.state for agent in state.agents.values())
    return {
        "runs_pending": runs.in_work - runs.begun,
        "runs_queued": runs.waiting,
        "runs_running": runs.begun,
        "tasks_ready": sum(len(queue) for queue in state.ready.values()),
        "tasks_running": len(state.tokens),
        "slots": sum(agent.slots for agent in there),
        "slots_busy": sum(state.busy.get(agent.name, 0) for agent in there),
        "agents_ready": shown["ready"],
        "agents_silent": shown["silent"],
        "agents_draining": shown["draining"],
        "agents_gone": shown["gone"],
        "failed_day": state.failures.of_last_day(ts),
        "paused": _paused(state),
    }


def _paused(state: State) -> int:
    pauses = state.schedules.pauses
    if EVERY in pauses:
        return len(state.workflows)
    return sum(name in state.workflows for name in pauses)

"""Which ready tasks go to which waiting agent, and what an agent is told about them.

Pure reading of the state. Tasks go out in the order they became ready; an agent gets only tasks
whose labels it has, and runs bound to another agent are not offered to it. This is for tasks that
ask for nothing more; `picking` is for all others.
"""

from __future__ import annotations

import difflib
import heapq
from collections.abc import Iterable, Iterator
from itertools import islice

from cdktr_common.catalogue.values import TaskPlan
from cdktr_principal.decisions.picking import exclusive_held
from cdktr_principal.decisions.session import FetchWait
from cdktr_principal.state.demand import PLAIN
from cdktr_principal.state.records import Run, Task
from cdktr_principal.state.state import State


def all_plain(state: State) -> bool:
    """Do the ready tasks ask for nothing but labels and a slot?"""
    for name in state.ready:  # noqa: SIM110  asked in every turn
        if name[2] is not PLAIN:
            return False
    return True


def shares(state: State, waits: list[FetchWait]) -> list[tuple[FetchWait, list[Task]]]:
    """Ready tasks for each waiting agent: an even part each, never more than it asked for."""
    total = sum(len(queue) for queue in state.ready.values())
    if len(waits) == 1:
        wait = waits[0]
        offered = _apart(state, wait.agent, _candidates(state, wait.agent))
        return [(wait, list(islice(offered, wait.free)))]
    taken: set[Task] = set()
    result = []
    left = total
    for position, wait in enumerate(waits):
        fair = -(-left // (len(waits) - position))
        left_over = (task for task in _candidates(state, wait.agent) if task not in taken)
        offered = _apart(state, wait.agent, left_over)
        tasks = list(islice(offered, min(wait.free, max(1, fair))))
        taken.update(tasks)
        left -= len(tasks)
        result.append((wait, tasks))
    return result


def _candidates(state: State, agent: str) -> Iterator[Task]:
    """Ready tasks this agent may run, oldest first."""
    if exclusive_held(state, agent):
        return iter(())
    labels = set(state.agents[agent].labels)
    queues: list[Iterable[Task]] = [
        queue
        for (home, wanted, _), queue in state.ready.items()
        if home in ("", agent) and labels.issuperset(wanted)
    ]
    if len(queues) == 1:
        return iter(queues[0])
    return heapq.merge(*queues, key=lambda task: task.order)


def _apart(state: State, agent: str, tasks: Iterator[Task]) -> Iterator[Task]:
    """The tasks without those on their last chance, but one, if the agent holds none: the one that
    takes its agents down is not to fail another that was only its neighbour."""
    return _without_neighbours(state, agent, tasks) if state.last_chances else tasks


def _without_neighbours(state: State, agent: str, tasks: Iterator[Task]) -> Iterator[Task]:
    one = any(task in state.last_chances for task in state.held.get(agent, {}).values())
    for task in tasks:
        if task in state.last_chances:
            if one:
                continue
            one = True
        yield task


def size_of_context(run: Run) -> int:
    """About how many bytes the context takes on the wire."""
    from cdktr_common.codec import encode

    payload = 0 if run.payload is None else len(encode(run.payload))
    return payload + sum(len(k) + len(v) for k, v in run.plan.env.items()) + 200


def size_of(plan: TaskPlan) -> int:
    """About how many bytes a task takes on the wire."""
    size = 250 + len(plan.command or "")
    if plan.argv is not None:
        size += sum(map(len, plan.argv))
    if plan.env:
        size += sum(len(k) + len(v) for k, v in plan.env.items())
    return size


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """The closest known names, for an error."""
    return difflib.get_close_matches(name, list(known), 3)

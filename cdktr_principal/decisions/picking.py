"""Which ready tasks an agent gets when they are not all alike: priority, slots, exclusive, pools.

Tasks stand in one line: the highest priority first, then the order in which they became ready.
An agent takes from the line what it can run and what fits in the slots it has free; a task that
waits for a pool is passed by those that want nothing of that pool.

**A task that needs more slots than are free keeps an agent**: the one that lacks fewest gets
nothing from behind it in the line until the task was given out, there or elsewhere. So what
needs much is never passed for ever by what needs little, and no more than one agent idles for it.
An exclusive task needs all slots of an agent that holds nothing.

Pure; `ready.shares` does the same faster for tasks that ask for nothing special.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from cdktr_principal.decisions.pools import Room
from cdktr_principal.decisions.session import FetchWait, Session
from cdktr_principal.state.demand import Demand
from cdktr_principal.state.records import Agent, Task
from cdktr_principal.state.state import State

Line = tuple[int, int, int, Task, Demand, Iterator[Task]]
"""The head of a queue: its place, a number that tells equal ones apart, and what follows it."""


def fits(agent: Agent, demand: Demand) -> bool:
    """Could this agent do it, were it idle?"""
    return agent.slots >= demand.least and (agent.tasks_v > 0 or not demand.new)


def slots_of(task: Task, agent: Agent) -> int:
    """How many of the agent's slots a task takes there."""
    return agent.slots if task.plan.exclusive else task.plan.slots


class Picking:
    """The choice for all agents of one turn. `due`: when to look again, if only for the time."""

    def __init__(self, state: State, session: Session, clock: float, ts: float) -> None:
        self._state = state
        self._kept = session.kept
        session.pools.recall(state, clock, ts)
        self._room = Room(state, session.pools, clock)
        self._taken: set[Task] = set()
        for task, (name, _) in list(self._kept.items()):
            agent = state.agents.get(name)
            if not task.order or agent is None or agent.state != "ready":
                del self._kept[task]

    @property
    def due(self) -> float | None:
        return self._room.due

    def shares(self, waits: list[FetchWait]) -> list[tuple[FetchWait, list[Task]]]:
        """Ready tasks for each waiting agent: an even part each, never more than it asked for."""
        left = sum(len(queue) for queue in self._state.ready.values())
        result = []
        for position, wait in enumerate(waits):
            fair = -(-left // (len(waits) - position))
            tasks = self._pick(wait, max(1, fair))
            left -= len(tasks)
            result.append((wait, tasks))
        return result

    def _pick(self, wait: FetchWait, most: int) -> list[Task]:
        state, agent = self._state, self._state.agents[wait.agent]
        held = state.held.get(agent.name, {})
        if exclusive_held(state, agent.name):
            return []
        busy = sum(task.attempts[-1].slots for task in held.values())
        one = any(task in state.last_chances for task in held.values())
        chosen: list[Task] = []
        free = wait.free
        spare = max(free, agent.slots - busy)  # results told since it asked have freed slots
        line = self._line(agent)
        while line and free > 0 and len(chosen) < most:
            first = heapq.heappop(line)
            task, demand = first[3], first[4]
            if one and task in state.last_chances:
                self._advance(line, first)
                continue
            place = (first[0], first[1])
            if demand.pools and self._room.refuses(demand.pools, place):
                continue  # and all of its queue with it
            lacks = busy if demand.exclusive else demand.slots - spare
            if lacks > 0:
                if self._keeps(agent, task, lacks):
                    break
                continue
            self._choose(task, demand)
            chosen.append(task)
            one = one or task in state.last_chances
            free -= demand.slots
            spare -= demand.slots
            busy += demand.slots
            if demand.exclusive:
                break
            self._advance(line, first)
        return chosen

    def _choose(self, task: Task, demand: Demand) -> None:
        self._taken.add(task)
        self._kept.pop(task, None)
        if demand.pools:
            self._room.take(demand.pools)

    def _keeps(self, agent: Agent, task: Task, lacks: int) -> bool:
        """Is the agent the one that is kept for a task?"""
        name, least = self._kept.get(task, (agent.name, lacks))
        if name != agent.name and lacks >= least:
            return False
        self._kept[task] = (agent.name, lacks)
        return True

    def _line(self, agent: Agent) -> list[Line]:
        """The heads of all queues that the agent could take from."""
        labels = set(agent.labels)
        line: list[Line] = []
        for number, ((home, wanted, demand), queue) in enumerate(self._state.ready.items()):
            if home in ("", agent.name) and labels.issuperset(wanted) and fits(agent, demand):
                tasks = iter(queue)
                task = self._next(tasks)
                if task is not None:
                    line.append((-demand.priority, task.order, number, task, demand, tasks))
        heapq.heapify(line)
        return line

    def _advance(self, line: list[Line], head: Line) -> None:
        task = self._next(head[5])
        if task is not None:
            heapq.heappush(line, (head[0], task.order, head[2], task, head[4], head[5]))

    def _next(self, tasks: Iterator[Task]) -> Task | None:
        return next((task for task in tasks if task not in self._taken), None)


def exclusive_held(state: State, agent: str) -> bool:
    """Does the agent hold a task that is to be alone there? Then it holds no other."""
    held = state.held.get(agent)
    return held is not None and next(iter(held.values())).plan.exclusive

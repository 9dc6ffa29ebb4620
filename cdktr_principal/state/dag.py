"""The shape of a workflow: which task waits for which, as lists of indexes.

Everything works on indexes into the list of tasks and walks without recursion, so ten thousand
tasks in a chain are as good as ten in a row. `graph` expects a plan that `problems` accepts.
Pure; knows neither files nor states of tasks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Literal, NamedTuple

from cdktr_common.catalogue.values import Group, Plan

Edges = Sequence[tuple[str, Sequence[str]]]
"""For each task its id and the ids of the tasks it depends on."""

MAX_CYCLES = 10
"""Cycles that are looked for at most: one is enough to refuse a workflow."""


class Graph(NamedTuple):
    """For each task: the number of tasks it waits for, and the tasks that wait for it."""

    waits: list[int]
    dependents: list[list[int]]


class Problem(NamedTuple):
    """Why tasks do not make a DAG. `task` is the index it shows at, `position` the index in that
    task's dependencies (-1: the task itself), `names` the id concerned or the path of a cycle."""

    kind: Literal["duplicate", "unknown", "cycle"]
    task: int
    position: int
    names: tuple[str, ...]

    def __str__(self) -> str:
        if self.kind == "duplicate":
            return f"two tasks have the id '{self.names[0]}'"
        if self.kind == "unknown":
            return f"unknown dependency '{self.names[0]}'"
        if len(self.names) == 2:
            return f"task '{self.names[0]}' depends on itself"
        return "cycle: " + " needs ".join(self.names)


def graph(plan: Plan) -> Graph:
    """The graph of a plan without problems. A dependency listed twice counts once."""
    return _graph([(task.id, task.depends) for task in plan.tasks])


def edges_graph(tasks: Edges) -> Graph:
    """The graph of tasks that are no plan of their own: the body of a group."""
    return _graph(tasks)


def made_once(group: Group) -> bool:
    """Is its body made once, instead of a copy for each value? Its ids then have no number."""
    return group.each is None and not group.matrix


def plan_problems(plan: Plan) -> list[Problem]:
    """What keeps the tasks of a plan from being a DAG; for plans that came without a file."""
    return problems([(task.id, task.depends) for task in plan.tasks])


def problems(tasks: Edges) -> list[Problem]:
    """Duplicate ids, unknown dependencies and cycles, all of them, in this order."""
    found: list[Problem] = []
    index: dict[str, int] = {}
    for at, (name, _) in enumerate(tasks):
        if name in index:
            found.append(Problem("duplicate", at, -1, (name,)))
        else:
            index[name] = at
    for at, (_, depends) in enumerate(tasks):
        for position, name in enumerate(depends):
            if name not in index:
                found.append(Problem("unknown", at, position, (name,)))
    for path in cycles(_graph(tasks)):
        names = tuple(tasks[at][0] for at in path)
        position = next(i for i, name in enumerate(tasks[path[0]][1]) if name == names[1])
        found.append(Problem("cycle", path[0], position, names))
    return found


def _graph(tasks: Edges) -> Graph:
    """Ids known twice stand for the first; unknown dependencies count as absent."""
    index: dict[str, int] = {}
    for at, (name, _) in enumerate(tasks):
        index.setdefault(name, at)
    waits = [0] * len(tasks)
    dependents: list[list[int]] = [[] for _ in tasks]
    for at, (_, depends) in enumerate(tasks):
        for name in dict.fromkeys(depends):
            needed = index.get(name)
            if needed is not None:
                waits[at] += 1
                dependents[needed].append(at)
    return Graph(waits, dependents)


def order(graph: Graph) -> list[int]:
    """All tasks, each after what it waits for; as listed where nothing else decides. Tasks on a
    cycle or behind one are missing."""
    left = list(graph.waits)
    ready = deque(at for at, waits in enumerate(left) if not waits)
    done: list[int] = []
    while ready:
        at = ready.popleft()
        done.append(at)
        for dependent in graph.dependents[at]:
            left[dependent] -= 1
            if not left[dependent]:
                ready.append(dependent)
    return done


def waves(graph: Graph) -> list[list[int]]:
    """Tasks by the longest path that leads to them: a wave could run at once after the one
    before it."""
    level = [0] * len(graph.waits)
    waves: list[list[int]] = []
    for at in order(graph):
        for dependent in graph.dependents[at]:
            level[dependent] = max(level[dependent], level[at] + 1)
        while len(waves) <= level[at]:
            waves.append([])
        waves[level[at]].append(at)
    return [sorted(wave) for wave in waves]


def skipped_by(graph: Graph, index: int) -> list[int]:
    """Every task that depends on task `index`, directly or through others; nearest first."""
    seen = {index}
    reached: list[int] = []
    ahead = deque([index])
    while ahead:
        for dependent in graph.dependents[ahead.popleft()]:
            if dependent not in seen:
                seen.add(dependent)
                reached.append(dependent)
                ahead.append(dependent)
    return reached


def cycles(graph: Graph) -> list[list[int]]:
    """Cycles that share no task, each as a closed path along `needs`: first task again at the
    end. Empty exactly when the tasks make a DAG; at most MAX_CYCLES."""
    needs: list[list[int]] = [[] for _ in graph.waits]
    for at, dependents in enumerate(graph.dependents):
        for dependent in dependents:
            needs[dependent].append(at)
    alive = set(range(len(graph.waits)))
    found: list[list[int]] = []
    while len(found) < MAX_CYCLES:
        _drop_free(alive, needs, graph.dependents)
        if not alive:
            break
        path = _closed_path(min(alive), alive, needs)
        found.append(path)
        alive.difference_update(path)
    return found


def _drop_free(alive: set[int], needs: list[list[int]], dependents: list[list[int]]) -> None:
    """Leave only tasks that need, and so forth, something on a cycle."""
    left = {at: sum(needed in alive for needed in needs[at]) for at in alive}
    free = [at for at, count in left.items() if not count]
    while free:
        at = free.pop()
        alive.discard(at)
        for dependent in dependents[at]:
            if dependent in alive:
                left[dependent] -= 1
                if not left[dependent]:
                    free.append(dependent)


def _closed_path(start: int, alive: set[int], needs: list[list[int]]) -> list[int]:
    """Every living task needs a living one: following that must come back to a task seen."""
    seen: dict[int, int] = {}
    path: list[int] = []
    at = start
    while at not in seen:
        seen[at] = len(path)
        path.append(at)
        at = next(needed for needed in needs[at] if needed in alive)
    path = path[seen[at] :]
    turn = path.index(min(path))  # say the same cycle always from the task listed first
    path = path[turn:] + path[:turn]
    return [*path, path[0]]

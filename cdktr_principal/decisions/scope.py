"""What expressions of a run may speak of: the values behind their names.

A name of a task means, inside a group, a task of the same copy first, then one further out. Pure
reading of the state.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from cdktr_common.catalogue.values import TickRef
from cdktr_common.times import rfc3339
from cdktr_principal.expressions.programs import Reference
from cdktr_principal.state.copies import prefix
from cdktr_principal.state.dag import made_once
from cdktr_principal.state.records import FINAL, Run, Task

if TYPE_CHECKING:
    from cdktr_principal.decisions.core import Moment


class TaskScope:
    """The scope of a task, or, given a run, of what belongs to none of its tasks."""

    def __init__(self, of: Task | Run, at: Moment) -> None:
        self._task = of if isinstance(of, Task) else None
        self._run = of.run if isinstance(of, Task) else of
        self._at = at

    def now(self) -> float:
        return self._at.ts

    def fresh_number(self, below: int) -> int:
        return int(self._at.fresh(12), 36) % below

    def variables(self, references: Sequence[Reference]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for reference in references:
            root = reference.path[0]
            if root == "tasks":
                self._add_task(found.setdefault("tasks", {}), reference.path)
            elif root not in found:
                self._add(found, root)
        return found

    def _add(self, found: dict[str, Any], root: str) -> None:
        run = self._run
        if root == "params":
            found[root] = run.params
        elif root == "run":
            found[root] = {
                "id": run.id, "workflow": run.workflow, "name": run.plan.name or run.workflow,
                "event": run.event, "created_ts": run.created_ts, **instants(run.tick),
            }  # fmt: skip
        elif root == "event":
            found[root] = {"name": run.event, "payload": run.payload}
        else:
            for group, task in enclosing(self._task):
                if group.plan.group is not None and group.plan.group.var == root:
                    found[root] = loop_value(group, task)
                    return

    def _add_task(self, found: dict[str, Any], path: tuple[str, ...]) -> None:
        if len(path) > 1:
            task = resolve(self._run, self._task, path[1])
            if task is not None and path[1] not in found:
                found[path[1]] = told(task)
            return
        for task in self._run.tasks:
            if task.group is None:
                found[task.plan.id] = told(task)


def enclosing(task: Task | None) -> Iterator[tuple[Task, Task]]:
    """Groups that a task is in, the nearest first, each with the task that is directly in it."""
    while task is not None and task.group is not None:
        yield task.group, task
        task = task.group


def loop_value(group: Task, task: Task) -> dict[str, Any]:
    """What the variable of a group is for a task in one of its copies."""
    assert group.copies is not None
    return {"value": group.copies.items[task.copy], "index": task.copy}


def instants(tick: TickRef | None) -> dict[str, str]:
    """The instant that a run is for, the one before it, and how it was met; empty without."""
    if tick is None:
        return {"scheduled_time": "", "previous_time": "", "tick_state": ""}
    previous = tick.previous_ts
    return {
        "scheduled_time": rfc3339(tick.due_ts),
        "previous_time": "" if previous is None else rfc3339(previous),
        "tick_state": tick.state,
    }


def resolve(run: Run, task: Task | None, name: str) -> Task | None:
    """The task that a name means for another one."""
    for group, inner in enclosing(task):
        assert group.plan.group is not None
        begin = prefix(group.plan.id, group.plan.group, inner.copy)
        found = run.by_id.get(f"{begin}.{name}")
        if found is not None:
            return found
    return run.by_id.get(name)


def told(task: Task) -> dict[str, Any]:
    """What others may know of a task."""
    told: dict[str, Any] = {
        "state": task.state, "code": task.code, "outputs": task.outputs, "result": task.result
    }  # fmt: skip
    if task.copies is not None:
        told["outputs"], told["results"] = gathered(task)
    return told


def gathered(group: Task) -> tuple[dict[str, Any], list[Any]]:
    """The same as `aggregate`, put together once for a group that is over."""
    made = group.copies
    assert made is not None
    if group.state not in FINAL:
        return aggregate(group)
    if made.gathered is None:
        made.gathered = aggregate(group)
    return made.gathered


def aggregate(group: Task) -> tuple[dict[str, Any], list[Any]]:
    """Outputs and results of all copies in order: of an output a list over the copies, null where
    one gave none. Of copies of several tasks both are by the ids in the body; so are the outputs of
    a group made once, whose results are those of its tasks in their order."""
    made, plan = group.copies, group.plan.group
    assert made is not None and plan is not None
    parts: list[dict[str, Any]] = []
    results: list[Any] = []
    for index in range(len(made.items)):
        tasks = group.made_in(index)
        if made.size == 1 and not plan.tasks[0].id:
            parts.append(told(tasks[0])["outputs"])
            results.append(tasks[0].result)
        else:
            named = list(zip((body.id for body in plan.tasks), tasks, strict=True))
            parts.append({name: told(task)["outputs"] for name, task in named})
            results.append({name: task.result for name, task in named})
    if made_once(plan):
        return parts[0], list(results[0].values())
    keys = dict.fromkeys(key for part in parts for key in part)
    return {key: [part.get(key) for part in parts] for key in keys}, results

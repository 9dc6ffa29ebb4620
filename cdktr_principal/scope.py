"""What expressions of a run may speak of: the values behind their names.

A name of a task means, inside a group, a task of the same copy first, then one further out. Pure
reading of the state.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cdktr_principal.copies import prefix
from cdktr_principal.expressions import Reference
from cdktr_principal.functions import written
from cdktr_principal.records import Run, Task

if TYPE_CHECKING:
    from cdktr_principal.core import Moment

ENV_VALUE: Final = 4 << 10
"""Characters of an output that is given as a variable; longer ones come by expression alone."""

_NO_NAME: Final = re.compile(r"[^A-Za-z0-9_]")


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
                "event": run.event, "created_ts": run.created_ts,
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
                found[path[1]] = _told(task)
            return
        for task in self._run.tasks:
            if task.group is None:
                found[task.plan.id] = _told(task)


def enclosing(task: Task | None) -> Iterator[tuple[Task, Task]]:
    """Groups that a task is in, the nearest first, each with the task that is directly in it."""
    while task is not None and task.group is not None:
        yield task.group, task
        task = task.group


def loop_value(group: Task, task: Task) -> dict[str, Any]:
    """What the variable of a group is for a task in one of its copies."""
    assert group.copies is not None
    return {"value": group.copies.items[task.copy], "index": task.copy}


def resolve(run: Run, task: Task | None, name: str) -> Task | None:
    """The task that a name means for another one."""
    for group, inner in enclosing(task):
        assert group.plan.group is not None
        begin = prefix(group.plan.id, group.plan.group, inner.copy)
        found = run.by_id.get(f"{begin}.{name}")
        if found is not None:
            return found
    return run.by_id.get(name)


def _told(task: Task) -> dict[str, Any]:
    told: dict[str, Any] = {
        "state": task.state, "code": task.code, "outputs": task.outputs, "result": task.result
    }  # fmt: skip
    if task.copies is not None:
        told["outputs"], told["results"] = aggregate(task)
    elif task.plan.group is not None and task.result is not None:
        told["results"] = msgspec.json.decode(task.result)  # as the run before wrote it down
    return told


def aggregate(group: Task) -> tuple[dict[str, Any], list[Any]]:
    """Outputs and results of all copies in order: of an output a list over the copies, null where
    one gave none. Of copies of several tasks both are by the ids in the body; so are the outputs of
    a group made once, whose results are those of its tasks in their order."""
    made, plan = group.copies, group.plan.group
    assert made is not None and plan is not None
    parts: list[dict[str, Any]] = []
    results: list[Any] = []
    for index in range(len(made.items)):
        first = made.first + index * made.size
        tasks = group.run.tasks[first : first + made.size]
        if made.size == 1 and not plan.tasks[0].id:
            parts.append(_told(tasks[0])["outputs"])
            results.append(tasks[0].result)
        else:
            named = list(zip((body.id for body in plan.tasks), tasks, strict=True))
            parts.append({name: _told(task)["outputs"] for name, task in named})
            results.append({name: task.result for name, task in named})
    if plan.each is None and not plan.matrix:
        return parts[0], list(results[0].values())
    keys = dict.fromkeys(key for part in parts for key in part)
    return {key: [part.get(key) for part in parts] for key in keys}, results


# Variables


def variables(task: Task) -> dict[str, str]:
    """What a task finds in its environment of params, of outputs of tasks before it, and of what
    its copy was made for."""
    run = task.run
    if not (run.params or run.gives or task.group):
        return {}
    found = {f"CDKTR_PARAM_{_name(key)}": written(value) for key, value in run.params.items()}
    if run.gives:
        for name, before in _before(task):
            for key, value in _told(before)["outputs"].items():
                text = written(value)
                if len(text) <= ENV_VALUE and "\0" not in text:
                    found.setdefault(f"CDKTR_OUT_{_name(name)}_{_name(key)}", text)
    for group, inner in enclosing(task):
        assert group.plan.group is not None
        if group.plan.group.each is not None or group.plan.group.matrix:
            value = loop_value(group, inner)
            found["CDKTR_ITEM"] = written(value["value"])
            found["CDKTR_ITEM_INDEX"] = str(value["index"])
            break
    return found


def _before(task: Task) -> Iterator[tuple[str, Task]]:
    """All tasks that a task depends on, nearest first, with what they are called from there."""
    run = task.run
    seen: set[Task] = set()
    begin: Task | None = task
    while begin is not None:
        todo = [begin]
        while todo:
            for name in todo.pop(0).plan.depends:
                before = run.by_id[name]
                if before not in seen:
                    seen.add(before)
                    todo.append(before)
                    yield _local(before), before
        begin = begin.group


def _local(task: Task) -> str:
    """The id in the plan: without the copy it belongs to."""
    if task.group is None or task.group.plan.group is None:
        return task.plan.id
    return task.plan.id[len(prefix(task.group.plan.id, task.group.plan.group, task.copy)) + 1 :]


def _name(text: str) -> str:
    return _NO_NAME.sub("_", text).upper()

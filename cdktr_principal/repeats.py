"""What a run that repeats another takes over from it.

A task that was COMPLETED is not run again, unless something before it is: what it was given might
change. Groups keep the values that they were made for, so that their copies are the same. Pure
reading of the state.
"""

from __future__ import annotations

from cdktr_common.catalogue.values import Reused
from cdktr_common.codec import encode
from cdktr_common.errors import ProtocolError
from cdktr_principal import queries
from cdktr_principal.records import Run, Task
from cdktr_principal.scope import aggregate


def reused(run: Run, again: list[str]) -> dict[str, Reused]:
    """By id, what is taken over; `again` are tasks to run again whatever they have become. Raises
    ProtocolError not_found, and conflict when nothing would be left to run."""
    wanted = {queries.find_task(run, name) for name in again}
    if not wanted and run.state == "COMPLETED":
        raise ProtocolError(
            "conflict",
            f"run {run.id} has completed: name the tasks to run again, or ask for all of them",
        )
    kept: dict[Task, bool] = {}
    for task in _in_order(run):
        kept[task] = _keeps(task, kept, wanted)
    found: dict[str, Reused] = {}
    for task, keeps in kept.items():
        if keeps and not (task.group is not None and kept[task.group]):
            found[task.plan.id] = _taken(task)
        elif task.copies is not None and not keeps:
            found[task.plan.id] = Reused(items=task.copies.items)
    return found


def _in_order(run: Run) -> list[Task]:
    """Every task after what it depends on and after the group it belongs to."""
    waits = {task: len(set(task.plan.depends)) for task in run.tasks}
    todo = [task for task in run.tasks if not waits[task] and task.group is None]
    order: list[Task] = []
    for task in todo:
        order.append(task)
        if task.copies is not None:
            made = task.copies
            todo += [
                each
                for each in run.tasks[made.first : made.first + made.size * len(made.items)]
                if not waits[each]
            ]
        for index in run.dependents[task.index]:
            dependent = run.tasks[index]
            waits[dependent] -= 1
            if not waits[dependent]:
                todo.append(dependent)
    return order


def _keeps(task: Task, kept: dict[Task, bool], wanted: set[Task]) -> bool:
    if task.state != "COMPLETED" or task.plan.phase or _is_in(task, wanted) or _has(task, wanted):
        return False
    return all(kept[task.run.by_id[name]] for name in task.plan.depends)


def _is_in(task: Task | None, wanted: set[Task]) -> bool:
    """Is it, or a group that it belongs to, to be run again?"""
    while task is not None:
        if task in wanted:
            return True
        task = task.group
    return False


def _has(group: Task, wanted: set[Task]) -> bool:
    """Is one of the tasks that it made to be run again?"""
    for task in wanted:
        inner: Task | None = task
        while inner is not None:
            if inner is group:
                return True
            inner = inner.group
    return False


def _taken(task: Task) -> Reused:
    if task.copies is None:
        return Reused(outputs=task.outputs, result=task.result, calls=task.calls)
    outputs, results = aggregate(task)
    return Reused(outputs=outputs, result=encode(results).decode())

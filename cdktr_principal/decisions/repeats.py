"""What a run that repeats another takes over from it.

A task that was COMPLETED is not run again, unless something before it is: what it was given might
change. A group keeps the values that it was made for, so that its copies are the same; one with
something new before it is made anew. A call repeats the run that it had called.
Pure reading of the state.
"""

from __future__ import annotations

from cdktr_common.catalogue.values import Reused
from cdktr_common.errors import ProtocolError
from cdktr_principal.requests import queries
from cdktr_principal.state.records import Run, Task


def reused(run: Run, again: list[str]) -> dict[str, Reused]:
    """By id, what is taken over; `again` are tasks to run again whatever they have become. Raises
    ProtocolError not_found, and conflict when nothing would be left to run."""
    wanted = {task for name in again for task in _named(run, name)}
    if not wanted and run.state == "COMPLETED":
        raise ProtocolError(
            "conflict",
            f"run {run.id} has completed: name the tasks to run again, or ask for all of them",
        )
    kept: dict[Task, bool] = {}
    anew: set[Task] = set()
    found: dict[str, Reused] = {}
    for task in _in_order(run):
        ahead = all(kept[run.by_id[name]] for name in task.plan.depends)
        same = ahead and task.group not in anew and task not in wanted
        kept[task] = same and _keeps(task, wanted)
        if not same:
            anew.add(task)
        elif task.copies is not None:
            found[task.plan.id] = Reused(items=task.copies.items)
        elif kept[task]:
            found[task.plan.id] = Reused(outputs=task.outputs, result=task.result, calls=task.calls)
        elif task.calls:
            found[task.plan.id] = Reused(items=[], calls=task.calls)
    return found


def _named(run: Run, name: str) -> list[Task]:
    """The task of that id, or all tasks of the copy of a group. Raises ProtocolError not_found."""
    if name not in run.by_id:
        copy = [task for task in run.tasks if task.group and task.plan.id.startswith(f"{name}.")]
        if copy:
            return copy
    return [queries.find_task(run, name)]


def _in_order(run: Run) -> list[Task]:
    """Every task after what it depends on and after the group it belongs to."""
    waits = {task: len(set(task.plan.depends)) for task in run.tasks}
    todo = [task for task in run.tasks if not waits[task] and task.group is None]
    order: list[Task] = []
    for task in todo:
        order.append(task)
        todo += [each for each in task.made() if not waits[each]]
        for index in run.dependents[task.index]:
            dependent = run.tasks[index]
            waits[dependent] -= 1
            if not waits[dependent]:
                todo.append(dependent)
    return order


def _keeps(task: Task, wanted: set[Task]) -> bool:
    """With nothing before it that is run again: is it over for good?"""
    return task.state == "COMPLETED" and not task.plan.phase and not _has(task, wanted)


def _has(group: Task, wanted: set[Task]) -> bool:
    """Is one of the tasks that it made to be run again?"""
    for task in wanted:
        inner: Task | None = task
        while inner is not None:
            if inner is group:
                return True
            inner = inner.group
    return False

"""The tasks that a group makes: their plans, and when each copy of its body begins and is over.

A copy begins when `concurrency` allows; until then its tasks wait without a turn. The group's own
turn comes again when all copies are over. `plans` is for anybody; the rest changes the state and
is called by `lifecycle` alone. Pure; decides nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from cdktr_common.catalogue.values import Group, TaskPlan
from cdktr_principal.state import dag, lifecycle
from cdktr_principal.state.records import Copies, Task

if TYPE_CHECKING:
    from cdktr_principal.state.state import State

MAX_COPIES: Final = 10_000
"""Copies that a group may make."""

MAX_RUN_TASKS: Final = 50_000
"""Tasks that a run may have, those that groups made included."""


def prefix(group_id: str, group: Group, index: int) -> str:
    """What the ids of a copy begin with."""
    return group_id if dag.made_once(group) else f"{group_id}[{index}]"


def plans(task: TaskPlan, index: int) -> list[TaskPlan]:
    """The tasks of one copy, named as those of the run are."""
    assert task.group is not None
    begin = prefix(task.id, task.group, index)

    def named(name: str) -> str:
        return f"{begin}.{name}" if name else begin

    return [
        replace(
            body,
            id=named(body.id),
            depends=[named(name) for name in body.depends],
            rules={named(name): rule for name, rule in body.rules.items()},
            phase=task.phase,
        )
        for body in task.group.tasks
    ]


def expand(state: State, task: Task, items: list[Any]) -> None:
    """Make the tasks of all copies and begin those that may."""
    run = task.run
    made = make(task, items)
    count = made.size * len(items)
    run.open += count
    if not task.plan.phase:
        run.open_main += count
    if run.reuse:
        _reuse(state, run.tasks[made.first :])
    _begin(state, task, made)


def make(task: Task, items: list[Any]) -> Copies:
    """Add the tasks of all copies to the run, as they are before anything is known of them."""
    group = task.plan.group
    assert group is not None
    run = task.run
    made = task.copies = Copies(len(run.tasks), len(group.tasks), items)
    run.ruled = run.ruled or any(body.rules for body in group.tasks)
    shape = dag.edges_graph([(body.id, body.depends) for body in group.tasks])
    for index in range(len(items)):
        base = len(run.tasks)
        for at, plan in enumerate(plans(task.plan, index)):
            each = Task(run, base + at, plan, shape.waits[at], task, index)
            run.tasks.append(each)
            run.by_id[plan.id] = each
            run.dependents.append([base + below for below in shape.dependents[at]])
    return made


def _reuse(state: State, made: list[Task]) -> None:
    for task in made:
        known = task.run.reuse.get(task.plan.id)
        if known is not None and known.items is None and task.state == "PENDING":
            lifecycle.reuse(state, task, known)


def _begin(state: State, task: Task, made: Copies) -> None:
    """Begin copies up to the limit; those that have nothing left to do are over at once."""
    assert task.plan.group is not None
    most = task.plan.group.concurrency or len(made.items)
    while made.begun < len(made.items) and made.active < most:
        made.active += 1 if made.open[made.begun] else 0
        made.begun += 1
        for each in task.made_in(made.begun - 1):
            if each.waits == 0:
                lifecycle.turn_of(state, each)
    if made.left == 0 and task.state == "RUNNING":
        state.due[task] = None


def _breaks(task: Task) -> bool:
    """Is there a failure in this copy that nobody handles, since this task is over?"""
    if task.state == "FAILED":
        return not task.tolerated and not task.handled
    before = (task.run.by_id[name] for name, rule in task.plan.rules.items() if rule == "failure")
    return task.state == "SKIPPED" and any(_breaks(each) for each in before)


def task_over(state: State, task: Task) -> None:
    """A task of a copy has reached a final state."""
    group = task.group
    assert group is not None and group.copies is not None and group.plan.group is not None
    made = group.copies
    made.open[task.copy] -= 1
    if group.plan.group.fail_fast and not made.stopping:
        made.stopping = _breaks(task)
    if made.open[task.copy] == 0:
        made.left -= 1
        if task.copy < made.begun:
            made.active -= 1
            _begin(state, group, made)

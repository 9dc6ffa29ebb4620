"""What a group makes its tasks for, and how it ends when they are over.

Pure; every change goes through the core's facts. What the copies are follows from the facts, in
`copies`.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.values import Group
from cdktr_common.codec import encode
from cdktr_common.errors import CANCELLED
from cdktr_principal.decisions.scope import TaskScope
from cdktr_principal.expressions import templates
from cdktr_principal.expressions.programs import Failed
from cdktr_principal.state.copies import MAX_COPIES, MAX_RUN_TASKS
from cdktr_principal.state.records import FINAL, Task

if TYPE_CHECKING:
    from cdktr_principal.decisions.core import Core, Moment

ITEMS_BYTES = 1 << 20
"""Of all values that a group is made for, as JSON."""

_NAMED = 5


def expand(core: Core, task: Task, at: Moment) -> None:
    """The turn of a group has come. Raises Failed."""
    group = task.plan.group
    assert group is not None
    known = task.run.reuse.get(task.plan.id)
    if known is not None and known.items is not None:
        items = known.items
    else:
        items = _items(group, TaskScope(task, at))
    made = len(items) * len(group.tasks)
    if len(items) > MAX_COPIES or len(task.run.tasks) + made > MAX_RUN_TASKS:
        raise Failed(
            f"{len(items):,} values make {made:,} tasks; a group has at most {MAX_COPIES:,} copies "
            f"and a run {MAX_RUN_TASKS:,} tasks"
        )
    size = len(encode(items))
    if size > ITEMS_BYTES:
        raise Failed(f"the values of the group have {size:,} bytes, at most {ITEMS_BYTES:,}")
    core.about(f.TaskExpanded, task.run, at, task=task.plan.id, items=items)


def _items(group: Group, scope: TaskScope) -> list[Any]:
    if group.matrix:
        lists = {name: _list(f"matrix.{name}", of, scope) for name, of in group.matrix.items()}
        if math.prod(len(of) for of in lists.values()) > MAX_COPIES:
            raise Failed(f"the matrix has more than {MAX_COPIES:,} combinations")
        products = itertools.product(*lists.values())
        return [dict(zip(lists, values, strict=True)) for values in products]
    if group.each is None:
        return [None]
    return _list("each", group.each, scope)


def _list(what: str, template: Any, scope: TaskScope) -> list[Any]:
    try:
        found = templates.value(template, scope)
    except Failed as fault:
        raise Failed(f"{what}: {fault}") from None
    if not isinstance(found, list):
        raise Failed(f"{what} is {_kind(found)}, not a list: {encode(found)[:60].decode()}")
    return found


def _kind(value: Any) -> str:
    names = {
        str: "text",
        bool: "true or false",
        int: "a number",
        float: "a number",
        dict: "an object",
    }
    return "null" if value is None else names.get(type(value), "no list")


def conclude(core: Core, task: Task, at: Moment) -> None:
    """All copies of a group are over."""
    run = task.run
    ended = (run.tasks[index] for index in run.failures)
    failed = [each for each in ended if each.group is task and not each.handled]
    if failed:
        first = _telling(task, failed)
        names = ", ".join(each.plan.id for each in failed[:_NAMED])
        more = f" and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
        reason = f"{names}{more} failed"
        core.end(task, "FAILED", None, first.code or 1, reason, at)
    elif any(each.state == "CANCELLED" for each in task.made()):
        core.end(task, "CANCELLED", None, CANCELLED, run.reason, at)
    else:
        core.end(task, "COMPLETED", None, 0, "", at)


def _telling(group: Task, failed: list[Task]) -> Task:
    """The failure whose code the group has, of those in the order of their ends: the first one; but
    the first that the group does not tolerate, if there is one."""
    tolerated = group.plan.tolerated
    if isinstance(tolerated, bool):
        return failed[0]
    return next((each for each in failed if each.code not in tolerated), failed[0])


def stop_others(core: Core, task: Task, at: Moment) -> None:
    """A task of a copy is over: with `fail_fast` a failure that nobody handles ends the other
    copies, once."""
    group = task.group
    while group is not None:
        stopping = group.copies is not None and group.copies.stopping
        if stopping and group not in core.session.stopped:
            core.session.stopped.add(group)
            end_copies(core, group, at)
        group = group.group


def end_copies(core: Core, group: Task, at: Moment) -> None:
    """End all that is not over of a group's copies."""
    for each in group.made():
        if each.copies is not None and each.state not in FINAL:
            end_copies(core, each, at)
        elif each.state not in FINAL:
            core.end_early(each, at)

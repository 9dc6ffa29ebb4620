"""What a ready task asks of an agent besides its labels: the part of a queue's name that tells
tasks apart which cannot be given out alike.

Tasks of one queue are alike in everything that decides whether they can be given out, so that a
queue whose first task cannot be is passed over whole. Pure; knows no state and no agent.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from cdktr_common.catalogue.values import Plan, TaskPlan


class Demand(NamedTuple):
    """`pools` are names and amounts in the order of the names. `new`: only an agent that knows
    more than `argv` and `command` can do it. `least`: the agent needs so many slots in all, since
    its run is to stay with it."""

    priority: int = 0
    slots: int = 1
    exclusive: bool = False
    pools: tuple[tuple[str, int], ...] = ()
    new: bool = False
    least: int = 1


PLAIN: Final = Demand()
"""Of nearly all tasks. Always this very object, so that `is` tells."""


class Bounds(NamedTuple):
    """What the tasks of a run have in common: an agent must have `slots` in all, and know more
    than `argv` and `command` if `new`."""

    slots: int = 1
    new: bool = False


FREE: Final = Bounds()


def bounds(plan: Plan) -> Bounds:
    """Of a run by this plan. Where anything is computed, any task may be asked for outputs, which
    an old agent does not bring; a run that stays together needs an agent for its widest task."""
    new = bool(plan.secrets or plan.dotenv or plan.templates or plan.output is not None)
    new = new or any(task.templates or task.group is not None for task in plan.tasks)
    if plan.placement != "together":
        return Bounds(1, True) if new else FREE
    parts = list(plan.tasks)
    for task in parts:  # grows while groups are found in it
        if task.group is not None:
            parts += task.group.tasks
    return Bounds(max((task.slots for task in parts), default=1), new or any(map(is_new, parts)))


def is_new(plan: TaskPlan) -> bool:
    """Does a task say more than an agent of `tasks_v` 0 understands?"""
    return bool(
        plan.shell or plan.script is not None or plan.files or plan.dotenv or plan.pre
        or plan.post or plan.outputs or plan.capture or plan.artifacts or plan.container
        or plan.exclusive or plan.slots != 1 or plan.stop_signal != "TERM"
        or plan.stop_grace_s is not None or plan.templates
    )  # fmt: skip


def demand(plan: TaskPlan, run: Bounds) -> Demand:
    """What a task of such a run asks for."""
    new = run.new or is_new(plan)
    if not new and not plan.priority and not plan.pools and run.slots == 1:
        return PLAIN
    pools = tuple(sorted(plan.pools.items())) if plan.pools else ()
    return Demand(plan.priority, plan.slots, plan.exclusive, pools, new, max(run.slots, plan.slots))

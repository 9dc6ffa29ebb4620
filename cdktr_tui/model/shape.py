"""What of a plan tells how its tasks count: which failures are none, and what groups will make.

A row of a run counts its tasks, so the facts that follow on it can be counted only by who knows
this much of its plan. Ids of tasks that groups make follow from the plan (`GROUP[INDEX].ID`, of a
group made once `GROUP.ID`). Knows no state.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from msgspec.structs import replace

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.values import Group, Plan, TaskPlan

_INDEX: Final = re.compile(r"\[\d+\]")


class Shape:
    """What is to be known of the tasks of a run that are not plain. `reused` are those that it
    takes over from the run it repeats; None: not known."""

    __slots__ = ("_bodies", "_groups", "_tolerated", "reused")

    def __init__(self, plan: Plan, reused: frozenset[str] | None = frozenset()) -> None:
        self._groups: dict[str, TaskPlan] = {}
        self._tolerated: dict[str, bool | list[int]] = {}
        self._bodies: dict[str, TaskPlan] = {}
        self.reused = reused
        for task in plan.tasks:
            self._note(task.id, task)

    def _note(self, name: str, task: TaskPlan) -> None:
        if task.tolerated:
            self._tolerated[name] = task.tolerated
        if task.group is not None:
            self._groups[name] = task
            for body in task.group.tasks:
                below = _named(prefix(name, task.group, ""), body.id)
                self._bodies[below] = body
                self._note(below, body)

    def tolerated(self, task: str, code: int | None) -> bool:
        """Is a failure with this code none for the run?"""
        codes = self._tolerated.get(_any(task), False)
        return codes if isinstance(codes, bool) else code in codes

    def body(self, task: str) -> TaskPlan | None:
        """The plan of a task that a group has made, but for its dependencies."""
        known = self._bodies.get(_any(task))
        return None if known is None else replace(known, id=task)

    def made(self, task: str, items: list[Any]) -> list[TaskPlan]:
        """The tasks that a group makes of these values, in their order."""
        group = self._groups.get(_any(task))
        if group is None:
            return []
        named = replace(group, id=task)
        return [each for index in range(len(items)) for each in _copy(named, index)]

    def counts(self, task: str, items: list[Any]) -> tuple[int, int]:
        """How many tasks a group makes, and how many of them are reused."""
        group = self._groups.get(_any(task))
        if group is None or group.group is None:
            return 0, 0
        if not self.reused:
            return len(items) * len(group.group.tasks), 0
        names = [made.id for made in self.made(task, items)]
        return len(names), sum(name in self.reused for name in names)


PLAIN: Final = Shape(Plan(workflow="", tasks=[]))
"""Of runs without any such task."""


def of_created(fact: f.RunCreated) -> Shape:
    """All that is known of a run when it is created."""
    plain = not any(task.tolerated or task.group is not None for task in fact.plan.tasks)
    if plain and not fact.reused:
        return PLAIN
    return Shape(fact.plan, reused(fact))


def reused(fact: f.RunCreated) -> frozenset[str]:
    """The tasks that count as COMPLETED from the beginning."""
    return frozenset(task for task, known in fact.reused.items() if known.items is None)


def prefix(group_id: str, group: Group, index: int | str) -> str:
    """What the ids of a copy begin with."""
    once = group.each is None and not group.matrix
    return group_id if once else f"{group_id}[{index}]"


def _copy(task: TaskPlan, index: int) -> Iterator[TaskPlan]:
    assert task.group is not None
    begin = prefix(task.id, task.group, index)
    for body in task.group.tasks:
        depends = [_named(begin, name) for name in body.depends]
        rules = {_named(begin, name): rule for name, rule in body.rules.items()}
        yield replace(
            body, id=_named(begin, body.id), depends=depends, rules=rules, phase=task.phase
        )


def _named(begin: str, name: str) -> str:
    return f"{begin}.{name}" if name else begin


def _any(task: str) -> str:
    return _INDEX.sub("[]", task) if "[" in task else task

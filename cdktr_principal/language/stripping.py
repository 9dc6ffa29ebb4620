"""CDKTR files without containers: tasks that ask for one become processes of the agent's machine.

What belongs to a container alone (image, networks, limits) is left out; an entrypoint stands before
what is run. What cannot be without one, mounts and what an image does by itself, is a fault. Pure.
"""

from __future__ import annotations

from typing import Any, Final

from msgspec.structs import replace

from cdktr_common.catalogue.values import Container, Plan, TaskPlan
from cdktr_principal.language.keys import KINDS
from cdktr_principal.language.nodes import Faults, List, Map, Node
from cdktr_principal.language.process import CONTAINER

SEE: Final = "docs/workflow.md#image"

_DATA: Final = frozenset({"params", "output", "env", "files", "secrets", "list", "lists"})
"""Keys below which nothing is a task."""


def check(root: Map, faults: Faults) -> None:
    """A fault for each task that cannot be without its container."""
    ahead: list[tuple[Node, bool]] = [(root, False)]
    with faults.about(SEE):
        while ahead:
            node, shared = ahead.pop()
            if isinstance(node, List):
                ahead.extend((item, False) for item in node.items)
            elif isinstance(node, Map):
                _check(node, shared, faults)
                for key, item in node.items.items():
                    if key not in _DATA:
                        ahead.append((item, key == "defaults"))


def _check(node: Map, shared: bool, faults: Faults) -> None:
    if isinstance(node.items.get("mounts"), List):
        hint = "pre, post and the task itself share $CDKTR_TASK_DIR"
        faults.add(*node.marks["mounts"], "mounts need a container", hint)
    if "image" in node.items and not shared and node.items.keys().isdisjoint(KINDS):
        what = "without its image there is nothing to run"
        faults.add(*node.marks["image"], what, "give the task a command")


def stripped(plan: Plan) -> Plan:
    """The plan without containers, those of groups and of workflows in it among them."""
    return replace(plan, tasks=[_task(task) for task in plan.tasks])


def _task(task: TaskPlan) -> TaskPlan:
    if task.group is not None:
        tasks = [_task(inner) for inner in task.group.tasks]
        return replace(task, group=replace(task.group, tasks=tasks))
    if task.call is not None and task.call.plan is not None:
        return replace(task, call=replace(task.call, plan=stripped(task.call.plan)))
    if task.container is None:
        return task
    return replace(
        task,
        container=None,
        labels=[label for label in task.labels if label != CONTAINER],
        pre=[replace(step, image="") for step in task.pre],
        post=[replace(step, image="") for step in task.post],
        **_runs(task, task.container),
    )


def _runs(task: TaskPlan, container: Container) -> dict[str, Any]:
    """What is run, behind the entrypoint: for text that is its shell."""
    words = container.entrypoint
    if not words:
        return {}
    if task.command is not None or (task.script is not None and not task.argv):
        return {} if task.shell else {"shell": words}
    return {"argv": [*words, *(task.argv or [])]} if task.script is None else {}

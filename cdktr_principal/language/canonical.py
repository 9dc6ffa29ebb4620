"""A workflow file to a plan: the CDKTR dialect.

`load` takes the tree of a file and tells every fault in it, each with its place. What a value may
be is in `fields`, what the file may be as YAML in `source`, what the tasks may be as a graph in
`dag`. Pure: no file is opened here.
"""

from __future__ import annotations

from typing import Any, Final

from cdktr_common.catalogue.values import Plan, TaskPlan
from cdktr_principal import dag
from cdktr_principal.language import fields
from cdktr_principal.language.fields import Reader, nearest, unknown_keys
from cdktr_principal.language.nodes import Faults, List, Map, Node, Scalar

MAX_TASKS: Final = 20_000
"""Tasks a workflow may have."""


# Key in the file: name in the plan, and who reads it.
_TASK: Final[dict[str, tuple[str, Reader[Any]]]] = {
    "name": ("name", fields.name),
    "description": ("description", fields.description),
    "command": ("command", fields.command),
    "config": ("argv", fields.argv),
    "env": ("env", fields.env),
    "workdir": ("workdir", fields.workdir),
    "timeout": ("timeout_s", fields.timeout),
    "labels": ("labels", fields.labels),
    "max_losses": ("max_losses", fields.max_losses),
    "lost_after": ("lost_after_s", fields.lost_after),
    "on_agent_lost": ("on_agent_lost", fields.on_agent_lost),
    "on_principal_lost": ("on_principal_lost", fields.on_principal_lost),
}

_WORKFLOW: Final[dict[str, tuple[str, Reader[Any]]]] = {
    "name": ("name", fields.name),
    "description": ("description", fields.description),
    "env": ("env", fields.env),
    "workdir": ("workdir", fields.workdir),
    "placement": ("placement", fields.placement),
    "cron": ("cron", fields.cron),
    "schedule": ("cron", fields.cron),
    "start_time": ("start_time", fields.start_time),
}

TASK_KEYS: Final = (*_TASK, "depends")
WORKFLOW_KEYS: Final = (*_WORKFLOW, "events", "eventTrigger", "tasks")

# Keys of the whole language that this version does not do. They are told apart from mistakes.
_LATER_TASK: Final = frozenset({
    "script", "shell", "python", "workflow", "noop", "if", "retry", "deadline", "stop_signal",
    "stop_grace", "pre", "post", "each", "matrix", "parallel", "continue_on_failure", "output",
    "outputs", "artifacts", "dotenv", "secrets", "queue", "priority", "slots", "pools",
    "exclusive", "image", "run", "tags",
})  # fmt: skip
_LATER_WORKFLOW: Final = frozenset({
    "dialect", "dag", "defaults", "params", "inputs", "output", "dotenv", "secrets", "tags",
    "timezone", "deadline", "max_active_runs", "overlap", "exclusive", "labels", "timeout",
    "retry", "on_success", "on_failure", "on_cancel", "finally",
})  # fmt: skip


def load(root: Map, workflow: str, faults: Faults) -> Plan:
    """The plan that a tree describes. It is of no use when there were faults."""
    if root.tag:
        faults.at(root, f"{root.tag} belongs to config alone")
    unknown_keys(root, WORKFLOW_KEYS, faults, "a workflow", _LATER_WORKFLOW)
    found = _read(root, _WORKFLOW, faults)
    if "cron" in root.items and "schedule" in root.items:
        line, col = root.marks["schedule"]
        faults.add(line, col, "cron and schedule are the same thing", "keep one of them")
    events: dict[str, None] = {}
    for key in ("events", "eventTrigger"):
        if key in root.items:
            events.update(dict.fromkeys(fields.events(root.items[key], faults)))
    tasks = _tasks(root, faults)
    return Plan(workflow=workflow, events=list(events), tasks=tasks, **found)


def schedule_text(plan: Plan) -> str:
    """The schedule of a workflow for a list: empty when it has none."""
    parts = [f"cron {plan.cron}" if plan.cron else "", f"from {plan.start_time}"]
    shown = " ".join(parts if plan.start_time else parts[:1]).strip()
    return f"{shown} (not scheduled yet)" if shown else ""


def _read(node: Map, readers: dict[str, tuple[str, Reader[Any]]], faults: Faults) -> dict[str, Any]:
    """The values of the keys that are there. What a reader refused is left at its default."""
    found: dict[str, Any] = {}
    for key, value in node.items.items():
        if key in readers:
            field, read = readers[key]
            result = read(value, faults)
            if result is not None:
                found[field] = result
    return found


def _tasks(root: Map, faults: Faults) -> list[TaskPlan]:
    node = root.items.get("tasks")
    if node is None:
        faults.at(root, "a workflow needs tasks", "tasks: a mapping of an id to a task")
        return []
    if isinstance(node, List):
        faults.at(node, "a list of tasks is not supported yet", "write tasks as id: task")
        return []
    if not isinstance(node, Map):
        faults.at(node, f"tasks must be a mapping of an id to a task, not {fields.kind(node)}")
        return []
    if not node.items:
        faults.at(node, "a workflow needs at least one task")
    if len(node.items) > MAX_TASKS:
        faults.at(node, f"{len(node.items)} tasks, and at most {MAX_TASKS} are allowed")
        return []
    tasks, needs = [], []
    for key, value in node.items.items():
        task, depends = _task(key, node.marks[key], value, faults)
        tasks.append(task)
        needs.append(depends)
    return _resolve(tasks, needs, list(node.marks.values()), faults)


def _task(
    key: str, mark: tuple[int, int], node: Node, faults: Faults
) -> tuple[TaskPlan, list[Scalar]]:
    """A task without its dependencies, and those as written."""
    if not fields.ID.fullmatch(key):
        hint = f"letters, digits, _ . and -, at most {fields.MAX_ID}; other words go into name"
        faults.add(*mark, f"'{key[:40]}' is not an id of a task", hint)
    if not isinstance(node, Map):
        faults.add(*mark, f"task '{key[:40]}' must be a mapping, not {fields.kind(node)}")
        return TaskPlan(id=key), []
    if node.tag:
        faults.at(node, f"{node.tag} belongs to config alone", f"config: {node.tag}")
    unknown = unknown_keys(node, TASK_KEYS, faults, "a task", _LATER_TASK)
    found = _read(node, _TASK, faults)
    if "command" in node.items and "config" in node.items:
        faults.add(*mark, f"task '{key[:40]}' has both command and config", "keep one of them")
    elif not unknown and "command" not in node.items and "config" not in node.items:
        faults.add(*mark, f"task '{key[:40]}' has nothing to run", "give it command or config")
    depends = node.items.get("depends")
    listed = fields.scalars(depends, faults, "depends") if depends else []
    return TaskPlan(id=key, **found), listed


def _resolve(
    tasks: list[TaskPlan],
    needs: list[list[Scalar]],
    marks: list[tuple[int, int]],
    faults: Faults,
) -> list[TaskPlan]:
    """The tasks with their dependencies as ids, which then make a DAG, or faults say why not."""
    by_name: dict[str, list[str]] = {}
    for task in tasks:
        by_name.setdefault(task.name, []).append(task.id)
    by_name.pop("", None)
    ids = {task.id for task in tasks}
    edges: list[tuple[str, list[str]]] = []
    for task, listed in zip(tasks, needs, strict=True):
        edges.append((task.id, [_id_of(item, ids, by_name, faults) for item in listed]))
    for problem in dag.problems(edges):
        if problem.kind == "unknown" and len(by_name.get(problem.names[0], [])) > 1:
            continue  # told as ambiguous
        known = problem.kind != "unknown" or faults.full
        hint = "" if known else nearest(problem.names[0], (*ids, *by_name))
        if problem.position >= 0:
            faults.at(needs[problem.task][problem.position], str(problem), hint)
        else:
            faults.add(*marks[problem.task], str(problem), hint)
    return [
        _with_depends(task, list(dict.fromkeys(depends)))
        for task, (_, depends) in zip(tasks, edges, strict=True)
    ]


def _id_of(item: Scalar, ids: set[str], by_name: dict[str, list[str]], faults: Faults) -> str:
    """The id that a dependency means: an id, or a name that one task has."""
    named = by_name.get(item.text, [])
    if item.text in ids or not named:
        return item.text
    if len(named) > 1:
        what = f"'{item.text[:80]}' is the name of several tasks"
        faults.at(item, what, f"use an id: {', '.join(named[:5])}")
        return item.text
    return named[0]


def _with_depends(task: TaskPlan, depends: list[str]) -> TaskPlan:
    if not depends:
        return task
    values = {name: getattr(task, name) for name in TaskPlan.__struct_fields__}
    return TaskPlan(**{**values, "depends": depends})

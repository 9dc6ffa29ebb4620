"""A workflow file to a plan: the Conducktor dialect.

`tasks` is a list of names and commands, `dag` a list of arrows between names:

    - First: Second              Second after First has succeeded; also a list, or `A, B`
    - Second?: Third | Fourth    Third if Second has succeeded, Fourth if it failed

The tasks get ids made from their names. The branch not taken is SKIPPED, and a failure that has a
branch is handled: it does not fail the run. Commands mean themselves, there are no expressions.
Pure: no file is opened here.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from cdktr_common.catalogue.values import Plan, Schedule, TaskPlan
from cdktr_principal.language import fields, listening, timing
from cdktr_principal.language.canonical import MAX_TASKS
from cdktr_principal.language.fields import nearest
from cdktr_principal.language.ids import Ids
from cdktr_principal.language.nodes import Faults, List, Map, Node, Scalar
from cdktr_principal.language.reading import unknown_keys
from cdktr_principal.state import dag

WORKFLOW_KEYS: Final = ("name", "description", "schedule", "eventTrigger", "tasks", "dag")
TASK_KEYS: Final = ("name", "command")

MAX_ARROWS: Final = 200_000
"""Pairs of tasks that a dag may come to."""

SEE: Final = "docs/dialects.md#conducktor"


class Arrow(NamedTuple):
    """`target` waits for `source` to succeed, or, with `failure`, to fail; where it is written."""

    source: str
    target: str
    failure: bool
    place: Scalar


def load(root: Map, workflow: str, faults: Faults) -> Plan:
    """The plan that a tree describes. It is of no use when there were faults."""
    with faults.about(SEE):
        return _plan(root, workflow, faults)


def _plan(root: Map, workflow: str, faults: Faults) -> Plan:
    unknown_keys(root, WORKFLOW_KEYS, faults, "a Conducktor workflow")
    found: dict[str, Any] = {}
    for key, field, read in (
        ("name", "name", fields.name),
        ("description", "description", fields.description),
        ("schedule", "schedules", timing.schedule),
        ("eventTrigger", "events", listening.events),
    ):
        value = read(root.items[key], faults) if key in root.items else None
        if isinstance(value, Schedule):
            found[field] = [value]
        elif isinstance(value, listening.Listened):
            found["events"], found["listeners"] = value
        elif value is not None:
            found[field] = value
    tasks = _tasks(root, faults)
    arrows = _arrows(root.items.get("dag"), tasks, faults)
    return Plan(workflow=workflow, tasks=_joined(tasks, arrows, faults), **found)


def _tasks(root: Map, faults: Faults) -> dict[str, TaskPlan]:
    """Tasks by name, in the order of the file."""
    node = root.items.get("tasks")
    if not isinstance(node, List):
        where = node or root
        faults.at(where, "a Conducktor workflow needs a list of tasks", "- {name: A, command: b}")
        return {}
    if not node.items:
        faults.at(node, "a workflow needs at least one task")
    if len(node.items) > MAX_TASKS:
        faults.at(node, f"{len(node.items)} tasks, and at most {MAX_TASKS} are allowed")
        return {}
    tasks: dict[str, TaskPlan] = {}
    ids = Ids()
    for item in node.items:
        task = _task(item, ids, faults)
        if task is not None and task.name in tasks:
            faults.at(item, f"two tasks have the name '{task.name[:80]}'", "dag goes by names")
        elif task is not None:
            tasks[task.name] = task
    return tasks


def _task(node: Node, ids: Ids, faults: Faults) -> TaskPlan | None:
    if not isinstance(node, Map):
        faults.at(node, f"a task must be a mapping, not {fields.kind(node)}", "name and command")
        return None
    # Whatever is wrong with a task, arrows may go to its name.
    strange = unknown_keys(node, TASK_KEYS, faults, "a task of Conducktor's")
    for key in TASK_KEYS:
        if key not in node.items and not strange:
            faults.at(node, f"the task has no {key}")
    name = fields.name(node.items["name"], faults) if "name" in node.items else None
    command = fields.command(node.items["command"], faults) if "command" in node.items else None
    if name is None:
        return None
    return TaskPlan(id=ids.of(name), name=name, command=command)


def _arrows(node: Node | None, tasks: dict[str, TaskPlan], faults: Faults) -> list[Arrow]:
    if node is None or (isinstance(node, Scalar) and node.value is None):
        return []
    if not isinstance(node, List):
        faults.at(node, f"dag must be a list, not {fields.kind(node)}", "- First: Second")
        return []
    arrows: list[Arrow] = []
    for item in node.items:
        if not isinstance(item, Map):
            faults.at(item, "an arrow names two tasks", "- First: Second")
            continue
        for key, value in item.items.items():
            line, col = item.marks[key]
            place = Scalar(line, col, text=key, value=key)
            sources, targets = _arrow(place, value, tasks, faults)
            if len(arrows) + len(sources) * len(targets) > MAX_ARROWS:
                faults.at(place, f"more than {MAX_ARROWS} pairs of tasks")
                return []
            arrows += [Arrow(source, *target) for source in sources for target in targets]
    return arrows


def _arrow(
    key: Scalar, value: Node, tasks: dict[str, TaskPlan], faults: Faults
) -> tuple[list[str], list[tuple[str, bool, Scalar]]]:
    """What stands on the left of a line of the dag, and on its right."""
    text = key.text.strip()
    conditional = text.endswith("?") and text not in tasks
    sources = _names(text[:-1] if conditional else text, key, tasks, faults)
    if not sources:
        faults.at(key, "an arrow needs a task on its left", "- First: Second")
    targets: list[tuple[str, bool, Scalar]] = []
    items = fields.scalars(value, faults, "what an arrow leads to")
    if isinstance(value, Scalar | List) and not any(item.text.strip("|, ") for item in items):
        faults.at(key, "an arrow needs a task on its right", "- First: Second")
    for item in items:
        sides = [item.text] if item.text.strip() in tasks else item.text.split("|")
        if len(sides) > (2 if conditional else 1):
            what = "one | parts what follows success from what follows failure"
            faults.at(item, what, "" if conditional else f"write '{text[:80]}?' on the left")
            continue
        for failure, side in enumerate(sides):
            targets += [(name, bool(failure), item) for name in _names(side, item, tasks, faults)]
    return sources, targets


def _names(text: str, place: Scalar, tasks: dict[str, TaskPlan], faults: Faults) -> list[str]:
    """The tasks of `A, B`; a name may have commas in it."""
    text = text.strip()
    names = [text] if text in tasks else [part.strip() for part in text.split(",")]
    for name in names:
        if name and name not in tasks:
            hint = "" if faults.full else nearest(name, tasks)
            faults.at(place, f"dag names the unknown task '{name[:80]}'", hint)
    return [name for name in names if name]


def _joined(tasks: dict[str, TaskPlan], arrows: list[Arrow], faults: Faults) -> list[TaskPlan]:
    """The tasks with what they wait for, if that is a DAG."""
    waits: dict[str, dict[str, tuple[set[bool], Scalar]]] = {name: {} for name in tasks}
    for arrow in arrows:
        if arrow.source in tasks and arrow.target in tasks:
            how, _ = waits[arrow.target].setdefault(arrow.source, (set(), arrow.place))
            how.add(arrow.failure)
    for problem in dag.problems([(name, list(waits[name])) for name in tasks]):
        _, place = waits[problem.names[0]][problem.names[1]]
        faults.at(place, str(problem))
    return [
        TaskPlan(
            id=task.id,
            name=name,
            command=task.command,
            depends=[tasks[source].id for source in waits[name]],
            rules={
                tasks[source].id: "always" if len(how) > 1 else "failure"
                for source, (how, _) in waits[name].items()
                if True in how
            },
        )
        for name, task in tasks.items()
    ]

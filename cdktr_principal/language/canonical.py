"""A workflow file to a plan: the CDKTR dialect.

`load` takes the tree of a file and tells every fault in it, each with its place. What a task may
say is in `keys` and `tasks`, what a value may be in `fields`, `policies` and `data`, how tasks
become a graph in `draft`. Pure: no file is opened here.
"""

from __future__ import annotations

from typing import Any, Final

from cdktr_common.catalogue.values import Plan
from cdktr_principal.expressions.names import Names
from cdktr_principal.language import data, fields, keys, listening, tasks, timing
from cdktr_principal.language.draft import Draft, check, join, known
from cdktr_principal.language.fields import whole
from cdktr_principal.language.keys import Around
from cdktr_principal.language.nodes import Faults, Map
from cdktr_principal.language.reading import PAGE, Key, Keys, read, unknown_keys, value

MAX_RUNS: Final = 1000
TASK_KEYS: Final = keys.TASK_KEYS
MAX_TASKS: Final = tasks.MAX_TASKS

HOOKS: Final = ("on_success", "on_failure", "on_cancel", "finally")
"""Tasks of the end of a run, in the order in which they are looked at."""


_WORKFLOW: Final[Keys] = {
    "name": Key("name", fields.name, "name-and-description"),
    "description": Key("description", fields.description, "name-and-description"),
    "tags": Key("tags", data.tags),
    "events": Key("events", listening.events),
    "eventTrigger": Key("eventTrigger", listening.events, "events"),
    "cron": Key("cron", timing.entries, "cron-and-schedule"),
    "schedule": Key("cron", timing.entries, "cron-and-schedule"),
    "start_time": Key("start_time", timing.start_time),
    "timezone": Key("timezone", timing.timezone, "cron-and-schedule"),
    "params": Key("params", data.params),
    "secrets": Key("secrets", data.secrets),
    "env": Key("env", fields.env),
    "dotenv": Key("dotenv", data.dotenv),
    "workdir": Key("workdir", fields.workdir),
    "placement": Key("placement", fields.placement),
    "deadline": Key("deadline_s", fields.length("deadline", 0.0, "more than 0")),
    "max_active_runs": Key(
        "max_active_runs", whole("max_active_runs", 0, MAX_RUNS), "max_active_runs-and-overlap"
    ),
    "overlap": Key(
        "overlap",
        fields.choice("overlap", "allow", "queue", "skip", "cancel"),
        "max_active_runs-and-overlap",
    ),
}

WORKFLOW_KEYS: Final = ("dialect", *_WORKFLOW, "output", "defaults", "tasks", *HOOKS)

_INSTEAD: Final = {
    "inputs": "use params", "on": "use events, cron or on_success", "triggers": "use events",
    "timeout": "use deadline for the run, or defaults: {timeout: 5m}", "dag": "use depends",
    "retry": "write it to a task, or defaults: {retry: 3}", "jobs": "use tasks",
    "labels": "write it to a task, or under defaults", "outputs": "use output",
    "queue": "write it to a task, or under defaults", "tz": "use timezone",
    "exclusive": "max_active_runs: 1 for the workflow, or exclusive for a task",
    "pools": "write it to a task, or under defaults", "always": "use finally",
}  # fmt: skip


OF_FILES: Final = (
    "dialect", "events", "eventTrigger", "cron", "schedule", "start_time", "timezone"
)  # fmt: skip
"""Keys that mean nothing in a workflow that only one task calls."""


def load(root: Map, workflow: str, faults: Faults) -> Plan:
    """The plan of a file. It is worth nothing when there are faults."""
    with faults.noting() as notes, faults.about(f"{PAGE}#keys-of-a-workflow"):
        if root.tag:
            faults.at(root, f"{root.tag} belongs to config alone")
        unknown_keys(root, WORKFLOW_KEYS, faults, "a workflow", _INSTEAD)
        found = read(root, _WORKFLOW, faults)
        found["schedules"] = timing.lowered(root, found, faults)
    _events(root, found, faults)
    _overlap(root, found, faults)
    names = Names(params=found.get("params", {}), secrets=found.get("secrets", {}))
    check(notes, names, faults)
    drafts, hooks = _drafts(root, workflow, found, faults)
    listed = join(drafts, hooks, names, faults)
    found["output"] = _output(root, drafts, names, faults)
    holds = any(note.place == "sealed" for note in notes)
    return Plan(workflow=workflow, tasks=listed, templates=holds, **found)


def _events(root: Map, found: dict[str, Any], faults: Faults) -> None:
    """Which events start the workflow; what only a person can give must not be wanted then."""
    none = listening.Listened([], [])
    listened = listening.joined(found.pop("events", none), found.pop("eventTrigger", none))
    found["events"], found["listeners"] = listened
    node = root.items.get("params")
    for name, param in found.get("params", {}).items():
        if any(listened) and param.required and isinstance(node, Map):
            with faults.about(f"{PAGE}#params"):
                what = f"param {name} is required, and nobody can give it to a run by events"
                faults.add(*node.marks[name], what, f"{name}: {{default: …}}")


def _overlap(root: Map, found: dict[str, Any], faults: Faults) -> None:
    """`allow` is no limit, any other word without a number means one run at a time."""
    overlap = found.get("overlap")
    with faults.about(f"{PAGE}#max_active_runs-and-overlap"):
        if overlap == "allow":
            del found["overlap"]
            if found.get("max_active_runs"):
                hint = "leave it out, or say queue, skip or cancel"
                faults.add(*root.marks["overlap"], "overlap: allow knows no limit", hint)
        elif overlap and "max_active_runs" not in found:
            found["max_active_runs"] = 1
        elif overlap and not found["max_active_runs"]:
            faults.add(*root.marks["overlap"], "overlap means nothing without a limit")


def _drafts(
    root: Map, workflow: str, found: dict[str, Any], faults: Faults
) -> tuple[list[Draft], list[Draft]]:
    """The tasks, and those of the end of a run."""

    def call(node: Map, name: str) -> Plan:
        for key in node.items.keys() & OF_FILES:
            what = f"{key} means nothing in a workflow inside a task"
            faults.add(*node.marks[key], what, "only the task starts it")
        return load(node, name, faults)

    around = Around(workflow, faults, call, frozenset(found.get("env", {})))
    if "defaults" in root.items:
        with faults.about(f"{PAGE}#defaults"):
            around.shared = keys.shared(root.items["defaults"], faults)
    drafts: list[Draft] = []
    with faults.about(f"{PAGE}#tasks"):
        node = root.items.get("tasks")
        if node is None:
            faults.at(root, "a workflow needs tasks", "tasks: a mapping of an id to a task")
        else:
            drafts = tasks.mapping(node, around, "tasks")
        for draft in drafts:
            if draft.id in HOOKS:
                hint = f"write {draft.id} beside tasks"
                faults.add(*draft.mark, f"'{draft.id}' is a task of the end of the run", hint)
    hooks = [
        tasks.task(name, root.marks[name], root.items[name], around, ordered=False)
        for name in HOOKS
        if name in root.items
    ]
    for hook in hooks:
        hook.fields["phase"] = hook.id
    return drafts, hooks


def _output(root: Map, drafts: list[Draft], names: Names, faults: Faults) -> Any:
    """What a run gives: worked out when all its tasks are over."""
    node = root.items.get("output")
    if node is None:
        return None
    with faults.noting() as notes, faults.about(f"{PAGE}#output"):
        found = value(node, faults, "output")
        check(notes, known(drafts, names), faults)
    return found

"""JSON Schema of the CDKTR dialect, for editors and for whoever writes such files by program.

The keys are those of the tables that the loader reads by: a key that has no shape here, or a shape
without a key, is a bug that is told when the schema is made. It says what may stand where; what is
wrong across keys (cycles, unknown names, expressions) only the loader tells. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from cdktr_common import schedules
from cdktr_principal.language import (
    canonical,
    data,
    fields,
    keys,
    listening,
    policies,
    running,
    timing,
)
from cdktr_principal.language.canonical import OF_FILES
from cdktr_principal.language.groups import GROUP_KEYS
from cdktr_principal.language.reading import PAGE
from cdktr_principal.language.shapes import (
    ANY,
    CONFIG,
    DEFINITIONS,
    DEPENDS,
    DURATION,
    ENV,
    FLAG,
    LIST,
    LISTENER,
    MOUNT,
    NOTHING,
    PARAM,
    RETRY,
    RULE,
    SCHEDULE,
    TEXT,
    TEXTS,
    Shape,
    either,
    listed,
    named,
    ref,
    some,
    whole,
    words,
)
from cdktr_principal.language.shapes import keys as only

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"

_TASKS: Final = named(ref("task"), fields.ID.pattern)
_GROUP: Final = {"concurrency": whole(0, fields.MAX_LIST), "fail_fast": FLAG}
_STEP: Final = either(TEXT, ref("step"))

_WHEN: Final = either(
    TEXT,
    ref("schedule"),
    {**listed(either(TEXT, ref("schedule"))), "maxItems": schedules.MAX_SCHEDULES},
)
_EVENTS: Final = either(TEXT, ref("listener"), listed(either(TEXT, ref("listener"))), NOTHING)

_Said = dict[str, tuple[Shape, str]]
"""For each key its shape and what it is for."""

TASK: Final[_Said] = {
    "command": (TEXT, "A line or lines for the shell."),
    "config": (
        CONFIG,
        "A program without a shell (!Subprocess), or a Python file run by uv (!UvPython).",
    ),
    "script": (TEXT, "A script of any kind, with its #! line."),
    "python": (TEXT, "Python code."),
    "workflow": (
        either(TEXT, ref("called")),
        "Another workflow: its id or name, or written here.",
    ),
    "parallel": (
        either(only({"tasks": _TASKS, **_GROUP}, "tasks"), _TASKS),
        "Tasks that may run at the same time, as one.",
    ),
    "each": (
        either(LIST, ref("each")),
        "A list, or an expression that gives one: the task runs once for each value.",
    ),
    "matrix": (
        either(ref("matrix"), named(LIST, fields.VARIABLE.pattern)),
        "Lists by name: the task runs once for each combination.",
    ),
    "noop": (FLAG, "Nothing is run."),
    "shell": (TEXTS, "Who reads command or script; /bin/sh if not said."),
    "packages": (TEXTS, "What python imports."),
    "params": (named(ANY), "What a called workflow is given."),
    "detached": (FLAG, "Do not wait for the called workflow."),
    "name": (TEXT, "A name for people."),
    "description": (either(TEXT, NOTHING), "Any text."),
    "if": (TEXT, "An expression: whether it runs at all."),
    "continue_on_failure": (
        either(FLAG, some(whole(1, 255))),
        "Its failure is none for the run: true, or exit codes.",
    ),
    "tags": (TEXTS, "Words to find it by."),
    "depends": (DEPENDS, "Tasks that come before: one, a list, or a mapping with rules."),
    "rule": (RULE, "How those must have ended."),
    "concurrency": (_GROUP["concurrency"], "How many copies run at the same time; 0 is all."),
    "fail_fast": (FLAG, "A failure ends the other copies."),
    "env": (ENV, "Variables; expressions and secrets may stand in them."),
    "dotenv": (TEXTS, "Files with variables, on the agent's machine."),
    "workdir": (TEXT, "Directory that it runs in."),
    "files": (named(either(TEXT, NOTHING)), "Files that are there when it starts, by name."),
    "pre": (
        either(_STEP, listed(_STEP)),
        "Steps before it, on the same agent and in the same directory.",
    ),
    "post": (either(_STEP, listed(_STEP)), "Steps after it, also when it has failed."),
    "timeout": (DURATION, "How long one attempt may take."),
    "stop_signal": (TEXT, "The signal that asks it to stop."),
    "stop_grace": (DURATION, "How long it then has."),
    "retry": (
        either(whole(0, policies.MAX_RETRIES), RETRY),
        "How often, and when, it is tried again.",
    ),
    "outputs": (TEXTS, "What it must write for others to $CDKTR_OUTPUT."),
    "capture": (FLAG, "What it writes to stdout is its result."),
    "artifacts": (TEXTS, "Files to keep: patterns in its directory."),
    "labels": (TEXTS, "Labels that an agent must have, all of them."),
    "queue": (TEXT, "A label that an agent must have."),
    "priority": (whole(0, 9), "9 goes first."),
    "slots": (whole(1, policies.MAX_SLOTS), "How many slots of an agent it takes."),
    "exclusive": (FLAG, "It has an agent for itself."),
    "pools": (
        either(TEXTS, named(whole(1, policies.MAX_POOL))),
        "What it shares with tasks of any workflow.",
    ),
    "image": (TEXT, "The container image that it runs in."),
    "entrypoint": (TEXTS, "The program of the container."),
    "mounts": (listed(MOUNT), "What the container sees of disks."),
    "networks": (TEXTS, "Networks of the container."),
    "limits": (only({"cpus": TEXT, "memory": TEXT}), "What the container may use."),
    "max_losses": (
        whole(1, fields.MAX_LOSSES),
        "Attempts lost with their agents before the task has FAILED.",
    ),
    "lost_after": (DURATION, "How long its agent may be away before it counts as lost."),
    "on_agent_lost": (
        words("rerun", "fail", "hold"),
        "What happens when its agent was lost under it.",
    ),
    "on_principal_lost": (
        words("stop", "finish"),
        "What happens when the principal is away for so long.",
    ),
}

WORKFLOW: Final[_Said] = {
    "dialect": (words("cdktr"), "The dialect of this file."),
    "name": TASK["name"],
    "description": TASK["description"],
    "tags": TASK["tags"],
    "events": (_EVENTS, "Events that start it: names, patterns, or mappings that say more."),
    "eventTrigger": (_EVENTS, "Events that start it."),
    "cron": (_WHEN, "When it runs: 5 fields, 6 with seconds first, @daily, @every 90s; or a list."),
    "schedule": (_WHEN, "The same as cron."),
    "start_time": (TEXT, "From when on cron counts; without cron: once, or at HH:MM every day."),
    "timezone": (TEXT, "Whose clock that is, like Europe/Berlin; UTC if not said."),
    "params": (
        either(named(either(TEXT, NOTHING, listed(ANY), PARAM), fields.VARIABLE.pattern), NOTHING),
        "Values that a run is given: name: default, or a mapping that says more.",
    ),
    "secrets": (
        either(
            named({"type": "string", "pattern": "^(env|file):."}, fields.VARIABLE.pattern), NOTHING
        ),
        "References to secrets: env:NAME or file:PATH.",
    ),
    "env": (ENV, "Variables for all tasks."),
    "dotenv": TASK["dotenv"],
    "workdir": (TEXT, "Directory of all tasks."),
    "placement": (words("spread", "together"), "On which agents its tasks run."),
    "deadline": (DURATION, "How long a run may take."),
    "max_active_runs": (
        whole(0, canonical.MAX_RUNS),
        "How many runs may be in work at a time; 0 is any number.",
    ),
    "overlap": (words("allow", "queue", "skip", "cancel"), "What becomes of one more."),
    "output": (ANY, "What a run gives; expressions may stand in it."),
    "defaults": (ref("defaults"), "Keys of tasks, for all that do not say otherwise."),
    "tasks": ({**_TASKS, "minProperties": 1}, "What to run: a mapping of an id to a task."),
    "on_success": (ref("last"), "A task for the end of a run that is COMPLETED."),
    "on_failure": (ref("last"), "A task for the end of a run that has FAILED."),
    "on_cancel": (ref("last"), "A task for the end of a run that was CANCELLED."),
    "finally": (ref("last"), "A task for the end of any run."),
}


def schema() -> dict[str, Any]:
    """The schema of a file."""
    runs = [{"required": [key]} for key in (*keys.KINDS, "image")]
    task = _mapping(TASK, keys.TASK_KEYS, keys.anchor)
    last = _mapping(TASK, [key for key in keys.TASK_KEYS if key not in ("depends", "rule")])
    body = {"task": ref("last"), "tasks": _TASKS}
    workflow = _mapping(WORKFLOW, canonical.WORKFLOW_KEYS)
    called = _mapping(WORKFLOW, [key for key in workflow["properties"] if key not in OF_FILES])
    defined = {
        "workflow": {**workflow, "required": ["tasks"]},
        "called": {**called, "required": ["tasks"]},
        "task": {**task, "anyOf": runs},
        "last": {**last, "anyOf": runs},
        "defaults": _mapping(TASK, keys.SHARED),
        "step": {
            **_mapping(TASK, running.STEP),
            "anyOf": [{"required": [key]} for key in running.RUNS],
        },
        "each": only({"list": LIST, "as": TEXT, **_GROUP, **body}, "list"),
        "matrix": only({"lists": named(LIST), "as": TEXT, **_GROUP, **body}, "lists"),
        "schedule": SCHEDULE,
        "listener": LISTENER,
        **DEFINITIONS,
    }
    _check_known()
    return {
        "$schema": DRAFT,
        "title": "A workflow of CDKTR",
        "$ref": "#/$defs/workflow",
        "$defs": defined,
    }


def _mapping(said: _Said, known: Iterable[str], anchor: Any = None) -> Shape:
    """A mapping of known keys, each told with its place in the documentation."""
    properties = {}
    for key in known:
        shape, what = said[key]
        see = f" {PAGE}#{anchor(key)}" if anchor else ""
        properties[key] = {**shape, "description": what + see}
    return only(properties)


def _check_known() -> None:
    strange = (TASK.keys() ^ set(keys.TASK_KEYS)) | (WORKFLOW.keys() ^ set(canonical.WORKFLOW_KEYS))
    strange |= SCHEDULE["properties"].keys() ^ set(timing.KEYS)
    strange |= LISTENER["properties"].keys() ^ set(listening.LISTENER)
    if strange or set(_GROUP) != set(GROUP_KEYS) or set(data.PARAM) - set(PARAM["properties"]):
        raise TypeError(f"keys without a shape, or shapes without a key: {sorted(strange)}")

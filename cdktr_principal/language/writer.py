"""A plan as a file in the CDKTR dialect.

Must stay true: what is written, loaded again, is the same plan; only what differs from what is
taken for granted is written. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from cdktr_common.catalogue.values import Call, Group, Param, Plan, Retry, Step, TaskPlan
from cdktr_common.durations import exact
from cdktr_principal.language.emitting import Tagged, emit
from cdktr_principal.language.process import CONTAINER
from cdktr_principal.language.running import NO_DOWNLOADS, shell_of_command
from cdktr_principal.language.source import SUBPROCESS
from cdktr_principal.language.starts import starts
from cdktr_principal.state.dag import made_once


def write(plan: Plan) -> str:
    """The text of a file."""
    return emit(_workflow(plan))


class _Out(NamedTuple):
    """How a field of a plan is written: under which key, and as what."""

    key: str
    say: Callable[[Any], Any] = lambda value: value


def _fields(value: Any, blank: Any, table: dict[str, _Out]) -> dict[str, Any]:
    """The fields that differ from those of `blank`, in the order of the table."""
    return {
        out.key: out.say(getattr(value, field))
        for field, out in table.items()
        if getattr(value, field) != getattr(blank, field)
    }


# The workflow.

_SAID_FIRST: Final = {
    "name": _Out("name"), "description": _Out("description"), "tags": _Out("tags"),
}  # fmt: skip
_BEFORE: Final = {
    "params": _Out("params", lambda params: {key: _param(param) for key, param in params.items()}),
    "secrets": _Out("secrets"), "env": _Out("env"), "dotenv": _Out("dotenv"),
    "workdir": _Out("workdir"), "placement": _Out("placement"),
    "deadline_s": _Out("deadline", exact), "max_active_runs": _Out("max_active_runs"),
    "overlap": _Out("overlap"),
}  # fmt: skip


def _workflow(plan: Plan) -> dict[str, Any]:
    blank = Plan(workflow="")
    found = _fields(plan, blank, _SAID_FIRST) | starts(plan) | _fields(plan, blank, _BEFORE)
    found["tasks"] = {task.id: _task(task) for task in plan.tasks if not task.phase}
    found.update((task.id, _task(task)) for task in plan.tasks if task.phase)
    if plan.output is not None:
        found["output"] = plan.output
    return found


_TYPES: Final = {bool: "boolean", int: "integer", float: "number", str: "string", list: "list"}


def _param(param: Param) -> Any:
    if param == Param(required=True):
        return None
    implied = _TYPES.get(type(param.default), "string")
    short = Param(type=implied, default=param.default)  # type: ignore[arg-type]
    if param == short and param.default is not None and type(param.default) is not dict:
        return param.default
    found = _fields(param, Param(), {
        "type": _Out("type"), "description": _Out("description"), "default": _Out("default"),
        "required": _Out("required"), "enum": _Out("enum"), "pattern": _Out("pattern"),
    })  # fmt: skip
    if param.type == "string" and type(param.default) is not str:
        found["type"] = "string"
    return found


# Tasks.

_BLANK: Final = TaskPlan(id="")
_SAID: Final = {
    "name": _Out("name"), "description": _Out("description"),
}  # fmt: skip
_TRIED: Final = {
    "timeout_s": _Out("timeout", exact), "retry": _Out("retry", lambda it: _retry(it)),
}  # fmt: skip
_PROCESS: Final = {
    "env": _Out("env"), "dotenv": _Out("dotenv"), "workdir": _Out("workdir"),
    "files": _Out("files"),
    "pre": _Out("pre", lambda steps: [_step(step) for step in steps]),
    "post": _Out("post", lambda steps: [_step(step) for step in steps]),
    "timeout_s": _TRIED["timeout_s"], "stop_signal": _Out("stop_signal"),
    "stop_grace_s": _Out("stop_grace", exact), "retry": _TRIED["retry"],
    "outputs": _Out("outputs"), "capture": _Out("capture"), "artifacts": _Out("artifacts"),
    "labels": _Out("labels"), "priority": _Out("priority"), "slots": _Out("slots"),
    "exclusive": _Out("exclusive"), "pools": _Out("pools"), "max_losses": _Out("max_losses"),
    "lost_after_s": _Out("lost_after", exact), "on_agent_lost": _Out("on_agent_lost"),
    "on_principal_lost": _Out("on_principal_lost"),
}  # fmt: skip
_AFTER: Final = {"tolerated": _Out("continue_on_failure"), "tags": _Out("tags")}


def _task(task: TaskPlan) -> dict[str, Any]:
    if not task.templates:
        task = _literal(task)
    found = _fields(task, _BLANK, _SAID)
    found |= _order(task)
    if task.group is not None:
        found |= _group(task.group)
    elif task.call is not None:
        found |= _call(task.call) | _fields(task, _BLANK, _TRIED)
    elif task.noop:
        found["noop"] = True
    else:
        runs, implied = _runs(task)
        rest = _fields(task, _BLANK, _PROCESS)
        if implied and rest.get("env", {}).items() >= implied.items():
            rest["env"] = {key: value for key, value in task.env.items() if key not in implied}
        found |= {**_container(task, rest), **runs}
        found |= {key: value for key, value in rest.items() if value not in ({}, [])}
    return found | _fields(task, _BLANK, _AFTER)


def _literal(task: TaskPlan) -> TaskPlan:
    """The same task in a dialect where braces have a meaning."""

    def said(text: str) -> str:
        return text.replace("{{", "{{ '{{' }}")

    texts = (task.name, *(task.argv or []), *task.env.values(), *task.files.values())
    if not any("{{" in text for text in texts):
        return task
    return replace(
        task,
        name=said(task.name),
        argv=None if task.argv is None else [said(word) for word in task.argv],
        env={key: said(value) for key, value in task.env.items()},
        files={key: said(value) for key, value in task.files.items()},
    )


def _order(task: TaskPlan) -> dict[str, Any]:
    """`depends` and `rule`, in the shortest form that says it."""
    found: dict[str, Any] = {}
    rules = {task.rules.get(name, "") for name in task.depends}
    if rules == {""}:
        found["depends"] = task.depends
    elif len(rules) == 1 and rules <= {"failure", "always"}:
        found["depends"], found["rule"] = task.depends, rules.pop()
    elif rules:
        found["depends"] = [_need(name, task.rules.get(name, "")) for name in task.depends]
    if task.cond:
        found["if"] = task.cond
    return found


def _need(name: str, rule: str) -> Any:
    if not rule:
        return name
    return {"task": name, ("rule" if rule in ("failure", "always") else "if"): rule}


def _group(group: Group) -> dict[str, Any]:
    found: dict[str, Any] = {}
    more = {
        key: getattr(group, key)
        for key in ("concurrency", "fail_fast")
        if getattr(group, key) not in (0, False)
    }
    if made_once(group):
        return {"parallel": {"tasks": {task.id: _task(task) for task in group.tasks}, **more}}
    if group.matrix:
        found["lists"] = group.matrix
    else:
        found["list"] = group.each
    if group.var != "item":
        found["as"] = group.var
    found |= more
    if len(group.tasks) == 1 and not group.tasks[0].id:
        found["task"] = _task(group.tasks[0])
    else:
        found["tasks"] = {task.id: _task(task) for task in group.tasks}
    return {"matrix" if group.matrix else "each": found}


def _call(call: Call) -> dict[str, Any]:
    found: dict[str, Any] = {"workflow": call.workflow}
    if call.plan is not None:
        found["workflow"] = _workflow(call.plan)
    if call.params:
        found["params"] = call.params
    if call.detached:
        found["detached"] = True
    return found


def _container(task: TaskPlan, rest: dict[str, Any]) -> dict[str, Any]:
    container = task.container
    if container is None:
        return {}
    if CONTAINER in rest.get("labels", []):
        rest["labels"] = [label for label in rest["labels"] if label != CONTAINER]
    found: dict[str, Any] = {"image": container.image}
    for key in ("entrypoint", "mounts", "networks"):
        if getattr(container, key):
            found[key] = getattr(container, key)
    limits = {"cpus": container.cpus, "memory": container.memory}
    if any(limits.values()):
        found["limits"] = {key: value for key, value in limits.items() if value}
    return found


def _step(step: Step) -> Any:
    runs, implied = _runs(step)
    found = _fields(step, Step(), {
        "name": _Out("name"), "image": _Out("image"), "env": _Out("env"),
        "timeout_s": _Out("timeout", exact),
    })  # fmt: skip
    if implied and found.get("env", {}).items() >= implied.items():
        found["env"] = {key: value for key, value in step.env.items() if key not in implied}
        if not found["env"]:
            del found["env"]
    if not found and runs.keys() == {"command"}:
        return runs["command"]
    return {**({"name": found.pop("name")} if "name" in found else {}), **runs, **found}


def _retry(retry: Retry) -> Any:
    if retry == Retry(limit=retry.limit):
        return retry.limit
    return _fields(retry, Retry(), {
        "limit": _Out("limit"), "delay_s": _Out("delay", exact), "backoff": _Out("backoff"),
        "max_delay_s": _Out("max_delay", exact), "jitter": _Out("jitter"),
        "on_exit_codes": _Out("on_exit_codes"),
    })  # fmt: skip


_UV: Final = ["uv", "run", "--no-project"]


def _runs(what: TaskPlan | Step) -> tuple[dict[str, Any], dict[str, str]]:
    """What is run, and the variables that come with saying so."""
    if what.command is not None:
        shell = what.shell[:-1] if shell_of_command(what.shell[:-1]) == what.shell else what.shell
        return {"command": what.command, **({"shell": shell} if what.shell else {})}, {}
    argv = what.argv or []
    if what.script is None:
        return _program(argv)
    if argv == ["python3"]:
        return {"python": what.script}, {}
    if argv[:3] == _UV and argv[-1:] == ["--script"] and set(argv[3:-1:2]) <= {"--with"}:
        packages = argv[4:-1:2]
        found: dict[str, Any] = {"python": what.script}
        return {**found, **({"packages": packages} if packages else {})}, NO_DOWNLOADS
    shell = argv or what.shell
    return {"script": what.script, **({"shell": shell} if shell else {})}, {}


def _program(argv: list[str]) -> tuple[dict[str, Any], dict[str, str]]:
    if not argv:
        return {}, {}
    return {
        "config": Tagged(SUBPROCESS, {"cmd": argv[0], **({"args": argv[1:]} if argv[1:] else {})})
    }, {}

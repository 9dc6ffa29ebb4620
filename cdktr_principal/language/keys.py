"""The keys of a task of a CDKTR file, by what they are for, and what all tasks share by `defaults`.

Which key means something with which kind of task is said here and nowhere else. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from cdktr_common.catalogue.values import Plan
from cdktr_principal.language import data, fields, order, policies, running
from cdktr_principal.language.draft import Draft
from cdktr_principal.language.fields import kind as kind_of
from cdktr_principal.language.groups import GROUP_KEYS
from cdktr_principal.language.nodes import Faults, Map, Node, Note
from cdktr_principal.language.reading import Key, Keys, read, unknown_keys, value

COMMON: Final[Keys] = {
    "name": Key("name", fields.task_name, "name-and-description"),
    "description": Key("description", fields.description, "name-and-description"),
    "if": Key("cond", order.condition),
    "continue_on_failure": Key("tolerated", policies.tolerated),
    "tags": Key("tags", data.tags),
}
"""What any task may say; `depends` and `rule` go with them where there is an order."""

PROCESS: Final[Keys] = {
    "env": Key("env", fields.env),
    "dotenv": Key("dotenv", data.dotenv),
    "workdir": Key("workdir", fields.workdir),
    "files": Key("files", data.files),
    "pre": Key("pre", running.steps("pre"), "pre-and-post"),
    "post": Key("post", running.steps("post"), "pre-and-post"),
    "timeout": Key("timeout_s", fields.timeout),
    "stop_signal": Key("stop_signal", policies.stop_signal, "stop_signal-and-stop_grace"),
    "stop_grace": Key("stop_grace_s", policies.stop_grace, "stop_signal-and-stop_grace"),
    "retry": Key("retry", policies.retry),
    "outputs": Key("outputs", data.outputs),
    "capture": Key("capture", fields.flag("capture")),
    "artifacts": Key("artifacts", data.artifacts),
    "labels": Key("labels", fields.labels, "labels-and-queue"),
    "queue": Key("queue", policies.queue, "labels-and-queue"),
    "priority": Key("priority", policies.priority),
    "slots": Key("slots", policies.slots, "slots-and-exclusive"),
    "exclusive": Key("exclusive", policies.exclusive, "slots-and-exclusive"),
    "pools": Key("pools", policies.pools),
    "image": Key("image", running.image),
    "entrypoint": Key("entrypoint", policies.entrypoint, "image"),
    "mounts": Key("mounts", policies.mounts, "image"),
    "networks": Key("networks", policies.networks, "image"),
    "limits": Key("limits", policies.limits, "image"),
    "max_losses": Key("max_losses", fields.max_losses),
    "lost_after": Key("lost_after_s", fields.lost_after),
    "on_agent_lost": Key("on_agent_lost", fields.on_agent_lost),
    "on_principal_lost": Key("on_principal_lost", fields.on_principal_lost),
}
"""What a task may say that runs something on an agent."""


def _params(node: Node, faults: Faults) -> dict[str, Any]:
    """What a called workflow is given."""
    if isinstance(node, Map):
        return {name: value(item, faults, f"params {name}") for name, item in node.items.items()}
    faults.at(node, f"params must be a mapping, not {kind_of(node)}", "write name: value")
    return {}


CALL: Final[Keys] = {
    "params": Key("params", _params, "workflow"),
    "detached": Key("detached", fields.flag("detached"), "workflow"),
}
OF_CALL: Final = ("timeout", "retry")
"""Keys of PROCESS that a call may have too."""

KINDS: Final = (*running.RUNS, "workflow", "parallel", "each", "matrix", "noop")
TASK_KEYS: Final = (
    *KINDS, "shell", "packages", *CALL, *COMMON, "depends", "rule", *GROUP_KEYS, *PROCESS
)  # fmt: skip
SHARED: Final[Keys] = {
    **PROCESS,
    "shell": running.PROGRAM["shell"],
    "packages": running.PROGRAM["packages"],
    "continue_on_failure": COMMON["continue_on_failure"],
    "tags": COMMON["tags"],
}
"""What `defaults` may say."""

BESIDE: Final = {
    "shell": "command script", "packages": "python", "entrypoint": "image", "mounts": "image",
    "networks": "image", "limits": "image",
}  # fmt: skip
"""Keys that need another one beside them."""

INSTEAD: Final = {
    "run": "use command or script", "cmd": "use command, or config: !Subprocess {cmd, args}",
    "args": "use config: !Subprocess {cmd, args}", "deadline": "a task has timeout",
    "output": "outputs names what a task writes to $CDKTR_OUTPUT", "inputs": "use params",
    "secrets": "secrets belong to the workflow", "var": "results go by the id of the task",
    "subjob": "use workflow", "needs": "use depends", "depends_on": "use depends",
    "after": "use depends", "when": "use if", "retries": "use retry", "list": "use each: {list}",
    "tasks": "write each: {list, tasks}, matrix: {lists, tasks} or parallel",
    "task": "write each: {list, task} or matrix: {lists, task}",
    "lists": "write matrix: {lists, tasks}", "as": "write each: {list, as}",
    "on_failure": "it belongs to the workflow; for one task: depends with rule: failure",
}  # fmt: skip


_PLACES: Final[Keys] = {**COMMON, **SHARED, **CALL, **GROUP_KEYS}
_SAME: Final = ("depends", "rule", *KINDS)


def anchor(key: str) -> str:
    """Where the page tells of a key of a task."""
    return (_PLACES[key].see if key in _PLACES else "") or key


@dataclass
class Around:
    """What reading a task needs to know of its workflow. `call` reads a workflow inside a task.
    `count` is the number of tasks so far, `values` and `length` what `defaults` have added to
    them."""

    workflow: str
    faults: Faults
    call: Callable[[Map, str], Plan]
    env: frozenset[str] = frozenset()
    shared: Shared | None = None
    count: int = 0
    values: int = 0
    length: int = 0


# What tasks share.

MAX_VALUES: Final = 1_000_000
MAX_LENGTH: Final = 16 << 20
"""Values and characters that `defaults` may come to, written out for each task."""


@dataclass
class Shared:
    """`defaults`: for each key its value, and the texts in it that are to be checked."""

    node: Map
    found: dict[str, tuple[Any, list[Note]]] = field(default_factory=dict)


def shared(node: Node, faults: Faults) -> Shared | None:
    """Reads `defaults`."""
    if not isinstance(node, Map):
        faults.at(node, f"defaults must be a mapping, not {kind_of(node)}")
        return None
    strange = dict.fromkeys(TASK_KEYS, "it is of one task, and cannot be shared")
    unknown_keys(node, SHARED, faults, "defaults", {**INSTEAD, **strange})
    result = Shared(node)
    for key, item in node.items.items():
        if key in SHARED:
            one = Map(node.line, node.col, items={key: item}, marks=node.marks)
            with faults.noting() as notes:
                values = read(one, SHARED, faults)
            for found in values.values():
                result.found[key] = found, notes
    return result


def share(node: Map, kind: str, draft: Draft, found: dict[str, Any], around: Around) -> None:
    """Puts beneath `found`, which is what a task says itself, what `defaults` say."""
    if around.shared is None or not _fits(around):
        return
    container = "image" in node.items or "image" in around.shared.found
    for key, (given, notes) in around.shared.found.items():
        name = SHARED[key].field
        if key in COMMON or (key == "shell" and kind not in ("command", "script")):
            continue
        if (key == "packages" and kind != "python") or (
            key in BESIDE and key not in ("shell", "packages") and not container
        ):
            continue
        if key in ("env", "pools") and key in node.items:
            own = found.get(name, {})
            found[name] = {**given, **own}
            notes = [note for note in notes if note.key.removeprefix("env ") not in own]
        elif key in node.items:
            continue
        else:
            found[name] = given
        draft.notes += notes


def _fits(around: Around) -> bool:
    """Is what `defaults` add still of a size that anybody can mean?"""
    assert around.shared is not None
    node = around.shared.node
    around.values += node.size
    around.length += node.length
    if around.values <= MAX_VALUES and around.length <= MAX_LENGTH:
        return True
    what = f"defaults, written out for each task, have more than {MAX_VALUES} values"
    if around.length > MAX_LENGTH:
        what = f"defaults, written out for each task, have more than {MAX_LENGTH} characters"
    around.faults.at(node, what)
    around.shared = None
    return False

"""The keys of Tork's job documents: which there are, and what there is instead of the rest.

A key of Tork's that nothing is done with is told with another way, never ignored. Pure.
"""

from __future__ import annotations

from typing import Final

from cdktr_principal.language.fields import nearest
from cdktr_principal.language.nodes import Faults, Map

JOB: Final = (
    "name", "description", "tags", "inputs", "secrets", "output", "defaults", "schedule", "tasks",
)  # fmt: skip
SUBJOB: Final = (
    "name", "description", "inputs", "secrets", "output", "detached", "tasks",
)  # fmt: skip
DEFAULTS: Final = ("retry", "limits", "timeout", "queue", "priority")

ANY_TASK: Final = ("name", "description", "var", "if", "tags")
RUN: Final = ("run", "cmd", "entrypoint", "image")
LEAF: Final = (
    *RUN, "env", "files", "workdir", "timeout", "queue", "priority", "retry", "limits", "pre",
    "post", "mounts", "networks",
)  # fmt: skip
COMPOSITE: Final = ("parallel", "each", "subjob")
TASK: Final = (*ANY_TASK, *LEAF, *COMPOSITE)
STEP: Final = ("name", "description", *RUN, "env", "files", "timeout")

_HOOKS: Final = (
    "tasks on_success and on_failure in the CDKTR dialect can tell others, "
    "and any program can follow the events"
)
NOT_DONE: Final = {
    "webhooks": _HOOKS,
    "permissions": "who may do what goes by keys: docs/operations.md",
    "autoDelete": "how long runs are kept is a setting of logd",
    "wait": "cdktr-trigger --wait waits",
    "sidecars": "start what the task needs in its run, or as a service beside the agent",
    "probe": "wait for the service in run",
    "registry": "log in to the registry on the agent's machine",
    "gpus": "give the agent a label and the task that queue",
    "id": "ids are given when it runs",
}
"""Keys that Tork has and that are not honoured: what to do instead."""


def strange(node: Map, known: tuple[str, ...], faults: Faults, where: str) -> bool:
    """A fault for each key that is not known here. Returns whether there was one."""
    found = [key for key in node.items if key not in known]
    for key in found:
        line, col = node.marks[key]
        if key in NOT_DONE:
            faults.add(line, col, f"'{key}' of Tork's is not supported", NOT_DONE[key])
        elif key in TASK or key in JOB:
            faults.add(line, col, f"'{key}' has no meaning in {where}")
        else:
            near = "" if faults.full else nearest(key, known)
            hint = near or f"known are {', '.join(known)}"
            faults.add(line, col, f"unknown key '{key[:80]}' in {where}", hint)
    return bool(found)

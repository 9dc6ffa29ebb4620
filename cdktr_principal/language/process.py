"""A task that is no group, from what its keys said to the fields of a plan. Pure."""

from __future__ import annotations

from typing import Any, Final

from cdktr_common.catalogue.values import Call, Container, Plan
from cdktr_principal.language import fields, running
from cdktr_principal.language.draft import Draft
from cdktr_principal.language.fields import nearest
from cdktr_principal.language.keys import CALL, OF_CALL, PROCESS, Around, share
from cdktr_principal.language.nodes import Faults, Map, Node
from cdktr_principal.language.reading import PAGE, Keys, read

CONTAINER: Final = "container"
"""The label of agents that have a container runtime."""

_STEPS: Final = ("pre", "post")
_RUNS: Final[Keys] = {**PROCESS, **running.PROGRAM}


def program(node: Map, kind: str, draft: Draft, around: Around) -> None:
    """Reads a task that runs something on an agent."""
    faults = around.faults
    with faults.noting() as notes:
        found = read(node, _RUNS, faults)
    draft.notes += notes
    share(node, kind, draft, found, around)
    config = node.items.get("config")
    if "workdir" in node.items and isinstance(config, Map) and "working_directory" in config.items:
        what = "workdir and working_directory are the same thing"
        faults.add(*node.marks["workdir"], what, "keep one of them")
    if "image" not in found and any(step.image for name in _STEPS for step in found.get(name, ())):
        what = "a step has an image, and its task has none"
        faults.add(*draft.mark, what, "give the task an image too")
    draft.fields |= _plain(found, around)


def _plain(found: dict[str, Any], around: Around) -> dict[str, Any]:
    """The fields of a plan out of those that were read."""
    found = running.lowered(found)
    if found.pop("needs_uv", False) and not running.NO_DOWNLOADS.keys() & around.env:
        found["env"] = running.NO_DOWNLOADS | found.get("env", {})
    labels = found.pop("labels", []) + [name for name in (found.pop("queue", None),) if name]
    container = {
        key: found.pop(key) for key in ("entrypoint", "mounts", "networks") if key in found
    }
    container |= found.pop("limits", {})
    image = found.pop("image", None)
    if image is not None:
        found["container"] = Container(image=image, **container)
        labels.append(CONTAINER)
    if labels:
        found["labels"] = list(dict.fromkeys(labels))
    return _tried(found)


def _tried(found: dict[str, Any]) -> dict[str, Any]:
    """`retry: 0` is none."""
    if "retry" in found and not found["retry"].limit:
        del found["retry"]
    return found


def noop(node: Map, draft: Draft, faults: Faults) -> None:
    """Reads a task that does nothing."""
    with faults.about(f"{PAGE}#noop"):
        if fields.flag("noop")(node.items["noop"], faults) is False:
            faults.at(node.items["noop"], "noop: false says nothing", "leave it out")
    draft.fields["noop"] = True


_WORKFLOW = fields.text("workflow", fields.MAX_NAME, one_line=True, chars=True)


def call(node: Map, draft: Draft, around: Around) -> None:
    """Reads a task that runs a workflow: another one by its id or name, or one written here."""
    faults = around.faults
    with faults.noting() as notes:
        found = read(node, CALL, faults)
    draft.notes += notes
    draft.fields |= _tried(read(node, {key: PROCESS[key] for key in OF_CALL}, faults))
    called = node.items["workflow"]
    with faults.about(f"{PAGE}#workflow"), faults.noting() as notes:
        if isinstance(called, Map):
            found["plan"] = around.call(called, f"{around.workflow}.{draft.id}")
            _check_params(node.items.get("params"), found["plan"], called, faults)
        else:
            found["workflow"] = _WORKFLOW(called, faults) or "unknown"
    draft.notes += notes
    draft.fields["call"] = Call(**found)


def _check_params(node: Node | None, plan: Plan, called: Map, faults: Faults) -> None:
    """What is given and what is wanted, where both are in one file."""
    given = node.items if isinstance(node, Map) else {}
    for name in given:
        if name not in plan.params and isinstance(node, Map):
            hint = nearest(name, plan.params) or "the workflow has no such param"
            faults.add(*node.marks[name], f"unknown param '{name[:80]}'", hint)
    for name, param in plan.params.items():
        if param.required and name not in given:
            faults.at(called, f"param {name} is required and not given", "params: {NAME: value}")

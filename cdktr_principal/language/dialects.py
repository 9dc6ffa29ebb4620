"""The text of a workflow file to a plan, in whichever dialect it is written.

`load_text` is the whole interface of the language: bytes in, a plan or faults out, never an
exception. A file says its dialect with `dialect:`, or its shape does: a mapping of tasks is CDKTR;
a list is Tork when a task has a key of Tork's, and Conducktor when there is a `dag`. Each dialect
has its own loader, which finds every fault of a file, each with its place. Pure: opens no file.
"""

from __future__ import annotations

import json
import re
from typing import Final, NamedTuple

from cdktr_common.catalogue.values import Fault, Plan
from cdktr_principal.language import canonical, conducktor, fields, stripping, tork
from cdktr_principal.language.keys import KINDS
from cdktr_principal.language.nodes import Faults, List, Map, Node, Scalar
from cdktr_principal.language.source import MAX_BYTES, parse

CDKTR: Final = "cdktr"
CONDUCKTOR: Final = "conducktor"
TORK: Final = "tork"
SEE: Final = "docs/dialects.md#which-dialect-a-file-is-in"
DIALECTS: Final = (CDKTR, CONDUCKTOR, TORK)

_TORK_ALONE: Final = frozenset({"run", "cmd", "entrypoint", "var", "subjob"})
"""Keys by which a task alone is known as Tork's."""

# Keys by which a list of tasks is known as Tork's.
_TORK: Final = frozenset(tork.TASK_KEYS) - {"name", "description"}
_TORK_JOB: Final = frozenset(tork.JOB_KEYS) - {*conducktor.WORKFLOW_KEYS}


class Loaded(NamedTuple):
    """The plan of a file, or what is wrong with it."""

    plan: Plan | None
    faults: list[Fault]


def load_text(
    text: bytes,
    workflow: str,
    file: str,
    dialect: str | None = None,
    strip_image: bool = False,
    lone_task: bool = False,
) -> Loaded:
    """The plan that `text` describes. With any fault there is no plan. `dialect` is the one it is
    in, when that is known; with `strip_image` tasks run as plain processes, whatever container
    they ask for; with `lone_task` it may be a single task, which is then called `task`."""
    faults = Faults(file)
    root = parse(_as_yaml(text), faults)
    if lone_task and isinstance(root, Map) and "tasks" not in root.items:
        root, dialect = _around(root, faults, dialect)
    plan = None
    if isinstance(root, Map):
        plan = _load(root, workflow, faults, dialect, strip_image)
    elif root is not None and not (isinstance(root, Scalar) and root.value is None):
        faults.at(root, f"a workflow must be a mapping, not {fields.kind(root)}")
    elif not faults.all():
        faults.add(1, 1, "the file is empty", "a workflow needs at least tasks")
    found = faults.all()
    return Loaded(None if found else plan, found)


_PAIRS: Final = re.compile(rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")


def _as_yaml(text: bytes) -> bytes:
    """JSON is YAML, but for tabs between its values and characters written as two escapes."""
    begin = text[:1000].removeprefix(b"\xef\xbb\xbf").lstrip()
    if not begin.startswith(b"{") or len(text) > MAX_BYTES:
        return text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text

    def one(pair: re.Match[bytes]) -> bytes:
        found = pair.group()
        return found if len(found) == 2 else b"\\U%08x" % ord(json.loads(b'"%s"' % found))

    return _PAIRS.sub(one, text.replace(b"\t", b" "))


def _around(task: Map, faults: Faults, dialect: str | None) -> tuple[Map, str | None]:
    """A file whose only task that is, and its dialect; the same file when it is no task."""
    found = dialect or _said(task, faults)
    if found is None and not task.items.keys().isdisjoint(_TORK_ALONE):
        found = TORK
    elif found is None and not task.items.keys().isdisjoint({*KINDS, "image"}):
        found = CDKTR
    place = (task.line, task.col)
    tasks: Node
    if found == TORK:
        tasks = List(*place, items=[task])
    elif found == CDKTR:
        tasks = Map(*place, items={"task": task}, marks={"task": place})
    else:
        return task, found
    return Map(*place, items={"tasks": tasks}, marks={"tasks": place}), found


def _load(
    root: Map, workflow: str, faults: Faults, dialect: str | None, strip_image: bool
) -> Plan | None:
    said = _said(root, faults)
    found = dialect or said or _shape(root, faults)
    if found == CONDUCKTOR:
        return conducktor.load(root, workflow, faults)
    if found == CDKTR:
        if strip_image:
            stripping.check(root, faults)
        plan = canonical.load(root, workflow, faults)
        return stripping.stripped(plan) if strip_image else plan
    if found == TORK:
        return tork.load(root, workflow, faults, strip_image)
    return None


def _said(root: Map, faults: Faults) -> str | None:
    """What `dialect:` says; no loader sees the key."""
    node: Node | None = root.items.pop("dialect", None)
    root.marks.pop("dialect", None)
    with faults.about(SEE):
        return fields.choice("dialect", *DIALECTS)(node, faults) if node else None


def _shape(root: Map, faults: Faults) -> str | None:
    """The dialect that a file looks like. None when it could be several, which is a fault."""
    tasks = root.items.get("tasks")
    if "dag" in root.items:
        return CONDUCKTOR
    if not isinstance(tasks, List):
        return CDKTR
    keys = {key for task in tasks.items if isinstance(task, Map) for key in task.items}
    if "eventTrigger" in root.items:
        return CONDUCKTOR
    if not keys.isdisjoint(_TORK) or not root.items.keys().isdisjoint(_TORK_JOB):
        return TORK
    if keys and keys <= {*conducktor.TASK_KEYS}:
        return CONDUCKTOR
    hint = f"write dialect: {CONDUCKTOR} or dialect: {TORK}, or tasks as id: task"
    with faults.about(SEE):
        faults.at(tasks, "a list of tasks, but in which dialect?", hint)
    return None

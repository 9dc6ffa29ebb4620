"""A task of a CDKTR file to a draft: what kind it is, and what it says.

A task is of exactly one kind: it runs something, calls a workflow, does nothing, or is a group. A
key that means nothing for the kind is a fault. `each` or `matrix` beside what is run is short for a
group whose only task that is. Pure.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from cdktr_principal.language import fields, order, process, running
from cdktr_principal.language.draft import Draft
from cdktr_principal.language.fields import kind as kind_of
from cdktr_principal.language.groups import GROUP_KEYS, GROUPS, members
from cdktr_principal.language.keys import (
    BESIDE,
    CALL,
    COMMON,
    INSTEAD,
    KINDS,
    OF_CALL,
    PROCESS,
    TASK_KEYS,
    Around,
    anchor,
)
from cdktr_principal.language.nodes import Faults, List, Map, Node, Scalar
from cdktr_principal.language.reading import PAGE, read, unknown_keys

MAX_TASKS: Final = 20_000
"""Tasks a workflow may have, those of groups among them."""

_ORDER: Final = ("depends", "rule")


def mapping(node: Node, around: Around, what: str, ordered: bool = True) -> list[Draft]:
    """Tasks by their ids."""
    faults = around.faults
    if not isinstance(node, Map):
        said = "a list of tasks" if isinstance(node, List) else kind_of(node)
        hint = "write tasks as id: task"
        faults.at(node, f"{what} must be a mapping of an id to a task, not {said}", hint)
        return []
    if not node.items:
        faults.at(node, f"a workflow needs at least one task; {what} has none")
    if around.count + len(node.items) > MAX_TASKS:
        total = around.count + len(node.items)
        faults.at(node, f"{total} tasks, and at most {MAX_TASKS} are allowed")
        return []
    return [
        task(key, node.marks[key], item, around, ordered=ordered)
        for key, item in node.items.items()
    ]


def only(key: str, mark: tuple[int, int], node: Node, around: Around) -> Draft:
    """The only task of a group, whose copies are called as the group is: it has no id."""
    draft = task(key, mark, node, around, ordered=False)
    draft.id = ""
    return draft


def task(
    key: str, mark: tuple[int, int], node: Node, around: Around, *, ordered: bool = True
) -> Draft:
    """A task. Without `ordered` it is one that has no others to depend on."""
    faults = around.faults
    around.count += 1
    if not fields.ID.fullmatch(key):
        hint = f"letters, digits, _ . and -, at most {fields.MAX_ID}; other words go into name"
        faults.add(*mark, f"'{key[:40]}' is not an id of a task", hint)
    if not isinstance(node, Map):
        faults.add(*mark, f"task '{key[:40]}' must be a mapping, not {kind_of(node)}")
        return Draft(key, mark, {})
    if node.tag:
        faults.at(node, f"{node.tag} belongs to config alone", f"config: {node.tag}")
    with faults.about(f"{PAGE}#keys-of-a-task"):
        strange = unknown_keys(node, TASK_KEYS, faults, "a task", INSTEAD)
        kind = _kind(key, mark, node, strange, faults)
    if not ordered:
        for name in node.items.keys() & _ORDER:
            with faults.about(f"{PAGE}#depends"):
                faults.add(*node.marks[name], f"{name} means nothing here: no task comes before")
        node = _without(node, _ORDER)
    return (_group if kind in GROUPS else _single)(key, mark, node, kind, around)


def _without(node: Map, keys: Collection[str]) -> Map:
    items = {key: item for key, item in node.items.items() if key not in keys}
    return Map(node.line, node.col, node.tag, items=items, marks=node.marks)


def _kind(key: str, mark: tuple[int, int], node: Map, strange: bool, faults: Faults) -> str:
    """What the task is; a task that is two things is read as the first."""
    found = [kind for kind in KINDS if kind in node.items]
    if not found:
        if not strange and "image" not in node.items:
            hint = f"give it one of {', '.join(KINDS)}"
            faults.add(*mark, f"task '{key[:40]}' has nothing to run", hint)
        return ""
    groups = [kind for kind in found if kind in GROUPS]
    inner = [kind for kind in found if kind not in GROUPS]
    beside = len(groups) == 1 and groups[0] != "parallel" and not _has_body(node.items[groups[0]])
    for listed in (groups, inner) if beside or len(groups) > 1 else (found,):
        if len(listed) > 1:
            what = f"task '{key[:40]}' has both {listed[0]} and {listed[1]}"
            faults.add(*mark, what, "keep one of them")
    if beside and not inner and not strange:
        what = f"task '{key[:40]}' has {groups[0]}, and nothing that is done each time"
        faults.add(*mark, what, "give it task or tasks, or write a command beside it")
    return groups[0] if groups else inner[0]


def _has_body(node: Node) -> bool:
    return isinstance(node, Map) and ("task" in node.items or "tasks" in node.items)


_OF_GROUP: Final = frozenset({
    "description", "depends", "rule", "if", "continue_on_failure", "tags", *GROUPS, *GROUP_KEYS,
})  # fmt: skip
"""What belongs to the group when its task stands beside `each` or `matrix`."""


def _group(key: str, mark: tuple[int, int], node: Map, kind: str, around: Around) -> Draft:
    faults = around.faults
    with faults.noting() as notes, faults.about(f"{PAGE}#{kind}"):
        says = members(kind, node.items[kind], faults)
    short = says.task is None and says.tasks is None and kind != "parallel"
    outer, inner = _split(node) if short else (node, None)
    if inner is None:
        _refuse(node, {*COMMON, *_ORDER, *GROUP_KEYS}, kind, faults)
    draft = _common(key, mark, outer, around)
    draft.notes += notes
    draft.group = {**says.group, **read(node, GROUP_KEYS, faults)}
    if says.tasks is not None:
        draft.body = mapping(says.tasks, around, kind if kind == "parallel" else f"tasks of {kind}")
    elif says.task is not None:
        draft.body = [only(key, mark, says.task, around)]
    elif inner is not None and any(name in inner.items for name in KINDS):
        draft.body = [only(key, mark, inner, around)]
    return draft


def _split(node: Map) -> tuple[Map, Map]:
    """The group, and the task that it is made of. A name without expressions is the group's."""
    mine = set(_OF_GROUP)
    name = node.items.get("name")
    if isinstance(name, Scalar) and "{{" not in name.text:
        mine.add("name")

    return _without(node, node.items.keys() - mine), _without(node, mine)


def _common(key: str, mark: tuple[int, int], node: Map, around: Around) -> Draft:
    """What any task says, and what all share of it."""
    with around.faults.noting() as notes:
        found = read(node, COMMON, around.faults)
    shared = around.shared.found if around.shared else {}
    for name in COMMON.keys() & shared.keys():
        found.setdefault(COMMON[name].field, shared[name][0])
    return Draft(key, mark, found, order.needs(node, around.faults), notes)


def _single(key: str, mark: tuple[int, int], node: Map, kind: str, around: Around) -> Draft:
    faults = around.faults
    draft = _common(key, mark, node, around)
    if kind == "noop":
        _refuse(node, {*COMMON, *_ORDER}, kind, faults)
        process.noop(node, draft, faults)
    elif kind == "workflow":
        _refuse(node, {*COMMON, *_ORDER, *CALL, *OF_CALL}, kind, faults)
        process.call(node, draft, around)
    else:
        _refuse(node, {*COMMON, *_ORDER, *PROCESS, *BESIDE}, kind, faults)
        running.check_beside(node, faults, BESIDE)
        process.program(node, kind, draft, around)
    return draft


_PLACE: Final = {
    "workflow": "it belongs into that workflow", "noop": "a noop runs nothing",
    "parallel": "give it to the tasks in it, or to all by defaults",
    "each": "give it to the task in it", "matrix": "give it to the task in it",
}  # fmt: skip


def _refuse(node: Map, meant: Collection[str], kind: str, faults: Faults) -> None:
    """Keys that mean nothing with what the task is."""
    for key in node.items if kind else ():
        if key in TASK_KEYS and key not in meant and key not in KINDS:
            hint = "it goes with workflow" if key in CALL else _PLACE.get(kind, "")
            with faults.about(f"{PAGE}#{anchor(key)}"):
                faults.add(*node.marks[key], f"{key} means nothing with {kind}", hint)

"""Tasks of Tork's job documents, as drafts: what each does, and what follows what.

Tasks run one after the other; those of `parallel` and the copies of `each` at once, and when one
of these fails the others end, as in Tork. Texts that Tork evaluates are rewritten to speak of
tasks instead of vars, those it takes as they stand (`run`, `files`) mean themselves. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from cdktr_common.catalogue.values import Call
from cdktr_principal.language import data, fields, tork_fields, tork_keys, tork_leaf
from cdktr_principal.language.draft import RESERVED, Draft, Need, bare
from cdktr_principal.language.fields import kind, scalar
from cdktr_principal.language.ids import Ids
from cdktr_principal.language.nodes import Faults, List, Map, Node, Scalar
from cdktr_principal.language.tasks import MAX_TASKS
from cdktr_principal.language.tork_vars import VAR, Rewritten, Vars, numbered, rewritten, task

MAX_CONDITIONAL: Final = 100
"""Tasks with `if` in a row: each has to be told apart by those that follow."""

_BRACES: Final = re.compile(r"\{\{.*?\}\}")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Where reading has come to: what the tasks of one job have in common, and `nested`, how many
    groups are around. `subjob` reads one."""

    workflow: str
    faults: Faults
    subjob: Callable[[Map, Reading, str], Call]
    strip_image: bool = False
    defaults: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    ids: Ids = field(default_factory=Ids)
    vars: Vars = field(default_factory=Vars)
    nested: int = 0


@dataclass(frozen=True)
class Var:
    """The var of a task and where it stands; of `x{{ item.index }}y` the parts."""

    node: Scalar
    parts: tuple[str, str, str] | None


def sequence(node: Node | None, reading: Reading, where: Node) -> list[Draft]:
    """Tasks of which each follows the one before it, unless that is skipped by its `if`."""
    drafts: list[Draft] = []
    before: list[Draft] = []  # the last without `if`, and what came after it
    for item in _list(node, reading, where):
        found = one(item, reading)
        if found is None:
            continue
        draft, var = found
        for other in before:
            rule = f"{task(other.id)}.state != 'FAILED'" if "cond" in other.fields else ""
            place = Scalar(*other.mark, text=other.id, value=other.id)
            draft.needs.append(Need(place, other.id, rule))
        if var is not None:
            _set(var, f"{task(draft.id)}.result", reading)
        before = [*before, draft] if "cond" in draft.fields else [draft]
        if len(before) > MAX_CONDITIONAL + 1:
            what = f"more than {MAX_CONDITIONAL} tasks with if follow each other"
            reading.faults.add(*draft.mark, what, "put one without if in between")
            before = before[-1:]
        drafts.append(draft)
    return drafts


def _list(node: Node | None, reading: Reading, where: Node) -> list[Node]:
    if not isinstance(node, List):
        what = "tasks must be a list" + (f", not {kind(node)}" if node else "")
        reading.faults.at(node or where, what, "- {name: hello, run: echo hello}")
        return []
    if not node.items:
        reading.faults.at(node, "there must be at least one task")
    if len(node.items) > MAX_TASKS:
        what = f"{len(node.items)} tasks, and at most {MAX_TASKS} are allowed"
        reading.faults.at(node, what)
        return []
    return node.items


def _set(var: Var, meaning: str, reading: Reading) -> None:
    if var.parts is not None:
        reading.faults.at(var.node, f"var: there is no {var.parts[1]} here")
    elif reading.nested:
        what = "var inside a group inside a group: nothing could tell its copies apart"
        reading.faults.at(var.node, what)
    else:
        reading.vars.set(var.node.text, meaning)


def one(node: Node, reading: Reading) -> tuple[Draft, Var | None] | None:
    """One task and its var."""
    faults = reading.faults
    if not isinstance(node, Map):
        faults.at(node, f"a task must be a mapping, not {kind(node)}", "- {name: a, run: b}")
        return None
    with faults.noting() as notes:
        draft, var = _draft(node, reading)
    draft.notes = notes
    return draft, var


def _draft(node: Map, reading: Reading) -> tuple[Draft, Var | None]:
    faults = reading.faults
    tork_keys.strange(node, tork_keys.TASK, faults, "a task of Tork's")
    what = [key for key in tork_keys.COMPOSITE if key in node.items]
    found = _common(node, reading)
    name = _BRACES.sub(" ", found.get("name", ""))
    draft = Draft(id=reading.ids.of(name), mark=(node.line, node.col), fields=found)
    for key in what[1:]:
        faults.add(*node.marks[key], f"the task has both {what[0]} and {key}", "keep one of them")
    if what:
        for name in tork_keys.LEAF:
            if name in node.items:
                told = f"'{name}' has no meaning in a task with {what[0]}"
                faults.add(*node.marks[name], told, "it belongs to the tasks inside")
        _COMPOSITE[what[0]](node.items[what[0]], draft, reading)
    else:
        found.update(tork_leaf.leaf(node, reading))
    var = _var(node, reading)
    if var is not None and what and what[0] != "subjob":
        faults.at(var.node, f"{what[0]} has no result of its own", "give the tasks inside a var")
        var = None
    return draft, var


def _common(node: Map, reading: Reading) -> dict[str, Any]:
    """What every task may have."""
    faults = reading.faults
    found: dict[str, Any] = {}
    if isinstance(name := node.items.get("name"), Scalar):
        name = rewritten(name, reading.vars, faults, "name")
    for key, value, read in (
        ("name", name, fields.task_name),
        ("description", node.items.get("description"), fields.description),
        ("tags", node.items.get("tags"), data.tags),
        ("cond", node.items.get("if"), lambda node, faults: _condition(node, reading)),
    ):
        result = read(value, faults) if value is not None else None
        if result:
            found[key] = result
    return found


def _condition(node: Node, reading: Reading) -> str | None:
    text = scalar(node, reading.faults, "if")
    if text is None or not isinstance(node, Scalar):
        return None
    text = text.strip()
    if text in ("true", "false"):
        return text
    if not text.startswith("{{") or not text.endswith("}}"):
        what = "if must be one expression in braces"
        reading.faults.at(node, what, f'write "{{{{ {text[:60].strip("{} ")} }}}}"')
        return None
    told = rewritten(node, reading.vars, reading.faults, "if")
    reading.faults.note(told, "if", "condition")
    return bare(told.text)[0]


def _var(node: Map, reading: Reading) -> Var | None:
    place = node.items.get("var")
    text = scalar(place, reading.faults, "var") if place is not None else None
    if text is None or not isinstance(place, Scalar):
        return None
    parts = numbered(text)
    if parts is None and not VAR.fullmatch(text):
        hint = "of expressions only {{ item.index }} may stand in it, in the task of an each"
        hint = hint if "{{" in text else "letters, digits and _, at most 64"
        reading.faults.at(place, f"'{text[:80]}' is no name for a result", hint)
        return None
    return Var(place, parts)


# Tasks that stand for others.


def _parallel(node: Node, draft: Draft, reading: Reading) -> None:
    if not isinstance(node, Map):
        reading.faults.at(node, f"parallel must be a mapping, not {kind(node)}", "give it tasks")
        return
    tork_keys.strange(node, ("tasks",), reading.faults, "parallel")
    draft.group = {"fail_fast": True}
    inside = replace(reading, nested=reading.nested + 1)
    for item in _list(node.items.get("tasks"), reading, node):
        found = one(item, inside)
        if found is None:
            continue
        inner, var = found
        if var is not None:
            _set(var, f"{task(draft.id)}.results[{len(draft.body)}]", reading)
        draft.body.append(inner)


def _each(node: Node, draft: Draft, reading: Reading) -> None:
    faults = reading.faults
    if not isinstance(node, Map):
        faults.at(node, f"each must be a mapping, not {kind(node)}", "give it list and task")
        return
    tork_keys.strange(node, ("list", "var", "concurrency", "task"), faults, "each")
    draft.group = {"fail_fast": True, "each": "", "var": _loop_var(node.items.get("var"), faults)}
    if "concurrency" in node.items:
        number = tork_fields.concurrency(node.items["concurrency"], faults)
        draft.group["concurrency"] = number or 0
    for key in ("list", "task"):
        if key not in node.items:
            faults.at(node, f"each has no {key}")
    values = node.items.get("list")
    if values is not None and scalar(values, faults, "list") is not None:
        assert isinstance(values, Scalar)
        told = rewritten(_braced(values), reading.vars, faults, "list")
        faults.note(told, "list", "template")
        draft.group["each"] = told.text.strip()
    inside = replace(reading, nested=reading.nested + 1)
    found = one(node.items["task"], inside) if "task" in node.items else None
    if found is not None:
        found[0].id = ""  # its copies are called as the group is
        draft.body.append(found[0])
        if found[1] is not None:
            _set_numbered(found[1], draft, reading)


def _loop_var(node: Node | None, faults: Faults) -> str:
    text = scalar(node, faults, "var") if node is not None else "item"
    if text is not None and not VAR.fullmatch(text):
        assert node is not None
        faults.at(node, f"'{text[:40]}' is no name of a variable")
    elif text in RESERVED:
        assert node is not None
        faults.at(node, f"'{text}' has a meaning of its own", "choose another name")
    return text or "item"


def _braced(node: Scalar) -> Scalar:
    """The list of an each is an expression, with or without braces."""
    if "{{" in node.text:
        return node
    text = f"{{{{ {node.text} }}}}"
    return Rewritten(
        node.line, node.col, node.tag, length=len(text), text=text, value=text, raw=node.raw,
        origin=node, moves=[(0, 0), (3, 0)],
    )  # fmt: skip


def _set_numbered(var: Var, group: Draft, reading: Reading) -> None:
    assert group.group is not None
    if var.parts is None:
        what = f"var '{var.node.text}': each copy would set it"
        hint = f"write {var.node.text}{{{{ {group.group['var']}.index }}}}"
        reading.faults.at(var.node, what, hint)
    elif var.parts[1] != group.group["var"] or reading.nested:
        _set(var, "", reading)
    else:
        reading.vars.set_numbered(var.parts[0], var.parts[2], group.id)


def _subjob(node: Node, draft: Draft, reading: Reading) -> None:
    if not isinstance(node, Map):
        reading.faults.at(node, f"subjob must be a mapping, not {kind(node)}", "name and tasks")
        return
    draft.fields["call"] = reading.subjob(node, reading, draft.id)


_COMPOSITE: Final[dict[str, Callable[[Node, Draft, Reading], None]]] = {
    "parallel": _parallel,
    "each": _each,
    "subjob": _subjob,
}

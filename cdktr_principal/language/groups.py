"""Groups: `each`, `matrix` and `parallel`, in their short and full forms. Reads all but the tasks
in them. Pure."""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

from cdktr_principal.expressions import templates
from cdktr_principal.expressions.programs import Invalid
from cdktr_principal.language.draft import RESERVED
from cdktr_principal.language.fields import VARIABLE, flag, kind, scalar, whole
from cdktr_principal.language.nodes import Faults, List, Map, Node, Scalar
from cdktr_principal.language.reading import Key, Keys, read, unknown_keys, value

MAX_LISTS: Final = 20
MAX_COPIES: Final = 10_000
"""What a group may be made for at most; known only later when an expression gives the list."""

GROUP_KEYS: Final[Keys] = {
    "concurrency": Key(
        "concurrency", whole("concurrency", 0, MAX_COPIES), "concurrency-and-fail_fast"
    ),
    "fail_fast": Key("fail_fast", flag("fail_fast"), "concurrency-and-fail_fast"),
}
GROUPS: Final = ("each", "matrix", "parallel")


def _variable(node: Node, faults: Faults) -> str | None:
    found = scalar(node, faults, "as")
    if found is None:
        return None
    if found in RESERVED:
        faults.at(node, f"as: {found} would hide what expressions find there", "take another name")
    elif not VARIABLE.fullmatch(found):
        hint = "letters, digits and _, not beginning with a digit"
        faults.at(node, f"'{found[:40]}' is not the name of a variable", hint)
    else:
        return found
    return None


def _list(node: Node, faults: Faults, what: str) -> Any:
    """A list, or a text that is one expression and so may give one."""
    if isinstance(node, List):
        if len(node.items) > MAX_COPIES:
            faults.at(node, f"{what} has {len(node.items)} items, at most {MAX_COPIES} are allowed")
            return []
        return value(node, faults, what)
    found = scalar(node, faults, what) if isinstance(node, Scalar) else None
    if found is None:
        if not isinstance(node, Scalar):
            faults.at(node, f"{what} must be a list or an expression, not {kind(node)}")
        return []
    if not _is_expression(found):
        hint = 'write [a, b], or "{{ tasks.x.outputs.y }}"'
        faults.at(node, f"{what} must be a list or one {{{{ expression }}}}, not a text", hint)
        return []
    return value(node, faults, what)


def _is_expression(text: str) -> bool:
    try:
        found = templates.pieces(text)
    except Invalid:
        return "{{" in text  # told when it is checked
    return len(found) == 1 and found[0].is_expression


def _lists(node: Node, faults: Faults) -> dict[str, Any]:
    """The lists of a matrix, by name."""
    if not isinstance(node, Map) or not node.items:
        faults.at(node, "matrix must be a mapping of names to lists", "matrix: {os: [a, b]}")
        return {}
    if len(node.items) > MAX_LISTS:
        faults.at(node, f"{len(node.items)} lists, and at most {MAX_LISTS} are allowed")
        return {}
    found: dict[str, Any] = {}
    for name, item in node.items.items():
        if not VARIABLE.fullmatch(name):
            hint = "letters, digits and _, not beginning with a digit"
            faults.add(*node.marks[name], f"'{name[:40]}' is not a name for a list", hint)
        found[name] = _list(item, faults, f"matrix {name[:40]}")
    copies = math.prod(len(listed) for listed in found.values() if isinstance(listed, list))
    if copies > MAX_COPIES:
        faults.at(node, f"the matrix has {copies} combinations, at most {MAX_COPIES} are allowed")
    return found


_EACH: Final[Keys] = {
    "list": Key("each", lambda node, faults: _list(node, faults, "list"), "each"),
    "as": Key("var", _variable, "each"),
    **GROUP_KEYS,
}
_MATRIX: Final[Keys] = {"lists": Key("matrix", _lists, "matrix"), "as": _EACH["as"], **GROUP_KEYS}


class Members(NamedTuple):
    """What stands in a group: arguments of Group, and one `task`, or `tasks`, or neither, when it
    is what stands beside."""

    group: dict[str, Any]
    task: Node | None = None
    tasks: Node | None = None


def members(key: str, node: Node, faults: Faults) -> Members:
    """What a group says of itself."""
    if key == "parallel":
        return _parallel(node, faults)
    table, own = (_EACH, "list") if key == "each" else (_MATRIX, "lists")
    if key == "each" and not isinstance(node, Map):
        return Members({"each": _list(node, faults, "each")})
    if key == "matrix" and not (isinstance(node, Map) and isinstance(node.items.get(own), Map)):
        return Members({"matrix": _lists(node, faults)})
    assert isinstance(node, Map)
    unknown_keys(node, (*table, "task", "tasks"), faults, key, {"var": "use as"})
    group = read(node, table, faults)
    if own not in node.items:
        faults.at(node, f"{key} has no {own}", f"{own}: what the task is made for")
    group.setdefault(key, [] if key == "each" else {})
    task, tasks = node.items.get("task"), node.items.get("tasks")
    if task is not None and tasks is not None:
        faults.at(node, f"{key} has both task and tasks", "keep one of them")
    return Members(group, task, tasks)


def _parallel(node: Node, faults: Faults) -> Members:
    if not isinstance(node, Map) or "tasks" not in node.items:
        return Members({}, tasks=node)
    unknown_keys(node, ("tasks", *GROUP_KEYS), faults, "parallel")
    return Members(read(node, GROUP_KEYS, faults), tasks=node.items["tasks"])

"""When a task starts: `depends`, `rule`, `if`. Pure."""

from __future__ import annotations

from typing import Final

from cdktr_principal.language.draft import Need, bare
from cdktr_principal.language.fields import MAX_LIST, choice, kind, scalar
from cdktr_principal.language.nodes import Faults, List, Map, Node, Note, Scalar
from cdktr_principal.language.reading import PAGE, unknown_keys

MAX_CONDITION: Final = 2000
"""Characters of an expression."""

RULES: Final = ("success", "failure", "always")
_RULE = choice("rule", *RULES)


def condition(node: Node, faults: Faults) -> str | None:
    """An expression that is true or false, with or without braces around it."""
    found = _condition(node, faults)
    if found is not None and isinstance(node, Scalar):
        faults.note(node, "if", "condition")
    return found


def _condition(node: Node, faults: Faults) -> str | None:
    found = scalar(node, faults, "if")
    if found is None:
        return None
    source, _ = bare(found)
    if not source:
        faults.at(node, "if is empty")
    elif len(source) > MAX_CONDITION:
        faults.at(node, f"if has {len(source)} characters, at most {MAX_CONDITION} are allowed")
    elif "{{" in source:
        hint = "write the whole condition without braces, or in one pair of them"
        faults.at(node, "if is one expression, not a text with expressions in it", hint)
    else:
        return source
    return None


def needs(node: Map, faults: Faults) -> list[Need]:
    """What `depends` of a task says, with `rule` for those that say no other."""
    general = ""
    if "rule" in node.items:
        with faults.about(f"{PAGE}#rule"):
            general = _rule(node.items["rule"], faults)
            if "depends" not in node.items:
                faults.add(*node.marks["rule"], "rule means nothing without depends")
    depends = node.items.get("depends")
    if depends is None:
        return []
    with faults.about(f"{PAGE}#depends"):
        return _needs(depends, general, faults)


def _needs(node: Node, general: str, faults: Faults) -> list[Need]:
    if isinstance(node, Scalar):
        if node.value is None and not node.text:
            return []
        return _plain(node, general, faults)
    if isinstance(node, Map):
        return [_by_name(name, node, general, faults) for name in node.items]
    assert isinstance(node, List)
    if len(node.items) > MAX_LIST:
        faults.at(node, f"depends has {len(node.items)} items, at most {MAX_LIST} are allowed")
        return []
    found: list[Need] = []
    for item in node.items:
        if isinstance(item, Map):
            found.extend(_in_full(item, general, faults))
        else:
            found.extend(_plain(item, general, faults))
    return found


def _plain(node: Node, general: str, faults: Faults) -> list[Need]:
    name = scalar(node, faults, "an item of depends")
    return [] if name is None or not isinstance(node, Scalar) else [Need(node, name, general)]


def _in_full(node: Map, general: str, faults: Faults) -> list[Need]:
    """`{task: b, rule: failure}` or `{task: b, if: …}`; `{b: failure}` for those who try it."""
    if "task" not in node.items:
        if len(node.items) == 1:
            return [_by_name(name, node, general, faults) for name in node.items]
        faults.at(node, "a dependency in full needs its task", "write {task: id, rule: failure}")
        return []
    unknown_keys(node, ("task", "rule", "if"), faults, "a dependency")
    item = node.items["task"]
    name = scalar(item, faults, "task")
    if name is None or not isinstance(item, Scalar):
        return []
    return [_ruled(Need(item, name, general), node, faults)]


def _by_name(name: str, node: Map, general: str, faults: Faults) -> Need:
    """`b: failure`, `b: {if: …}` or `b:`."""
    said = node.items[name]
    line, col = node.marks[name]
    need = Need(Scalar(line, col, text=name, value=name), name, general)
    if isinstance(said, Map):
        unknown_keys(said, ("rule", "if"), faults, "a dependency")
        return _ruled(need, said, faults)
    if not (isinstance(said, Scalar) and said.value is None and not said.text):
        need.rule = _rule(said, faults)
    return need


def _ruled(need: Need, node: Map, faults: Faults) -> Need:
    if "rule" in node.items:
        need.rule = _rule(node.items["rule"], faults)
    said = node.items.get("if")
    if said is not None:
        if "rule" in node.items:
            faults.add(*node.marks["if"], "a dependency has both rule and if", "keep one of them")
        found = _condition(said, faults)
        if found is not None and isinstance(said, Scalar):
            need.rule, need.cond = found, Note(said, "if", "condition")
    return need


def _rule(node: Node, faults: Faults) -> str:
    """`success` is what no rule says."""
    if not isinstance(node, Scalar):
        faults.at(node, f"rule must be {', '.join(RULES)}, not {kind(node)}")
        return ""
    found = _RULE(node, faults) or ""
    return "" if found == "success" else found

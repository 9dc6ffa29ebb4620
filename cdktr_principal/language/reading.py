"""Reading the mappings of a workflow file by tables of keys: what every dialect does alike.

A table says for each key which field it fills, who reads it and where the documentation tells of
it; what a reader refused is left at its default, so that reading goes on. Texts that may hold
expressions are noted on the way and checked at the end. Pure; knows no key by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from cdktr_principal.language.fields import MAX_COMMAND, Reader, nearest, scalars
from cdktr_principal.language.nodes import Faults, List, Map, Node, Place, Scalar

PAGE: Final = "docs/workflow.md"
"""The reference page of the language."""


class Key(NamedTuple):
    """The field that a key fills, who reads it, and the heading of the page that tells of it."""

    field: str
    read: Reader[Any]
    see: str = ""


Keys = Mapping[str, Key]


def read(node: Map, keys: Keys, faults: Faults) -> dict[str, Any]:
    """The values of the keys that are there and known."""
    found: dict[str, Any] = {}
    for name, value in node.items.items():
        key = keys.get(name)
        if key is not None:
            with faults.about(f"{PAGE}#{key.see or name}"):
                result = key.read(value, faults)
            if result is not None:
                found[key.field] = result
    return found


def unknown_keys(
    node: Map,
    known: Iterable[str],
    faults: Faults,
    where: str,
    instead: Mapping[str, str] | None = None,
) -> bool:
    """A fault for each key that is not known; `instead` has hints for those that belong elsewhere
    or have another name. Returns whether there was one."""
    allowed = tuple(known)
    strange = [name for name in node.items if name not in allowed]
    for name in strange:
        hint = (instead or {}).get(name) or ("" if faults.full else nearest(name, allowed))
        hint = hint or f"known are {', '.join(allowed)}"
        faults.add(*node.marks[name], f"unknown key '{name[:80]}' in {where}", hint)
    return bool(strange)


def value(node: Node, faults: Faults, key: str, place: Place = "template") -> Any:
    """Any value as it would be in JSON; its texts may hold expressions and are noted."""
    if isinstance(node, Map):
        return {
            name: value(item, faults, f"{key}.{name}", place) for name, item in node.items.items()
        }
    if isinstance(node, List):
        return [value(item, faults, key, place) for item in node.items]
    assert isinstance(node, Scalar)
    if isinstance(node.value, str):
        faults.note(node, key, place)
    return node.value


def words(key: str, place: Place = "template", least: int = 0) -> Reader[list[str]]:
    """A reader of words for a program: a list, or a single one. They are taken as written."""

    def read_words(node: Node, faults: Faults) -> list[str]:
        listed = scalars(node, faults, key)
        for item in listed:
            faults.note(item, key, place)
        size = sum(len(item.text.encode()) + 1 for item in listed)
        if size > MAX_COMMAND:
            faults.at(node, f"{key} have {size} bytes, at most {MAX_COMMAND} are allowed")
        if isinstance(node, List) and len(node.items) < least:
            faults.at(node, f"{key} is empty")
        return [item.text for item in listed]

    return read_words

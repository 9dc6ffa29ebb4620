"""Which files of a directory a list of patterns means: matched name by name on the way down.

`*` and `?` and `[...]` stand for parts of one name and not for a dot at its beginning, `**` for any
number of directories. A pattern that names a directory means all that is in it. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

ANY: Final = "**"


class State(NamedTuple):
    """What of the patterns is still to be matched below a directory; empty: everything is in."""

    patterns: frozenset[tuple[str, ...]]


def begin(patterns: Iterable[str]) -> State:
    """At the directory that they count from. Raises ValueError for one that leads elsewhere."""
    found = set()
    for pattern in patterns:
        parts = tuple(part for part in pattern.split("/") if part not in ("", "."))
        if pattern.startswith("/") or ".." in parts or not parts:
            raise ValueError(f"{pattern!r} does not stay within the task's directory")
        found.add(parts)
    return State(frozenset(found))


def below(state: State, name: str) -> State | None:
    """Inside the directory of this name; None: nothing in there is meant."""
    found: set[tuple[str, ...]] = set()
    for parts in _open(state.patterns):
        if not parts:
            found.add(())
        elif parts[0] == ANY:
            if not name.startswith("."):
                found.add(parts)
        elif _matches(parts[0], name):
            if len(parts) == 1:
                # A directory that a pattern spells out is meant with all that is in it.
                if not _wild(parts[0]):
                    found.add((ANY,))
            else:
                found.add(parts[1:])
    return State(frozenset(found)) if found else None


def meant(state: State, name: str) -> bool:
    """Is a file of this name meant, in the directory of this state?"""
    for parts in _open(state.patterns):
        if parts == (ANY,):
            if not name.startswith("."):
                return True
        elif len(parts) == 1 and _matches(parts[0], name):
            return True
    return False


def _open(patterns: Iterable[tuple[str, ...]]) -> set[tuple[str, ...]]:
    """`**` may also stand for no directory at all."""
    found = set()
    for parts in patterns:
        found.add(parts)
        while len(parts) > 1 and parts[0] == ANY:
            parts = parts[1:]
            found.add(parts)
    return found


def _wild(part: str) -> bool:
    return any(character in part for character in "*?[")


def _matches(part: str, name: str) -> bool:
    return _compiled(part).fullmatch(name) is not None


@lru_cache(512)
def _compiled(part: str) -> re.Pattern[str]:
    text = "" if part.startswith(".") or not _wild(part[:1]) else r"(?!\.)"
    at = 0
    while at < len(part):
        character = part[at]
        at += 1
        if character == "*":
            text += "[^/]*"
        elif character == "?":
            text += "[^/]"
        elif character == "[" and (end := part.find("]", at + 1)) > 0:
            inner = part[at:end].replace("\\", "\\\\").replace("[", "\\[")
            text += f"[^{inner[1:]}]" if inner[0] in "!^" else f"[{inner}]"
            at = end + 1
        else:
            text += re.escape(character)
    try:
        return re.compile(text, re.DOTALL)
    except re.error:
        return re.compile(re.escape(part))

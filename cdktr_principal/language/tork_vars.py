"""What `tasks.VAR` means in a job of Tork's, and its texts as the model wants them.

In Tork a task puts its result under a name, `var`, and later tasks speak of that; here results
belong to tasks. The rewritten text remembers where each of its characters came from, so that a
fault is told at its place in the file. Pure; knows no key of a job.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import copy
from typing import Final

from cdktr_principal import syntax, templates
from cdktr_principal.expressions import Invalid
from cdktr_principal.language.fields import nearest
from cdktr_principal.language.nodes import Faults, Scalar
from cdktr_principal.references import free

VAR: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_NUMBERED: Final = re.compile(r"([A-Za-z_]\w{0,63})\{\{\s*(\w+)\.index\s*\}\}(\w{0,63})")


class Vars:
    """The names that are set where reading has come to, and what each of them means."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._numbered: list[tuple[re.Pattern[str], str]] = []

    def fork(self) -> Vars:
        """The same names, to which more may be added apart."""
        other = copy(self)
        other._known, other._numbered = dict(self._known), list(self._numbered)
        return other

    def set(self, var: str, meaning: str) -> None:
        """From here on `tasks.VAR` is `meaning`."""
        self._known[var] = meaning

    def set_numbered(self, before: str, after: str, group: str) -> None:
        """From here on `tasks.` BEFORE NUMBER AFTER is the result of that copy of a group."""
        pattern = re.compile(rf"{re.escape(before)}(0|[1-9][0-9]{{0,8}}){re.escape(after)}")
        self._numbered.append((pattern, group))
        self._known.pop(before + after, None)

    def meaning(self, path: tuple[str, ...]) -> str | None:
        """What is to stand for a path; None: itself."""
        if path[0] != "tasks" or len(path) < 2:
            return None
        found = self._known.get(path[1])
        if found is None:
            for pattern, group in reversed(self._numbered):
                if match := pattern.fullmatch(path[1]):
                    found = f"{task(group)}.results[{match[1]}]"
                    break
        rest = "".join(f'["{part}"]' for part in path[2:])
        return None if found is None else found + rest

    def missing(self, path: tuple[str, ...]) -> tuple[str, str] | None:
        """What is wrong with a path, and a hint."""
        if path[0] != "tasks" or self.meaning(path) is not None:
            return None
        if len(path) < 2:
            return "tasks stands for no value by itself", "tasks.VAR, the var of an earlier task"
        near = nearest(path[1], self._known)
        return f"no earlier task has the var '{path[1][:64]}'", near or "var: names its result"


def task(name: str) -> str:
    """The path of a task."""
    return f"tasks['{name}']"


def numbered(var: str) -> tuple[str, str, str] | None:
    """`x{{ item.index }}y` as (`x`, `item`, `y`)."""
    match = _NUMBERED.fullmatch(var)
    return (match[1], match[2], match[3]) if match else None


class Rewritten(Scalar, kw_only=True):
    """A text that was another in the file. `moves`: from which of its characters on it is which
    of the other's; where parts have other lengths, the end of the part."""

    origin: Scalar
    moves: list[tuple[int, int]]

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of a character, as in the file."""
        start, other = max(move for move in self.moves if move[0] <= offset)
        after = [move[1] for move in self.moves if move[0] > start]
        return self.origin.place(min(other + offset - start, *after, len(self.origin.text)))


def rewritten(node: Scalar, vars: Vars, faults: Faults, key: str) -> Scalar:
    """A text with expressions as the model wants it."""
    if not templates.is_template(node.text):
        return node
    try:
        parts = [piece for piece in templates.pieces(node.text) if piece.is_expression]
    except Invalid:
        return node  # told when it is checked
    text, done = "", 0
    moves = [(0, 0)]
    for part in parts:
        for start, end, name in _names(part, node, vars, faults, key):
            text += node.text[done:start]
            moves.append((len(text), start))
            text += name
            moves.append((len(text), end))
            done = end
    text += node.text[done:]
    return Rewritten(
        node.line, node.col, node.tag, length=len(text), text=text, value=text, raw=node.raw,
        origin=node, moves=moves,
    )  # fmt: skip


def _names(
    part: templates.Piece, node: Scalar, vars: Vars, faults: Faults, key: str
) -> Iterator[tuple[int, int, str]]:
    """Where in the text another name is to stand, and which."""
    try:
        tree = syntax.parse(part.text)
    except Invalid:
        return  # told when it is checked
    for found, path in free(tree):
        name = vars.meaning(path)
        if problem := vars.missing(path):
            faults.add(*node.place(part.offset + found.start), f"{key}: {problem[0]}", problem[1])
            name = "run.id"  # good anywhere: it is not to be told twice
        if name is not None:
            yield part.offset + found.start, part.offset + found.end, name


def literal(node: Scalar) -> Scalar:
    """A text that Tork takes as it stands, braces and all."""
    if "{{" not in node.text:
        return node
    text = node.text.replace("{{", "{{ '{{' }}")
    return Rewritten(
        node.line, node.col, node.tag, length=len(text), text=text, value=text, raw=node.raw,
        origin=node, moves=[(0, 0)],
    )  # fmt: skip

"""What `tasks.VAR` means in a job of Tork's, and its texts as the model wants them.

In Tork a task puts its result under a name, `var`, and later tasks speak of that; here results
belong to tasks. The rewritten text remembers where each of its characters came from, so that a
fault is told at its place in the file. Pure; knows no key of a job.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from cdktr_principal.expressions import syntax, templates
from cdktr_principal.expressions.programs import Invalid
from cdktr_principal.expressions.references import free
from cdktr_principal.language.fields import nearest
from cdktr_principal.language.nodes import Faults, Scalar

VAR: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_DIGITS: Final = re.compile(r"[0-9]{1,9}")
_NUMBERED: Final = re.compile(r"([A-Za-z_]\w{0,63})\{\{\s*(\w+)\.index\s*\}\}(\w{0,63})")


class Vars:
    """The names that are set where reading has come to, and what each of them means."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._numbered: dict[tuple[str, str], str] = {}

    def set(self, var: str, meaning: str) -> None:
        """From here on `tasks.VAR` is `meaning`."""
        self._known[var] = meaning

    def set_numbered(self, before: str, after: str, group: str) -> None:
        """From here on `tasks.` BEFORE NUMBER AFTER is the result of that copy of a group."""
        self._numbered[before, after] = group

    def meaning(self, path: tuple[str, ...]) -> str | None:
        """What is to stand for a path; None: itself."""
        if path[0] != "tasks" or len(path) < 2:
            return None
        found = self._known.get(path[1]) or self._of_copy(path[1])
        rest = "".join(f'["{part}"]' for part in path[2:])
        return None if found is None else found + rest

    def _of_copy(self, var: str) -> str | None:
        for digits in _DIGITS.finditer(var[:150] if self._numbered else ""):
            for start in range(digits.start(), digits.end()):
                for end in range(start + 1, digits.end() + 1):
                    group = self._numbered.get((var[:start], var[end:]))
                    number = var[start:end]
                    if group is not None and str(int(number)) == number:
                        return f"{task(group)}.results[{number}]"
        return None

    def missing(self, path: tuple[str, ...], *, near: bool = True) -> tuple[str, str] | None:
        """What is wrong with a path, and a hint."""
        if path[0] != "tasks" or self.meaning(path) is not None:
            return None
        if len(path) < 2:
            return "tasks stands for no value by itself", "tasks.VAR, the var of an earlier task"
        hint = nearest(path[1], self._known) if near else ""
        return f"no earlier task has the var '{path[1][:64]}'", hint or "var: names its result"


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
        at = bisect_right(self.moves, (offset, len(self.origin.text))) - 1
        start, other = self.moves[at]
        after = self.moves[at + 1][1] if at + 1 < len(self.moves) else len(self.origin.text)
        return self.origin.place(min(other + offset - start, after))


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
        if problem := vars.missing(path, near=not faults.full):
            at = part.offset + found.start
            place = (node.line, node.col + at) if faults.full else node.place(at)
            faults.add(*place, f"{key}: {problem[0]}", problem[1])
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

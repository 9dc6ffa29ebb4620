"""What a file is made of once read: nodes with their places, and the faults found on the way.

A tree of these is all that the readers of workflow files ever see, whatever the file was written
in. Pure; knows neither YAML nor workflows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal, NamedTuple

import msgspec

from cdktr_common.catalogue.values import Fault

MAX_FAULTS: Final = 100
"""Faults of one file that are told one by one."""

MAX_EXPRESSIONS: Final = 50_000
"""Expressions of one file: 5 seconds of work. Those of `defaults` count for each task."""

Value = str | int | float | bool | None


class Node(msgspec.Struct):
    """What all nodes have. `size`, `height`, `length`: nodes, levels and characters in it."""

    line: int
    col: int
    tag: str = ""
    size: int = 1
    height: int = 0
    length: int = 0


class Scalar(Node, kw_only=True):
    """`value` is what the text means, `text` is what was written (quotes and escapes done), `raw`
    the very characters of the file, for all but plain text of one line."""

    text: str
    value: Value
    raw: str = ""

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of a character of `text`. Where lines were folded, of the value."""
        if not self.raw:
            return self.line, self.col + offset
        if self.raw[0] == "|":
            return self._place_in_block(offset)
        position = _behind_quotes(self.raw, offset) if self.raw[0] in "'\"" else None
        return self.line, self.col + (position or 0)

    def _place_in_block(self, offset: int) -> tuple[int, int]:
        written = self.raw.split("\n")[1:]
        first = next((line for line in written if line.strip(" ")), "")
        indent = len(first) - len(first.lstrip(" "))
        number = self.text.count("\n", 0, offset)
        within = offset - (self.text.rfind("\n", 0, offset) + 1)
        return self.line + 1 + number, indent + within + 1


_ESCAPES = re.compile(
    r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\(?:x..|u.{4}|U.{8}|.)|''"  # a pair is one character
)


def _behind_quotes(raw: str, offset: int) -> int | None:
    """Where in a quoted text of one line a character stands. None when it has several lines."""
    if "\n" in raw:
        return None
    position = 1
    for _ in range(offset):
        escape = _ESCAPES.match(raw, position) if raw[position] in "\\'" else None
        known = escape is not None and (raw[0] == '"') == (escape.group()[0] == "\\")
        position = escape.end() if escape is not None and known else position + 1
        if position >= len(raw):
            return None
    return position


class List(Node, kw_only=True):
    """A sequence of nodes."""

    items: list[Node]


class Map(Node, kw_only=True):
    """A mapping. Keys are the text as written; `marks` tells line and column of each key."""

    items: dict[str, Node]
    marks: dict[str, tuple[int, int]]


Place = Literal["template", "sealed", "condition", "plain"]
"""What a text may hold: expressions in braces; those and secrets; one expression, with or without
braces; or no expression at all."""


class Note(NamedTuple):
    """A text that is to be checked once all names of the file are known. `key` is where it stands,
    in words."""

    node: Scalar
    key: str
    place: Place


class Faults:
    """Collects what is wrong in one file; beyond MAX_FAULTS it only counts. And `notes`: the texts
    that can be judged only when the whole file has been read."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.notes: list[Note] = []
        self._found: list[Fault] = []
        self._told: set[tuple[int, int, str]] = set()
        self._spoiled: set[tuple[int, int]] = set()
        self._more = 0
        self._expressions = 0
        self._see = ""

    @contextmanager
    def about(self, see: str) -> Iterator[None]:
        """While it lasts, faults name this place of the documentation."""
        before, self._see = self._see, see or self._see
        try:
            yield
        finally:
            self._see = before

    def note(self, node: Scalar, key: str, place: Place) -> None:
        """A text to be checked later; one without braces that is no condition needs no check."""
        if place == "condition" or "{{" in node.text:
            self.notes.append(Note(node, key, place))

    def worth(self, node: Scalar) -> bool:
        """Are the expressions of this text to be looked at? Not when there are too many, or when
        nobody would be told."""
        within = self._expressions <= MAX_EXPRESSIONS
        self._expressions += max(1, node.text.count("{{"))
        if within and self._expressions > MAX_EXPRESSIONS:
            self.at(
                node, f"more than {MAX_EXPRESSIONS} expressions, those of defaults for each task"
            )
        return not self.full and self._expressions <= MAX_EXPRESSIONS

    @contextmanager
    def noting(self) -> Iterator[list[Note]]:
        """The notes that are taken while it lasts, instead of being added to the others."""
        before, self.notes = self.notes, []
        try:
            yield self.notes
        finally:
            self.notes = before

    def add(self, line: int, col: int, what: str, hint: str = "") -> None:
        """One thing wrong, at a place."""
        what, hint = _one_line(what), _one_line(hint)
        if (line, col, what) in self._told:
            return  # what all tasks share is read for each of them
        if (line, col) in self._spoiled:
            return  # it follows from what was told of that place
        if self.full:
            self._more += 1
            return
        self._told.add((line, col, what))
        fault = Fault(file=self.file, line=line, col=col, what=what, hint=hint, see=self._see)
        self._found.append(fault)

    def at(self, node: Node, what: str, hint: str = "") -> None:
        """One thing wrong with a node."""
        self.add(node.line, node.col, what, hint)

    def spoil(self, line: int, col: int, what: str, hint: str = "") -> None:
        """One thing wrong with a text that is then not there: nothing else is told of its place."""
        self.add(line, col, what, hint)
        self._spoiled.add((line, col))

    @property
    def full(self) -> bool:
        """Is any further fault only counted? Then a hint is not worth looking for."""
        return len(self._found) >= MAX_FAULTS

    def all(self) -> list[Fault]:
        """All faults by line and column."""
        found = sorted(self._found, key=lambda fault: (fault.line, fault.col))
        if self._more:
            found.append(Fault(file=self.file, what=f"and {self._more} more faults"))
        return found


def _one_line(text: str) -> str:
    """What a file had in a key or value may be of several lines; what is told of it is of one.
    Other control characters stay: whoever shows them knows how."""
    return text.replace("\n", " ").replace("\r", " ")

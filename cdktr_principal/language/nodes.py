"""What a file is made of once read: nodes with their places, and the faults found on the way.

A tree of these is all that the readers of workflow files ever see, whatever the file was written
in. Pure; knows neither YAML nor workflows.
"""

from __future__ import annotations

from typing import Final

import msgspec

from cdktr_common.catalogue.values import Fault

MAX_FAULTS: Final = 100
"""Faults of one file that are told one by one."""

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
    """`value` is what the text means, `text` is what was written (quotes and escapes done)."""

    text: str
    value: Value


class List(Node, kw_only=True):
    """A sequence of nodes."""

    items: list[Node]


class Map(Node, kw_only=True):
    """A mapping. Keys are the text as written; `marks` tells line and column of each key."""

    items: dict[str, Node]
    marks: dict[str, tuple[int, int]]


class Faults:
    """Collects what is wrong in one file; beyond MAX_FAULTS it only counts."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: list[Fault] = []
        self._more = 0

    def add(self, line: int, col: int, what: str, hint: str = "") -> None:
        """One thing wrong, at a place."""
        if not self.full:
            self._found.append(Fault(file=self.file, line=line, col=col, what=what, hint=hint))
        else:
            self._more += 1

    def at(self, node: Node, what: str, hint: str = "") -> None:
        """One thing wrong with a node."""
        self.add(node.line, node.col, what, hint)

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

"""How the last runs of each workflow went that are remembered no longer.

Of runs that have ended a thousand are remembered, whatever they are of: a workflow that runs once a
day is soon pushed out by one that runs every second. So of each workflow with a definition a few
marks stay. Knows no plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from cdktr_common.catalogue.values import RunMark

KEPT: Final = 30
"""Marks of a workflow."""


class Past:
    """By workflow, in the order in which they were forgotten; changed by `State.apply` alone."""

    def __init__(self, known: Mapping[str, Iterable[RunMark]] | None = None) -> None:
        self.marks: dict[str, list[RunMark]] = {
            workflow: list(marks) for workflow, marks in (known or {}).items()
        }

    def add(self, workflow: str, mark: RunMark) -> None:
        """A run is forgotten."""
        marks = self.marks.setdefault(workflow, [])
        marks.append(mark)
        del marks[:-KEPT]

    def removed(self, workflow: str) -> None:
        """There is no such workflow any more."""
        self.marks.pop(workflow, None)

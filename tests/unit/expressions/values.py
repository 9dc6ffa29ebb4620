"""A scope of plain values, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cdktr_principal.expressions import programs as expressions
from cdktr_principal.expressions.programs import Reference


class Values:
    """Gives all it has, whatever is asked for; notes what was."""

    def __init__(self, **roots: Any) -> None:
        self.roots = roots
        self.asked: list[tuple[str, ...]] = []

    def variables(self, references: Sequence[Reference]) -> dict[str, Any]:
        self.asked += [reference.path for reference in references]
        return dict(self.roots)

    def now(self) -> float:
        return 1_800_000_000.25

    def fresh_number(self, below: int) -> int:
        return below - 1


def value(source: str, **roots: Any) -> Any:
    """What an expression gives with these values."""
    return expressions.evaluate(expressions.compiled(source), Values(**roots))

"""Patterns of params: whether one is a pattern, and whether a text matches it whole.

Must stay true: whatever pattern and text, the answer comes in time linear in the text; Python's own
patterns can take for ever. So it is the library of expressions that matches. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cdktr_principal.expressions import programs as expressions
from cdktr_principal.expressions.references import Reference

MAX_PATTERN: Final = 200
MAX_TEXT: Final = 4096
"""Characters of a text that a pattern is tried on; longer ones match none."""

_MATCH: Final = "params.text.matches(params.pattern)"


class _Scope:
    """Where the expression finds the two texts."""

    def __init__(self, pattern: str, text: str) -> None:
        self._params: Mapping[str, str] = {"pattern": rf"\A(?:{pattern})\z", "text": text}

    def variables(self, references: Sequence[Reference]) -> dict[str, Any]:
        """All there is."""
        return {"params": self._params}

    def now(self) -> float:
        """Never asked for."""
        return 0.0

    def fresh_number(self, below: int) -> int:
        """Never asked for."""
        return 0


def problem(pattern: str) -> str | None:
    """What is wrong with a pattern; None when it is one."""
    if len(pattern) > MAX_PATTERN:
        return f"it has {len(pattern)} characters, at most {MAX_PATTERN} are allowed"
    try:
        expressions.evaluate(expressions.compiled(_MATCH), _Scope(pattern, ""))
    except expressions.Failed as fault:
        return str(fault).partition(" is no pattern: ")[2] or str(fault)
    return None


def matches(pattern: str, text: str) -> bool:
    """Does the whole text match? False also for what is no pattern."""
    if len(text) > MAX_TEXT:
        return False
    try:
        found = expressions.evaluate(expressions.compiled(_MATCH), _Scope(pattern, text))
    except expressions.Failed:
        return False
    return found is True

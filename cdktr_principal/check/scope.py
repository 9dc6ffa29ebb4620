"""What is known of a run before it is started, and texts as far as they follow from it.

Params and the event are known when they are given, of tasks only that some will be SKIPPED. An
expression that needs more is shown as it stands. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from cdktr_principal.expressions import templates
from cdktr_principal.expressions.functions import written
from cdktr_principal.expressions.programs import Failed, Invalid, Reference, compiled, evaluate

_LATER: Final = re.compile(r"\b(?:now|randomInt)\s*\(")
"""Functions whose values are not known before."""

_ALIASES: Final = {"inputs": "params", "job": "run"}


@dataclass(frozen=True)
class Known:
    """The values behind names. `whole` are the roots of which nothing is missing."""

    params: Mapping[str, Any] = field(default_factory=dict)
    event: Mapping[str, Any] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)
    loop: Mapping[str, Any] = field(default_factory=dict)
    skipped: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()

    def variables(self, references: Sequence[Reference]) -> dict[str, Any]:
        """What all that is asked for can be found in."""
        tasks = {name: {"state": "SKIPPED"} for name in self.skipped}
        roots = {"params": self.params, "event": self.event, "run": self.run, "tasks": tasks}
        return {**roots, **self.loop}

    def now(self) -> float:
        """Never asked: such an expression is not known."""
        raise AssertionError("no time is known")

    def fresh_number(self, below: int) -> int:
        """Never asked: such an expression is not known."""
        raise AssertionError("no number is known")

    def within(self, loop: Mapping[str, Any]) -> Known:
        """The same inside a copy of a group."""
        return replace(self, loop={**self.loop, **loop})

    def without(self, skipped: frozenset[str]) -> Known:
        """The same, and these tasks will be SKIPPED."""
        return replace(self, skipped=self.skipped | skipped)

    def has(self, source: str) -> bool:
        """Does a value of this expression follow from what is known?"""
        try:
            references = compiled(source).references
        except Invalid:
            return False
        return not _LATER.search(source) and all(self._has(of.path) for of in references)

    def _has(self, path: tuple[str, ...]) -> bool:
        root = _ALIASES.get(path[0], path[0])
        if root in self.whole or root in self.loop:
            return True
        if root == "tasks":
            return len(path) == 3 and path[1] in self.skipped and path[2] == "state"
        there = {"params": self.params, "event": self.event, "run": self.run}.get(root, {})
        return len(path) > 1 and path[1] in there

    def value(self, template: Any) -> tuple[bool, Any]:
        """Whether a value is known, and that; a text is shown as far as it is known. Raises
        Failed."""
        if isinstance(template, list | dict):
            pairs = template.items() if isinstance(template, dict) else enumerate(template)
            found = {key: self.value(item) for key, item in pairs}
            known = all(is_known for is_known, _ in found.values())
            values = {key: value for key, (_, value) in found.items()}
            return known, values if isinstance(template, dict) else list(values.values())
        if not isinstance(template, str) or not templates.is_template(template):
            return True, template
        parts = templates.pieces(template)
        if all(self.has(part.text) for part in parts if part.is_expression):
            return True, templates.value(template, self)
        return False, "".join(self._pieces(parts))

    def text(self, template: str) -> str:
        """A text with what is known of it written in. Raises Failed."""
        return written(self.value(template)[1])

    def _pieces(self, parts: list[templates.Piece]) -> Iterator[str]:
        for part in parts:
            if not part.is_expression:
                yield part.text
            elif self.has(part.text):
                yield written(evaluate(compiled(part.text), self))
            else:
                yield f"{{{{{part.text}}}}}"

    def holds(self, condition: str) -> Literal["yes", "no", "open"]:
        """Whether a condition is true. Raises Failed."""
        if not self.has(condition):
            return "open"
        return "yes" if templates.condition(condition, self) else "no"


def shown(template: str, known: Known, problems: list[str], key: str) -> str:
    """A text as far as it is known; one that would fail is told and shown as it stands."""
    try:
        return known.text(template)
    except (Failed, Invalid) as fault:
        problems.append(f"{key}: {fault}")
        return template

"""Texts with expressions in them: `rows: {{ tasks.extract.outputs.rows }}`.

Must stay true: a text without `{{` means itself, and what an expression gives is never looked at
for expressions again. Pure; values come from the scope, the language is `expressions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from cdktr_principal.expressions import Names, Problem, Scope


class Piece(NamedTuple):
    """A part of a text: as it stands, or, without its braces, an expression. `offset` is where
    `text` begins."""

    text: str
    offset: int
    is_expression: bool


def pieces(text: str) -> list[Piece]:
    """The parts of a text in order, none of them empty but for an expression; raises `Invalid`
    when braces are not closed."""
    raise NotImplementedError


def is_template(text: str) -> bool:
    """May there be an expression in it?"""
    return "{{" in text


def problems(text: str, names: Names) -> list[Problem]:
    """All that is wrong with the expressions of a text; offsets are those of the text."""
    raise NotImplementedError


def text(template: str, scope: Scope) -> str:
    """The text with the values written in: texts as they are, null as nothing, lists and objects
    as JSON; raises `Failed`."""
    raise NotImplementedError


def value(template: Any, scope: Scope) -> Any:
    """A value with all its texts rendered; a text that is one expression and nothing else becomes
    its value and keeps the type; raises `Failed`, which names the key."""
    raise NotImplementedError


def sealed(template: str, scope: Scope, secrets: Mapping[str, str]) -> str | list[str]:
    """The text, or, when there are secrets in it, its pieces: text, reference, text, reference
    and so on, beginning and ending with a text; raises `Failed`."""
    raise NotImplementedError


def condition(source: str, scope: Scope) -> bool:
    """Whether a bare expression holds: true or false, or these words; raises `Failed` for any
    other value."""
    raise NotImplementedError

"""Texts with expressions in them: `rows: {{ tasks.extract.outputs.rows }}`.

Must stay true: a text without `{{` means itself, and what an expression gives is never looked at
for expressions again. Pure; values come from the scope, the language is `expressions`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from cdktr_principal.expressions import programs as expressions
from cdktr_principal.expressions import syntax
from cdktr_principal.expressions.functions import kind, written
from cdktr_principal.expressions.lexer import tokens
from cdktr_principal.expressions.programs import Failed, Invalid, Names, Problem, Scope

MAX_TEXT: Final = 1 << 20
"""Characters a text may have once the values are written in."""


class Piece(NamedTuple):
    """A part of a text: as it stands, or, without its braces, an expression. `offset` is where
    `text` begins."""

    text: str
    offset: int
    is_expression: bool


def pieces(text: str) -> list[Piece]:
    """The parts of a text in order, none of them empty but for an expression; raises `Invalid`
    when braces are not closed."""
    found: list[Piece] = []
    done = 0
    while (opened := text.find("{{", done)) >= 0:
        closed = _closing(text, opened + 2)
        if opened > done:
            found.append(Piece(text[done:opened], done, False))
        found.append(Piece(text[opened + 2 : closed], opened + 2, True))
        done = closed + 2
    if done < len(text):
        found.append(Piece(text[done:], done, False))
    return found


def _closing(text: str, start: int) -> int:
    """Where the `}}` of an expression stand; those in its texts and objects are passed over."""
    window = text[start : start + syntax.MAX_SOURCE + 2]
    depth = 0
    for token in tokens(window):
        if token.text == "{":
            depth += 1
        elif token.text == "}" and depth:
            depth -= 1
        elif token.text == "}" and window.startswith("}}", token.start):
            return start + token.start
    if start + len(window) < len(text):
        what = f"an expression has at most {syntax.MAX_SOURCE} characters, and here no }}}} comes"
        raise Invalid(what, start - 2)
    raise Invalid("the braces {{ are not closed", start - 2, "write }} after the expression")


def is_template(text: str) -> bool:
    """May there be an expression in it?"""
    return "{{" in text


def problems(text: str, names: Names) -> list[Problem]:
    """All that is wrong with the expressions of a text; offsets are those of the text."""
    try:
        found = [piece for piece in pieces(text) if piece.is_expression]
    except Invalid as fault:
        return [Problem(fault.offset, fault.what, fault.hint)]
    return [
        problem._replace(offset=piece.offset + problem.offset)
        for piece in found
        for problem in expressions.problems(piece.text, names)
    ]


@lru_cache(expressions.KEPT)
def _cut(text: str) -> tuple[Piece, ...]:
    return tuple(pieces(text))


def _evaluated(source: str, scope: Scope) -> Any:
    try:
        return expressions.evaluate(expressions.compiled(source), scope)
    except Invalid as fault:
        raise Failed(fault.what) from None


def _pieces(template: str) -> tuple[Piece, ...]:
    try:
        return _cut(template)
    except Invalid as fault:
        raise Failed(fault.what) from None


def text(template: str, scope: Scope) -> str:
    """The text with the values written in: texts as they are, null as nothing, lists and objects
    as JSON; raises `Failed`."""
    if not is_template(template):
        return template
    made = []
    for piece in _pieces(template):
        made.append(written(_evaluated(piece.text, scope)) if piece.is_expression else piece.text)
    return _bounded("".join(made))


def _bounded(made: str) -> str:
    if len(made) > MAX_TEXT:
        raise Failed(f"the text has {len(made)} characters, at most {MAX_TEXT} are allowed")
    return made


def value(template: Any, scope: Scope) -> Any:
    """A value with all its texts rendered; a text that is one expression and nothing else becomes
    its value and keeps the type; raises `Failed`, which names the key."""
    if isinstance(template, str):
        if not is_template(template):
            return template
        found = _pieces(template)
        if len(found) == 1:
            return _evaluated(found[0].text, scope)
        return text(template, scope)
    if isinstance(template, list):
        return [keyed(f"[{n}]", value, item, scope) for n, item in enumerate(template)]
    if isinstance(template, dict):
        return {key: keyed(key, value, item, scope) for key, item in template.items()}
    return template


def keyed(key: str, render: Callable[..., Any], *args: Any) -> Any:
    """What `render` makes; its failure names the key too."""
    try:
        return render(*args)
    except Failed as fault:
        raise Failed(f"{key}: {fault}") from None


def sealed(template: str, scope: Scope, secrets: Mapping[str, str]) -> str | list[str]:
    """The text, or, when there are secrets in it, its pieces: text, reference, text, reference
    and so on, beginning and ending with a text; raises `Failed`."""
    if not is_template(template):
        return template
    made = [""]
    for piece in _pieces(template):
        name = secret(piece.text) if piece.is_expression else None
        if name is not None:
            if name not in secrets:
                raise Failed(f"there is no secret '{name}'")
            made += [secrets[name], ""]
        elif piece.is_expression:
            made[-1] += written(_evaluated(piece.text, scope))
        else:
            made[-1] += piece.text
    _bounded("".join(made))
    return made if len(made) > 1 else made[0]


def secret(source: str) -> str | None:
    """The name of the secret that an expression is, if it is one."""
    if "secrets" not in source:
        return None
    try:
        path = syntax.path(syntax.parse(source))
    except Invalid:
        return None
    return path[1] if path is not None and path[0] == "secrets" and len(path) == 2 else None


def condition(source: str, scope: Scope) -> bool:
    """Whether a bare expression holds: true or false, or these words; raises `Failed` for any
    other value."""
    found = _evaluated(source, scope)
    if isinstance(found, str) and found in ("true", "false"):
        return found == "true"
    if not isinstance(found, bool):
        raise Failed(f"the condition is {kind(found)}, not true or false")
    return found

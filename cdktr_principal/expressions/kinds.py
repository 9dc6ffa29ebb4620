"""Of what type the parts of an expression are, as far as that is known before it is evaluated, and
which of them never go together.

Must stay true: what might be right is not complained of. Types are `int`, `double`, `text`,
`bool`, `null`, `list`, `map`, `bytes`, `uint`, `time`, `duration`, `type`, and `any` for what is
not known. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from cdktr_principal.expressions import explain, functions
from cdktr_principal.expressions.functions import WORDS
from cdktr_principal.expressions.syntax import MACROS, Node, path

Typed = Callable[[tuple[str, ...]], str]
"""The type of what a path leads to."""

Clash = tuple[int, str, str]
"""Where, what, and a hint."""

_NUMBERS: Final = ("int", "double", "uint")
_LITERALS: Final = {"int": "int", "uint": "uint", "float": "double", "text": "text",
                    "bytes": "bytes", "bool": "bool", "null": "null", "list": "list",
                    "map": "map"}  # fmt: skip
_MACRO_GIVES: Final = {"map": "list", "filter": "list"}
_PLAIN: Final = ("int", "double", "text", "bool", "list", "map", "null", "type")
_FUNCTIONS: Final = functions.known(float, abs)


def kind(node: Node, typed: Typed) -> str:
    """The type of a part."""
    found = path(node)
    if found is not None:
        return typed(found)
    if node.kind in _LITERALS:
        return _LITERALS[node.kind]
    if node.kind == "group":
        return kind(node.parts[0], typed)
    if node.kind == "unary":
        return "bool" if node.text == "!" else kind(node.parts[0], typed)
    if node.kind == "binary":
        return _operation(node, typed)
    if node.kind == "choice":
        one, other = (kind(part, typed) for part in node.parts[1:])
        return one if one == other else "any"
    if node.is_macro:
        return _MACRO_GIVES.get(node.text, "bool")
    if node.kind in ("call", "method") and node.text in _FUNCTIONS:
        return _FUNCTIONS[node.text].gives
    if node.kind in ("call", "method"):
        return functions.BUILT_IN.get(node.text, "any")
    return "any"


def _operation(node: Node, typed: Typed) -> str:
    if node.text not in ("+", "-", "*", "/", "%"):
        return "bool"
    left, right = (kind(part, typed) for part in node.parts)
    return left if left == right and left in ("int", "double", "text", "list") else "any"


def clashes(source: str, node: Node, typed: Typed) -> Iterator[Clash]:
    """What never goes together in a part and all its parts."""
    if path(node) is not None:
        return
    if node.is_macro:
        yield from _macro(source, node, typed)
        return
    for part in node.parts:
        yield from clashes(source, part, typed)
    if node.kind == "binary":
        yield from _binary(source, node, typed)
    elif node.kind == "unary":
        wanted = ("bool",) if node.text == "!" else _NUMBERS
        yield from _wanted(source, node.parts[0], wanted, f"{node.text} needs", typed)
    elif node.kind == "choice":
        yield from _wanted(source, node.parts[0], ("bool",), "? needs", typed)
    elif node.kind in ("call", "method"):
        yield from _call(source, node, typed)


def _macro(source: str, node: Node, typed: Typed) -> Iterator[Clash]:
    variable = node.parts[1].text

    def inside(names: tuple[str, ...]) -> str:
        return "any" if names[0] == variable else typed(names)

    yield from clashes(source, node.parts[0], typed)
    yield from _wanted(source, node.parts[0], ("list", "map"), f"{node.text} needs", typed)
    for body in node.parts[2:]:
        yield from clashes(source, body, inside)
    if node.text != "map" or len(node.parts) == 4:
        yield from _wanted(source, node.parts[2], ("bool",), f"{node.text} needs", inside)


def _wanted(
    source: str, node: Node, wanted: tuple[str, ...], what: str, typed: Typed
) -> Iterator[Clash]:
    found = kind(node, typed)
    if found != "any" and found not in wanted:
        words = " or ".join(dict.fromkeys(WORDS[one] for one in wanted))
        shown = explain.shown(source, node)
        yield node.start, f"{what} {words}, and {shown} is {WORDS[found]}", ""


def _binary(source: str, node: Node, typed: Typed) -> Iterator[Clash]:
    if node.text in ("&&", "||"):
        for part in node.parts:
            yield from _wanted(source, part, ("bool",), f"{node.text} needs", typed)
        return
    if node.text == "in":
        yield from _wanted(source, node.parts[1], ("list", "map"), "in needs", typed)
        return
    left, right = (kind(part, typed) for part in node.parts)
    if left not in _PLAIN or right not in _PLAIN:
        return
    parts = [explain.shown(source, part) for part in node.parts]
    words = [WORDS[left], WORDS[right]]
    if node.text in ("==", "!="):
        if left != right and "null" not in (left, right) and not {left, right} <= {*_NUMBERS}:
            what = f"compares {words[0]} with {words[1]}: never equal"
            hint = explain.conversion(node.text, words, parts)
            if {left, right} == {"type", "text"}:
                hint = "a type as int, double, string, bool, list or map, without quotes"
            yield node.start, what, f"write {hint}" if hint else ""
    elif not _goes(node.text, left, right):
        what, _, hint = explain.mixed(node.text, words, parts).partition("; ")
        yield node.start, what, hint


def _goes(sign: str, left: str, right: str) -> bool:
    if sign in ("<", "<=", ">", ">="):
        return {left, right} <= {*_NUMBERS} or (left == right and left in ("text", "bool"))
    if left != right:
        return False
    if sign == "+":
        return left in (*_NUMBERS, "text", "list")
    return left in _NUMBERS and (sign != "%" or left != "double")


def _call(source: str, node: Node, typed: Typed) -> Iterator[Clash]:
    """Functions that there are not, or that take other things."""
    at = node.start if node.kind == "call" else _name_at(source, node)
    if node.text in MACROS:
        yield at, f"{node.text} is written list.{node.text}(x, …), x being any name", ""
        return
    if node.text not in functions.NAMES:
        what, _, hint = explain.no_function(node.text).partition(" (")
        yield at, what, hint.removesuffix(")")
        return
    function = _FUNCTIONS.get(node.text)
    if function is None:
        return
    if not function.least <= len(node.parts) <= len(function.takes):
        counted = functions.counted(function)
        yield at, f"{node.text} takes {counted}, not {len(node.parts)}", ""
        return
    for part, wanted in zip(node.parts, function.takes, strict=False):
        if wanted != "any":
            yield from _wanted(source, part, (wanted,), f"{node.text} takes", typed)


def _name_at(source: str, node: Node) -> int:
    """Where the name of a method stands."""
    target = node.parts[0]
    return source.find(node.text, target.end)

"""Why an expression has no value, in words that name the part and what it stands for.

Written for people who have never seen the language's own messages. Pure; it evaluates nothing but
plain paths.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Any, Final

from cdktr_principal.expressions.functions import BUILT_IN, METHODS, NAMES, kind
from cdktr_principal.expressions.syntax import MAX_SHOWN, Node
from cdktr_principal.expressions.syntax import clipped as clipped

MAX_NEAR: Final = 2000
"""Words a mistaken one is compared with: 15 ms of work."""


class Failed(Exception):
    """An expression that has no value; the text is the reason, for people."""


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint: the known word most like `word`, or nothing."""
    matches = get_close_matches(word[:MAX_SHOWN], islice(known, MAX_NEAR), 1, 0.6)
    return f"did you mean {matches[0]}?" if matches else ""


def shown(source: str, node: Node) -> str:
    """A part of an expression, as written."""
    while node.kind == "group":
        node = node.parts[0]
    return clipped(source[node.start : node.end])


def walk(path: Sequence[str], env: Any) -> Any:
    """What a path leads to; raises `Failed`."""
    value, done = env, ""
    for name in path:
        if not isinstance(value, dict):
            raise Failed(f"{done} is {kind(value)} and has no '{clipped(name)}'")
        if name not in value:
            raise Failed(lacking(done, name, value))
        value = value[name]
        plain = re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII)
        done += (f".{name}" if done else name) if plain else f"['{clipped(name)}']"
    return value


def lacking(what: str, name: str, known: Collection[str]) -> str:
    """A name that is not there."""
    hint = nearest(name, (key for key in known if isinstance(key, str)))
    hint = f" ({hint})" if hint else ""
    if not what:
        return f"there is no '{clipped(name)}' here{hint}"
    return f"{what} has no '{clipped(name)}'{hint}"


def is_has(node: Node) -> bool:
    """`has(a.b)`: is there a b in a?"""
    return node.kind == "call" and node.text == "has" and [n.kind for n in node.parts] == ["field"]


def evaluated(node: Node) -> Iterator[Node]:
    """The parts that are evaluated before the whole is, in order. Of a choice, only what decides
    it."""
    if node.kind == "choice":
        yield node.parts[0]
    elif is_has(node):
        yield from node.parts[0].parts[:1]
    else:
        yield from node.parts


def described(source: str, node: Node, values: list[Any], fault: Exception) -> str:
    """Why a part fails whose own parts have these values."""
    name = shown(source, node)
    if len(values) < len(list(evaluated(node))):
        return f"{name}: {_plain(fault)}"
    if node.kind == "name":
        return lacking("", node.text, ())
    if node.kind in ("field", "index"):
        return _member(source, node, values)
    if is_has(node):
        return f"{shown(source, node.parts[0].parts[0])} is {kind(values[0])} and has no parts"
    if node.kind in ("binary", "unary", "choice"):
        return f"{name}: {_operation(source, node, values, fault)}"
    if node.kind in ("call", "method"):
        return _call(source, node, values, fault)
    return f"{name}: {_plain(fault)}"


def _member(source: str, node: Node, values: list[Any]) -> str:
    whole, what = values[0], shown(source, node.parts[0])
    key = node.text if node.kind == "field" else values[1]
    if isinstance(whole, dict) and isinstance(key, str):
        return lacking(what, key, whole)
    if isinstance(whole, list) and isinstance(key, int) and not isinstance(key, bool):
        count = f"{len(whole)} item{'' if len(whole) == 1 else 's'}"
        return f"{what} has {count}, and none at {key}"
    if isinstance(whole, list):
        return f"{what} is a list, and its items have numbers, not '{clipped(str(key))}'"
    return f"{what} is {kind(whole)} and has no '{clipped(str(key))}'"


def _operation(source: str, node: Node, values: list[Any], fault: Exception) -> str:
    if isinstance(fault, ZeroDivisionError):
        return "division by zero"
    if isinstance(fault, OverflowError):
        return "the number is too large"
    kinds = [kind(value) for value in values]
    if node.kind == "choice":
        return f"{shown(source, node.parts[0])} is {kinds[0]}, not true or false"
    if node.kind == "unary":
        return f"{node.text} does not go with {kinds[0]}"
    if node.text in ("&&", "||"):
        odd = next((i for i, value in enumerate(values) if not isinstance(value, bool)), 0)
        return f"{shown(source, node.parts[odd])} is {kinds[odd]}, not true or false"
    if node.text == "in":
        return f"{shown(source, node.parts[1])} is {kinds[1]}, not a list or an object"
    return mixed(node.text, kinds, [shown(source, part) for part in node.parts])


def mixed(sign: str, kinds: Sequence[str], parts: Sequence[str]) -> str:
    """What is wrong with an operation on two values, and how they may be brought together."""
    pair = {*kinds}
    if pair == {"a whole number", "a decimal number"}:
        whole = parts[list(kinds).index("a whole number")]
        wanted = f"{whole}.0" if whole.isdecimal() else f"double({whole})"
        return f"a whole number and a decimal number do not go together; write {wanted}"
    if kinds[0] == kinds[1] == "a whole number" and sign in ("+", "-", "*", "/", "%"):
        return "a whole number with a u and one without do not go together; write int(…) of it"
    if kinds[0] == kinds[1]:
        return f"{sign} does not go with {kinds[0]}"
    what = f"{kinds[0]} and {kinds[1]} do not go together"
    hint = conversion(sign, list(kinds), parts)
    return f"{what}; write {hint}" if hint else what


def conversion(sign: str, kinds: list[str], parts: Sequence[str]) -> str:
    """How a text and a number may be brought together, or nothing."""
    number = next((one for one in kinds if one in _CONVERTED), "")
    if "a text" not in kinds or not number:
        return ""
    text = kinds.index("a text")
    to_number = f"{_CONVERTED[number]}({parts[text]})"
    to_text = f"string({parts[1 - text]})"
    if parts[text][-1] in "\"'":
        return to_text
    return f"{to_text}, or {to_number}" if sign == "+" else to_number


def _call(source: str, node: Node, values: list[Any], fault: Exception) -> str:
    name = shown(source, node)
    if node.text not in NAMES:
        return no_function(node.text)
    if node.text in ("int", "uint", "double", "timestamp", "duration") and len(values) == 1:
        given = f"'{clipped(values[0])}'" if isinstance(values[0], str) else kind(values[0])
        return f"{name}: {given} cannot be made into {_MADE[node.text]}"
    if node.text == "matches" and "not a valid regex" in str(fault) and len(values) == 2:
        return f"'{clipped(str(values[1]))}' is no pattern: {_pattern_fault(str(fault))}"
    if node.kind == "call" and node.text in METHODS:
        return f"{name}: write it behind what it is about, x.{node.text}(…)"
    unknown = str(fault).startswith("Undefined variable or function")  # for such arguments
    if (unknown or isinstance(fault, TypeError)) and values:
        return f"{name}: {node.text} does not take {' and '.join(kind(value) for value in values)}"
    return f"{name}: {_plain(fault)}"


def _pattern_fault(message: str) -> str:
    pattern = r"not a valid regex:\s*(?:.*\nerror: )?(.*?)\.* Check function"
    if "size limit" in message:
        return "it is too large with its repetitions written out"
    said = re.search(pattern, message, re.DOTALL)
    return clipped(said[1]) if said else "it cannot be read"


_CONVERTED: Final = {"a whole number": "int", "a decimal number": "double"}
_MADE: Final = {
    "int": "a whole number", "uint": "a whole number", "double": "a number",
    "timestamp": "a time", "duration": "a duration",
}  # fmt: skip


def no_function(name: str) -> str:
    """A function that there is not."""
    hint = nearest(name, sorted(NAMES | set(BUILT_IN)))
    return f"there is no function '{clipped(name)}'" + (f" ({hint})" if hint else "")


def _plain(fault: Exception) -> str:
    """The first sentence of the library's message."""
    if isinstance(fault, TypeError):
        return "values of these types do not go together"
    first = clipped(re.split(r"(?<=[a-z)'])\. (?=[A-Z])", str(fault))[0])
    return re.sub(r"^Function '\w+' error: ", "", first)


_ERROR = re.compile(r"ERROR: <input>:(\d+):(\d+): (?:Syntax error: )?(.*)")


def syntax_error(source: str, message: str) -> tuple[str, int]:
    """What the library says of a source that it refuses, in plain words, and where."""
    match = _ERROR.search(message)
    if match is None:
        return clipped(message), 0
    line, col = int(match[1]), int(match[2])
    begin = sum(map(len, source.splitlines(keepends=True)[: line - 1]))
    said = match[3]
    if "'<EOF>'" in said:
        what = "the expression ends too early"
    elif found := re.match(r"(?:mismatched|extraneous) input '(.*?)' expecting", said):
        what = f"'{clipped(found[1])}' does not belong here"
    elif found := re.match(r"token recognition error at: '(.*)'$", said):
        escape = "\\" in found[1]
        what = f"'{clipped(found[1])}' " + (
            "has an escape that there is not" if escape else "is not understood"
        )
    elif "has() macro" in said:
        what = "has takes a name after a point, has(x.y); of a key write 'y' in x"
    elif said.startswith("invalid string literal"):
        what = "an escape in this text is no character"
    elif said.startswith(("invalid double literal", "invalid int literal", "invalid uint literal")):
        what = "the number is too large"
    elif said.startswith("no viable alternative"):
        what = "this is not understood"
    else:
        what = clipped(said)
    return what, min(begin + col - 1, len(source))

"""The tree of an expression, with the place of each part in its source.

The library that evaluates shows no tree; this one tells which names an expression speaks of, what
its loops are and what is clearly of the wrong type. Whether a source is right is the library's to
say: what is refused here is refused for its depth, or would be there too. Pure.
"""

from __future__ import annotations

from typing import Final, NamedTuple, NoReturn

from cdktr_principal.expressions.lexer import Token, literal, tokens

MAX_SOURCE: Final = 2000
"""Characters an expression may have."""

MAX_DEPTH: Final = 64
"""Parts of an expression inside one another; a sum of n parts is n deep."""

MAX_SHOWN: Final = 60
"""Characters of a source or a value in a message."""

MACROS: Final = {"map": (2, 3), "filter": (2,), "all": (2,), "exists": (2,),
                 "exists_one": (2,), "existsOne": (2,)}  # fmt: skip
"""Loops, and how many arguments they may have. The first is the name of their variable."""

_STRENGTH: Final = {
    "||": 1, "&&": 2,
    "==": 3, "!=": 3, "<": 3, "<=": 3, ">": 3, ">=": 3, "in": 3,
    "+": 4, "-": 4, "*": 5, "/": 5, "%": 5,
}  # fmt: skip
_HINTS: Final = {
    "=": "write == to compare", "and": "write &&", "or": "write ||", "not": "write !",
    "&": "write &&", "|": "write ||", "is": "write ==", "`": "write tasks['ID']",
    "?": "write has(x.y) ? x.y : something", "#": "write list.map(x, x * 2)",
    "contains": "write a.contains(b)", "startsWith": "write a.startsWith(b)",
    "endsWith": "write a.endsWith(b)", "matches": "write a.matches(b)",
}  # fmt: skip
_WORDS: Final = {"true": "bool", "false": "bool", "null": "null"}


def clipped(text: str) -> str:
    """A text short enough for a message, on one line, without control characters."""
    line = "".join(sign if sign.isprintable() else " " for sign in text[: 2 * MAX_SHOWN])
    line = " ".join(line.split())
    return line if len(line) <= MAX_SHOWN else f"{line[: MAX_SHOWN - 1]}…"


class Invalid(Exception):
    """A source that is none; `offset` counts its characters from 0."""

    def __init__(self, what: str, offset: int, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.offset = offset
        self.hint = hint


class Node(NamedTuple):
    """A part of an expression, from `start` to `end`. What `text` and `parts` hold:

    text, bytes, int, uint, float, bool, null   the literal as written; nothing
    name      the name; nothing            field     its name; what it is a field of
    index     nothing; the whole, the key  group     nothing; what the parentheses hold
    list      nothing; the items           map       nothing; key, value, key, value …
    call      the function; arguments      method    the function; its object, arguments
    unary     the sign; the operand        binary    the sign; left, right
    choice    nothing; condition, if true, if false
    """

    kind: str
    start: int
    end: int
    text: str = ""
    parts: tuple[Node, ...] = ()
    depth: int = 1

    @property
    def is_macro(self) -> bool:
        """A loop over what it is called on."""
        return (
            self.kind == "method"
            and len(self.parts) - 1 in MACROS.get(self.text, ())
            and self.parts[1].kind == "name"
        )


def path(node: Node) -> tuple[str, ...] | None:
    """The names and constant keys from a root to here; None for anything else."""
    names: list[str] = []
    while node.kind != "name":
        key = literal(node.parts[1].text) if _has_text_key(node) else node.text
        if node.kind not in ("field", "index") or not key:
            return None
        names.append(key)
        node = node.parts[0]
    return (node.text, *reversed(names))


def _has_text_key(node: Node) -> bool:
    return node.kind == "index" and node.parts[1].kind == "text"


def parse(source: str) -> Node:
    """The tree of a source; raises `Invalid`."""
    if len(source) > MAX_SOURCE:
        raise Invalid(f"an expression has at most {MAX_SOURCE} characters", 0)
    if not source.strip():
        raise Invalid("an expression is missing", 0)
    parser = _Parser(source)
    node = parser.expression()
    if parser.token.kind != "end":
        parser.refuse()
    return node


class _Parser:
    """Looks at one token and takes it when it knows what it is."""

    def __init__(self, source: str) -> None:
        self._tokens = tokens(source)
        self._end = Token("end", "", len(source))
        self._depth = 0
        self._last = 0
        self.token = next(self._tokens, self._end)

    def expression(self) -> Node:
        """A choice, or what is stronger."""
        self._enter()
        condition = self._operation(1)
        if self._takes("?"):
            one = self._operation(1)
            self._must(":")
            condition = self._node("choice", condition.start, "", condition, one, self.expression())
        self._depth -= 1
        return condition

    def refuse(self, what: str = "") -> NoReturn:
        """The token at hand does not belong here."""
        said = self.token.text
        if not what and self.token.kind == "end":
            what = "the expression ends too early"
        elif not what and said in ("'", '"'):
            what = "a text is not closed"
        hint = "" if what else _HINTS.get(said, "")
        raise Invalid(what or f"'{clipped(said)}' does not belong here", self.token.start, hint)

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self.refuse("the expression is nested too deeply")

    def _take(self) -> Token:
        taken = self.token
        self._last = taken.end
        self.token = next(self._tokens, self._end)
        return taken

    def _takes(self, sign: str) -> bool:
        if self.token.text != sign or self.token.kind != "sign":
            return False
        self._take()
        return True

    def _must(self, sign: str) -> None:
        if not self._takes(sign):
            self.refuse()

    def _node(self, kind: str, start: int, text: str, *parts: Node) -> Node:
        depth = 1 + max((part.depth for part in parts), default=0)
        if depth > MAX_DEPTH:
            raise Invalid("the expression is nested too deeply", start)
        return Node(kind, start, self._last, text, parts, depth)

    def _operation(self, weakest: int) -> Node:
        left = self._unary()
        while (strength := self._strength()) >= weakest:
            sign = self._take().text
            right = self._operation(strength + 1)
            left = self._node("binary", left.start, sign, left, right)
        return left

    def _strength(self) -> int:
        known = self.token.kind == "sign" or self.token.text == "in"
        return _STRENGTH.get(self.token.text, 0) if known else 0

    def _unary(self) -> Node:
        if self.token.kind != "sign" or self.token.text not in ("!", "-"):
            return self._member()
        self._enter()
        sign = self._take()
        node = self._node("unary", sign.start, sign.text, self._unary())
        self._depth -= 1
        return node

    def _member(self) -> Node:
        node = self._primary()
        while True:
            if self._takes("."):
                if self.token.kind != "name":
                    self.refuse()
                name = self._take().text
                if self._takes("("):
                    node = self._node("method", node.start, name, node, *self._items(")"))
                else:
                    node = self._node("field", node.start, name, node)
            elif self._takes("["):
                key = self.expression()
                self._must("]")
                node = self._node("index", node.start, "", node, key)
            elif self.token.text == "{":
                self.refuse("objects with the name of a type are not known here")
            else:
                return node

    def _primary(self) -> Node:
        token = self.token
        if token.kind in ("text", "bytes", "int", "uint", "float"):
            self._take()
            return self._node(token.kind, token.start, token.text)
        if token.kind == "name" and token.text != "in":
            self._take()
            if token.text in _WORDS:
                return self._node(_WORDS[token.text], token.start, token.text)
            if self._takes("("):
                return self._node("call", token.start, token.text, *self._items(")"))
            return self._node("name", token.start, token.text)
        if self._takes("("):
            inner = self.expression()
            self._must(")")
            return self._node("group", token.start, "", inner)
        if self._takes("["):
            return self._node("list", token.start, "", *self._items("]", trailing=True))
        if self._takes("{"):
            return self._node("map", token.start, "", *self._items("}", trailing=True, pairs=True))
        self.refuse()

    def _items(self, closing: str, *, trailing: bool = False, pairs: bool = False) -> list[Node]:
        """What stands between commas, and the sign that closes it."""
        items: list[Node] = []
        while not self._takes(closing):
            items.append(self.expression())
            if pairs:
                self._must(":")
                items.append(self.expression())
            if not self._takes(","):
                self._must(closing)
                return items
            if not trailing and self.token.text == closing:
                self.refuse()
        return items

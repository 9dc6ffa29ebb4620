"""The words of an expression: names, texts, numbers and signs, each with its place.

Any text has tokens: what belongs to no word is a token of kind `other`, so that the parser can say
where. Space and comments are passed over. Work grows with the square of the text in the worst
case, so callers bound it. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple


class Token(NamedTuple):
    """A word and where it begins, counted in characters. `kind` is one of `name`, `text`,
    `bytes`, `float`, `int`, `uint`, `sign`, `other`; or `end`, which stands after the last."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """Where it is over."""
        return self.start + len(self.text)


_QUOTED: Final = r"""
    [rR]\"\"\"(?s:.*?)\"\"\" | [rR]'''(?s:.*?)''' | [rR]"[^"\n\r]*" | [rR]'[^'\n\r]*'
    | \"\"\"(?s:[^\\]|\\.)*?\"\"\" | '''(?s:[^\\]|\\.)*?'''
    | "(?:[^"\\\n\r]|\\.)*" | '(?:[^'\\\n\r]|\\.)*'
"""
_TOKEN: Final = re.compile(
    rf"""
    (?P<pass>[\t\n\f\r ]+|//[^\n]*)
    | (?P<bytes>[bB](?:{_QUOTED}))
    | (?P<text>{_QUOTED})
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<float>[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)
    | (?P<uint>(?:0x[0-9a-fA-F]+|[0-9]+)[uU])
    | (?P<int>0x[0-9a-fA-F]+|[0-9]+)
    | (?P<sign>&&|\|\||==|!=|<=|>=|[][(){{}}.,:?!<>+\-*/%])
    | (?P<other>(?s:.))
    """,
    re.VERBOSE,
)


def tokens(source: str, start: int = 0) -> Iterator[Token]:
    """The tokens of a source from a place on, one at a time, and none for its end."""
    for match in _TOKEN.finditer(source, start):
        kind = str(match.lastgroup)
        if kind != "pass":
            yield Token(kind, match[0], match.start())


def literal(text: str) -> str | None:
    """What a token of kind `text` stands for; None when it has escapes, which nobody needs in the
    names that are looked for here."""
    raw = text[0] in "rR"
    body = text[1:] if raw else text
    quotes = 3 if body[:3] in ('"""', "'''") and len(body) >= 6 else 1
    inner = body[quotes:-quotes]
    return inner if raw or "\\" not in inner else None

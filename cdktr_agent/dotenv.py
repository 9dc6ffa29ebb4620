"""Files of variables: one `NAME=value` a line, strict, so that a typing error is no silent value.

Blank lines and lines that begin with `#` say nothing; `export` may stand before a name. A value
without quotes ends before ` #` and loses the blanks around it. In single quotes all stands for
itself; in double quotes `\\n \\t \\r \\" \\\\ \\$` are what they are in C. Quotes may go over
lines. Nothing is expanded. Pure.
"""

from __future__ import annotations

import re
from typing import Final

MOST: Final = 1 << 20
"""Bytes of a file."""

_NAME: Final = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*")
_NOTHING: Final = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_SINGLE: Final = re.compile(r"'([^']*)'")
_DOUBLE: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_BARE: Final = re.compile(r"[^\n'\"]*")
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_MEANS: Final = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "$": "$"}


class BadLine(ValueError):
    """What is wrong, and in which line."""


def parse(data: bytes) -> dict[str, str]:
    """The variables; the last value of a name counts. Raises BadLine."""
    if len(data) > MOST:
        raise BadLine(f"more than {MOST} bytes")
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as fault:
        line = data[: fault.start].count(b"\n") + 1
        raise BadLine(f"line {line}: not UTF-8") from None
    if "\0" in text:
        raise BadLine(f"line {text[: text.index(chr(0))].count(chr(10)) + 1}: a NUL character")
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        nothing = _NOTHING.match(text, at)
        at = _variable(text, at, found) if nothing is None else max(nothing.end(), at + 1)
    return found


def _variable(text: str, at: int, found: dict[str, str]) -> int:
    """Take the variable that begins there; returns where the next line begins."""
    number = text.count("\n", 0, at) + 1
    blank = len(text) - len(text[at:].lstrip(" \t"))
    name = _NAME.match(text, blank)
    if name is None:
        raise BadLine(f"line {number}: no NAME=value")
    quoted = _SINGLE.match(text, name.end()) or _DOUBLE.match(text, name.end())
    if quoted is not None:
        value = quoted[1]
        if quoted.re is _DOUBLE:
            value = _ESCAPE.sub(lambda escape: _meaning(escape, number), value)
        end = _NOTHING.match(text, quoted.end())
        if end is None:
            raise BadLine(f"line {number}: text after the closing quote of {name[1]}")
        found[name[1]] = value
        return end.end()
    bare = _BARE.match(text, name.end())
    assert bare is not None
    value = bare[0] if bare[0][:1] != "#" else ""
    comment = re.search(r"[ \t]#", value)
    if comment is None and text[bare.end() : bare.end() + 1] in ("'", '"'):
        what = "a quote that is not closed" if not value.strip() else "a quote inside"
        raise BadLine(f"line {number}: {what} the value of {name[1]}")
    found[name[1]] = (value if comment is None else value[: comment.start()]).strip(" \t")
    end_of_line = text.find("\n", bare.end())
    return len(text) if end_of_line < 0 else end_of_line + 1


def _meaning(escape: re.Match[str], number: int) -> str:
    if escape[1] not in _MEANS:
        raise BadLine(f"line {number}: \\{escape[1]} means nothing in double quotes")
    return _MEANS[escape[1]]

"""Plain values to YAML that people read: blocks, few quotes, texts of several lines as they are.

Must stay true: what `source` reads from it are the same values, a text never becomes a number or
a word like `true`. Pure; knows nothing of workflows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from cdktr_principal.language.source import meaning

WIDTH: Final = 96
"""Characters that a list of words may take in one line."""

_WORD: Final = re.compile(r"[A-Za-z0-9_./+-][A-Za-z0-9_./+@=-]*")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_./($][^\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff]*")
_ODD: Final = re.compile("[\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_LINES: Final = re.compile(
    "[\t\n\x20-\x7e\xa1-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]*"
)


class Tagged(NamedTuple):
    """A mapping with a tag before it."""

    tag: str
    value: dict[str, Any]


def emit(value: dict[str, Any]) -> str:
    """A document of one mapping."""
    return "".join(f"{line}\n" for line in _mapping(value, 0))


def _mapping(value: dict[str, Any], indent: int) -> Iterator[str]:
    for key, item in value.items():
        first, *rest = _after(item, indent)
        yield f"{' ' * indent}{_key(key)}:{first}"
        yield from rest


def _after(item: Any, indent: int) -> Iterator[str]:
    """What stands behind `key:`, and the lines below."""
    if isinstance(item, Tagged):
        yield f" {item.tag}"
        yield from _mapping(item.value, indent + 2)
    elif isinstance(item, dict) and item:
        yield ""
        yield from _mapping(item, indent + 2)
    elif isinstance(item, list) and item and (line := _flow(item, indent)) is None:
        yield ""
        yield from _sequence(item, indent + 2)
    elif isinstance(item, list) and item:
        yield f" {line}"
    elif isinstance(item, str) and _is_block(item):
        yield from _block(item, indent + 2)
    else:
        yield f" {_scalar(item)}"


def _sequence(items: list[Any], indent: int) -> Iterator[str]:
    for item in items:
        if isinstance(item, dict) and item:
            first, *rest = _mapping(item, indent + 2)
            yield f"{' ' * indent}- {first.lstrip(' ')}"
            yield from rest
        elif isinstance(item, list) and item and _flow(item, indent) is None:
            first, *rest = _sequence(item, indent + 2)
            yield f"{' ' * indent}- {first.lstrip(' ')}"
            yield from rest
        else:
            first, *rest = _after(item, indent)
            yield f"{' ' * indent}-{first}"
            yield from rest


def _flow(items: list[Any], indent: int) -> str | None:
    """A list of words and numbers in one line."""
    if not all(
        (isinstance(item, str) and _WORD.fullmatch(item) and meaning(item) == item)
        or (isinstance(item, int | float) or item is None)
        for item in items
    ):
        return None
    line = f"[{', '.join(map(_scalar, items))}]"
    return line if len(line) + indent <= WIDTH else None


def _key(key: str) -> str:
    return key if _WORD.fullmatch(key) and len(key) < 200 else _quoted(key)


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        simple = _PLAIN.fullmatch(value) and meaning(value) == value and not value.endswith(" ")
        if simple and ": " not in value and " #" not in value and not value.endswith(":"):
            return value if not re.match(r"(\.\.\.|[?-])(\s|$)", value) else _quoted(value)
        return _quoted(value)
    if value in ({}, []):
        return "{}" if value == {} else "[]"
    return json.dumps(value)


def _quoted(text: str) -> str:
    """In double quotes; the escapes of JSON are YAML's too."""
    if '"' in text and "'" not in text and text.isprintable() and not _ODD.search(text):
        return f"'{text}'"
    return _ODD.sub(lambda odd: f"\\u{ord(odd.group()):04x}", json.dumps(text, ensure_ascii=False))


def _is_block(text: str) -> bool:
    """Is it a text of whole lines that a block can hold?"""
    return "\n" in text and text.strip("\n") != "" and _LINES.fullmatch(text) is not None


def _block(text: str, indent: int) -> Iterator[str]:
    lines = text.rstrip("\n").split("\n")
    ends = len(text) - len(text.rstrip("\n"))
    # Indentation is told by the first line, unless that begins with a space or is empty.
    told = "" if lines[0] and not lines[0].startswith((" ", "\t")) else "2"
    yield f" |{told}{('-', '')[ends] if ends < 2 else '+'}"
    for line in (*lines, *[""] * (ends - 1)):
        yield f"{' ' * indent}{line}" if line else ""

"""Values of a query as JSON has them. Pure.

Times are RFC 3339; views and queries have them in UTC, with or without a zone. Numbers that JSON
cannot hold, or would lose a part of, are text. What is JSON in the database is JSON again. Python
knows no infinite time, no nanoseconds and no months: of such kinds the database is asked for the
text, however deep they stand in a list or struct.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final, Protocol

import msgspec

_AS_TEXT: Final = ("timestamp", "date", "time", "interval", "blob", "bit")
"""Beginnings of the names of kinds that are asked for as text."""

_KEYS: Final = ("list", "array", "struct", "tuple", "map")
"""A map with keys of these kinds comes as a list of keys and a list of values."""

_MOMENT: Final = re.compile(r"(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d+))?(?:\+00)?")
_LEAST: Final = -(1 << 63)
_MOST: Final = 1 << 64

Form = Callable[[Any], Any]


class Kind(Protocol):
    """The type of a column as the database tells it; `str` gives its text."""

    @property
    def id(self) -> str: ...
    @property
    def children(self) -> list[Any]: ...


def shown_as(name: str, kind: Kind) -> str | None:
    """How a column is asked for when DuckDB has a better form of it than Python; else None."""
    target = _target(kind)
    quoted = _quoted(name)
    return None if target is None else f"CAST({quoted} AS {target}) AS {quoted}"


def _target(kind: Kind) -> str | None:
    """The same type with text where Python would lose something; None: it loses nothing."""
    if kind.id.startswith(_AS_TEXT):
        return "VARCHAR"
    if kind.id == "variant":
        return "JSON"
    inner = [_target(one) for one in _inner(kind)]
    if all(one is None for one in inner):
        return None
    texts = [new or str(old) for new, old in zip(inner, _inner(kind), strict=True)]
    if kind.id == "list":
        return f"{texts[0]}[]"
    if kind.id == "array":
        return f"{texts[0]}[{kind.children[1][1]}]"
    if kind.id == "map":
        return f"MAP({', '.join(texts)})"
    if kind.id == "tuple":
        return f"TUPLE({', '.join(texts)})"
    if kind.id == "struct":
        named = zip((name for name, _ in kind.children), texts, strict=True)
        return f"STRUCT({', '.join(f'{_quoted(name)} {text}' for name, text in named)})"
    return "VARCHAR"


def _inner(kind: Kind) -> list[Kind]:
    if kind.id in ("list", "array"):
        return [kind.children[0][1]]
    if kind.id in ("struct", "tuple", "map", "union"):
        return [one for _, one in kind.children]
    return []


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def form(kind: Kind) -> Form:
    """What makes JSON of the values of a column that was asked for as `shown_as` says."""
    if str(kind) == "JSON" or kind.id == "variant":
        return _document
    if kind.id.startswith("timestamp"):
        return _moment
    if kind.id == "union" or not (inner := [form(one) for one in _inner(kind)]):
        return cell
    if kind.id in ("list", "array"):
        return _of_each(inner[0])
    if kind.id == "tuple":
        return _of_parts(inner)
    if kind.id == "struct":
        return _of_fields({name: one for (name, _), one in zip(kind.children, inner, strict=True)})
    if kind.children[0][1].id in _KEYS:
        return _of_fields({"key": _of_each(inner[0]), "value": _of_each(inner[1])})
    return _of_map(*inner)


def _of_each(one: Form) -> Form:
    return lambda value: None if value is None else [one(each) for each in value]


def _of_parts(parts: Sequence[Form]) -> Form:
    def told(value: Any) -> Any:
        if value is None:
            return None
        return [part(each) for part, each in zip(parts, value, strict=True)]

    return told


def _of_fields(fields: dict[str, Form]) -> Form:
    def told(value: Any) -> Any:
        if value is None:
            return None
        return {name: fields.get(name, cell)(each) for name, each in value.items()}

    return told


def _of_map(key: Form, one: Form) -> Form:
    def told(value: Any) -> Any:
        return None if value is None else {str(key(at)): one(each) for at, each in value.items()}

    return told


def _moment(value: Any) -> Any:
    """RFC 3339; what is no such time (infinity, before our era) stays the text it is."""
    found = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    part = f".{found[3].ljust(6, '0')}" if found[3] else ""
    return f"{found[1]}T{found[2]}{part}Z"


def row(values: Sequence[Any], forms: Sequence[Form]) -> list[Any]:
    """One row."""
    return [one(value) for value, one in zip(values, forms, strict=True)]


def _document(value: Any) -> Any:
    try:
        return None if value is None else cell(msgspec.json.decode(value))
    except msgspec.DecodeError:
        return str(value)  # DuckDB takes a little more for JSON than JSON is


def cell(value: Any) -> Any:
    """One value, of a kind of which Python loses nothing."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if _LEAST <= value < _MOST else str(value)
    if isinstance(value, float | Decimal):
        return _number(value)
    if isinstance(value, list | tuple):
        return [cell(one) for one in value]
    if isinstance(value, dict):
        return {str(cell(key)): cell(one) for key, one in value.items()}
    return str(value)


def _number(value: float | Decimal) -> Any:
    if isinstance(value, Decimal):
        near = float(value)
        return near if Decimal(repr(near)) == value else str(value)
    return value if math.isfinite(value) else str(value)

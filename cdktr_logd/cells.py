"""Values of a query as JSON has them. Pure.

Times are RFC 3339; views and queries have them in UTC, with or without a zone. Numbers that JSON
cannot hold, or would lose a part of, are text. What is JSON in the database is JSON again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Final

import msgspec

_AS_TEXT: Final = ("INTERVAL", "BLOB", "BIT", "TIME WITH TIME ZONE", "TIMESTAMP_NS")
_LEAST: Final = -(1 << 63)
_MOST: Final = 1 << 64


def shown_as(name: str, kind: str) -> str | None:
    """How a column is asked for when DuckDB has a better form of it than Python; else None."""
    quoted = '"' + name.replace('"', '""') + '"'
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"timezone('UTC', {quoted}) AS {quoted}"
    if kind in _AS_TEXT or "TIME ZONE" in kind:
        return f"CAST({quoted} AS VARCHAR) AS {quoted}"
    return None


def row(values: Sequence[Any], kinds: Sequence[str]) -> list[Any]:
    """One row; `kinds` are the types that the database has for its columns."""
    return [
        _document(value) if kind == "JSON" else cell(value)
        for value, kind in zip(values, kinds, strict=True)
    ]


def _document(value: Any) -> Any:
    try:
        return None if value is None else cell(msgspec.json.decode(value))
    except msgspec.DecodeError:
        return str(value)  # DuckDB takes a little more for JSON than JSON is


def cell(value: Any) -> Any:
    """One value."""
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
    return _other(value)


def _number(value: float | Decimal) -> Any:
    if isinstance(value, Decimal):
        near = float(value)
        return near if Decimal(repr(near)) == value else str(value)
    return value if math.isfinite(value) else str(value)


def _other(value: Any) -> str:
    if isinstance(value, datetime):
        utc = value if value.tzinfo is None else value.astimezone(UTC)
        return utc.replace(tzinfo=None).isoformat() + "Z"
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return str(value)

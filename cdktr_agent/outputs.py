"""What a task wrote for others: `key=value` lines or one JSON object, and its result.

Strict: what cannot be understood fails the task and says where, since those that follow depend on
it. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

MOST: Final = 64 << 10
"""Bytes of either."""

DEPTH: Final = 32
"""How deep lists and objects may lie in one another."""

_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_AT: Final = re.compile(r"byte (\d+)")


class BadOutput(ValueError):
    """What is wrong, with its line where there is one."""


def parse(data: bytes, what: str = "CDKTR_OUTPUT") -> dict[str, Any]:
    """The values by key; of a key that comes again the last value. Raises BadOutput."""
    text = _text(data, what)
    stripped = text.lstrip()
    if stripped.startswith("{"):
        return _object(data, what)
    found: dict[str, Any] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        key, equals, value = line.partition("=")
        if not equals:
            raise BadOutput(f"{what} line {number}: no key=value: {_short(line)}")
        _check(key, f"{what} line {number}")
        found[key] = value
    return found


def result(data: bytes, what: str) -> str:
    """The whole as text. Raises BadOutput."""
    return _text(data, what)


def missing(declared: Iterable[str], found: dict[str, Any]) -> str:
    """What to say of outputs that were promised and not written; empty: all are there."""
    absent = [name for name in declared if name not in found]
    return f"did not write to CDKTR_OUTPUT: {', '.join(absent)}" if absent else ""


def progress(data: bytes) -> float | None:
    """A number from 0 to 100; None: no number stands there (yet)."""
    try:
        number = float(data.split(None, 1)[0].rstrip(b"%"))
    except (ValueError, IndexError):
        return None
    return min(100.0, max(0.0, number)) if number == number else None


def _text(data: bytes, what: str) -> str:
    if len(data) > MOST:
        raise BadOutput(f"{what} has more than {MOST} bytes")
    if b"\0" in data:
        raise BadOutput(
            f"{what} line {_line(data, data.index(0))}: a NUL, which no variable can hold"
        )
    try:
        return data.decode()
    except UnicodeDecodeError as fault:
        raise BadOutput(f"{what} line {_line(data, fault.start)}: not UTF-8") from None


def _line(data: bytes, at: int) -> int:
    return data.count(b"\n", 0, at) + 1


def _object(data: bytes, what: str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(data, type=dict[str, Any])
    except RecursionError:
        raise BadOutput(f"{what} lies deeper than {DEPTH} levels") from None
    except msgspec.DecodeError as fault:
        at = _AT.search(str(fault))
        line = _line(data, int(at[1]) if at else len(data.rstrip()))
        raise BadOutput(f"{what} line {line}: not a JSON object: {fault}") from None
    for key, value in found.items():
        _check(key, what)
        if wrong := _fault(value, DEPTH):
            raise BadOutput(f"{what}: '{key}' {wrong}")
    return found


def _check(key: str, where: str) -> None:
    if not _KEY.fullmatch(key):
        raise BadOutput(f"{where}: no key like a variable's name: {_short(key)}")


def _fault(value: Any, left: int) -> str:
    """What is wrong with a value; empty: nothing."""
    if isinstance(value, str):
        return "has a NUL in it, which no variable can hold" if "\0" in value else ""
    if not isinstance(value, dict | list):
        return ""
    if not left:
        return f"lies deeper than {DEPTH} levels"
    inner = [*value, *value.values()] if isinstance(value, dict) else value
    return next((fault for each in inner if (fault := _fault(each, left - 1))), "")


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")

"""A value as a param of a workflow counts it: what its type, enum and pattern say of it.

A text is turned into what the type says, since it may come from a command line; any other value
is taken as it is, or refused. Pure; knows no workflow.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from cdktr_common.catalogue.values import Param
from cdktr_common.codec import encode
from cdktr_principal.expressions import patterns

SHOWN: Final = 10
"""Values of an enum that a refusal lists."""

MAX_TEXT: Final = 256 << 10
"""Bytes of a text that is read as JSON."""

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,19}")
_NUMBER: Final = re.compile(
    r"[+-]?(?:[0-9]{1,400}(?:\.[0-9]{0,400})?|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,4})?"
)
_MOST: Final = 1 << 63


class Wrong(Exception):
    """A value that cannot be; the text follows on its name."""


def checked(param: Param, value: Any) -> Any:
    """The value as its param counts it."""
    found = _READERS[param.type](value)
    if param.enum and not any(_same(found, allowed) for allowed in param.enum):
        more = f" and {len(param.enum) - SHOWN} more" if len(param.enum) > SHOWN else ""
        allowed = ", ".join(_shown(each) for each in param.enum[:SHOWN])
        raise Wrong(f"is {_shown(found)}, not one of {allowed}{more}")
    if param.pattern is not None and not patterns.matches(param.pattern, found):
        raise Wrong(f"is {_shown(found)}, which does not match {param.pattern}")
    return found


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: true is not 1, and 1 is 1.0."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else encode(value).decode()
    text = text if text.isprintable() else encode(text).decode()
    return f"'{text[:60]}'" + ("…" if len(text) > 60 else "")


# By type: a value, which may be text, to what it means.


def _kind(value: Any) -> str:
    names: list[tuple[type, str]] = [
        (bool, "true or false"), (int, "a number"), (float, "a number"), (str, "text"),
        (list, "a list"), (dict, "an object"),
    ]  # fmt: skip
    return next(name for kind, name in names if isinstance(value, kind))


def _string(value: Any) -> str:
    if isinstance(value, str):
        if "\0" in value:
            raise Wrong("has a NUL in it")
        return value
    raise Wrong(f"must be text, not {_kind(value)}: write it in quotes")


def _integer(value: Any) -> int:
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Wrong(f"must be a whole number, not {_said(value)}")
    if not -_MOST <= value < _MOST:
        raise Wrong("must be a whole number of at most 64 bits")
    return value


def _number(value: Any) -> float:
    """Always a decimal number, so that expressions may count on it: 3 is 3.0."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = int(value) if _INTEGER.fullmatch(value.strip()) else float(value)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Wrong(f"must be a number, not {_said(value)}")
    if not (-_MOST <= value < _MOST if isinstance(value, int) else math.isfinite(value)):
        raise Wrong("is too large a number")
    return float(value)


def _boolean(value: Any) -> bool:
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    if isinstance(value, bool):
        return value
    raise Wrong(f"must be true or false, not {_said(value)}")


def _list(value: Any) -> list[Any]:
    found = _json(value)
    if isinstance(found, list):
        return _fits(found)
    raise Wrong(f'must be a list, not {_said(value)}: write it as JSON, ["a", "b"]')


def _object(value: Any) -> dict[str, Any]:
    found = _json(value)
    if isinstance(found, dict):
        return _fits(found)
    raise Wrong(f'must be an object, not {_said(value)}: write it as JSON, {{"a": 1}}')


def _json(value: Any) -> Any:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError) as fault:
        if "out of range" in str(fault):
            raise Wrong("has too large a number in it") from None
        return value


T = TypeVar("T", list[Any], dict[str, Any])


def _fits(found: T) -> T:
    """The value, when all whole numbers in it have 64 bits at most."""
    waiting: list[Any] = [found]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list | dict):
            waiting += each.values() if isinstance(each, dict) else each
        elif isinstance(each, int) and not -_MOST <= each < _MOST:
            raise Wrong("has a whole number of more than 64 bits in it")
    return found


def _said(value: Any) -> str:
    return _shown(value) if isinstance(value, str) else _kind(value)


_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "string": _string, "integer": _integer, "number": _number, "boolean": _boolean,
    "list": _list, "object": _object,
}  # fmt: skip

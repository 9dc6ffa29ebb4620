"""The functions that expressions have besides those of the language itself.

Must stay true: each answers soon, whatever it is given: what it makes is bounded by `MAX_TEXT` and
`MAX_ITEMS` before it is made. Pure: the clock and chance come from outside.
"""

from __future__ import annotations

import math
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec

MAX_TEXT: Final = 256 << 10
"""Characters of a text that a function makes."""

MAX_ITEMS: Final = 20_000
"""Items of a list that a function makes."""

_INT64: Final = 2**63


class Refused(Exception):
    """Arguments that a function cannot take; the text says why."""


class Function(NamedTuple):
    """A function: how many arguments it takes, of which types (`any`: whatever), and of which type
    its value is. The names of types are those of `kinds`."""

    least: int
    takes: tuple[str, ...]
    gives: str
    call: Callable[..., Any]


def kind(value: Any) -> str:
    """What a value is, for people."""
    for types, words in _KINDS:
        if isinstance(value, types):
            return words
    return "a value of another kind"


_KINDS: Final[tuple[tuple[type | tuple[type, ...], str], ...]] = (
    (bool, "true or false"), (int, "a whole number"), (float, "a decimal number"), (str, "a text"),
    (list, "a list"), (dict, "an object"), (type(None), "null"), (datetime, "a time"),
    (timedelta, "a duration"), (bytes, "bytes"),
)  # fmt: skip


def as_json(value: Any) -> str:
    """A value as one line of JSON; whole numbers of any kind are written without a point."""
    if isinstance(value, float):
        return number(value)
    return msgspec.json.encode(value).decode()


def number(value: float) -> str:
    """A decimal number as it is written into a text: 3.0 is `3`."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def written(value: Any) -> str:
    """A value as it stands in a text: texts as they are, null as nothing, lists and objects as
    JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else as_json(value)


def plain(value: Any) -> Any:
    """A value of the library as JSON has it, objects with their keys in order, since the library
    has them in none; raises `Refused`."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        named = {key if isinstance(key, str) else as_json(key): key for key in value}
        return {name: plain(value[named[name]]) for name in sorted(named)}
    if isinstance(value, float) and not math.isfinite(value):
        raise Refused(f"is {value}, which is no number")
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, timedelta):
        return f"{number(value.total_seconds())}s"
    if isinstance(value, bytes):
        return b64encode(value).decode()
    raise Refused("is of a kind that is no JSON")


def _items(count: int) -> None:
    if count > MAX_ITEMS:
        raise Refused(f"would make {count} items, at most {MAX_ITEMS} are allowed")


def _length(count: int) -> None:
    if count > MAX_TEXT:
        raise Refused(f"would make a text of {count} characters, at most {MAX_TEXT} are allowed")


def _sequence(first: int, end: int) -> list[int]:
    _items(end - first)
    return list(range(first, end))


def _from_json(text: str) -> Any:
    _length(len(text))
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as fault:
        what = str(fault).removeprefix("JSON is malformed: ")
        raise Refused(f"the text is no JSON: {what}") from None


def _to_json(value: Any) -> str:
    made = as_json(plain(value))
    _length(len(made))
    return made


def _split(text: str, separator: str) -> list[str]:
    if not separator:
        raise Refused("the separator is empty")
    _items(text.count(separator) + 1)
    return text.split(separator)


def _join(items: list[Any], separator: str = "") -> str:
    texts = [_string(item) for item in items]
    _length(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def _string(value: Any) -> str:
    made = written(plain(value))
    _length(len(made))
    return made


def _bool(value: Any) -> bool:
    if isinstance(value, str) and value in ("true", "false"):
        return value == "true"
    if isinstance(value, bool):
        return value
    given = f"'{value[:40]}'" if isinstance(value, str) else kind(value)
    raise Refused(f"{given} is neither true nor false")


def _replace(text: str, old: str, new: str) -> str:
    if not old:
        raise Refused("the text to look for is empty")
    _length(len(text) + text.count(old) * (len(new) - len(old)))
    return text.replace(old, new)


def _len(value: Any) -> int:
    if not isinstance(value, str | list | dict):
        raise Refused(f"{kind(value)} has no length")
    return len(value)


_COUNTED: Final = re.compile(r"\{(?:[0-9]*,)?([0-9]{1,9})")
_LARGE: Final = re.compile(r"\\[pPwW]")


def pattern_cost(pattern: str) -> int:
    """What it costs to compile a regular expression, in tenths of a microsecond, roughly and
    rather too much. A class of all letters of Unicode takes up to 400 µs, and what is to be
    repeated is copied; the library gives up at 10 MiB, after at most 55 ms."""
    copies = math.prod(min(int(count), 1000) or 1 for count in _COUNTED.findall(pattern[:2000]))
    parts = 5000 * len(_LARGE.findall(pattern)) + len(pattern)
    return min(400 + parts * copies, 500_000)


def rfc3339(when: datetime) -> str:
    """A time as text, in UTC."""
    return when.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def known(now: Callable[[], float], fresh: Callable[[int], int]) -> Mapping[str, Function]:
    """All functions by name."""

    def random_int(below: int = _INT64) -> int:
        if below < 1:
            raise Refused("the limit must be at least 1")
        return fresh(below)

    def time() -> str:
        return rfc3339(datetime.fromtimestamp(now(), UTC))

    return {
        **_FIXED,
        "randomInt": Function(0, ("int",), "int", random_int),
        "now": Function(0, (), "text", time),
    }


_FIXED: Final[Mapping[str, Function]] = {
    "sequence": Function(2, ("int", "int"), "list", _sequence),
    "fromJSON": Function(1, ("text",), "any", _from_json),
    "toJSON": Function(1, ("any",), "text", _to_json),
    "split": Function(2, ("text", "text"), "list", _split),
    "join": Function(1, ("list", "text"), "text", _join),
    "len": Function(1, ("any",), "int", _len),
    "lower": Function(1, ("text",), "text", str.lower),
    "upper": Function(1, ("text",), "text", str.upper),
    "trim": Function(1, ("text",), "text", str.strip),
    "replace": Function(3, ("text", "text", "text"), "text", _replace),
    "string": Function(1, ("any",), "text", _string),
    "bool": Function(1, ("any",), "bool", _bool),
}

INSTEAD: Final[Mapping[str, str]] = {"string": "text_of"}
"""Functions that the library would answer itself where it can, and other names for ours."""

TYPE_NAMES: Final = frozenset(
    ("int", "uint", "double", "string", "bool", "bytes", "list", "map", "null_type")
)
"""What `type(x)` may be compared with."""

TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "int": int, "text": str, "list": list, "map": dict, "any": object,
}  # fmt: skip
WORDS: Final[Mapping[str, str]] = {
    "int": "a whole number", "uint": "a whole number", "double": "a decimal number",
    "text": "a text", "list": "a list", "map": "an object", "bool": "true or false",
    "null": "null", "time": "a time", "duration": "a duration", "bytes": "bytes",
    "type": "a type",
}  # fmt: skip


def called(name: str, function: Function, args: tuple[Any, ...]) -> Any:
    """The value of a function; raises `Refused`."""
    if not function.least <= len(args) <= len(function.takes):
        raise Refused(f"{name} takes {counted(function)}, not {len(args)}")
    for arg, wanted in zip(args, function.takes, strict=False):
        good = isinstance(arg, TYPES[wanted]) and (wanted != "int" or not isinstance(arg, bool))
        if not good:
            raise Refused(f"{name} takes {WORDS[wanted]}, not {kind(arg)}")
    try:
        return function.call(*args)
    except Refused as fault:
        raise Refused(f"{name}: {fault}") from None


def counted(function: Function) -> str:
    """How many arguments, in words."""
    least, most = function.least, len(function.takes)
    amount = str(most) if least == most else f"{least} to {most}"
    return f"{amount} argument{'' if amount == '1' else 's'}"


BUILT_IN: Final[Mapping[str, str]] = {
    "size": "int", "int": "int", "uint": "uint", "double": "double", "bytes": "bytes",
    "timestamp": "time", "duration": "duration", "type": "type", "dyn": "any", "has": "bool",
    "matches": "bool", "contains": "bool", "startsWith": "bool", "endsWith": "bool",
    "getFullYear": "int", "getMonth": "int", "getDate": "int", "getDayOfMonth": "int",
    "getDayOfYear": "int", "getDayOfWeek": "int", "getHours": "int", "getMinutes": "int",
    "getSeconds": "int", "getMilliseconds": "int",
}  # fmt: skip
"""The language's own functions and of which type their values are."""

METHODS: Final = frozenset(
    name for name in BUILT_IN
    if name.startswith("get") or name in ("matches", "contains", "startsWith", "endsWith")
)  # fmt: skip
"""Those that are written behind what they are about and in no other way."""

NAMES: Final = frozenset(
    (*BUILT_IN, *_FIXED, "randomInt", "now", "map", "filter", "all", "exists", "exists_one",
     "existsOne")
)  # fmt: skip

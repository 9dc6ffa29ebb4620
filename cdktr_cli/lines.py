"""A line of `cdktr-trigger --stdin` made into a request, or into what is wrong with it.

Without EVENT or --workflow a line is an object with the fields of `event.fire` or `run.start`; with
one of them it is the payload. What a line says is passed on as it was written, once it is known to
be JSON that a server can read: an unreadable request would have no id to be answered by.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final, NamedTuple, NoReturn

from cdktr_cli import payload

LONGEST: Final = 1 << 20
"""Bytes of a line: a payload and what is said about it."""

Fixed = dict[str, Any]
"""What every request says: of the command line."""


class BadLine(Exception):
    """Nothing can be sent for this line; a code of the protocol, and why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Request(NamedTuple):
    """What a line becomes; whether it has a key, and whether it fires an event."""

    body: bytes
    keyed: bool
    event: bool


class Maker:
    """Lines to requests. `fixed`: what is fired or started with lines as payloads; None when the
    lines say it. `key` is the beginning of the keys of lines that have none of their own."""

    def __init__(self, fixed: Fixed | None, key: str | None) -> None:
        self._head = None if fixed is None else dumps(fixed)[:-1].encode()
        self._event = fixed is not None and fixed["type"] == "event.fire"
        self._key = key

    def request(self, number: int, line: bytes, request_id: str) -> Request:
        """The message of a line. Raises BadLine."""
        value = read(line, number)
        names: dict[str, Any] = {"id": request_id}
        if self._key is not None:
            names["key"] = f"{self._key}/{number}"
        if self._head is not None:
            body = b'%s,%s,"payload":%s}' % (self._head, inside(names), line)
            return Request(body, "key" in names, self._event)
        if not isinstance(value, dict):
            raise BadLine("bad_field", f'not an object with "event" or "workflow": {brief(line)}')
        names["type"] = _kind(value)
        if value.get("key") is not None:
            names["key"] = value["key"]
        if value.keys().isdisjoint(names):
            body = b"{%s,%s" % (inside(names), line[1:])
        else:
            body = dumps({**value, **names}).encode()
        return Request(body, "key" in names, names["type"] == "event.fire")


def _kind(value: dict[str, Any]) -> str:
    event, workflow = value.get("event"), value.get("workflow")
    if (event is None) == (workflow is None):
        raise BadLine("bad_field", 'a line says either "event" or "workflow"')
    said = value.get("type")
    kind = "run.start" if event is None else "event.fire"
    if said not in (None, kind):
        raise BadLine("bad_field", f'its "type" is not {kind}')
    return kind


def read(line: bytes, number: int) -> Any:
    """What a line says. Raises BadLine for what no server would read."""
    try:
        text = line.decode()
        value = _DECODER.decode(text)
        payload.refuse_half_characters(text, "")
    except (ValueError, RecursionError, payload.BadPayload):
        pass
    else:
        return value
    try:
        payload.check(line, f"line {number}")
    except payload.BadPayload as fault:
        said = str(fault).removeprefix(f"line {number}: ").replace(" line 1 column", " column")
        raise BadLine("bad_message", said) from None
    raise BadLine("bad_message", f"line {number}: not JSON")


def brief(line: bytes) -> str:
    """The beginning of a line, for people."""
    text = line[:61].decode(errors="replace")
    return text if len(text) <= 60 else text[:60] + "…"


def inside(values: Fixed) -> bytes:
    """An object's names and values without its braces."""
    return dumps(values)[1:-1].encode()


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


def _whole(word: str) -> int:
    return int(word) if len(word) <= payload.DIGITS else _refuse(word)


def _decimal(word: str) -> float:
    value = float(word)
    return value if math.isfinite(value) else _refuse(word)


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse, parse_int=_whole, parse_float=_decimal)
dumps: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

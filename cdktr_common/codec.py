"""Bytes to messages and back.

Strict in what it needs, blind to keys it does not know. Every refusal is a `ProtocolError`; no
input can make it raise anything else. It knows nothing of sockets.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec

from cdktr_common import PROTOCOL
from cdktr_common.catalogue.base import Message, Reply, Request
from cdktr_common.catalogue.common import Error
from cdktr_common.errors import ProtocolError
from cdktr_common.versions import skew

encode = msgspec.json.Encoder().encode
"""A message, value or plain object as UTF-8 JSON on one line."""


class Head(msgspec.Struct):
    """The reserved keys of any message."""

    type: str = ""
    id: str | None = None
    v: int = 1


_head = msgspec.json.Decoder(Head)
_whole = msgspec.json.Decoder(msgspec.Raw)


def head(body: bytes) -> Head:
    """The reserved keys, or an empty head when the body is no message at all."""
    try:
        return _head.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Head()


class RequestDecoder:
    """Decodes the requests one server takes."""

    def __init__(self, kinds: Iterable[type[Request]]) -> None:
        self._types = {str(kind.__struct_config__.tag) for kind in kinds}
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_union(kinds))
        self._own = next((f"cdktr-{kind.to}" for kind in kinds if kind.to != "any"), "this program")

    def decode(self, body: bytes) -> Request:
        """The request in `body`. Raises ProtocolError bad_message, unknown_type, bad_field or
        version."""
        try:
            request: Request = self._decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
            raise self._explain(body, fault) from None
        if request.v != PROTOCOL:
            raise self._other_version(body)
        return request

    def _explain(self, body: bytes, fault: Exception) -> ProtocolError:
        try:  # the first wrong value was found before the end was looked at
            _whole.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as broken:
            return ProtocolError("bad_message", f"not one JSON object: {broken}")
        if not isinstance(fault, msgspec.ValidationError):
            return ProtocolError("bad_message", f"not one JSON object: {fault}")
        if head(body).v != PROTOCOL:
            return self._other_version(body)  # what is unknown here may be good there
        kind = head(body).type
        if kind and kind not in self._types:
            import difflib

            near = difflib.get_close_matches(kind, self._types, 3)
            return ProtocolError("unknown_type", f"no message '{kind[:80]}' is taken here", near)
        return ProtocolError("bad_field", f"{kind or 'message'}: {fault}")

    def _other_version(self, body: bytes) -> ProtocolError:
        said = head(body)
        try:
            who = _introduction.decode(body)
        except msgspec.ValidationError:
            who = _Introduction()
        asks = who.program or _ASKS.get(said.type.partition(".")[0], "")
        return ProtocolError("version", skew(self._own, asks, who.version, said.v))


class _Introduction(msgspec.Struct):
    program: str = ""
    version: str = ""


_introduction = msgspec.json.Decoder(_Introduction)

_ASKS = {"agent": "cdktr-agent", "recorder": "cdktr-logd"}
"""Who sends messages of a family, when they do not say it themselves."""


def _union(kinds: Iterable[type]) -> Any:
    union: Any = None
    for kind in kinds:
        union = kind if union is None else union | kind
    return union


@lru_cache(maxsize=64)
def _reply_decoder(expected: tuple[type, ...]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(_union((*expected, Error)))


def decode_reply(body: bytes, request: type[Request]) -> Reply:
    """The reply to a request of that type. Raises the ProtocolError that the reply carries, or
    bad_message when it is none of the replies the catalogue allows."""
    try:
        reply: Reply = _reply_decoder(request.answers).decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise ProtocolError("bad_message", f"unexpected reply: {fault}") from None
    if isinstance(reply, Error):
        raise ProtocolError(reply.code, reply.detail, reply.near, retry=reply.retry)
    return reply


def with_id(body: bytes, request_id: str | None) -> bytes:
    """An encoded message without id, now carrying `request_id`. Saves building it again."""
    if request_id is None:
        return body
    return b'{"id":' + encode(request_id) + b"," + body[1:]


def error_body(fault: ProtocolError) -> bytes:
    """The `error` reply that tells `fault`."""
    return encode(
        Error(code=fault.code, detail=fault.detail[:2000], retry=fault.retry, near=fault.near[:10])
    )


def tag_of(kind: type[Message]) -> str:
    """The wire type of a message class."""
    return str(kind.__struct_config__.tag)

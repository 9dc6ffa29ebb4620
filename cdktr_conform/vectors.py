"""The test vectors: frames and what they mean, made from the catalogue.

Every example of the catalogue is one; malformed input, and odd but valid one, is listed here. Knows
no socket: `tests/vectors/*.json` is written from this, and the checks of a server send it.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec

from cdktr_common.catalogue import FACTS, PUBLISHED, REPLIES, REQUESTS
from cdktr_common.codec import tag_of
from cdktr_common.sockets import MAX_FRAMES

Vector = dict[str, Any]

PING = '{"type":"ping","id":"7"}'


def requests() -> list[Vector]:
    return [
        {"to": kind.to, "frames": ["", kind.example], "message": json.loads(kind.example)}
        for kind in REQUESTS
    ]


def replies() -> list[Vector]:
    """Each reply with every request that it may answer."""
    return [
        {
            "request": tag_of(request),
            "frames": ["", reply.example],
            "message": json.loads(reply.example),
        }
        for reply in REPLIES
        for request in REQUESTS
        if reply in request.answers or tag_of(reply) == "error"
    ]


def facts() -> list[Vector]:
    published = [
        {"frames": [topic, kind.example], "message": json.loads(kind.example)}
        for kind, topic in zip(PUBLISHED, ("stat/", "load/", "log/etl/k3f9x2mq7a/a/"), strict=True)
    ]
    return [
        {
            "frames": [msgspec.json.decode(kind.example, type=kind).topic(), kind.example],
            "message": json.loads(kind.example),
        }
        for kind in FACTS
    ] + published


def malformed() -> list[Vector]:
    """Bodies that are refused, and the code of the refusal."""
    every = [
        ("", "bad_message"),
        ("hello", "bad_message"),
        ('{"type":"ping"', "bad_message"),
        ('{"type":"ping"} trailing', "bad_message"),
        (b'{"type":"ping","id":"\xff"}', "bad_message"),
        ('{"type":"ping","x":' + "[" * 5000, "bad_message"),
        ("[" * 5000, "bad_message"),
        ('{"type":"ping","v":"x"', "bad_message"),
        ('["ping"]', "bad_field"),
        ("7", "bad_field"),
        ("null", "bad_field"),
        ("{}", "bad_field"),
        ('{"type":7}', "bad_field"),
        ('{"type":null}', "bad_field"),
        ('{"type":"pin"}', "unknown_type"),
        ('{"type":"pong","program":"x","version":"1"}', "unknown_type"),
        ('{"type":"ping","id":7}', "bad_field"),
        ('{"type":"ping","v":"1"}', "bad_field"),
        ('{"type":"ping","v":2}', "version"),
    ]
    principal = [
        ('{"type":"run.start","workflow":7}', "bad_field"),
        ('{"type":"run.start","plan":{"tasks":[]}}', "bad_field"),
        ('{"type":"run.wait","run":"a","wait_s":"1"}', "bad_field"),
        ('{"type":"run.show"}', "bad_field"),
        ('{"type":"event.list","after":1.5}', "bad_field"),
        ('{"type":"run.list","state":"DONE"}', "bad_field"),
        ('{"type":"log.query"}', "unknown_type"),
    ]
    logd = [
        ('{"type":"log.read","run":"a"}', "bad_field"),
        ('{"type":"log.append","agent":"a","chunks":{}}', "bad_field"),
        ('{"type":"history.list","table":"secrets"}', "bad_field"),
        ('{"type":"run.start","workflow":"etl"}', "unknown_type"),
    ]
    return [
        {"to": to, "frames": ["", frame(body)], "error": code}
        for to, cases in (("any", every), ("principal", principal), ("logd", logd))
        for body, code in cases
    ]


def tolerated() -> list[Vector]:
    """Odd, and yet to be read as the plain message."""
    odd = [
        ('{"type":"ping","id":"7","colour":"blue"}', PING),
        ('{ "id" : "7" ,\n "type" : "ping" }', PING),
        ('{"id":"7","type":"ping","v":1}', PING),
        ('{"type":"ping","id":"7","nested":{"type":"run.start"}}', PING),
        ('{"type":"ping","id":"\\u0037"}', PING),
        ('{"type":"ping"}', '{"type":"ping","id":null}'),
    ]
    return [{"to": "any", "frames": ["", body], "same_as": json.loads(as_)} for body, as_ in odd]


def envelopes() -> list[Vector]:
    """What comes before the body goes back unchanged."""
    fronts: list[list[str]] = [
        [],
        [""],
        ["1", ""],
        ["a", "b", ""],
        ["f"] * (MAX_FRAMES - 3) + [""],
    ]
    return [{"request": [*front, PING], "reply_front": front} for front in fronts]


def frame(body: object) -> Any:
    return body if not isinstance(body, bytes) else {"b64": base64.b64encode(body).decode()}


def frame_bytes(value: Any) -> bytes:
    """A frame of a vector as it goes over the wire."""
    return base64.b64decode(value["b64"]) if isinstance(value, dict) else str(value).encode()

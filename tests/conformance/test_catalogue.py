"""The catalogue against itself: examples, vectors and PROTOCOL.md say the same."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from cdktr_common import spec
from cdktr_common.catalogue import (
    COMMON_REQUESTS,
    FACTS,
    LOGD_REQUESTS,
    PRINCIPAL_REQUESTS,
    PUBLISHED,
    REPLIES,
    REQUESTS,
)
from cdktr_common.codec import RequestDecoder, decode_reply, encode, tag_of
from cdktr_common.errors import ProtocolError

VECTORS = Path(__file__).parent.parent / "vectors"
SERVERS = {"principal": PRINCIPAL_REQUESTS, "logd": LOGD_REQUESTS}


def vectors_module() -> ModuleType:
    loaded = importlib.util.spec_from_file_location("make_vectors", VECTORS / "make.py")
    assert loaded is not None and loaded.loader is not None
    module = importlib.util.module_from_spec(loaded)
    loaded.loader.exec_module(module)
    return module


make = vectors_module()


def read(name: str) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = json.loads((VECTORS / name).read_text())
    return content


def decoders(to: str) -> list[RequestDecoder]:
    """The decoders of the servers that a vector is for."""
    return [
        RequestDecoder((*COMMON_REQUESTS, *kinds))
        for server, kinds in SERVERS.items()
        if to in (server, "any")
    ]


@pytest.mark.parametrize("kind", (*REQUESTS, *REPLIES, *FACTS, *PUBLISHED), ids=spec.tag)
def test_each_example_is_decoded_and_encoded_to_itself(kind: type) -> None:
    example: str = kind.example  # type: ignore[attr-defined]
    assert encode(msgspec.json.decode(example, type=kind)).decode() == example


def test_wire_names_are_used_once() -> None:
    names = [spec.tag(kind) for kind in (*REQUESTS, *REPLIES, *FACTS, *PUBLISHED)]
    assert len(names) == len(set(names))


def test_the_page_says_what_the_catalogue_says() -> None:
    assert spec.main(["--check"]) == 0


def test_the_vectors_are_what_the_catalogue_says() -> None:
    assert {name: (VECTORS / name).read_text() for name in make.all_vectors()} == make.all_vectors()


@pytest.mark.parametrize("vector", read("malformed.json"), ids=lambda v: str(v["frames"][-1])[:40])
def test_malformed_requests_are_refused_with_their_code(vector: dict[str, Any]) -> None:
    body = make.frame_bytes(vector["frames"][-1])
    for decoder in decoders(vector["to"]):
        with pytest.raises(ProtocolError) as refusal:
            decoder.decode(body)
        assert refusal.value.code == vector["error"]


@pytest.mark.parametrize("vector", read("tolerated.json"), ids=lambda v: v["frames"][-1])
def test_odd_requests_are_read_as_the_plain_ones(vector: dict[str, Any]) -> None:
    plain = encode(vector["same_as"])
    for decoder in decoders(vector["to"]):
        assert decoder.decode(vector["frames"][-1].encode()) == decoder.decode(plain)


@pytest.mark.parametrize("vector", read("replies.json"), ids=lambda v: v["request"])
def test_replies_are_taken_for_the_requests_they_answer(vector: dict[str, Any]) -> None:
    request = next(kind for kind in REQUESTS if tag_of(kind) == vector["request"])
    body = vector["frames"][-1].encode()
    if vector["message"]["type"] == "error":
        with pytest.raises(ProtocolError) as refusal:
            decode_reply(body, request)
        assert refusal.value.code == vector["message"]["code"]
    else:
        assert json.loads(encode(decode_reply(body, request))) == vector["message"]

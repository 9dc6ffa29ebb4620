"""The running daemons as a stranger sees them: plain pyzmq and json, no line of our own library.

Every malformed vector is answered with its code, every odd one as the plain one, envelopes come
back unchanged, and the server is still there for everybody else.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from tests.integration.harness import Env, environment

VECTORS = Path(__file__).parent.parent / "vectors"
SERVERS = ("principal", "logd")


def read(name: str) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = json.loads((VECTORS / name).read_text())
    return content


def wire(frame: Any) -> bytes:
    return base64.b64decode(frame["b64"]) if isinstance(frame, dict) else frame.encode()


@pytest.fixture(scope="module")
def system() -> Iterator[Env]:
    with environment() as env:
        env.workflow("etl", "tasks:\n  a: {command: echo hello}\n")
        env.everything()
        yield env


@pytest.fixture(scope="module")
def context() -> Iterator[zmq.Context[zmq.Socket[bytes]]]:
    with zmq.Context() as context:
        yield context


class Stranger:
    """A socket to a server, with a bound on waiting."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str, kind: int) -> None:
        self.socket = context.socket(kind)
        self.socket.linger = 0
        self.socket.rcvtimeo = 10_000
        self.socket.connect(endpoint)

    def ask(self, body: bytes) -> dict[str, Any]:
        self.socket.send(body)
        reply: dict[str, Any] = json.loads(self.socket.recv())
        return reply

    def __enter__(self) -> Stranger:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, system: Env) -> tuple[str, str]:
    """A server's name and address."""
    return request.param, f"ipc://{system.home}/run/{request.param}.sock"


def test_malformed_requests_are_answered_with_their_code(
    server: tuple[str, str], context: zmq.Context[zmq.Socket[bytes]]
) -> None:
    name, endpoint = server
    with Stranger(context, endpoint, zmq.REQ) as stranger:
        for vector in read("malformed.json"):
            if vector["to"] not in ("any", name):
                continue
            reply = stranger.ask(wire(vector["frames"][-1]))
            assert (reply["type"], reply["code"]) == ("error", vector["error"]), vector
            assert "Traceback" not in reply["detail"]
        assert stranger.ask(b'{"type":"ping"}')["type"] == "pong"


def test_odd_requests_are_answered_as_the_plain_ones(
    server: tuple[str, str], context: zmq.Context[zmq.Socket[bytes]]
) -> None:
    with Stranger(context, server[1], zmq.REQ) as stranger:
        for vector in read("tolerated.json"):
            reply = stranger.ask(wire(vector["frames"][-1]))
            assert (reply["type"], reply.get("id")) == ("pong", vector["same_as"].get("id")), vector


def test_all_frames_but_the_last_come_back_unchanged(
    server: tuple[str, str], context: zmq.Context[zmq.Socket[bytes]]
) -> None:
    with Stranger(context, server[1], zmq.DEALER) as stranger:
        for vector in read("envelopes.json"):
            stranger.socket.send_multipart([wire(frame) for frame in vector["request"]])
            *front, body = stranger.socket.recv_multipart()
            assert front == [wire(frame) for frame in vector["reply_front"]]
            assert json.loads(body)["type"] == "pong"


def test_too_many_frames_and_too_large_ones_disturb_nobody(
    server: tuple[str, str], context: zmq.Context[zmq.Socket[bytes]]
) -> None:
    _, endpoint = server
    with (
        Stranger(context, endpoint, zmq.DEALER) as many,
        Stranger(context, endpoint, zmq.DEALER) as large,
        Stranger(context, endpoint, zmq.REQ) as other,
    ):
        many.socket.send_multipart([b"x"] * 2000)
        large.socket.send(b" " * (5 << 20))
        assert other.ask(b'{"type":"ping"}')["type"] == "pong"
        many.socket.send_multipart([b"", b'{"type":"ping"}'])
        assert json.loads(many.socket.recv_multipart()[-1])["type"] == "pong"


def test_correlated_requests_work(
    server: tuple[str, str], context: zmq.Context[zmq.Socket[bytes]]
) -> None:
    with Stranger(context, server[1], zmq.REQ) as stranger:
        stranger.socket.setsockopt(zmq.REQ_CORRELATE, 1)
        assert stranger.ask(b'{"type":"hello","id":"1"}')["type"] == "welcome"


def test_one_line_of_json_starts_a_workflow_and_one_reads_its_output(
    system: Env, context: zmq.Context[zmq.Socket[bytes]]
) -> None:
    principal = f"ipc://{system.home}/run/principal.sock"
    with Stranger(context, principal, zmq.REQ) as stranger:
        run = stranger.ask(b'{"type":"run.start","workflow":"etl"}')["runs"][0]["run"]
        waited = stranger.ask(json.dumps({"type": "run.wait", "run": run, "wait_s": 30}).encode())
        assert waited["run"]["state"] == "COMPLETED"
        addresses = stranger.ask(b'{"type":"hello"}')["endpoints"]
    logd = next(address for address in addresses["logd"] if address.startswith("ipc"))
    with Stranger(context, logd, zmq.REQ) as stranger:
        ask = json.dumps({"type": "log.read", "run": run, "task": "a"}).encode()
        for _ in range(2000):
            chunks = stranger.ask(ask).get("chunks", [])
            if chunks:
                break
        assert chunks[0]["text"] == "hello\n"


def test_the_same_id_again_gets_the_same_answer_and_no_second_run(
    system: Env, context: zmq.Context[zmq.Socket[bytes]]
) -> None:
    principal = f"ipc://{system.home}/run/principal.sock"
    body = b'{"type":"run.start","id":"once-and-again","workflow":"etl"}'
    with (
        Stranger(context, principal, zmq.REQ) as first,
        Stranger(context, principal, zmq.REQ) as second,
    ):
        runs = [stranger.ask(body)["runs"] for stranger in (first, second, first)]
    assert runs[0] == runs[1] == runs[2]

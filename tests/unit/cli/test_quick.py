"""The small ZMTP client against real ROUTER sockets, and against things that are none."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq

from cdktr_cli import quick
from cdktr_common.errors import ProtocolError, Unreachable

Answer = Callable[[dict[str, object], int], list[bytes]]


class Server:
    """A ROUTER in a thread: `answer(request, count)` gives the bodies to reply with."""

    def __init__(self, endpoint: str, answer: Answer, beat_ms: int = 30) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.router = self.context.socket(zmq.ROUTER)
        self.router.linger = 0
        self.router.setsockopt(zmq.HEARTBEAT_IVL, beat_ms)
        self.router.setsockopt(zmq.HEARTBEAT_TIMEOUT, 3 * beat_ms + 10)
        self.router.bind(endpoint)
        self.endpoint = bytes(self.router.getsockopt(zmq.LAST_ENDPOINT)).rstrip(b"\0").decode()
        self.answer = answer
        self.asked: list[dict[str, object]] = []
        self.frames = 0
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self) -> None:
        while True:
            *envelope, body = self.router.recv_multipart()
            if body == b"stop":
                break
            self.frames = len(envelope) + 1
            self.asked.append(json.loads(body))
            for reply in self.answer(self.asked[-1], len(self.asked)):
                self.router.send_multipart([*envelope, reply])
        self.router.close(0)

    def close(self) -> None:
        with self.context.socket(zmq.DEALER) as stopper:
            stopper.connect(self.endpoint)
            stopper.send(b"stop")
            self.thread.join(10)
        self.context.term()


@pytest.fixture
def serve() -> Iterator[Callable[[str, Answer], Server]]:
    """Servers that are closed at the end."""
    servers: list[Server] = []

    def start(endpoint: str, answer: Answer) -> Server:
        servers.append(Server(endpoint, answer))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def ask(endpoint: str, timeout_s: float, body: bytes, request_id: str) -> quick.Message:
    with quick.Dealer(endpoint, timeout_s) as dealer:
        return dealer.ask(body, request_id)


def echo(request: dict[str, object], _: int) -> list[bytes]:
    return [json.dumps(request).encode()]


@pytest.mark.parametrize("transport", ["ipc", "tcp"])
@pytest.mark.parametrize("size", [0, 100, 300, 70_000, 3_000_000])
def test_any_size_over_any_transport(
    serve: Callable[[str, Answer], Server], tmp_path: Path, transport: str, size: int
) -> None:
    where = f"ipc://{tmp_path}/s" if transport == "ipc" else "tcp://127.0.0.1:*"
    server = serve(where, echo)
    dealer = quick.Dealer(server.endpoint, 10.0)
    body = json.dumps({"type": "x", "id": "7", "data": "é" * size}, ensure_ascii=False).encode()
    for _ in range(2):
        assert dealer.ask(body, "7")["data"] == "é" * size
    assert server.frames == 3  # routing id, the empty frame, the body: as any REQ socket sends
    dealer.close()


def test_answers_to_others_are_left_alone_and_heartbeats_are_answered(
    serve: Callable[[str, Answer], Server], tmp_path: Path
) -> None:
    late = threading.Event()

    def answer(request: dict[str, object], _: int) -> list[bytes]:
        late.wait(0.3)  # ten heartbeats
        return [b"no json", b'{"id":"6"}', b'{"id":"7","type":"pong"}']

    server = serve(f"ipc://{tmp_path}/s", answer)
    assert ask(server.endpoint, 10.0, b'{"id":"7"}', "7") == {
        "id": "7",
        "type": "pong",
    }
    assert len(server.asked) == 1


def test_an_error_is_raised_with_its_code(
    serve: Callable[[str, Answer], Server], tmp_path: Path
) -> None:
    reply = b'{"type":"error","id":"7","code":"not_found","detail":"no","near":["etl"]}'
    server = serve(f"ipc://{tmp_path}/s", lambda *_: [reply])
    with pytest.raises(ProtocolError) as refused:
        ask(server.endpoint, 10.0, b'{"id":"7"}', "7")
    assert (refused.value.code, refused.value.near, refused.value.exit) == ("not_found", ["etl"], 3)


def test_a_server_that_comes_late_is_still_reached(tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/s"
    answers: list[quick.Message] = []
    asking = threading.Thread(
        target=lambda: answers.append(ask(endpoint, 10.0, b'{"id":"7"}', "7"))
    )
    asking.start()
    server = Server(endpoint, echo)
    asking.join(10)
    server.close()
    assert answers == [{"id": "7"}]


@pytest.mark.parametrize("endpoint", ["ipc:///tmp/cdktr-nobody/s", "tcp://127.0.0.1:1"])
def test_nobody_there(endpoint: str) -> None:
    with pytest.raises(Unreachable, match=r"no answer from .* within 0.1 s"):
        ask(endpoint, 0.1, b'{"id":"7"}', "7")


def test_a_server_that_is_silent_or_hangs_up() -> None:
    """Resent to the end of the time, on new connections, and then given up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def hang_up() -> None:
            for _ in range(2):
                listener.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(Unreachable):
            ask(f"tcp://127.0.0.1:{port}", 0.5, b'{"id":"7"}', "7")
        thread.join(10)
        assert not thread.is_alive()


def test_something_else_on_the_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def greet() -> None:
            peer = listener.accept()[0]
            peer.sendall(b"HTTP/1.1 400 Bad Request\r\n" + b" " * 64)
            peer.recv(1)
            peer.close()

        thread = threading.Thread(target=greet)
        thread.start()
        with pytest.raises(ProtocolError, match="does not speak ZMTP"):
            ask(f"tcp://127.0.0.1:{port}", 5.0, b'{"id":"7"}', "7")
        thread.join(10)

"""Many questions over one connection, against a real ROUTER: answers in any order, of any size, and
a server that is replaced under them."""

from __future__ import annotations

import json
import select
import socket
import threading
import time
from pathlib import Path

import pytest

from cdktr_cli.pipeline import Answer, Pipeline
from cdktr_cli.quick import Lost
from tests.unit.cli.test_quick import Server

CALM = 5_000  # ms between heartbeats: a machine that stands still for a moment loses nothing


def body(number: int, size: int = 0) -> bytes:
    return json.dumps({"type": "x", "id": str(number), "data": "é" * size}).encode()


def answers(pipe: Pipeline, count: int, seconds: float = 20.0) -> list[Answer]:
    """So many answers, over as many connections as it takes."""
    found: list[Answer] = []
    end = time.monotonic() + seconds
    while len(found) < count:
        assert time.monotonic() < end, found
        try:
            pipe.connect()
            assert pipe.socket is not None
            select.select([pipe.socket], [pipe.socket] if pipe.unsent else [], [], 0.05)
            found += pipe.exchange()
        except Lost:
            threading.Event().wait(0.01)
    return found


def test_answers_come_in_any_order_and_of_any_size(tmp_path: Path) -> None:
    held: list[bytes] = []

    def answer(request: dict[str, object], count: int) -> list[bytes]:
        """All of them once there are 100, the last one first."""
        held.insert(0, json.dumps(request).encode())
        return held if count == 100 else []

    server = Server(f"ipc://{tmp_path}/s", answer, CALM)
    pipe = Pipeline(server.endpoint)
    for number in range(100):
        pipe.ask(str(number), body(number, size=number * 700))
    assert pipe.size > 100 * 99 * 350
    found = answers(pipe, 100)
    assert [answer.message["id"] for answer in found] == [str(n) for n in reversed(range(100))]
    assert all(len(a.message["data"]) == int(a.message["id"]) * 700 for a in found)
    assert not any(answer.again for answer in found)
    assert (pipe.asked, pipe.size, pipe.unsent) == ({}, 0, False)
    pipe.close()
    server.close()


def test_what_nobody_asked_for_and_what_is_said_twice_is_left_alone(tmp_path: Path) -> None:
    def answer(request: dict[str, object], _: int) -> list[bytes]:
        told = json.dumps(request).encode()
        return [b"no json", b'{"id":"6"}', told, told]

    server = Server(f"ipc://{tmp_path}/s", answer, CALM)
    pipe = Pipeline(server.endpoint)
    for number in (7, 8):
        pipe.ask(str(number), body(number))
    assert [answer.message["id"] for answer in answers(pipe, 2)] == ["7", "8"]
    pipe.ask("9", body(9))
    assert [answer.message["id"] for answer in answers(pipe, 1)] == ["9"]
    pipe.close()
    server.close()


def test_a_heartbeat_is_answered_with_what_it_carries(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{tmp_path}/s")
        listener.listen()
        pipe = Pipeline(f"ipc://{tmp_path}/s")
        made = threading.Thread(target=pipe.connect)
        made.start()
        peer, _ = listener.accept()
        with peer:
            peer.settimeout(10)
            greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
            peer.sendall(greeting + b"\x04\x09\x04PING\0\0ab")
            made.join(10)
            pong = b"\x04\x07\x04PONGab"
            came = b""
            while not came.endswith(pong):
                assert pipe.socket is not None
                select.select([pipe.socket], [], [], 0.05)
                pipe.exchange()
                came += peer.recv(1 << 16)
        pipe.close()


def test_what_has_no_answer_is_asked_again_of_the_next_server(tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/s"
    deaf = Server(
        endpoint,
        lambda request, count: [] if count > 2 else [json.dumps(request).encode()],
        CALM,
    )
    pipe = Pipeline(endpoint)
    for number in range(5):
        pipe.ask(str(number), body(number))
    first = answers(pipe, 2)
    deaf.close()
    with pytest.raises(Lost):
        answers_until_lost(pipe)
    pipe.ask("5", body(5))  # while nobody is there
    server = Server(endpoint, lambda request, _: [json.dumps(request).encode()], CALM)
    second = answers(pipe, 4)
    assert [a.message["id"] for a in [*first, *second]] == ["0", "1", "2", "3", "4", "5"]
    assert [a.again for a in [*first, *second]] == [False, False, True, True, True, False]
    assert [str(request["id"]) for request in server.asked] == ["2", "3", "4", "5"]
    pipe.close()
    server.close()


def answers_until_lost(pipe: Pipeline) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        assert pipe.socket is not None
        select.select([pipe.socket], [], [], 0.05)
        assert pipe.exchange() == []


def test_nobody_there_is_told_at_once(tmp_path: Path) -> None:
    pipe = Pipeline(f"ipc://{tmp_path}/nobody")
    pipe.ask("1", body(1))
    with pytest.raises(Lost):
        pipe.connect()
    assert list(pipe.asked) == ["1"]

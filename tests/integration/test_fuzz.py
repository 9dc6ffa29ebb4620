"""Messages that are almost right, too large, of too many frames, or no messages at all: they are
answered where they can be, nobody dies, others are served and keep what is theirs."""

from __future__ import annotations

import json
import random
import socket as stdsocket
from typing import Any

import psutil
import pytest
import zmq

from cdktr_common.catalogue import COMMON_REQUESTS, LOGD_REQUESTS, PRINCIPAL_REQUESTS
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import Plan, TaskPlan, TaskResult
from tests.integration.harness import Env, Proc

WINDOW = 256
"""Messages under way at a time."""

ODD: list[Any] = [
    None, True, -1, 0, 1, 2**31, 2**63, -(2**70), 1e308, -0.5, "", "last", "a/b/1/1-x", "\0",
    "\ud83d\ude00", "x" * 5000, [], [[]], {}, {"a": {}}, [None], ["", "x"], {"": 1},
]  # fmt: skip

Kinds = tuple[type, ...]
TO_PRINCIPAL: Kinds = (*COMMON_REQUESTS, *PRINCIPAL_REQUESTS)
TO_LOGD: Kinds = (*COMMON_REQUESTS, *LOGD_REQUESTS)


def mutated(dice: random.Random, value: Any) -> Any:
    """The value with one part of it made odd, dropped or doubled."""
    if isinstance(value, dict) and value and dice.random() < 0.8:
        changed = dict(value)
        key = dice.choice([*changed])
        if key == "type" and dice.random() < 0.9:
            return changed
        if dice.random() < 0.15:
            del changed[key]
        else:
            changed[key] = mutated(dice, changed[key])
        return changed
    if isinstance(value, list) and value and dice.random() < 0.8:
        at = dice.randrange(len(value))
        return [*value[:at], mutated(dice, value[at]), *value[at:]]
    return dice.choice(ODD)


def mutants(kinds: Kinds, seed: int, count: int) -> list[bytes]:
    """Mutated examples, each with an id of its own; none waits for long."""
    dice = random.Random(seed)
    examples = [json.loads(kind.example) for kind in kinds]  # type: ignore[attr-defined]
    bodies = []
    for number in range(count):
        message = dice.choice(examples)
        for _ in range(dice.randint(1, 3)):
            message = mutated(dice, message)
        if isinstance(message, dict):
            polls = {"task.fetch": "f-", "agent.beat": "b-"}
            kind = message.get("type")
            mark = polls.get(kind, "") if isinstance(kind, str) else ""
            message = {**message, "id": f"{mark}{seed}-{number}"}
            if "wait_s" in message or message.get("type") == "run.wait":
                message["wait_s"] = 0
        bodies.append(json.dumps(message).encode())
    return bodies


def held_back(body: bytes) -> bool:
    """May it stay without an answer? A long poll may, when another takes its place."""
    return b'"id": "f-' in body or b'"id": "b-' in body


class Talk:
    """A connection of a peer that cannot be trusted, and one of somebody else who is served."""

    def __init__(self, endpoint: str) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.peer = self._dealer(endpoint)
        self.other = self._dealer(endpoint)

    def _dealer(self, endpoint: str) -> zmq.Socket[bytes]:
        socket = self._context.socket(zmq.DEALER)
        socket.linger = 0
        socket.connect(endpoint)
        return socket

    def pipe(self, bodies: list[bytes]) -> tuple[int, int]:
        """Send them, a window at a time, and take the answers: how many were answered, and how
        many of these were not refused. Another client is served in between."""
        answered = taken = 0
        for start in range(0, len(bodies), WINDOW):
            part = bodies[start : start + WINDOW]
            for body in part:
                self.peer.send_multipart((b"", body))
            self.ping()
            left = sum(not held_back(body) for body in part)
            while left:
                assert self.peer.poll(10_000), f"{left} of {len(part)} without an answer"
                answer = self.peer.recv_multipart()[-1]
                taken += b'"type":"error"' not in answer
                if not any(b'"id":"' + mark in answer for mark in (b"f-", b"b-")):
                    left -= 1
                    answered += 1
        return answered, taken

    def ping(self, seconds: float = 5.0) -> None:
        """Is somebody else served?"""
        self.other.send_multipart((b"", b'{"type":"ping"}'))
        assert self.other.poll(int(seconds * 1000)), "others are not served"
        self.other.recv_multipart()

    def close(self) -> None:
        self._context.destroy(0)


def rss(proc: Proc) -> float:
    """Megabytes."""
    return float(psutil.Process(proc.pid).memory_info().rss) / 1e6


@pytest.mark.parametrize("seed", [1, 2])
def test_mutated_messages_are_answered_and_hurt_nobody(env: Env, seed: int) -> None:
    env.workflow("etl", "events: [new-file]\ntasks:\n  a: {command: 'true'}\n")
    principal, logd, _ = env.everything()
    for name, kinds in (("principal", TO_PRINCIPAL), ("logd", TO_LOGD)):
        talk = Talk(f"ipc://{env.home}/run/{name}.sock")
        assert talk.pipe(mutants(kinds, seed, 1500))[1] > 100
        talk.close()
    assert principal.popen.poll() is None and logd.popen.poll() is None
    assert env.wait(env.run("true")).state == "COMPLETED"
    principal.kill()
    env.principal()
    assert env.wait(env.run("true")).state == "COMPLETED"


def bystanders(env: Env) -> tuple[list[str], str]:
    """A run that has ended, one that is held by an agent of ours with its token, one that waits."""
    client = env.client()
    hello = p.AgentHello(agent="mine", aid="mine", boot="b1", slots=2)
    client.ask(hello, p.AgentWelcome)
    runs = [env.run("true"), env.run("true")]
    fetch = p.TaskFetch(agent="mine", boot="b1", free=2, wait_s=5.0)
    batch = client.ask(fetch, p.TaskBatch, wait_s=5.0)
    tokens = {task.run: task.token for task in batch.tasks}
    report(env, tokens[runs[0]])
    nobody = TaskPlan(id="t", command="true", labels=["nobody-has-it"])
    runs.append(env.submit(Plan(workflow="adhoc", tasks=[nobody])))
    env.run("true")  # the mutants may do as they like with `last`
    return runs, tokens[runs[1]]


def report(env: Env, token: str) -> p.TaskReported:
    result = TaskResult(token=token, state="COMPLETED", code=0)
    request = p.TaskReport(agent="mine", boot="b1", results=[result])
    return env.client().ask(request, p.TaskReported)


def seen(env: Env, runs: list[str]) -> list[object]:
    """All that can be asked about them."""
    client = env.client()
    answers: list[object] = []
    for run in runs:
        answers.append(client.ask(p.RunShow(run=run), p.RunDetail).run)
        answers.append(client.ask(p.TaskList(run=run), p.TaskPage).tasks)
    return answers


def pressed(env: Env, count: int, most_mb: float) -> None:
    """So many mutants to both daemons; then everything of the bystanders is as it was."""
    env.environ.pop("CDKTR_TAP", None)  # it would be the traffic of this test and little else
    env.workflow("etl", "events: [new-file]\ntasks:\n  a: {command: 'true'}\n")
    principal, logd = env.principal(), env.logd()
    runs, token = bystanders(env)
    before = seen(env, runs)
    for name, proc, kinds in (("principal", principal, TO_PRINCIPAL), ("logd", logd, TO_LOGD)):
        talk = Talk(f"ipc://{env.home}/run/{name}.sock")
        talk.pipe(mutants(kinds, 3, 2000))
        settled = rss(proc)
        answered, taken = talk.pipe(mutants(kinds, 4, count // 2))
        assert answered > count // 2 * 0.8 and taken > answered // 20
        grown = rss(proc) - settled
        assert grown < most_mb, f"{name} has grown by {grown:.0f} MB"
        assert proc.popen.poll() is None
        talk.close()
    assert seen(env, runs) == before
    principal.kill()
    env.principal()
    assert seen(env, runs) == before
    assert report(env, token).ack == [token]


def test_twenty_thousand_mutants_change_nothing_of_others(env: Env) -> None:
    pressed(env, 20_000, 60.0)


@pytest.mark.long
def test_a_hundred_thousand_mutants_change_nothing_of_others(env: Env) -> None:
    pressed(env, 100_000, 120.0)


def test_frames_too_large_or_too_many_cost_only_their_sender(env: Env) -> None:
    principal, logd = env.principal(), env.logd()
    for name, proc in (("principal", principal), ("logd", logd)):
        talk = Talk(f"ipc://{env.home}/run/{name}.sock")
        talk.ping()
        before = rss(proc)
        talk.peer.send_multipart((b"", b"x" * (5 << 20)))
        talk.ping()
        talk.peer.send_multipart([b""] * 50_000)
        talk.ping(20.0)
        for _ in range(20):
            talk.peer.send_multipart((b"", b'{"type":"ping","x":' + b"[" * 100_000))
        talk.ping()
        assert rss(proc) - before < 80
        assert proc.popen.poll() is None
        talk.close()


GREETING = b"\xff\0\0\0\0\0\0\0\1\x7f\3\0NULL" + b"\0" * 48


def garbage(dice: random.Random) -> bytes:
    """What somebody may send to a port who is no peer of ours."""
    kind = dice.randrange(5)
    if kind == 0:
        return b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
    if kind == 1:
        return dice.randbytes(dice.randrange(1, 3000))
    if kind == 2:
        return GREETING[: dice.randrange(1, len(GREETING))]
    if kind == 3:
        return GREETING + b"\2" + (1 << 62).to_bytes(8, "big") + b"x" * 100
    flipped = bytearray(GREETING + b"\4\x19\5READY\x0bSocket-Type\0\0\0\6DEALER")
    flipped[dice.randrange(len(flipped))] ^= 1 << dice.randrange(8)
    return bytes(flipped) + dice.randbytes(50)


def test_garbage_and_half_handshakes_on_the_ports(env: Env) -> None:
    dice = random.Random(5)
    principal = env.start("principal", "--host-port", "127.0.0.1:0", "--insecure")
    endpoints = [one for one in principal.ready() if one.startswith("tcp:")]
    before = rss(principal)
    held: list[stdsocket.socket] = []
    for number in range(600):
        host, _, port = dice.choice(endpoints).removeprefix("tcp://").rpartition(":")
        sock = stdsocket.create_connection((host, int(port)), 5)
        sock.sendall(garbage(dice))
        if number % 4:
            sock.close()
        else:
            held.append(sock)
    talk = Talk(endpoints[0])
    for _ in range(50):
        talk.ping()
    talk.close()
    for sock in held:
        sock.close()
    assert principal.popen.poll() is None
    assert rss(principal) - before < 40

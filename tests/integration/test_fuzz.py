"""Messages that are almost right: each is answered, nobody dies, and the state stays sound."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
import zmq

from cdktr_common.catalogue import COMMON_REQUESTS, LOGD_REQUESTS, PRINCIPAL_REQUESTS
from tests.integration.harness import Env

MESSAGES = 1500
ODD: list[Any] = [
    None, True, -1, 0, 1, 2**31, 2**63, -(2**70), 1e308, -0.5, "", "last", "a/b/1/1-x", "\0",
    "\ud83d\ude00", "x" * 5000, [], [[]], {}, {"a": {}}, [None], ["", "x"], {"": 1},
]  # fmt: skip


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


def talk(env: Env, name: str, kinds: tuple[type, ...], seed: int) -> int:
    """Send mutated examples; returns how many were not refused."""
    dice = random.Random(seed)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.linger = 0
    socket.connect(f"ipc://{env.home}/run/{name}.sock")
    taken = 0
    for number in range(MESSAGES):
        message = json.loads(dice.choice(kinds).example)  # type: ignore[attr-defined]
        for _ in range(dice.randint(1, 3)):
            message = mutated(dice, message)
        if isinstance(message, dict):
            message["id"] = f"{seed}-{number}"
            if "wait_s" in message:
                message["wait_s"] = 0
        body = json.dumps(message).encode()
        if len(body) > 1 << 20:
            continue
        socket.send_multipart([b"", body])
        held_back = isinstance(message, dict) and message.get("type") == "task.fetch"
        if not socket.poll(50 if held_back else 10_000):
            assert held_back, f"no answer to {body[:300]!r}"
            continue
        answer = json.loads(socket.recv_multipart()[-1])
        taken += answer["type"] != "error"
    context.destroy(0)
    return taken


@pytest.mark.parametrize("seed", [1, 2])
def test_mutated_messages_are_answered_and_hurt_nobody(env: Env, seed: int) -> None:
    env.workflow("etl", "events: [new-file]\ntasks:\n  a: {command: 'true'}\n")
    principal, logd, _ = env.everything()
    assert talk(env, "principal", (*COMMON_REQUESTS, *PRINCIPAL_REQUESTS), seed) > 100
    assert talk(env, "logd", (*COMMON_REQUESTS, *LOGD_REQUESTS), seed) > 100
    assert principal.popen.poll() is None and logd.popen.poll() is None
    assert env.wait(env.run("true")).state == "COMPLETED"
    principal.kill()
    env.principal()
    assert env.wait(env.run("true")).state == "COMPLETED"

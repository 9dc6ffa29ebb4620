"""Definitions that come with the request, through a real principal."""

from __future__ import annotations

import json

import pytest
import zmq

from cdktr_common.catalogue import principal as p
from cdktr_common.errors import ProtocolError
from tests.integration.harness import Env

GOOD = "tasks:\n  a: {command: exit 7}\n"
BAD = "tasks:\n  a: {comand: echo}\n  b: {command: echo, depends: z}\n"


def test_a_file_is_run_without_being_stored(env: Env) -> None:
    env.principal()
    env.agent()
    client = env.client()
    started = client.ask(p.RunStart(source=GOOD, file="/srv/jobs/nightly.yaml"), p.RunStarted)
    assert started.runs[0].workflow == "nightly"
    assert env.wait(started.runs[0].run).code == 7
    assert client.ask(p.WorkflowList(), p.WorkflowPage).workflows == []
    started = client.ask(p.RunStart(source=GOOD, file="-", key="k"), p.RunStarted)
    assert started.runs[0].workflow == "adhoc"
    again = client.ask(p.RunStart(source=GOOD, file="-", key="k"), p.RunStarted)
    assert again.duplicate and again.runs == started.runs


def test_all_faults_of_it_are_told(env: Env) -> None:
    env.principal()
    client = env.client()
    with pytest.raises(ProtocolError) as refused:
        client.ask(p.RunStart(source=BAD, file="x.yaml"), p.RunStarted)
    assert refused.value.code == "invalid"
    lines = refused.value.detail.splitlines()
    assert [line.split(": ")[0] for line in lines] == ["x.yaml:2:7", "x.yaml:3:31"]
    assert lines[0].endswith("(did you mean command?)")
    for more in ({"workflow": "w"}, {"source": "x" * (3 << 20)}):
        with pytest.raises(ProtocolError):
            client.ask(p.RunStart(**{"source": GOOD, **more}), p.RunStarted)


def test_sent_twice_before_the_first_answer_it_starts_once(env: Env) -> None:
    env.principal()
    large = "tasks:\n" + "".join(f"  t{n}: {{command: echo {n}}}\n" for n in range(2000))
    request = json.dumps({"type": "run.start", "id": "once", "source": large}).encode()
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with context.socket(zmq.DEALER) as socket:
        socket.linger = 0
        socket.connect(f"ipc://{env.home}/run/principal.sock")
        for _ in range(3):
            socket.send(request)
        answers = []
        for _ in range(3):
            assert socket.poll(20_000), "no answer"
            answers.append(json.loads(socket.recv()))
    context.destroy(0)
    assert [answer.get("duplicate", False) for answer in answers] == [False, True, True]
    assert len({answer["runs"][0]["run"] for answer in answers}) == 1
    assert len(env.client().ask(p.RunList(), p.RunPage).runs) == 1

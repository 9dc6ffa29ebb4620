"""The principal as a program, spoken to with plain REQ sockets and JSON as any stranger would."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from tests.integration.harness import Env, wait_until

NESTED = b'{"type":"event.fire","event":"e","payload":%b%b}'
TWO = "tasks:\n  a: {command: echo a}\n  b: {command: echo b, depends: a}\n"


@pytest.fixture
def ask(env: Env) -> Iterator[Callable[..., dict[str, Any]]]:
    """`ask(type, **keys)`: one request by a REQ socket of its own."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()

    def request(kind: str, **keys: Any) -> dict[str, Any]:
        return raw(json.dumps({"type": kind, **keys}).encode())

    def raw(body: bytes) -> dict[str, Any]:
        with context.socket(zmq.REQ) as socket:
            socket.linger = 0
            socket.connect(f"ipc://{env.home}/run/principal.sock")
            socket.send(body)
            assert socket.poll(10_000), "no answer"
            answer = json.loads(socket.recv())
            assert isinstance(answer, dict)
            return answer

    request.raw = raw  # type: ignore[attr-defined]
    yield request
    context.destroy(0)


def test_a_request_by_hand_is_a_whole_request(env: Env, ask: Callable[..., Any]) -> None:
    env.workflow("etl/nightly", TWO)
    env.principal()
    started = ask("run.start", workflow="etl.nightly", id="7")
    assert started["type"] == "run.started" and started["id"] == "7"
    run = started["runs"][0]["run"]
    assert ask("run.show", run=run[:4])["run"]["state"] == "PENDING"
    assert ask("run.show", run="last")["run"]["run"] == run


def test_bad_input_is_answered_and_hurts_nobody(env: Env, ask: Callable[..., Any]) -> None:
    env.principal()
    corpus = {
        b"": "bad_message", b"{": "bad_message", b"[1]": "bad_field", b"\xff\xfe": "bad_message",
        b"null": "bad_field", b"{}": "bad_field", b'{"type":"run.strat"}': "unknown_type",
        b'{"type":7}': "bad_field", b'{"type":"run.start","workflow":7}': "bad_field",
        b'{"type":"run.start"}': "bad_field", b'{"type":"ping","v":99}': "version",
        b'{"type":"run.start","workflow":"nope"}': "not_found",
        b'{"type":"task.fetch","agent":"ghost","boot":"b","free":"many"}': "bad_field",
        b'{"type":"event.fire","event":""}': "bad_field",
        b"[" * 100_000: "bad_message",
        NESTED % (b"[" * 200, b"]" * 200): "too_large",
        NESTED % (b"[" * 90_000, b"]" * 90_000): "bad_message",
        json.dumps({"type": "event.fire", "event": "e", "payload": "x" * 300_000}).encode():
            "too_large",
        json.dumps({"type": "run.start", "plan": {"workflow": "w", "tasks": [
            {"id": "a", "argv": ["true"], "depends": ["b"]},
            {"id": "b", "argv": ["true"], "depends": ["a"]}]}}).encode(): "invalid",
        json.dumps({"type": "run.start", "plan": {"workflow": "w", "tasks": [
            {"id": "../x", "argv": ["true"]}]}}).encode(): "bad_field",
    }  # fmt: skip
    for body, code in corpus.items():
        answer = ask.raw(body)  # type: ignore[attr-defined]
        assert (answer["type"], answer["code"]) == ("error", code), body[:100]
    pong = ask("ping")
    assert sum(n for name, n in pong["counts"].items() if "refused" in name) == len(corpus)


@pytest.mark.parametrize(
    "wrong",
    [
        {"labels": [""]}, {"labels": ["\u001b"]}, {"env": {"CDKTR_RUN_ID": "x"}},
        {"env": {"A B": "x"}}, {"timeout_s": 1e308}, {"workdir": "\0"}, {"argv": []},
    ],
    ids=str,
)  # fmt: skip
def test_what_a_file_may_not_say_the_wire_may_not_either(
    env: Env, ask: Callable[..., Any], wrong: dict[str, Any]
) -> None:
    env.principal()
    task = {"id": "a", "argv": ["true"], **wrong}
    answer = ask("run.start", plan={"workflow": "w", "tasks": [task]})
    assert answer["type"] == "error" and answer["code"] in ("invalid", "bad_field")
    assert ask("event.fire", event="a\nb")["code"] == "bad_field"


def test_history_behind_a_snapshot_is_checked_when_it_is_read(
    env: Env, ask: Callable[..., Any]
) -> None:
    env.workflow("w", TWO)
    principal = env.principal()
    ask("run.start", workflow="w")
    assert principal.stop() == 0
    oldest = sorted((env.home / "principal" / "journal").glob("*.jsonl"))[0]
    oldest.write_bytes(oldest.read_bytes().replace(b'"workflow":"w"', b'"workflow":"v"', 1))
    env.principal()
    answer = ask("event.list")
    assert answer["code"] == "damaged" and str(oldest) in answer["detail"]
    assert ask("run.start", workflow="w")["type"] == "run.started", "it goes on deciding"


def test_a_home_that_cannot_be_is_said_in_one_line(env: Env) -> None:
    env.set(home="/proc/nowhere")
    for program in ("principal", "logd", "agent"):
        proc = env.start(program)
        proc.asked_to_end = True
        assert proc.popen.wait(10) in (77, 78), proc.errors()
        assert "Traceback" not in proc.errors() and "/proc/nowhere" in proc.errors()


@pytest.mark.parametrize(
    ("kind", "words", "said"),
    [
        ("agent", ["--name", "a", "--name", "b"], "--name is given twice"),
        ("logd", ["extra"], "one argument too many: 'extra'"),
        ("principal", ["--home="], "--home is empty"),
    ],
)
def test_wrong_arguments_are_told_in_plain_words(
    env: Env, kind: str, words: list[str], said: str
) -> None:
    proc = env.start(kind, *words)
    proc.asked_to_end = True
    assert proc.popen.wait(10) == 2
    assert f"cdktr-{kind}: {said}" in proc.errors() and "Option(" not in proc.errors()


def test_an_error_does_not_steer_the_terminal(env: Env) -> None:
    env.principal()
    refused = env.command("cdktr-ctl", "show", "\x1b[2J\x07")
    assert refused.returncode == 3
    assert "\x1b" not in refused.stderr and "\\x1b[2J" in refused.stderr


def test_too_many_frames_and_too_large_frames_are_dropped(
    env: Env, ask: Callable[..., Any]
) -> None:
    env.principal()
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    for frames in ([b""] + [b"x"] * 5000, [b"", b"x" * (5 << 20)]):
        with context.socket(zmq.DEALER) as socket:
            socket.linger = 0
            socket.connect(f"ipc://{env.home}/run/principal.sock")
            socket.send_multipart(frames)
            assert ask("ping")["type"] == "pong"
            assert not socket.poll(200)
    context.destroy(0)


def test_a_key_gives_the_same_run_across_a_kill(env: Env, ask: Callable[..., Any]) -> None:
    env.workflow("w", TWO)
    principal = env.principal()
    runs = [ask("run.start", workflow="w", key=f"k{i}")["runs"][0]["run"] for i in range(20)]
    principal.kill()
    env.principal()
    again = [ask("run.start", workflow="w", key=f"k{i}") for i in range(20)]
    assert [answer["runs"][0]["run"] for answer in again] == runs
    assert all(answer["duplicate"] for answer in again)
    assert len(ask("run.list", limit=100)["runs"]) == 20
    assert ask("run.start", workflow="w", key="k1", payload=1)["code"] == "conflict"


def test_a_second_principal_is_refused_at_once_naming_the_first(env: Env) -> None:
    first = env.principal()
    journal = env.home / "principal" / "journal"
    before = sorted(journal.glob("*.jsonl"))
    second = env.start("principal")
    second.asked_to_end = True
    assert second.popen.wait(5) == 75
    assert f"pid {first.pid}" in second.errors() and "cdktr-principal" in second.errors()
    assert sorted(journal.glob("*.jsonl")) == before
    assert first.popen.poll() is None


def test_damage_is_refused_with_74_and_a_way_on(env: Env, ask: Callable[..., Any]) -> None:
    env.workflow("w", TWO)
    principal = env.principal()
    for _ in range(3):
        ask("run.start", workflow="w")
    principal.kill()
    (segment,) = (env.home / "principal" / "journal").glob("*.jsonl")
    good = segment.read_bytes()
    segment.write_bytes(good.replace(b'"workflow":"w"', b'"workflow":"v"', 1))
    broken = env.start("principal")
    broken.asked_to_end = True
    assert broken.popen.wait(5) == 74
    assert str(segment) in broken.errors() and "wrong checksum" in broken.errors()
    segment.write_bytes(good + b'{"crc":"0000')
    env.principal()
    assert len(ask("run.list")["runs"]) == 3


def test_files_are_noticed_when_they_change_break_and_go(env: Env, ask: Callable[..., Any]) -> None:
    env.workflow("w", TWO)
    principal = env.principal()
    env.workflow("new", TWO)
    assert ask("workflow.reload")["loaded"] == ["new"]
    env.workflow("w", TWO.replace("depends: a", "depends: zzz"))
    assert ask("workflow.reload")["broken"] == ["w"]
    rows = {row["workflow"]: row for row in ask("workflow.list")["workflows"]}
    assert rows["w"]["broken"][0]["line"] == 3 and rows["w"]["tasks"] == 2
    assert ask("run.start", workflow="w")["type"] == "run.started", "the last good one is in force"
    principal.kill()
    env.principal()
    assert ask("run.start", workflow="w")["type"] == "run.started", "also after a restart"
    (env.workflows / "new.yaml").unlink()
    assert ask("workflow.reload")["removed"] == ["new"]
    assert ask("run.start", workflow="new")["code"] == "not_found"
    told = [event["type"] for event in ask("event.list", topic="workflow/")["events"]]
    assert told[0] == "workflow.loaded" and told[-1] == "workflow.removed"


def test_an_agent_by_hand_whose_old_result_comes_late(env: Env, ask: Callable[..., Any]) -> None:
    env.workflow("w", TWO)
    env.principal()
    me = {"agent": "hand", "aid": "a1", "slots": 1}
    ask("agent.hello", boot="b1", **me)
    run = ask("run.start", workflow="w")["runs"][0]["run"]
    (task,) = ask("task.fetch", agent="hand", boot="b1", free=1)["tasks"]
    ask("agent.hello", boot="b2", **me)
    done = {"token": task["token"], "state": "COMPLETED", "code": 0}
    late = ask("task.report", agent="hand", boot="b1", results=[done])
    assert late["drop"] == [task["token"]] and "ack" not in late
    assert ask("run.show", run=run)["run"]["state"] == "RUNNING"
    told = [event["type"] for event in ask("event.list", topic="run/w/")["events"]]
    assert told == ["run.created", "task.assigned", "task.crashed", "task.stale"]


def test_a_signal_and_the_refresh_time_reload_too(env: Env, ask: Callable[..., Any]) -> None:
    principal = env.principal()
    env.workflow("one", TWO)
    principal.signal(signal.SIGHUP)

    def known() -> set[str]:
        return {row["workflow"] for row in ask("workflow.list").get("workflows", [])}

    wait_until(lambda: known() == {"one"})
    assert principal.stop() == 0
    env.set(workflow_dir_refresh_frequency_s=0.1)
    env.principal()
    env.workflow("two", TWO)
    wait_until(lambda: known() == {"one", "two"})


def test_events_are_published_after_they_can_be_listed(env: Env, ask: Callable[..., Any]) -> None:
    env.workflow("w", TWO)
    env.principal()
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    events = context.socket(zmq.SUB)
    events.linger = 0
    events.connect(ask("hello")["endpoints"]["events"][0])
    events.subscribe(b"run/w/")
    events.subscribe(b"stat/")

    def heard() -> bool:
        return bool(events.poll(100)) and events.recv_multipart()[0] == b"stat/"

    wait_until(heard, what="the subscription to be in force")
    runs = [ask("run.start", workflow="w")["runs"][0]["run"] for _ in range(5)]
    facts: list[dict[str, Any]] = []
    while len(facts) < 5:
        assert events.poll(5000)
        topic, body = events.recv_multipart()
        if topic == b"run/w/":
            facts.append(json.loads(body))
    assert [fact["run"] for fact in facts] == runs
    assert [fact["prev"] for fact in facts[1:]] == [fact["seq"] for fact in facts[:-1]]
    listed = ask("event.list", after=facts[0].get("prev", 0), topic="run/w/")
    assert [event["seq"] for event in listed["events"]] == [fact["seq"] for fact in facts]
    context.destroy(0)


def test_tcp_is_refused_without_being_asked_for(env: Env) -> None:
    env.set(principal_host="127.0.0.1", principal_port=0, events_port=0)
    refused = env.start("principal")
    refused.asked_to_end = True
    assert refused.popen.wait(5) == 78 and "--insecure" in refused.errors()
    allowed = env.start("principal", "--insecure")
    endpoints = allowed.ready()
    assert any(e.startswith("tcp://127.0.0.1:") and not e.endswith(":0") for e in endpoints)
    assert "INSECURE" in allowed.errors()


def test_a_too_long_home_is_explained(env: Env) -> None:
    env.set(home=str(env.directory / ("d" * 100)))
    proc = env.start("principal")
    proc.asked_to_end = True
    assert proc.popen.wait(5) == 78 and "CDKTR_HOME" in proc.errors()


def test_state_is_nobody_elses(env: Env) -> None:
    env.principal()
    for path in (env.home / "run", env.home / "principal" / "journal"):
        assert path.stat().st_mode & 0o077 == 0, path
    for path in Path(env.home).rglob("*"):
        if path.is_file():
            assert path.stat().st_mode & 0o077 == 0, path
    assert os.stat(env.home / "run" / "principal.sock")

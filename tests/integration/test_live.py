"""What a live view of the principal lives on, over real sockets: counts, loads, pages, strips."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import zmq

from cdktr_common.client import Client
from cdktr_common.sockets import subscriber
from tests.integration.harness import Env, wait_until

SLOW = "max_active_runs: 1\ntasks:\n  a: {command: sleep 60}\n"
QUICK = "tasks:\n  a: {command: exit 3}\n"


@contextmanager
def news(env: Env, *topics: str) -> Iterator[zmq.Socket[bytes]]:
    with zmq.Context() as context:
        socket = subscriber(context, f"ipc://{env.home}/run/events.sock", topics)
        try:
            yield socket
        finally:
            socket.close(0)


def until(socket: zmq.Socket[bytes], fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The first message that fits."""
    for _ in range(100):
        assert socket.poll(5_000), "nothing is published"
        message: dict[str, Any] = json.loads(socket.recv_multipart()[1])
        if fits(message):
            return message
    raise AssertionError("100 messages, and none that fits")


def ask(client: Client, kind: str, **keys: Any) -> dict[str, Any]:
    """One request by hand, so that the whole answer is seen."""
    with zmq.Context() as context, context.socket(zmq.REQ) as socket:
        socket.linger = 0
        socket.connect(client.endpoint)
        socket.send_json({"type": kind, **keys})
        assert socket.poll(10_000), "no answer"
        answer: dict[str, Any] = socket.recv_json()
        assert answer["type"] != "error", answer
        return answer


def test_counts_and_loads_follow_what_happens(env: Env) -> None:
    env.workflow("etl/slow", SLOW)
    env.workflow("quick", QUICK)
    env.principal()
    env.agent("x", slots=3)
    with env.client() as client, news(env, "stat/", "load/") as live:
        before = until(live, lambda one: one.get("counts", {}).get("agents_ready") == 1)
        assert before["counts"]["slots"] == 3 and before["ts"] > 1e9
        row = until(live, lambda one: one["type"] == "agent.loads")["agents"][0]
        assert (row["agent"], row["state"], row["slots"]) == ("x", "ready", 3)
        runs = [ask(client, "run.start", workflow="etl.slow")["runs"][0]["run"] for _ in range(2)]
        failed = ask(client, "run.start", workflow="quick")["runs"][0]["run"]
        told = until(live, lambda one: one.get("counts", {}).get("failed_day") == 1)["counts"]
        wanted = {"runs_running": 1, "runs_queued": 1, "slots_busy": 1, "tasks_running": 1}
        assert {name: told[name] for name in wanted} == wanted
        busy = until(live, lambda one: one["type"] == "agent.loads" and "busy" in one["agents"][0])
        assert (busy["agents"][0]["busy"], busy["agents"][0]["running"]) == (1, 1)

        shown = ask(client, "agent.show", agent="x")
        assert [(each["run"], each["task"], each["n"]) for each in shown["tasks"]] == [
            (runs[0], "a", 1)
        ]
        slow, quick = ask(client, "workflow.list", last=5)["workflows"]
        assert [mark["run"] for mark in slow["last"]] == runs
        assert (slow["running"], slow["queued"]) == (1, 1)
        assert [(mark["run"], mark["state"]) for mark in quick["last"]] == [(failed, "FAILED")]

        def found(**asked: Any) -> list[str]:
            return [row["run"] for row in ask(client, "run.list", **asked).get("runs", [])]

        assert found(states=["FAILED"]) == found(workflow="q*") == [failed]
        assert set(found(agent="x")) == {runs[0], failed}
        assert found(since_ts=4e9) == []
        for run in runs:
            ask(client, "run.cancel", run=run)


def test_pages_and_the_facts_after_them_are_all_there_is(env: Env) -> None:
    env.workflow("w", "tasks:\n  a: {command: 'true'}\n")
    env.principal()
    with env.client() as client, news(env, "run/w/", "stat/") as live:
        until(live, lambda one: one["type"] == "stream.stat")
        first = ask(client, "run.start", workflow="w")["runs"][0]["run"]
        page = ask(client, "run.list")
        second = ask(client, "run.start", workflow="w")["runs"][0]["run"]
        in_page = {row["run"] for row in page["runs"]}
        after = until(live, lambda one: one.get("seq", 0) > page["seq"])
        assert in_page == {first} and after["run"] == second
        for kind in ("workflow.list", "agent.list", "schedule.list"):
            assert ask(client, kind)["seq"] == after["seq"]
        for kind in ("run.show", "task.list"):
            assert ask(client, kind, run=first)["seq"] == after["seq"]


def test_samples_of_load_come_with_an_agent(env: Env) -> None:
    env.principal()
    env.agent("x")
    with env.client() as client:

        def sampled() -> list[float]:
            rows = ask(client, "agent.list", cpu=60).get("agents", [])
            return rows[0].get("cpu", []) if rows else []

        assert wait_until(sampled, seconds=20)
        assert "cpu" not in ask(client, "agent.list")["agents"][0]

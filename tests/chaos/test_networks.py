"""A network that fails: cut for shorter and for longer than a lease, a cable pulled. The tasks
themselves tell what ran, in a ledger outside."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import AgentRow, Plan, TaskPlan, TaskRow
from tests.chaos.cluster import Cluster
from tests.chaos.ledger import Ledger
from tests.chaos.watch import Facts
from tests.integration.harness import wait_until

pytestmark = pytest.mark.apart

DEFAULTS = {
    "lost_after_s": 600, "agent_beat_s": 2, "lease_grace_s": 5, "stop_grace_s": 5,
    "agent_heartbeat_timeout_ms": 7000,
}  # fmt: skip
"""What everybody has who sets nothing."""


def submit(cluster: Cluster, worker: Path, **seconds: float) -> str:
    """A run of independent tasks that take so long and print ten lines."""
    tasks = [
        TaskPlan(id=name, argv=[str(worker), name, "10", str(int(length * 1000)), "0"])
        for name, length in seconds.items()
    ]
    with cluster.client() as client:
        started = client.ask(p.RunStart(plan=Plan(workflow="net", tasks=tasks)), p.RunStarted)
    return started.runs[0].run


def started(ledger: Ledger, task: str, times: int = 1) -> bool:
    return sum(e.start.task == task for e in ledger.executions()) >= times


def tasks(cluster: Cluster, run: str) -> dict[str, TaskRow]:
    with cluster.client() as client:
        return {row.task: row for row in client.ask(p.TaskList(run=run), p.TaskPage).tasks}


def attempts(cluster: Cluster, run: str) -> dict[str, list[str]]:
    rows = tasks(cluster, run)
    return {name: [attempt.state for attempt in row.attempts] for name, row in rows.items()}


def agent(cluster: Cluster, name: str) -> AgentRow:
    with cluster.client() as client:
        rows = client.ask(p.AgentList(), p.AgentPage).agents
    return next(row for row in rows if row.agent == name)


def ended(cluster: Cluster, run: str, seconds: float = 30.0) -> str:
    with cluster.client() as client:
        row = client.ask(p.RunWait(run=run, wait_s=seconds), p.RunStatus, wait_s=seconds).run
    return row.state


def cut(cluster: Cluster, name: str) -> None:
    cluster.ground.cut(name, "principal")
    cluster.ground.cut("principal", name)


def heal(cluster: Cluster, name: str) -> None:
    cluster.ground.heal(name, "principal")
    cluster.ground.heal("principal", name)


def of_kind(cluster: Cluster, kind: str) -> list[dict[str, Any]]:
    facts = Facts(cluster.client)
    with cluster.client() as client:
        newest = client.ask(p.EventList(after=-1), p.EventPage).newest
    wait_until(lambda: facts.seq >= newest, what="all facts")
    facts.stop()
    return [fact for fact in facts.facts if fact["type"] == kind]


@pytest.mark.parametrize("cluster", [{"lost_after_s": 20}], indirect=True)
def test_cut_for_less_than_the_lease(cluster: Cluster, ledger: Ledger, worker: Path) -> None:
    for role in ("principal", "logd", "a1"):
        cluster.start(role).ready()
    run = submit(cluster, worker, short=0.5, long=6.0)
    wait_until(lambda: started(ledger, "short") and started(ledger, "long"), what="both to run")
    cut(cluster, "a1")
    wait_until(lambda: agent(cluster, "a1").state == "silent", what="the silence to be seen")
    assert any(e.ended_at for e in ledger.executions()), "the short one ended meanwhile"
    heal(cluster, "a1")
    wait_until(lambda: tasks(cluster, run)["short"].state == "COMPLETED", 7, "the kept result")
    assert ended(cluster, run) == "COMPLETED"
    assert attempts(cluster, run) == {"short": ["COMPLETED"], "long": ["COMPLETED"]}
    assert len(ledger.executions()) == 2
    assert of_kind(cluster, "task.stale") == []


def test_cut_for_longer_than_the_lease(cluster: Cluster, ledger: Ledger, worker: Path) -> None:
    for role in ("principal", "logd", "a1"):
        cluster.start(role).ready()
    run = submit(cluster, worker, short=1.5, long=9.0)
    wait_until(lambda: started(ledger, "short") and started(ledger, "long"), what="both to run")
    cut(cluster, "a1")
    cluster.start("a2").ready()
    wait_until(lambda: started(ledger, "short", 2) and started(ledger, "long", 2), 15, "both again")
    heal(cluster, "a1")
    assert ended(cluster, run) == "COMPLETED"
    wait_until(lambda: agent(cluster, "a1").state == "ready", what="the first agent to be back")
    assert attempts(cluster, run) == {name: ["CRASHED", "COMPLETED"] for name in ("short", "long")}
    wait_until(lambda: of_kind(cluster, "task.stale"), what="the late result to be written down")
    stale = of_kind(cluster, "task.stale")
    assert {fact["task"] for fact in stale if fact["state"] == "COMPLETED"} == {"short"}
    executions = ledger.executions()
    assert len(executions) == 4
    assert not any(execution.overlapped for execution in executions)
    first = next(e for e in executions if e.start.task == "long")
    assert first.ended_at is None, "it was ended at the end of its lease"


@pytest.mark.parametrize("cluster", [dict(DEFAULTS)], indirect=True)
def test_a_silent_host_is_shown_within_seven_seconds(
    cluster: Cluster, ledger: Ledger, worker: Path
) -> None:
    for role in ("principal", "a1"):
        cluster.start(role).ready()
    run = submit(cluster, worker, long=11.0)
    wait_until(lambda: started(ledger, "long"), what="the task to run")
    cluster.ground.unplug("a1")
    unplugged = time.monotonic()
    wait_until(lambda: agent(cluster, "a1").state == "silent", 9, "it to be shown as silent")
    assert time.monotonic() - unplugged < 7.3
    assert "silent" not in [row.state for row in tasks(cluster, run).values()]
    cluster.ground.plug("a1")
    assert ended(cluster, run) == "COMPLETED"
    assert attempts(cluster, run) == {"long": ["COMPLETED"]}, "a silence alone gives nothing up"


def test_a_host_that_is_gone_is_replaced_after_the_lease(
    cluster: Cluster, ledger: Ledger, worker: Path
) -> None:
    for role in ("principal", "a1"):
        cluster.start(role).ready()
    run = submit(cluster, worker, task=2.0)
    wait_until(lambda: started(ledger, "task"), what="the task to run")
    cluster.start("a2").ready()
    cluster.kill_host("a1")
    gone = time.monotonic()
    wait_until(lambda: started(ledger, "task", 2), 15, "the second attempt")
    assert 3.0 < time.monotonic() - gone < 6.5  # lost_after 4 s since the last beat, 1 s of grace
    assert ended(cluster, run) == "COMPLETED"
    assert attempts(cluster, run) == {"task": ["CRASHED", "COMPLETED"]}


@pytest.mark.parametrize("cluster", [{"lost_after_s": 600}], indirect=True)
def test_a_host_that_is_gone_is_replaced_at_an_operators_word(
    cluster: Cluster, ledger: Ledger, worker: Path
) -> None:
    for role in ("principal", "a1"):
        cluster.start(role).ready()
    run = submit(cluster, worker, task=1.0)
    wait_until(lambda: started(ledger, "task"), what="the task to run")
    cluster.start("a2").ready()
    cluster.kill_host("a1")
    wait_until(lambda: agent(cluster, "a1").state == "silent", what="the silence to be seen")
    assert attempts(cluster, run) == {"task": ["RUNNING"]}
    with cluster.client() as client:
        client.ask(p.AgentLost(agent="a1", reason="burnt"), p.AgentStatus)
    wait_until(lambda: started(ledger, "task", 2), 5, "the second attempt")
    assert ended(cluster, run) == "COMPLETED"
    assert attempts(cluster, run) == {"task": ["CRASHED", "COMPLETED"]}

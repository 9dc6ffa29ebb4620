"""The principal's disk is full while tasks run: what runs is recorded, nothing new is taken, and
it goes on by itself when there is room."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import Plan, TaskPlan
from cdktr_common.errors import BUSY, OK, ProtocolError
from tests.chaos.cluster import Cluster
from tests.chaos.history import read_journal
from tests.chaos.ledger import Ledger
from tests.chaos.test_networks import attempts, ended, started, tasks
from tests.chaos.watch import pong
from tests.integration.harness import wait_until

pytestmark = pytest.mark.apart


def trigger(cluster: Cluster, *options: str) -> subprocess.CompletedProcess[str]:
    argv = ["cdktr-trigger", "anything", *options]
    env = cluster.environ("client")
    return subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("cluster", [{"disk_mb": 48, "lost_after_s": 60}], indirect=True)
def test_results_are_recorded_and_nothing_new_is_taken(
    cluster: Cluster, ledger: Ledger, worker: Path
) -> None:
    for role in ("principal", "logd", "a1", "a2", "a3"):
        cluster.start(role).ready()
    words = [str(worker), "-", "10"]
    running = [TaskPlan(id=f"t{i}", argv=[*words, "2500", "0"]) for i in range(6)]
    next_one = TaskPlan(id="next", argv=[*words, "0", "0"], depends=[f"t{i}" for i in range(6)])
    plan = Plan(workflow="disk", tasks=[*running, next_one])
    with cluster.client() as client:
        run = client.ask(p.RunStart(plan=plan), p.RunStarted).runs[0].run
        wait_until(lambda: all(started(ledger, task.id) for task in running), what="all to run")
        filling = cluster.ground.fill(cluster.home / "principal")
        with pytest.raises(ProtocolError) as refused:
            for number in range(200):  # the last free bytes of the journal's file
                client.ask(
                    p.EventFire(event=f"anything-{number}", payload="x" * 4096), p.RunStarted
                )
        assert refused.value.code == "disk_full"
    done = trigger(cluster)
    assert done.returncode == BUSY
    assert "disk" in done.stderr
    wait_until(lambda: all(e.ended_at for e in ledger.executions()), what="all to end")
    wait_until(
        lambda: {tasks(cluster, run)[task.id].state for task in running} == {"COMPLETED"},
        10, "their results to be recorded",
    )  # fmt: skip
    assert tasks(cluster, run)["next"].state == "PENDING"
    assert (answer := pong(cluster.client)) is not None and answer.status == "disk_full"
    waiting = subprocess.Popen(
        ["cdktr-trigger", "anything", "--retry-for", "1m"], env=cluster.environ("client")
    )
    filling.unlink()
    assert ended(cluster, run) == "COMPLETED"
    assert waiting.wait(15) == OK
    assert trigger(cluster).returncode == OK
    assert len(ledger.executions()) == 7
    cluster.kill("principal")
    cluster.start("principal").ready()
    assert ended(cluster, run) == "COMPLETED"
    assert set(map(tuple, attempts(cluster, run).values())) == {("COMPLETED",)}
    assert read_journal(cluster.home / "principal" / "journal")[1] == []


@pytest.mark.parametrize("cluster", [{"disk_mb": 48, "lost_after_s": 60}], indirect=True)
def test_killed_on_a_full_disk_it_starts_again_and_knows_everything(
    cluster: Cluster, ledger: Ledger, worker: Path
) -> None:
    for role in ("principal", "a1"):
        cluster.start(role).ready()
    words = [str(worker), "-", "10"]
    plan = Plan(workflow="disk", tasks=[TaskPlan(id="t", argv=[*words, "2000", "0"])])
    with cluster.client() as client:
        run = client.ask(p.RunStart(plan=plan), p.RunStarted).runs[0].run
    wait_until(lambda: started(ledger, "t"), what="the task to run")
    filling = cluster.ground.fill(cluster.home / "principal")
    cluster.kill("principal")
    cluster.start("principal").ready()
    wait_until(lambda: tasks(cluster, run)["t"].state == "COMPLETED", 15, "the result")
    filling.unlink()
    assert ended(cluster, run) == "COMPLETED"
    assert len(ledger.executions()) == 1

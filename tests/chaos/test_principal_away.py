"""The principal is away for shorter and for longer than leases, and killed again and again."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import Plan, TaskPlan
from cdktr_common.client import Client
from cdktr_common.errors import ProtocolError, Unreachable
from tests.chaos.cluster import power_off
from tests.chaos.ledger import Ledger
from tests.chaos.test_networks import started
from tests.chaos.watch import Facts, wait_for
from tests.integration.harness import Env, wait_until

LEASES = {"agent_beat_s": 0.3, "lease_grace_s": 1, "stop_grace_s": 0.5}


def plan(worker: Path, seconds: float, **policies: str) -> Plan:
    tasks = [
        TaskPlan(
            id=name,
            argv=[str(worker), "-", "10", str(int(seconds * 1000)), "0"],
            on_principal_lost=policy,  # type: ignore[arg-type]
        )
        for name, policy in policies.items()
    ]
    return Plan(workflow="away", tasks=tasks)


def states(env: Env, run: str) -> dict[str, list[str]]:
    rows = env.tasks(run)
    return {name: [attempt.state for attempt in row.attempts] for name, row in rows.items()}


def test_away_for_less_than_the_lease(env: Env, ledger: Ledger, worker: Path) -> None:
    env.set(lost_after_s=12, **LEASES)
    env.environ |= ledger.environ
    principal, _, _ = env.everything()
    run = env.submit(plan(worker, 3.0, a="stop", b="finish"))
    wait_until(lambda: started(ledger, "a") and started(ledger, "b"), what="both to run")
    principal.kill()
    wait_until(lambda: all(e.ended_at for e in ledger.executions()), what="both to end alone")
    begun = time.monotonic()
    env.principal()
    assert time.monotonic() - begun < 3
    assert env.wait(run, 5).state == "COMPLETED"
    assert states(env, run) == {"a": ["COMPLETED"], "b": ["COMPLETED"]}
    assert len(ledger.executions()) == 2


def test_away_for_longer_than_the_lease(env: Env, ledger: Ledger, worker: Path) -> None:
    env.set(lost_after_s=3, **LEASES)
    env.environ |= ledger.environ
    principal, _, _ = env.everything()
    run = env.submit(plan(worker, 7.0, stop="stop", finish="finish"))
    wait_until(lambda: started(ledger, "stop") and started(ledger, "finish"), what="both to run")
    pids = {e.start.task: e.start.pid for e in ledger.executions()}
    principal.kill()
    wait_until(lambda: not Path(f"/proc/{pids['stop']}").exists(), 4, "the one to be ended")
    assert Path(f"/proc/{pids['finish']}").exists(), "the other goes on without a principal"
    env.principal()
    wait_until(lambda: started(ledger, "stop", 2), 10, "its second attempt")
    assert env.wait(run).state == "COMPLETED"
    assert states(env, run) == {"stop": ["CRASHED", "COMPLETED"], "finish": ["COMPLETED"]}
    assert len(ledger.executions()) == 3
    assert not any(execution.overlapped for execution in ledger.executions())


def test_what_is_to_finish_is_given_away_by_an_operators_word_alone(
    env: Env, ledger: Ledger, worker: Path
) -> None:
    env.set(lost_after_s=2, agent_heartbeat_timeout_ms=1000, **LEASES)
    env.environ |= ledger.environ
    env.principal()
    env.environ["CHAOS_AGENT"] = "chaos-a1"
    agent = env.agent("a1")
    run = env.submit(plan(worker, 1.5, stop="stop", finish="finish"))
    wait_until(lambda: started(ledger, "stop") and started(ledger, "finish"), what="both to run")
    env.environ["CHAOS_AGENT"] = "chaos-a2"
    env.agent("a2")
    agent.asked_to_end = True
    power_off("chaos-a1")
    wait_until(lambda: started(ledger, "stop", 2), 10, "the other to be run again")
    wait_until(lambda: states(env, run)["stop"] == ["CRASHED", "COMPLETED"], 10, "it to end")
    assert states(env, run)["finish"] == ["RUNNING"]
    env.client().ask(p.AgentLost(agent="a1", reason="its host burnt"), p.AgentStatus)
    assert env.wait(run, 10).state == "COMPLETED"
    assert states(env, run)["finish"] == ["CRASHED", "COMPLETED"]


KILLS = 20
TRIGGERS = 200
CLIENTS = 4


class Trigger(threading.Thread):
    """Fires its keys one after the other, each until it is acknowledged."""

    def __init__(self, endpoint: str, number: int) -> None:
        super().__init__(daemon=True)
        self._endpoint = endpoint
        self.keys = [f"k{number}-{i}" for i in range(TRIGGERS // CLIENTS)]
        self.told: dict[str, set[str]] = {key: set() for key in self.keys}
        self.unanswered = 0
        self.paced = threading.Semaphore(0)

    def run(self) -> None:
        with Client(self._endpoint, timeout_s=1.0) as client:
            for key in self.keys:
                self.paced.acquire()
                while not self.told[key]:
                    self._ask(client, key)
                self._ask(client, key)  # once more: it must be told the same

    def _ask(self, client: Client, key: str) -> None:
        request = p.RunStart(workflow="one", payload=key, key=key)
        try:
            answer = client.ask(request, p.RunStarted)
            self.told[key] |= {ref.run for ref in answer.runs}
        except Unreachable:
            self.unanswered += 1
        except ProtocolError as refusal:
            assert refusal.retry, refusal


def test_killed_twenty_times_under_two_hundred_triggers(
    env: Env, ledger: Ledger, worker: Path
) -> None:
    env.environ |= ledger.environ
    env.workflow("one", f"tasks:\n  t: {{config: !Subprocess {{cmd: {worker}, "
                        f'args: ["-", "3", "5", "0"]}}}}\n')  # fmt: skip
    principal, _, _ = env.everything()
    clients = [Trigger(f"ipc://{env.home}/run/principal.sock", i) for i in range(CLIENTS)]
    for client in clients:
        client.start()
    longest = 0.0
    for _ in range(KILLS):
        for client in clients:
            client.paced.release(TRIGGERS // CLIENTS // KILLS)
        before = sum(bool(told) for client in clients for told in client.told.values())
        wait_for(lambda before=before: before < sum(  # type: ignore[misc]
            bool(told) for client in clients for told in client.told.values()), 5)  # fmt: skip
        principal.kill()
        begun = time.monotonic()
        principal = env.principal()
        longest = max(longest, time.monotonic() - begun)
    for client in clients:
        client.paced.release(TRIGGERS)
        client.join(30)
        assert not client.is_alive()
    told = {key: runs for client in clients for key, runs in client.told.items()}
    assert len(told) == TRIGGERS
    assert [key for key, runs in told.items() if len(runs) != 1] == []
    facts = Facts(env.client)
    wait_until(lambda: len(facts.ended) == TRIGGERS, 60, "all runs to end")
    facts.stop()
    assert {fact["state"] for fact in facts.ended.values()} == {"COMPLETED"}
    ran: dict[str, set[str]] = {}
    for execution in ledger.executions():
        ran.setdefault(execution.start.key, set()).add(execution.start.run)
    assert ran == told
    assert longest < 3
    assert facts.rewritten == []

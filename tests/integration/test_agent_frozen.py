"""Parts of an agent stand still (SIGSTOP), for longer and for shorter than a lease."""

from __future__ import annotations

import os
import signal

from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import AgentRow, Plan, TaskPlan
from tests.integration.harness import Env, Proc, wait_until
from tests.integration.ledger import Ledger
from tests.integration.test_agent_recovery import gone, supervisor_pid
from tests.integration.test_agent_tasks import of_run

FROZEN = {"n": (True, False), "s": (False, True), "b": (True, True)}
"""Agents and tasks by what of them is frozen: network process, supervisor."""


def agents(env: Env) -> dict[str, AgentRow]:
    return {row.agent: row for row in env.client().ask(p.AgentList(), p.AgentPage).agents}


def signal_agents(env: Env, procs: dict[str, Proc], number: int) -> None:
    for name, (network, supervisor) in FROZEN.items():
        if network:
            procs[name].signal(number)
        if supervisor:
            os.kill(supervisor_pid(env, name), number)


def deaf_tasks(env: Env, ledger: Ledger) -> tuple[str, dict[str, Proc]]:
    """An agent for each way to be frozen, each with a task of its own that runs."""
    procs = {name: env.agent(name, "--label", name, slots=1) for name in FROZEN}
    tasks = [TaskPlan(id=name, command=ledger.command, labels=[name]) for name in FROZEN]
    run = env.submit(Plan(workflow="frozen", tasks=tasks))
    wait_until(lambda: all(ledger.started(name) for name in FROZEN), what="all tasks to run")
    return run, procs


def test_frozen_for_longer_than_a_lease(env: Env) -> None:
    env.set(lost_after_s=3, lease_grace_s=1, agent_beat_s=0.4, stop_grace_s=2)
    env.principal()
    env.logd()
    ledger = Ledger(env)
    run, procs = deaf_tasks(env, ledger)
    signal_agents(env, procs, signal.SIGSTOP)
    ledger.go("b", 1)  # ends while nobody of its agent is awake
    wait_until(lambda: agents(env)["s"].state == "silent", 7, "the stuck agent to be shown so")
    assert "supervisor" in agents(env)["s"].reason
    heir = [word for name in FROZEN for word in ("--label", name)]
    env.agent("heir", *heir, slots=3)
    wait_until(lambda: all(ledger.started(name, 2) for name in FROZEN), 20, "second attempts")
    assert ledger.overlaps() == []
    signal_agents(env, procs, signal.SIGCONT)
    wait_until(lambda: {agents(env)[n].state for n in FROZEN} == {"ready"}, 20, "all to be back")
    client = env.client()

    def stale() -> set[str]:
        page = client.ask(p.EventList(limit=10_000), p.EventPage)
        texts = [bytes(raw) for raw in page.events]
        return {n for n in FROZEN for t in texts if b"task.stale" in t and f'"{n}"'.encode() in t}

    wait_until(lambda: "b" in stale(), 20, "the late result to be recorded as stale")
    ledger.go()
    assert env.wait(run).state == "COMPLETED"
    for name, row in env.tasks(run).items():
        assert [attempt.state for attempt in row.attempts] == ["CRASHED", "COMPLETED"], name
    assert of_run(run) == []


def test_frozen_for_less_than_a_lease(env: Env) -> None:
    env.set(agent_beat_s=0.4, agent_heartbeat_timeout_ms=1500)
    env.principal()
    ledger = Ledger(env)
    run, procs = deaf_tasks(env, ledger)
    signal_agents(env, procs, signal.SIGSTOP)
    wait_until(lambda: {agents(env)[n].state for n in FROZEN} == {"silent"}, 15, "all to be silent")
    signal_agents(env, procs, signal.SIGCONT)
    wait_until(lambda: {agents(env)[n].state for n in FROZEN} == {"ready"}, 15, "all to be back")
    ledger.go()
    assert env.wait(run).state == "COMPLETED"
    assert {key[1] for key in ledger.spans()} == {1}
    assert all(len(row.attempts) == 1 for row in env.tasks(run).values())


def test_a_frozen_supervisor_whose_network_process_is_a_new_one(env: Env) -> None:
    env.set(lost_after_s=3, lease_grace_s=1, agent_beat_s=0.4)
    env.principal()
    ledger = Ledger(env)
    agent = env.agent("a1", slots=2)
    tasks = [
        TaskPlan(id="stop", command=ledger.command),
        TaskPlan(id="finish", command=ledger.command, on_principal_lost="finish"),
    ]
    run = env.submit(Plan(workflow="frozen", tasks=tasks))
    wait_until(lambda: ledger.started("stop") and ledger.started("finish"), what="both to run")
    supervisor = supervisor_pid(env)
    os.kill(supervisor, signal.SIGSTOP)
    agent.kill()
    again = env.start("agent", "--name", "a1", "--max-executors", "2")
    wait_until(lambda: "the supervisor does not answer" in again.errors(), 15, "it to say so")
    wait_until(lambda: agents(env)["a1"].state == "silent", 7, "the stuck agent to be shown so")
    env.agent("heir", slots=1)
    wait_until(lambda: ledger.started("stop", 2), 20, "the second attempt")
    assert ledger.overlaps() == []
    os.kill(supervisor, signal.SIGCONT)
    again.ready()
    assert supervisor_pid(env) == supervisor
    ledger.go()
    assert env.wait(run).state == "COMPLETED"
    states = {k: [a.state for a in row.attempts] for k, row in env.tasks(run).items()}
    assert states == {"stop": ["CRASHED", "COMPLETED"], "finish": ["COMPLETED"]}


def test_told_twice_an_agent_with_a_frozen_supervisor_leaves_nobody(env: Env) -> None:
    env.principal()
    ledger = Ledger(env)
    agent = env.agent("a1", slots=1)
    run = env.run(ledger.command)
    wait_until(lambda: ledger.started("t0"), what="the task to run")
    supervisor = supervisor_pid(env)
    os.kill(supervisor, signal.SIGSTOP)
    agent.signal(signal.SIGTERM)
    wait_until(lambda: "draining" in agent.errors(), what="it to drain")
    agent.signal(signal.SIGTERM)
    assert agent.popen.wait(20) == 0
    assert gone(supervisor)
    assert of_run(run) == []

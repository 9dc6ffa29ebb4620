"""Parts of an agent die, are told to leave, or are taken down by a task; who is left, what is run
again, and when. Judged by the ledger that the tasks write themselves."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import AgentRow, Plan, TaskPlan
from tests.integration.harness import Env, wait_until
from tests.integration.ledger import Ledger, now
from tests.integration.test_agent_recovery import gone, supervisor_pid
from tests.integration.test_agent_tasks import of_run


def agent_row(env: Env, name: str) -> AgentRow:
    rows = env.client().ask(p.AgentList(), p.AgentPage).agents
    return next(row for row in rows if row.agent == name)


def sleeping(seconds: str) -> set[int]:
    """Processes that sleep for so long."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (entry / "cmdline").read_bytes() == f"sleep\0{seconds}\0".encode():
                found.add(int(entry.name))
    return found


def states(env: Env, run: str) -> dict[str, list[str]]:
    return {k: [each.state for each in row.attempts] for k, row in env.tasks(run).items()}


def test_the_network_process_dies_and_the_next_one_attaches(env: Env) -> None:
    env.principal()
    ledger = Ledger(env)
    agent = env.agent("a1", slots=1)
    run = env.run(ledger.command)
    wait_until(lambda: ledger.started("t0"), what="the task to run")
    supervisor = supervisor_pid(env)
    agent.kill()
    began = time.monotonic()
    env.agent("a1", slots=1)
    attached_s = time.monotonic() - began
    assert supervisor_pid(env) == supervisor
    ledger.go()
    assert env.wait(run).state == "COMPLETED"
    assert states(env, run) == {"t0": ["COMPLETED"]}
    assert attached_s < 5, "about 0.4 s on an idle machine"


def test_the_supervisor_dies_and_nobody_of_its_tasks_is_left(env: Env) -> None:
    env.principal()
    ledger = Ledger(env)
    env.agent("a1", slots=1)
    run = env.run(f"env -i setsid -f sleep 614; {ledger.command}")
    wait_until(lambda: ledger.started("t0"), what="the task to run")
    first = set(wait_until(lambda: of_run(run)))
    nameless = wait_until(lambda: sleeping("614"))
    first |= nameless
    died_at = now()
    os.kill(supervisor_pid(env), signal.SIGKILL)
    wait_until(lambda: ledger.started("t0", 2), 20, "the second attempt")
    assert all(gone(pid) for pid in first)
    assert ledger.overlaps() == []
    again_s = ledger.spans()[("t0", 2)][0] - died_at
    assert again_s < 8, "about 1.5 s on an idle machine: TERM is ignored, KILL follows"
    ledger.go()
    assert env.wait(run).state == "COMPLETED"
    assert states(env, run) == {"t0": ["CRASHED", "COMPLETED"]}
    assert env.tasks(run)["t0"].losses == 1
    assert of_run(run) == []


def test_at_the_end_of_the_lease_nobody_lives_but_those_who_are_to_finish(env: Env) -> None:
    env.set(lost_after_s=2, lease_grace_s=1, agent_beat_s=0.3, stop_grace_s=5)
    principal = env.principal()
    ledger = Ledger(env)
    env.agent("a1", slots=3)
    tasks = [
        TaskPlan(id="stop", command=ledger.command),
        TaskPlan(id="short", command=ledger.command, lost_after_s=1.0),
        TaskPlan(id="finish", command=ledger.command, on_principal_lost="finish"),
    ]
    run = env.submit(Plan(workflow="leases", tasks=tasks))
    wait_until(lambda: all(ledger.started(task.id) for task in tasks), what="all to run")
    began = ledger.spans()["short", 1][0]
    wait_until(lambda: now() > began + 1.5, what="the short lease to be renewed for a while")
    assert {n for _, n in ledger.spans()} == {1}
    principal.kill()
    at = now()
    wait_until(lambda: ledger.spans()["finish", 1][1] > at + 3, 20, "some time to pass")
    last = {task: span[1] for (task, _), span in ledger.spans().items()}
    assert last["short"] <= at + 1.05
    assert at + 0.5 < last["stop"] <= at + 2.05
    env.principal()
    wait_until(lambda: ledger.started("stop", 2) and ledger.started("short", 2), 20, "the next")
    assert ledger.overlaps() == []
    ledger.go()
    assert env.wait(run).state == "COMPLETED"
    assert states(env, run)["finish"] == ["COMPLETED"]
    assert env.tasks(run)["stop"].losses == 1


def test_a_short_lease_is_proved_before_its_task_is_started(env: Env) -> None:
    env.set(agent_beat_s=2)
    env.principal()
    env.agent("a1", slots=1)
    idle_since = time.monotonic()  # the fetch has been open since then
    wait_until(lambda: time.monotonic() - idle_since > 1)
    task = TaskPlan(id="t", command="sleep 1.5", lost_after_s=1.0)
    run = env.submit(Plan(workflow="short", tasks=[task]))
    assert env.wait(run).state == "COMPLETED"
    assert states(env, run) == {"t": ["COMPLETED"]}


def test_an_operator_drains_and_gives_back(env: Env) -> None:
    env.principal()
    ledger = Ledger(env)
    agent = env.agent("a1", slots=1)
    run = env.run(ledger.command)
    wait_until(lambda: ledger.started("t0"), what="the task to run")
    client = env.client()
    client.ask(p.AgentDrain(agent="a1", reason="new disk"), p.AgentStatus)
    later = env.run("echo later")
    ledger.go()
    assert env.wait(run).state == "COMPLETED"
    assert agent_row(env, "a1").state == "draining"
    assert [row.state for row in env.tasks(later).values()] == ["PENDING"]
    assert agent.popen.poll() is None
    client.ask(p.AgentUndrain(agent="a1"), p.AgentStatus)
    assert env.wait(later).state == "COMPLETED"
    assert states(env, later) == {"t0": ["COMPLETED"]}


def test_three_agents_restarted_one_after_the_other_under_load(env: Env) -> None:
    env.principal()
    agents = {name: env.agent(name, slots=2) for name in ("a1", "a2", "a3")}
    done = env.directory / "done"
    command = f'sleep 0.03; echo "$CDKTR_TASK_ID" >> {done}'
    tasks = [TaskPlan(id=f"t{i}", command=command) for i in range(400)]
    run = env.submit(Plan(workflow="load", tasks=tasks))
    for name, agent in agents.items():
        wait_until(lambda name=name: agent_row(env, name).running, 20, f"work on {name}")
        assert agent.stop() == 0
        assert agent_row(env, name).running == 0
        agents[name] = env.agent(name, slots=2)
    row = env.wait(run, 60)
    assert (row.state, row.failed) == ("COMPLETED", 0)
    assert sorted(done.read_text().split()) == sorted(task.id for task in tasks), "each once"
    assert {task.losses for task in env.tasks(run).values()} == {0}
    assert {agent_row(env, name).losses for name in agents} == {0}


def test_nobody_is_left_whatever_ends_a_task_that_will_not(env: Env) -> None:
    env.set(stop_grace_s=0.5, drain_timeout_s=0.5)
    env.principal()
    ledger = Ledger(env)
    agent = env.agent("a1", slots=2)
    tasks = [TaskPlan(id="late", command=ledger.command, timeout_s=1.5)]
    late = env.submit(Plan(workflow="late", tasks=tasks))
    nohup = f"nohup sh -c '{ledger.command}' >/dev/null 2>&1 & {ledger.command}"
    cancelled = env.run(nohup)
    wait_until(lambda: ledger.started("late") and ledger.started("t0"), what="both to run")
    env.client().ask(p.RunCancel(run=cancelled), p.RunStatus)
    assert env.wait(cancelled).state == "CANCELLED"
    assert env.wait(late).code == 124
    assert of_run(late) + of_run(cancelled) == []

    task = TaskPlan(id="drained", command=ledger.command)
    run = env.submit(Plan(workflow="drained", tasks=[task]))
    for n, signals in ((1, 1), (2, 2)):
        wait_until(lambda n=n: ledger.started("drained", n), 20, f"attempt {n}")
        supervisor = supervisor_pid(env)
        for _ in range(signals):
            agent.signal(signal.SIGTERM)
        assert agent.popen.wait(20) == 0
        assert of_run(run) == []
        assert gone(supervisor)
        agent = env.agent("a1", slots=2)
    wait_until(lambda: ledger.started("drained", 3), 20, "the last attempt")
    ledger.go()
    assert env.wait(run).state == "COMPLETED"
    row = env.tasks(run)["drained"]
    assert [each.state for each in row.attempts] == ["RELEASED", "RELEASED", "COMPLETED"]
    assert row.losses == 0
    assert ledger.overlaps() == []


def test_a_leaving_agent_does_not_wait_for_who_is_gone(env: Env) -> None:
    principal, logd, agent = env.everything(slots=1)
    go = env.directory / "go"
    run = env.run(f"while [ ! -e {go} ]; do sleep 0.02; done; seq 1000")
    wait_until(lambda: of_run(run), what="the task to run")
    principal.kill()
    logd.kill()
    agent.signal(signal.SIGTERM)
    go.touch()
    wait_until(lambda: not of_run(run), what="the task to end")
    ended = time.monotonic()
    assert agent.popen.wait(20) == 0
    assert time.monotonic() - ended < 5, "about 2 s on an idle machine"
    env.principal()
    env.logd()
    env.agent("a1")
    assert env.wait(run).state == "COMPLETED"
    assert states(env, run) == {"t0": ["COMPLETED"]}


def test_a_task_that_takes_its_agent_down_each_time(env: Env) -> None:
    env.principal()
    env.agent("a1", slots=2)
    starts = env.directory / "starts"
    tasks = [
        TaskPlan(id="poison", command=f"echo x >> {starts}; sleep 0.3; kill -9 $PPID; sleep 60"),
        TaskPlan(id="innocent", command="sleep 1"),
    ]
    run = env.submit(Plan(workflow="poison", tasks=tasks))
    row = env.wait(run, 60)
    rows = env.tasks(run)
    assert (row.state, row.failed) == ("FAILED", 1)
    assert rows["poison"].state == "FAILED"
    assert [each.state for each in rows["poison"].attempts] == ["CRASHED"] * 3
    assert starts.read_text() == "x\n" * 3
    assert "3" in rows["poison"].reason
    assert rows["innocent"].state == "COMPLETED"


def test_files_are_scarce(env: Env) -> None:
    env.principal()
    env.logd()
    agent = env.agent("a1", slots=30, under=("sh", "-c", 'ulimit -n 40; exec "$@"', "sh"))
    run = env.run(*(f"echo {i}; sleep 0.2; echo {i} >&2" for i in range(60)))
    row = env.wait(run, 60)
    assert (row.state, row.failed) == ("COMPLETED", 0), env.tasks(run)
    assert agent.popen.poll() is None
    log = Path(env.home / "agent" / "a1" / "supervisor.log").read_text()
    assert "no room for a process now" in log

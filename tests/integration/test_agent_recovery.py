"""An agent's two processes, its principal and its logd die one after the other: what goes on, what
is run again, and what is never lost or doubled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from cdktr_common.catalogue import principal as p
from tests.integration.harness import Env, wait_until
from tests.integration.test_agent_tasks import of_run, output


def supervisor_pid(env: Env, name: str = "a1") -> int:
    return int(json.loads((env.home / "agent" / name / "supervisor.lock").read_text())["pid"])


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


def waiting_task(env: Env, say: str = "begin") -> tuple[str, Path]:
    """A command that counts its starts, says something and runs until a file appears."""
    starts, go = env.directory / "starts", env.directory / "go"
    loop = f"while [ ! -e {go} ]; do sleep 0.05; done"
    return f"echo x >> {starts}; echo {say}; {loop}; echo end", starts


def test_the_network_process_dies_and_nothing_happens_to_tasks(env: Env) -> None:
    _, _, agent = env.everything()
    command, starts = waiting_task(env)
    run = env.run(command, "echo short")
    wait_until(starts.exists, what="the task to run")
    before = supervisor_pid(env)
    agent.kill()
    (env.directory / "go").touch()
    wait_until(lambda: not of_run(run), what="the task to end alone")
    env.agent()
    assert env.wait(run).state == "COMPLETED"
    assert supervisor_pid(env) == before
    assert starts.read_text() == "x\n"
    assert [attempt.state for attempt in env.tasks(run)["t0"].attempts] == ["COMPLETED"]
    assert output(env, run, "t0") == b"begin\nend\n"


def test_the_supervisor_dies_and_its_tasks_are_run_again(env: Env) -> None:
    env.everything()
    command, starts = waiting_task(env)
    run = env.run(command)
    wait_until(starts.exists, what="the task to run")
    first = set(of_run(run))
    os.kill(supervisor_pid(env), signal.SIGKILL)
    wait_until(lambda: starts.read_text() == "x\nx\n", what="the second attempt")
    assert first.isdisjoint(of_run(run)), "the first attempt was still there with the second"
    (env.directory / "go").touch()
    assert env.wait(run).state == "COMPLETED"
    states = [attempt.state for attempt in env.tasks(run)["t0"].attempts]
    assert states == ["CRASHED", "COMPLETED"]
    assert output(env, run, "t0") == b"begin\n"
    assert output(env, run, "t0", n=2) == b"begin\nend\n"


def test_both_processes_die_and_the_next_agent_ends_what_is_left(env: Env) -> None:
    _, _, agent = env.everything()
    command, starts = waiting_task(env)
    run = env.run(f"trap '' TERM; {command}")
    wait_until(starts.exists, what="the task to run")
    first = set(of_run(run))
    supervisor = supervisor_pid(env)
    agent.kill()
    os.kill(supervisor, signal.SIGKILL)
    env.agent()
    wait_until(lambda: starts.read_text() == "x\nx\n", what="the second attempt")
    assert first.isdisjoint(of_run(run))
    (env.directory / "go").touch()
    assert env.wait(run).state == "COMPLETED"


def test_the_principal_dies_and_adopts_what_runs(env: Env) -> None:
    principal, _, _ = env.everything()
    command, starts = waiting_task(env)
    run = env.run(command, "echo short")
    wait_until(starts.exists, what="the task to run")
    principal.kill()
    (env.directory / "go").touch()
    wait_until(lambda: not of_run(run), what="the task to end without a principal")
    env.principal()
    assert env.wait(run).state == "COMPLETED"
    assert starts.read_text() == "x\n"
    assert len(env.tasks(run)["t0"].attempts) == 1


def test_logd_dies_again_and_again_and_no_byte_is_lost_or_doubled(env: Env) -> None:
    _, logd, _ = env.everything()
    run = env.run("for i in $(seq 300); do seq $i 1000 $((i * 300)); sleep 0.005; done")
    spool = env.home / "agent" / "a1" / "spool"
    for _ in range(3):
        wait_until(lambda: list(spool.iterdir()), what="output in the spool")
        logd.kill()
        logd = env.logd()
    assert env.wait(run).state == "COMPLETED"
    command = "for i in $(seq 300); do seq $i 1000 $((i * 300)); done"
    expected = subprocess.run(["sh", "-c", command], stdout=subprocess.PIPE, check=True).stdout
    assert output(env, run, "t0") == expected


def test_a_drained_agent_lets_tasks_end(env: Env) -> None:
    _, _, agent = env.everything(slots=1)
    command, starts = waiting_task(env)
    run = env.run(command, "echo later")
    wait_until(starts.exists, what="the task to run")
    supervisor = supervisor_pid(env)
    agent.signal(signal.SIGTERM)
    client = env.client()

    def state() -> str:
        return client.ask(p.AgentList(), p.AgentPage).agents[0].state

    wait_until(lambda: state() == "draining", what="the agent to be shown as draining")
    (env.directory / "go").touch()
    assert agent.popen.wait(20) == 0
    assert gone(supervisor)
    assert state() == "gone"
    tasks = env.tasks(run)
    assert [tasks[t].state for t in ("t0", "t1")] == ["COMPLETED", "PENDING"]
    assert output(env, run, "t0") == b"begin\nend\n"
    env.agent("a2")
    assert env.wait(run).state == "COMPLETED"


def test_told_twice_the_agent_ends_its_tasks_without_blame(env: Env) -> None:
    _, _, agent = env.everything()
    command, starts = waiting_task(env)
    run = env.run(command)
    wait_until(starts.exists, what="the task to run")
    agent.signal(signal.SIGTERM)
    wait_until(lambda: "draining" in agent.errors(), what="it to drain")
    agent.signal(signal.SIGTERM)
    assert agent.popen.wait(20) == 0
    assert of_run(run) == []
    attempt = env.tasks(run)["t0"].attempts[0]
    assert attempt.reason == "drained"
    (env.directory / "go").touch()
    env.agent("a2")
    assert env.wait(run).state == "COMPLETED"


def test_a_lease_that_nobody_renews_ends_the_task(env: Env) -> None:
    env.set(lost_after_s=1.5)
    _, _, agent = env.everything()
    command, starts = waiting_task(env)
    run = env.run(command)
    wait_until(starts.exists, what="the task to run")
    agent.kill()
    wait_until(lambda: not of_run(run), 20, "the supervisor to end it by itself")
    outbox = env.home / "agent" / "a1" / "outbox.jsonl"
    wait_until(lambda: '"CRASHED"' in outbox.read_text(), what="the result in the outbox")
    (env.directory / "go").touch()
    env.agent("a2")
    assert env.wait(run, 30).state == "COMPLETED"
    assert starts.read_text() == "x\nx\n"


def test_one_agent_of_a_name(env: Env) -> None:
    env.principal()
    env.agent()
    second = subprocess.run(
        [sys.executable, "-m", "cdktr_agent", "--name", "a1"],
        env=env.environ, capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    assert second.returncode == 75
    assert "in use by cdktr-agent (pid" in second.stderr
    assert "--name" in second.stderr


def test_an_agent_waits_for_its_principal(env: Env) -> None:
    agent = env.start("agent", "--name", "early")
    wait_until(lambda: "no answer from the principal" in agent.errors(), what="it to say so")
    env.principal()
    assert agent.ready(5) == [f"ipc://{env.home}/run/principal.sock"]

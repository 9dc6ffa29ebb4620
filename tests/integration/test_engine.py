"""All programs together: DAGs run as told, and survive the death of any one program.

The judge is outside: each task appends `start` and `end` lines to a ledger opened with O_APPEND.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from cdktr_common.catalogue import logd as l
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.common import Hello, Welcome
from cdktr_common.catalogue.values import Plan, TaskPlan
from cdktr_common.client import Client
from tests.integration.harness import Env, Proc, wait_until


def noted(ledger: Path, seconds: float = 0.0) -> str:
    """A command that notes its start and end, and takes so long."""
    line = '"$CDKTR_TASK_ID $CDKTR_ATTEMPT"'
    return f"echo start {line} >> {ledger}; sleep {seconds}; echo end {line} >> {ledger}"


def entries(ledger: Path) -> Counter[str]:
    return Counter(ledger.read_text().splitlines()) if ledger.exists() else Counter()


def output(env: Env, run: str, task: str, stream: str = "stdout", n: int | None = None) -> bytes:
    """What logd has of a stream."""
    import base64

    welcome = env.client().ask(Hello(), Welcome)
    data = b""
    with Client(welcome.endpoints["logd"][0]) as client:
        while True:
            request = l.LogRead(run=run, task=task, n=n, stream=stream, offset=len(data))  # type: ignore[arg-type]
            page = client.ask(request, l.LogPage)
            for chunk in page.chunks:
                assert chunk.offset == len(data)
                data += base64.b64decode(chunk.b64) if chunk.b64 else (chunk.text or "").encode()
            if page.next is None:
                return data


def test_a_diamond_runs_in_order_with_its_output_stored(env: Env, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    env.workflow(
        "diamond",
        f"""
tasks:
  top: {{command: "{noted(ledger).replace('"', chr(92) + '"')}; echo hello from top"}}
  left: {{command: "echo left >> {ledger}", depends: [top]}}
  right: {{command: "echo right >> {ledger}; echo to stderr >&2", depends: [top]}}
  bottom: {{command: "echo bottom >> {ledger}", depends: [left, right]}}
""",
    )
    env.everything()
    started = env.client().ask(p.RunStart(workflow="diamond"), p.RunStarted)
    row = env.wait(started.runs[0].run)
    assert row.state == "COMPLETED" and row.done == 4
    lines = ledger.read_text().split("\n")[:-1]
    assert lines[:2] == ["start top 1", "end top 1"]
    assert sorted(lines[2:4]) == ["left", "right"] and lines[4] == "bottom"
    wait_until(lambda: output(env, row.run, "top") == b"hello from top\n")
    wait_until(lambda: output(env, row.run, "right", "stderr") == b"to stderr\n")


def test_failures_skip_what_depends_on_them(env: Env) -> None:
    env.principal()
    env.agent()
    tasks = [
        TaskPlan(id="bad", command="exit 7"),
        TaskPlan(id="after", command="true", depends=["bad"]),
        TaskPlan(id="last", command="true", depends=["after"]),
        TaskPlan(id="other", command="true"),
        TaskPlan(id="none", argv=["/no/such/program"]),
        TaskPlan(id="killed", command="kill -9 $$"),
        TaskPlan(id="slow", command="sleep 60", timeout_s=0.3),
    ]
    row = env.wait(env.submit(Plan(workflow="w", tasks=tasks)))
    rows = env.tasks(row.run)
    assert (row.state, row.code in (7, 127, 137)) == ("FAILED", True)
    assert {name: task.state for name, task in rows.items()} == {
        "bad": "FAILED", "after": "SKIPPED", "last": "SKIPPED", "other": "COMPLETED",
        "none": "FAILED", "killed": "FAILED", "slow": "FAILED",
    }  # fmt: skip
    assert [rows[name].code for name in ("bad", "none", "killed", "slow")] == [7, 127, 137, 124]


def test_tasks_find_what_they_are_promised(env: Env, tmp_path: Path) -> None:
    env.everything()
    plan = Plan(
        workflow="w",
        env={"FROM_PLAN": "1", "BOTH": "plan"},
        workdir=str(tmp_path),
        tasks=[
            TaskPlan(
                id="t",
                command="env | grep -E '^(CDKTR|FROM|BOTH)' ; pwd; cat $CDKTR_PAYLOAD_FILE",
                env={"BOTH": "task"},
            )
        ],
    )
    run = env.submit(plan, payload={"n": 1})
    assert env.wait(run).state == "COMPLETED"
    wait_until(lambda: b'{"n":1}' in output(env, run, "t"))
    text = output(env, run, "t").decode()
    seen = dict(line.split("=", 1) for line in text.split("\n") if "=" in line)
    assert seen["CDKTR_RUN_ID"] == run and seen["CDKTR_TASK_ID"] == "t"
    assert seen["CDKTR_WORKFLOW"] == "w" and seen["CDKTR_ATTEMPT"] == "1"
    assert int(seen["CDKTR_FENCE"]) > 0 and seen["CDKTR_IDEMPOTENCY_KEY"] == f"{run}/t"
    assert seen["CDKTR_PAYLOAD"] == '{"n":1}' and seen["BOTH"] == "task"
    assert seen["FROM_PLAN"] == "1" and f"\n{tmp_path}\n" in text


def test_tasks_of_one_run_spread_over_agents_unless_placed_together(
    env: Env, tmp_path: Path
) -> None:
    env.principal()
    for name in ("a1", "a2", "a3"):
        env.agent(name, slots=1)
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    # Each waits for a line of the gate: all three must run at the same time to be let go.
    run = env.run(*[f"read line < {gate}"] * 3)
    wait_until(lambda: [t.state for t in env.tasks(run).values()] == ["RUNNING"] * 3)
    agents = {task.attempts[0].agent for task in env.tasks(run).values()}
    assert agents == {"a1", "a2", "a3"}
    fd = os.open(gate, os.O_RDWR)
    os.write(fd, b"go\n" * 3)
    wait_until(lambda: env.wait(run).state == "COMPLETED")
    os.close(fd)
    run = env.run(*["true"] * 6, placement="together")
    assert env.wait(run).state == "COMPLETED"
    assert len({task.attempts[0].agent for task in env.tasks(run).values()}) == 1


def test_a_cancel_takes_down_the_whole_tree(env: Env, tmp_path: Path) -> None:
    env.principal()
    env.agent()
    pids = tmp_path / "pids"
    run = env.run(
        f"(setsid sleep 300 & echo $! >> {pids}); echo $$ >> {pids}; sleep 300", "sleep 300"
    )
    wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    env.client().ask(p.RunCancel(run=run, reason="enough"), p.RunStatus)
    row = env.wait(run, 15)
    assert (row.state, row.code) == ("CANCELLED", 130)
    for pid in pids.read_text().split():
        stat = Path(f"/proc/{pid}/stat")
        assert not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize("victim", ["principal", "logd", "agent"])
def test_killing_a_program_loses_and_doubles_nothing(env: Env, tmp_path: Path, victim: str) -> None:
    procs: dict[str, Proc] = dict(
        zip(("principal", "logd", "agent"), env.everything(slots=4), strict=True)
    )
    ledger = tmp_path / "ledger"
    loud = "for i in $(seq 2000); do echo line $i of $CDKTR_TASK_ID; done"
    run = env.run(*[f"{loud}; {noted(ledger, 0.8)}; {loud}"] * 8)
    wait_until(lambda: sum(entries(ledger).values()) >= 4, what="tasks to run")
    procs[victim].kill()
    if victim == "principal":
        env.principal()
    elif victim == "logd":
        env.logd()
    else:
        env.agent(slots=4)
    row = env.wait(run)
    assert row.state == "COMPLETED"
    assert entries(ledger) == Counter(
        f"{mark} t{i} 1" for i in range(8) for mark in ("start", "end")
    )
    assert all(len(task.attempts) == 1 for task in env.tasks(run).values())
    for i in range(8):
        once = b"".join(b"line %d of t%d\n" % (n, i) for n in range(1, 2001))
        wait_until(lambda t=f"t{i}", want=once * 2: output(env, run, t) == want)  # type: ignore[misc]


def test_a_killed_supervisor_shows_as_a_second_attempt(env: Env, tmp_path: Path) -> None:
    env.principal()
    env.agent(slots=2)
    ledger = tmp_path / "ledger"
    run = env.run(noted(ledger, 1.0), "true")
    wait_until(lambda: entries(ledger)["start t0 1"] == 1)
    (agent,) = (env.home / "agent").iterdir()
    from cdktr_common.lock import read_owner

    supervisor = read_owner(agent / "supervisor.lock")["pid"]
    os.kill(supervisor, signal.SIGKILL)
    row = env.wait(run)
    assert row.state == "COMPLETED"
    task = env.tasks(run)["t0"]
    assert [attempt.state for attempt in task.attempts] == ["CRASHED", "COMPLETED"]
    assert entries(ledger) == Counter(["start t0 1", "start t0 2", "end t0 2"])


def test_acknowledged_triggers_survive_a_principal_killed_again_and_again(env: Env) -> None:
    env.workflow("w", "events: [go]\ntasks:\n  a: {command: 'true'}\n")
    principal = env.principal()
    env.agent(slots=2)
    acknowledged: dict[str, str] = {}
    for round_ in range(4):
        for n in range(15):
            key = f"{round_}-{n}"
            started = env.client().ask(p.EventFire(event="go", key=key), p.RunStarted)
            acknowledged[key] = started.runs[0].run
        principal.kill()
        principal = env.principal()
    for run in acknowledged.values():
        assert env.wait(run).state == "COMPLETED"
    assert len(set(acknowledged.values())) == 60
    page = env.client().ask(p.RunList(limit=1000), p.RunPage)
    assert len(page.runs) == 60

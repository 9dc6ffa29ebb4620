"""An agent and its tasks: what they are given, how they end, and that nobody of them is left."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.logd import LogPage, LogRead
from cdktr_common.catalogue.values import Plan, Stream, TaskPlan
from cdktr_common.client import Client
from tests.integration.harness import Env, wait_until

FORKS = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for leave in (False, True):
    if os.fork() == 0:
        if leave:
            os.setsid()
            if os.fork():
                os._exit(0)
        time.sleep(600)
        os._exit(0)
"""
"""A task that leaves a child in its group and a daemon in a session of its own, deaf to TERM."""


def output(env: Env, run: str, task: str, stream: Stream = "stdout", n: int = 1) -> bytes:
    """What logd has of a stream, once it has its end."""
    import base64

    with Client(f"ipc://{env.home}/run/logd.sock") as client:

        def whole() -> list[bytes] | None:
            parts: list[bytes] = []
            at = lines = 0
            while True:
                request = LogRead(run=run, task=task, n=n, stream=stream, offset=at, limit=1 << 22)
                page = client.ask(request, LogPage)
                for chunk in page.chunks:
                    data = base64.b64decode(chunk.b64) if chunk.b64 else (chunk.text or "").encode()
                    assert chunk.offset == at
                    assert len(data) <= 1 << 16
                    assert chunk.line == lines
                    lines += data.count(b"\n")
                    at += len(data)
                    parts.append(data)
                    if chunk.end:
                        return parts
                if not page.chunks:
                    return None

        parts = wait_until(whole, 30, f"the end of {run}/{task} {stream}")
        assert parts is not None
        return b"".join(parts)


def of_run(run: str) -> list[int]:
    """Living processes of a run."""
    mark = f"CDKTR_RUN_ID={run}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        try:
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            if state not in "ZX" and mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_what_a_task_is_given(env: Env) -> None:
    env.set(secret="of the agent")
    env.everything()
    tasks = [
        TaskPlan(id="vars", command="env; cat; cat $CDKTR_PAYLOAD_FILE; ls -l $CDKTR_PAYLOAD_FILE"),
        TaskPlan(id="here", argv=["pwd"], workdir="/usr/bin"),
        TaskPlan(id="path", argv=["mine"], env={"PATH": f"{env.directory}/bin:/bin"}),
        TaskPlan(id="quiet", argv=["true"]),
    ]
    program = env.directory / "bin" / "mine"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho mine\n")
    program.chmod(0o755)
    plan = Plan(workflow="given", tasks=tasks, env={"A": "plan", "B": "plan"}, workdir="/")
    payload = {"a": [1, "ö"]}
    run = env.submit(plan, payload=payload)
    assert env.wait(run).state == "COMPLETED"
    lines = output(env, run, "vars").decode().split("\n")
    given = dict(line.split("=", 1) for line in lines if "=" in line)
    assert given["A"] == "plan"
    assert given["CDKTR_RUN_ID"] == run
    assert given["CDKTR_TASK_ID"] == "vars"
    assert given["CDKTR_ATTEMPT"] == "1"
    assert int(given["CDKTR_FENCE"]) > 0
    assert given["CDKTR_IDEMPOTENCY_KEY"] == f"{run}/vars"
    assert given["CDKTR_SECRET"] == "of the agent"
    assert json.loads(given["CDKTR_PAYLOAD"]) == payload
    assert "PYTHONPATH" not in given or given["PYTHONPATH"] == os.environ.get("PYTHONPATH")
    assert "}-rw------- " in lines[-2]
    assert output(env, run, "here") == b"/usr/bin\n"
    assert output(env, run, "path") == b"mine\n"
    assert not list((env.home / "agent" / "a1" / "payload").iterdir())


@pytest.mark.parametrize(
    ("task", "code", "reason"),
    [
        (TaskPlan(id="t", command="exit 3"), 3, ""),
        (TaskPlan(id="t", command="kill -9 $$"), 137, "killed by SIGKILL"),
        (TaskPlan(id="t", argv=["no-such-program"]), 127, "no such program"),
        (TaskPlan(id="t", argv=["/no/such/program"]), 127, "No such file"),
        (TaskPlan(id="t", argv=["/etc/passwd"]), 126, "Permission denied"),
        (TaskPlan(id="t", argv=["true"], workdir="/no/where"), 126, "workdir /no/where"),
    ],
    ids=lambda value: value if isinstance(value, int) else "",
)
def test_how_a_task_fails(env: Env, task: TaskPlan, code: int, reason: str) -> None:
    env.principal()
    env.agent()
    run = env.submit(Plan(workflow="fails", tasks=[task]))
    row = env.wait(run)
    assert (row.state, row.code) == ("FAILED", code)
    assert reason in env.tasks(run)["t"].attempts[0].reason


def test_nobody_is_left_of_a_task_that_ends(env: Env) -> None:
    env.everything()
    script = env.directory / "forks.py"
    script.write_text(FORKS)
    # Output held open by children: read for two seconds, then the rest is ended.
    run = env.run(f"python3 {script}; echo done")
    assert env.wait(run).state == "COMPLETED"
    assert of_run(run) == []
    assert output(env, run, "t0") == b"done\n"


def test_a_daemon_without_our_variables_is_found_too(env: Env) -> None:
    env.everything()
    run = env.run("exec >/dev/null 2>&1; env -i setsid -f sleep 613")
    assert env.wait(run).state == "COMPLETED"
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert b"sleep\x00613\x00" not in lines


def test_a_time_out_ends_the_whole_tree(env: Env) -> None:
    env.everything()
    script = env.directory / "forks.py"
    script.write_text(FORKS + "\nprint('forked', flush=True)\ntime.sleep(600)\n")
    task = TaskPlan(id="t", argv=["python3", str(script)], timeout_s=0.5)
    run = env.submit(Plan(workflow="late", tasks=[task]))
    row = env.wait(run)
    assert (row.state, row.code) == ("FAILED", 124)
    assert "timed out after 0.5 s" in env.tasks(run)["t"].attempts[0].reason
    assert of_run(run) == []
    assert output(env, run, "t") == b"forked\n"


def test_a_cancelled_task_may_clean_up_and_is_gone(env: Env) -> None:
    env.everything(slots=1)
    mark = env.directory / "cleaned"
    run = env.run(
        f"trap 'echo bye; touch {mark}; exit 0' TERM; echo up; sleep 600 & wait", "echo never"
    )
    client = env.client()
    wait_until(lambda: of_run(run), what="the task to run")
    with Client(f"ipc://{env.home}/run/logd.sock") as logd:
        read = LogRead(run=run, task="t0")
        wait_until(lambda: logd.ask(read, LogPage).chunks, what="its first line")
    client.ask(p.RunCancel(run=run), p.RunStatus)
    assert env.wait(run).state == "CANCELLED"
    assert mark.exists()
    assert of_run(run) == []
    assert output(env, run, "t0") == b"up\nbye\n"


def test_output_is_kept_byte_for_byte(env: Env) -> None:
    env.everything()
    blob = os.urandom(3_000_000)
    (env.directory / "blob").write_bytes(blob)
    words = ("grüße\n" * 20_000).encode()
    (env.directory / "words").write_bytes(words)
    run = env.run(
        f"cat {env.directory}/blob; cat {env.directory}/words >&2",
        "printf 'no newline at the end'",
        "head -c 5000000 /dev/zero | tr '\\0' x",
        "yes 'a line of some length' | head -300000",
    )
    assert env.wait(run).state == "COMPLETED"
    assert output(env, run, "t0") == blob
    assert output(env, run, "t0", "stderr") == words
    assert output(env, run, "t1") == b"no newline at the end"
    assert output(env, run, "t2") == b"x" * 5_000_000
    expected = hashlib.sha256(b"a line of some length\n" * 300_000).digest()
    assert hashlib.sha256(output(env, run, "t3")).digest() == expected
    spool = env.home / "agent" / "a1" / "spool"
    wait_until(lambda: not list(spool.iterdir()), what="the spool to be empty")


def test_no_room_for_output_is_said_and_stops_nobody(env: Env) -> None:
    env.set(spool_limit_mb=1)
    env.principal()
    env.agent()  # no logd: nothing leaves the spool
    run = env.run("head -c 3000000 /dev/zero | tr '\\0' x; echo; echo end")
    assert env.wait(run).state == "COMPLETED"
    assert "bytes of output dropped" in env.tasks(run)["t0"].attempts[0].reason
    env.logd()
    data = output(env, run, "t0")
    kept = len(data) - len(data.lstrip(b"x"))
    text = data[kept:].decode()
    missing = int(text.split("cdktr: ")[1].split(" ")[0])
    assert text.startswith("\n[cdktr: ")
    assert text.endswith(" bytes dropped, no room]\n")
    assert kept + missing == 3_000_005


def test_a_shell_does_not_go_on_when_its_child_is_ended_with_it(env: Env, tmp_path: Path) -> None:
    env.principal()
    env.agent(slots=8)
    ledger = tmp_path / "ledger"
    task = f"for i in 1 2 3; do sleep 60 | cat; echo never >> {ledger}; done"
    tasks = [TaskPlan(id=f"t{i}", command=task, timeout_s=0.2) for i in range(40)]
    row = env.wait(env.submit(Plan(workflow="w", tasks=tasks)))
    assert (row.state, row.failed) == ("FAILED", 40)
    assert not ledger.exists()

"""What a plan says of a task, done by an agent and told: steps, files, secrets, outputs, progress,
artifacts."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.logd import HistoryList, HistoryPage, LogPage, LogQuery
from cdktr_common.catalogue.values import Plan, Step, TaskPlan
from cdktr_common.client import Client
from tests.integration.harness import Env, wait_until
from tests.integration.test_agent_tasks import output

SECRET = "the token / of the agent"


def run_one(env_: Env, seconds: float = 40.0, **fields: object) -> str:
    """A run of one task `t`, to its end."""
    secrets = fields.pop("secrets", {})
    task = TaskPlan(id="t", **fields)  # type: ignore[arg-type]
    run = env_.submit(Plan(workflow="w", tasks=[task], secrets=secrets))  # type: ignore[arg-type]
    env_.wait(run, seconds)
    return run


def test_all_that_a_task_can_say(env: Env) -> None:
    env.set(my_token=SECRET)
    env.everything()
    (env.directory / "my.env").write_text("FROM_FILE='of the file'\n")
    run = run_one(
        env,
        script='#!/bin/sh\ncat made a.txt; echo "$FROM_FILE $TOKEN"; echo rows=12 > $CDKTR_OUTPUT',
        files={"a.txt": "a file\n"},
        dotenv=[str(env.directory / "my.env")],
        env={"TOKEN": "{{ secrets.mine }}"},
        secrets={"mine": "env:CDKTR_MY_TOKEN"},
        templates=True,
        pre=[Step(name="make", command="echo made > made")],
        post=[Step(name="show", command="echo post; cat $CDKTR_OUTPUT")],
        outputs=["rows"],
        capture=True,
    )
    row = env.tasks(run)["t"]
    assert (row.state, row.attempts[0].reason) == ("COMPLETED", "")
    assert output(env, run, "t") == b"made\na file\nof the file ***\npost\nrows=12\n"
    assert row.outputs == {"rows": "12"}
    assert row.result == "made\na file\nof the file ***"
    written = b"".join(path.read_bytes() for path in (env.home).rglob("*") if path.is_file())
    assert SECRET.encode() not in written


@pytest.mark.parametrize(
    ("fields", "code", "reason"),
    [
        ({"command": "true", "outputs": ["rows"]}, 4, "did not write to CDKTR_OUTPUT: rows"),
        ({"command": "echo x > $CDKTR_OUTPUT"}, 4, "CDKTR_OUTPUT line 1: no key=value: 'x'"),
        ({"command": "true", "dotenv": ["/no"]}, 126, "dotenv /no: No such file or directory"),
        (
            {"command": "true", "pre": [Step(name="up", command="exit 9")]},
            9,
            "pre step up: exit code 9",
        ),
    ],
)
def test_what_goes_wrong_is_told(
    env: Env, fields: dict[str, object], code: int, reason: str
) -> None:
    env.principal()
    env.agent()
    run = run_one(env, **fields)  # type: ignore[arg-type]
    attempt = env.tasks(run)["t"].attempts[0]
    assert (attempt.state, attempt.code, attempt.reason) == ("FAILED", code, reason)


def test_progress_is_shown_while_a_task_runs(env: Env) -> None:
    env.principal()
    env.agent()
    task = TaskPlan(id="t", command="echo 42 > $TORK_PROGRESS; sleep 600")
    run = env.submit(Plan(workflow="w", tasks=[task]))
    wait_until(lambda: env.tasks(run)["t"].progress == 42.0, what="progress")
    env.client().ask(p.RunCancel(run=run), p.RunStatus)
    env.wait(run)


def test_outputs_survive_both_processes_of_the_agent(env: Env) -> None:
    principal = env.principal()
    agent = env.agent()
    task = TaskPlan(
        id="t", command="touch up; while [ ! -e go ]; do sleep 0.02; done; echo a=1 > $CDKTR_OUTPUT"
    )
    run = env.submit(Plan(workflow="w", tasks=[task], workdir=str(env.directory)))
    wait_until((env.directory / "up").exists, what="the task to run")
    principal.kill()
    (env.directory / "go").touch()
    outbox = env.home / "agent" / "a1" / "outbox.jsonl"
    wait_until(lambda: b'"a":"1"' in outbox.read_bytes(), what="the result to be kept")
    agent.kill()
    env.principal()
    env.agent()
    assert env.wait(run).state == "COMPLETED"
    assert env.tasks(run)["t"].outputs == {"a": "1"}


# Artifacts


def test_artifacts_are_fetched_byte_for_byte(env: Env, tmp_path: Path) -> None:
    env.everything()
    blob = os.urandom(9_000_000)
    (env.directory / "blob").write_bytes(blob)
    make = f"echo said; mkdir -p out/sub; cp {env.directory}/blob out; seq 99999 > out/sub/n.txt"
    tasks = [
        TaskPlan(id="build", command=make, files={"x": ""}, artifacts=["out"]),
        TaskPlan(id="other", command="echo 2 > b; exit 3", files={"x": ""}, artifacts=["b"]),
        TaskPlan(id="none", argv=["true"]),
    ]
    run = env.submit(Plan(workflow="w", tasks=tasks))
    env.wait(run)
    listed = env.command("cdktr-ctl", "artifacts", run[:6], "--list", "--json")
    assert [(row["task"], row["path"], row["bytes"]) for row in json.loads(listed.stdout)] == [
        ("build", "out/blob", len(blob)), ("build", "out/sub/n.txt", 588_888), ("other", "b", 2),
    ]  # fmt: skip
    done = env.command("env", "-C", str(tmp_path), "cdktr-ctl", "artifacts", run)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / run / "build/out/blob").read_bytes() == blob
    numbers = "".join(f"{i}\n" for i in range(1, 100_000))
    assert (tmp_path / run / "build/out/sub/n.txt").read_text() == numbers
    assert (tmp_path / run / "other/b").read_text() == "2\n"
    done = env.command("cdktr-ctl", "artifacts", run, "--task", "other", "--into", str(tmp_path))
    assert f"{tmp_path}/b" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([run, "b"])
    # They are no output.
    assert env.command("cdktr-logs", "query", "--run", run).stdout.count("\n") == 1
    with Client(f"ipc://{env.home}/run/logd.sock") as logd:
        page = logd.ask(LogQuery(run=run), LogPage)
        assert [(c.stream, c.text) for c in page.chunks if c.text] == [("stdout", "said\n")]
        assert logd.ask(LogQuery(run=run, stream="artifact/b"), LogPage).chunks[0].text == "2\n"
        rows = logd.ask(HistoryList(table="artifacts", run=run, limit=2), HistoryPage)
        assert rows.next is not None


def test_artifacts_that_are_not_there(env: Env) -> None:
    env.everything()
    run = run_one(env, command="true", artifacts=["*.no"])
    assert env.tasks(run)["t"].attempts[0].reason == "artifacts left out: nothing is like *.no"
    for words, code, said in (
        ((run,), 3, "has no artifacts"),
        ((run, "--task", "nope"), 3, "has no task 'nope'"),
        (("zzzz",), 3, "zzzz"),
        ((run, "--list"), 0, ""),
        ((run, "--list", "--into", "x"), 2, ""),
    ):
        done = env.command("cdktr-ctl", "artifacts", *words)
        assert done.returncode == code, (words, done)
        assert said in done.stderr

"""Limits and ends on the real programs: runs that wait for others of their workflow, deadlines,
cancelled runs with tasks of their end, steps around a task, progress; and what is told of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cdktr_common.catalogue import principal as p
from tests.integration.cli_stand import Stand
from tests.integration.harness import Env, environment, wait_until
from tests.integration.language_stand import begin, ended, output, start, states

ONE_AT_A_TIME = """\
max_active_runs: 1
overlap: {overlap}
params: {{until: {{required: true}}}}
tasks:
  wait: {{command: 'while [ ! -e "$CDKTR_PARAM_UNTIL" ]; do sleep 0.05; done'}}
finally: {{command: echo over}}
"""


@pytest.fixture(scope="module", name="box")
def running() -> Iterator[Stand]:
    with environment() as env:
        for overlap in ("queue", "skip", "cancel"):
            env.workflow(overlap, ONE_AT_A_TIME.format(overlap=overlap))
        env.everything(slots=4)
        yield Stand(env)


@pytest.fixture(name="env")
def of_box(box: Stand) -> Env:
    return box.env


def runs(env: Env, run: str) -> bool:
    return "RUNNING" in states(env, run).values()


def test_one_more_run_waits_until_there_is_room(box: Stand, tmp_path: Path) -> None:
    env = box.env
    params = {"until": str(tmp_path / "first")}
    first = begin(env, "queue", params=params)
    wait_until(lambda: runs(env, first))
    second = begin(env, "queue", params=params)
    assert "PENDING, queued" in box.out("cdktr-ctl", "runs", "-n", "1")
    why = box.call("cdktr-ctl", "why", second)
    assert why.returncode == 23, why
    assert first in why.stdout.decode()
    history = ("cdktr-ctl", "runs", "--history", "-n", "1")
    wait_until(lambda: "PENDING, queued" in box.out(*history), what="it to be recorded")
    (tmp_path / "first").touch()
    assert not ended(env, second).queued
    assert (ended(env, first).ended_ts or 0) <= (env.wait(second).started_ts or 0)
    listed = json.loads(box.out("cdktr-ctl", "events", "--after", "0", "--json"))
    assert [fact["run"] for fact in listed if fact["type"] == "run.admitted"] == [second]


def test_one_more_run_is_not_run(env: Env, tmp_path: Path) -> None:
    params = {"until": str(tmp_path / "skipped")}
    first = begin(env, "skip", params=params)
    wait_until(lambda: runs(env, first))
    second = begin(env, "skip", params=params)
    row = env.wait(second)
    assert row.state == "CANCELLED"
    assert first in row.reason or "skip" in row.reason
    assert not any(task.attempts for task in env.tasks(second).values())
    (tmp_path / "skipped").touch()
    ended(env, first)


def test_one_more_run_takes_the_place_of_the_one_before(env: Env, tmp_path: Path) -> None:
    first = begin(env, "cancel", params={"until": str(tmp_path / "never")})
    wait_until(lambda: runs(env, first))
    (tmp_path / "now").touch()
    second = begin(env, "cancel", params={"until": str(tmp_path / "now")})
    ended(env, second)
    assert env.wait(first).state == "CANCELLED"
    assert states(env, first) == {"wait": "CANCELLED", "finally": "COMPLETED"}


def test_a_run_has_a_deadline_and_its_end_still_comes(env: Env) -> None:
    run = start(env, "deadline: 500ms\ntasks: {a: {command: sleep 60}}\nfinally: {command: echo}\n")
    row = ended(env, run, "FAILED", 124)
    assert row.reason
    assert states(env, run)["finally"] == "COMPLETED"


def test_a_cancelled_run_has_its_own_end(env: Env) -> None:
    text = "tasks: {a: {command: sleep 60}}\non_cancel: {command: echo cancelled}\n"
    run = start(env, text + "on_failure: {command: echo failed}\n")
    wait_until(lambda: runs(env, run))
    env.client().ask(p.RunCancel(run=run), p.RunStatus)
    assert env.wait(run).state == "CANCELLED"
    assert states(env, run) == {"a": "CANCELLED", "on_cancel": "COMPLETED", "on_failure": "SKIPPED"}
    assert output(env, run, "on_cancel") == "cancelled\n"


def test_steps_run_around_a_task_in_one_directory(env: Env) -> None:
    text = """\
tasks:
  a:
    pre: [{command: 'echo ready > "$CDKTR_TASK_DIR/state"; echo before'}]
    command: 'cat "$CDKTR_TASK_DIR/state"; exit 3'
    post: [{command: 'echo after; ls "$CDKTR_TASK_DIR"/state | wc -l'}]
"""
    run = start(env, text)
    ended(env, run, "FAILED", 3)
    assert output(env, run, "a") == "before\nready\nafter\n1\n"


def test_progress_is_told_while_it_runs(box: Stand, tmp_path: Path) -> None:
    text = f"""\
tasks:
  a:
    command: |
      echo 40 > "$CDKTR_PROGRESS"
      while [ ! -e {tmp_path}/on ]; do sleep 0.05; done
"""
    run = start(box.env, text)
    show = ("cdktr-ctl", "show", run)
    wait_until(lambda: "RUNNING 40%" in box.out(*show), what="its progress")
    (tmp_path / "on").touch()
    ended(box.env, run)


def test_a_pool_that_nobody_set_is_a_lock(box: Stand, tmp_path: Path) -> None:
    text = f"""\
tasks:
  a: {{pools: db, command: 'while [ ! -e {tmp_path}/on ]; do sleep 0.05; done'}}
  b: {{pools: db, command: echo second}}
"""
    run = start(box.env, text)
    wait_until(lambda: "RUNNING" in states(box.env, run).values())
    (waiting,) = (task for task, state in states(box.env, run).items() if state == "PENDING")
    assert box.call("cdktr-ctl", "why", f"{run}/{waiting}").returncode == 24
    (tmp_path / "on").touch()
    ended(box.env, run)
    a, b = (box.env.tasks(run)[task].attempts[0] for task in ("a", "b"))
    first, second = sorted((a, b), key=lambda row: row.started_ts or 0)
    assert (first.ended_ts or 0) <= (second.started_ts or 0)


def test_a_failed_copy_ends_the_others_when_it_is_to(env: Env) -> None:
    text = """\
tasks:
  g:
    each: {list: [0, 1, 2, 3, 4, 5], concurrency: 2, fail_fast: true}
    env: {I: "{{ item.value }}"}
    command: if [ "$I" = 0 ]; then exit 7; fi; sleep 60
"""
    run = start(env, text)
    ended(env, run, "FAILED", 7)
    told = states(env, run)
    assert (told["g[0]"], told["g[1]"]) == ("FAILED", "CANCELLED")
    assert set(told.values()) == {"FAILED", "CANCELLED"}


def test_an_empty_list_completes(env: Env) -> None:
    run = start(env, "tasks: {g: {each: [], command: echo}, a: {depends: g, command: echo}}\n")
    ended(env, run)
    assert states(env, run) == {"g": "COMPLETED", "a": "COMPLETED"}

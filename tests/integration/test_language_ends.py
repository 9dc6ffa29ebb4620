"""Ends by hand: what a cancel ends and what it leaves to run, and every run of a call that was
tried again."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from cdktr_cli import called as names
from cdktr_cli import happened
from cdktr_cli.connection import Connection
from cdktr_common.settings import Settings
from tests.integration.cli_stand import Stand
from tests.integration.harness import environment, wait_until

ENDING = """\
tasks: {a: {command: sleep 60}}
on_cancel: {command: 'while ! test -e go; do sleep 0.05; done'}
finally: {command: echo swept}
"""

AGAIN = """\
tasks:
  c:
    workflow: {tasks: {bad: {command: exit 5}}}
    retry: {limit: 2, delay: 20ms}
"""


@pytest.fixture(scope="module", name="box")
def running() -> Iterator[Stand]:
    with environment() as env:
        env.principal()
        env.logd()
        env.agent("box", slots=4)
        yield Stand(env)


def states(box: Stand, run: str) -> dict[str, str]:
    shown = json.loads(box.out("cdktr-ctl", "show", run, "--json"))
    return {row["task"]: row["state"] for row in shown["tasks"]}


def cancelled_once(box: Stand) -> str:
    """A run whose on_cancel waits for a file of the name of the run."""
    text = ENDING.replace("-e go", f"-e {box.env.directory}/$CDKTR_RUN_ID").encode()
    run = box.call("cdktr-trigger", "-f", "-", input=text).stdout.decode().strip()
    wait_until(lambda: states(box, run)["a"] == "RUNNING")
    said = box.call("cdktr-ctl", "cancel", run)
    assert (said.returncode, said.stderr) == (0, b"")
    wait_until(lambda: states(box, run)["on_cancel"] == "RUNNING")
    return run


def test_who_cancels_again_or_waits_leaves_the_end_of_a_run_alone(box: Stand) -> None:
    run = cancelled_once(box)
    said = box.call("cdktr-ctl", "cancel", run)
    assert said.returncode == 0
    assert b"only the tasks of its end are left" in said.stderr and b"--now" in said.stderr
    waiting = box.start("cdktr-ctl", "cancel", run, "--wait", "--json")
    wait_until(lambda: "--now" in waiting.errors())
    assert states(box, run)["on_cancel"] == "RUNNING"
    (box.env.directory / run).touch()
    waiting.asked_to_end = True
    assert waiting.popen.wait(20) == 0
    assert states(box, run) == {"a": "CANCELLED", "on_cancel": "COMPLETED", "finally": "COMPLETED"}


def test_now_ends_the_end_of_a_run_too(box: Stand) -> None:
    run = cancelled_once(box)
    (row,) = json.loads(box.out("cdktr-ctl", "cancel", run, "--now", "--wait", "--json"))
    assert (row["state"], row["code"]) == ("CANCELLED", 130)
    assert set(states(box, run).values()) == {"CANCELLED"}


def test_every_run_of_a_call_that_was_tried_again_is_named(box: Stand) -> None:
    done = box.call("cdktr-trigger", "-f", "-", "--wait", input=AGAIN.encode())
    assert done.returncode == 5
    run = done.stdout.decode().strip()
    listed = json.loads(box.out("cdktr-ctl", "runs", "--json"))
    called = [row["run"] for row in reversed(listed) if row["parent"] == f"{run}/c"]
    assert len(called) == 3
    shown = json.loads(box.out("cdktr-ctl", "show", run, "--json"))
    for n, (name, line) in enumerate(zip(called, shown["story"], strict=True), 1):
        assert line["text"].startswith(f"call {n}: run {name} failed with 5")
        assert line["attempt"] == n
    (row,) = shown["tasks"]
    assert row["started"] < row["ended"]
    assert all(name in box.out("cdktr-ctl", "show", run) for name in called)
    (same,) = json.loads(box.out("cdktr-ctl", "tasks", run, "--json"))
    assert (same["started"], same["ended"]) == (row["started"], row["ended"])
    home = str(box.env.home)
    principal = Connection(Settings(home=home), f"ipc://{home}/run/principal.sock")

    def recorded() -> list[str]:
        facts = happened._recorded(principal, shown["run"], names.KINDS)
        return [line.text for line in names.tell(shown["run"], shown["tasks"], facts)]

    said = [line["text"] for line in shown["story"]]
    wait_until(lambda: recorded() == said, what="the facts to be recorded")
    principal.close()


def test_a_whole_copy_and_what_a_call_left_undone_are_run_again(box: Stand) -> None:
    text = """\
tasks:
  g: {each: {list: [x, y], tasks: {p: {command: echo p}, q: {depends: p, command: echo q}}}}
  c:
    workflow:
      tasks:
        done: {command: echo done}
        left: {depends: done, command: 'test -e "$FLAG"', env: {FLAG: 'HERE'}}
"""
    flag = box.env.directory / "flag"
    text = text.replace("HERE", str(flag))
    done = box.call("cdktr-trigger", "-f", "-", "--wait", input=text.encode())
    assert done.returncode == 1
    flag.touch()
    run = done.stdout.decode().strip()
    box.out("cdktr-ctl", "retry", run, "--from", "g[1]", "--wait")
    last = json.loads(box.out("cdktr-ctl", "show", "last", "--json"))
    ran = [row["task"] for row in last["tasks"] if row["attempts"]]
    assert sorted(ran) == ["g[1].p", "g[1].q"]
    called = next(row["calls"] for row in last["tasks"] if row["task"] == "c")
    inner = json.loads(box.out("cdktr-ctl", "show", called, "--json"))
    assert {row["task"]: row["reused"] for row in inner["tasks"]} == {"done": True, "left": False}


@pytest.mark.parametrize("name", ["nightly.json", "nightly.yaml", "nightly"])
def test_a_file_that_is_run_names_its_workflow(box: Stand, name: str) -> None:
    (box.env.directory / name).write_text('{"command": "true"}')
    box.out("cdktr-trigger", "--file", name, "--wait")
    (row,) = json.loads(box.out("cdktr-ctl", "runs", "-n", "1", "--json"))
    assert row["workflow"] == "nightly"


@pytest.mark.parametrize(
    ("option", "text"),
    [("--params", '{"n": NaN}'), ("--params", '{"n": [1e999]}'), ("--payload", "[1e999]")],
)
def test_numbers_that_are_none_are_refused_at_once(box: Stand, option: str, text: str) -> None:
    before = box.out("cdktr-ctl", "runs", "-n", "1", "--ndjson")
    done = box.call("cdktr-trigger", "-w", "any", option, "-", input=text.encode())
    assert done.returncode == 2, done
    assert b"is no JSON value" in done.stderr or b"is too large" in done.stderr
    assert box.out("cdktr-ctl", "runs", "-n", "1", "--ndjson") == before

"""The language by hand: files that are run without being stored, params, retries, and how runs with
groups, calls and attempts are shown, also when only the recorder remembers them."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator

import pytest

from cdktr_common.catalogue import principal as p
from tests.integration.cli_stand import Stand
from tests.integration.harness import Env, Proc, environment, wait_until
from tests.integration.language_stand import EXAMPLES

PRINCIPAL = """\
from cdktr_principal import __main__; from cdktr_principal.state import lifecycle, state
for module in (state, lifecycle):
    if hasattr(module, "RECENT_RUNS"):
        module.RECENT_RUNS = 8
__main__.run()
"""

FAN = """\
name: Fan
params: {broken: {type: integer, default: 33}}
tasks:
  g:
    each: "{{ sequence(0, 40) }}"
    env: {I: "{{ item.value }}", BROKEN: "{{ params.broken }}"}
    command: if [ "$I" = "$BROKEN" ]; then exit 9; fi
  after: {depends: g, command: echo after}
  flaky:
    retry: {limit: 1, delay: 50ms}
    command: if [ "$CDKTR_ATTEMPT" = 1 ]; then exit 75; fi; echo '{"n":2}' > "$CDKTR_OUTPUT"
  calls: {workflow: {tasks: {a: {command: echo called}}, output: "{{ tasks.a.state }}"}}
output: {n: "{{ tasks.flaky.outputs.n }}"}
"""


@pytest.fixture(scope="module", name="box")
def running() -> Iterator[Stand]:
    """All programs; the principal remembers few finished runs."""
    with environment() as env:
        for name in ("params", "hello", "called"):
            env.workflow(name, (EXAMPLES / f"workflows/{name}.yaml").read_text())
        argv = [sys.executable, "-c", PRINCIPAL]
        env.procs.append(Proc("principal", argv, env.environ, env.directory))
        env.procs[-1].ready()
        env.logd()
        env.agent("box", slots=4)
        yield Stand(env)


def file(env: Env, name: str, text: str) -> str:
    (env.directory / name).write_text(text)
    return name


def shown(text: str) -> dict[str, list[str]]:
    """The rows of a table by their first word."""
    return {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}


def test_a_file_is_run_without_being_stored(box: Stand) -> None:
    name = file(box.env, "fine.yaml", "tasks: {a: {command: echo fine}}\n")
    run = box.out("cdktr-trigger", "--file", name, "--wait").strip()
    assert "a " in box.out("cdktr-ctl", "show", run)
    assert "fine" in box.out("cdktr-logs", "tail", "--run", run)
    workflows = json.loads(box.out("cdktr-ctl", "workflows", "--json"))
    assert [row["workflow"] for row in workflows if row["workflow"] not in run] == [
        "called", "hello", "params",
    ]  # fmt: skip
    assert "fine" in box.out("cdktr-ctl", "runs", "-n", "1")


@pytest.mark.parametrize(
    "text",
    [
        "command: exit 3\n",
        "name: alone\nscript: |\n  #!/bin/sh\n  exit 3\n",
        "run: exit 3\nname: of tork\n",
        "config: !Subprocess {cmd: sh, args: [-c, exit 3]}\n",
        '{"command": "exit 3"}',
    ],
)
def test_a_single_task_from_a_pipe(box: Stand, text: str) -> None:
    done = box.call("cdktr-trigger", "-f", "-", "--wait", "--json", input=text.encode())
    assert done.returncode == 3, done
    (row,) = json.loads(done.stdout)["runs"]
    assert (row["state"], row["tasks"], row["code"]) == ("FAILED", 1, 3)


def test_faults_are_shown_in_the_text_and_nothing_runs(box: Stand) -> None:
    before = box.out("cdktr-ctl", "runs", "-n", "1", "--ndjson")
    name = file(
        box.env, "bad.yaml",
        "tasks:\n  a: {comand: x}\n"
        '  b: {command: y, depends: [c], env: {X: "{{ tasks.z.code }}"}}\n',
    )  # fmt: skip
    done = box.call("cdktr-trigger", "--file", name)
    assert (done.returncode, done.stdout) == (4, b"")
    said = done.stderr.decode().split("\n")
    at = next(i for i, line in enumerate(said) if line.startswith("bad.yaml:2:7: unknown key"))
    assert said[at + 1 : at + 3] == ["      a: {comand: x}", "          ^"]
    assert sum(line.startswith("bad.yaml:3:") for line in said) == 2
    assert box.out("cdktr-ctl", "runs", "-n", "1", "--ndjson") == before
    for text in (b"\xff: 1\n", b"a: &a [*a]\n", b"[" * 100_000, b"", b"tasks:\n\t- x\n", b"- 1\n"):
        done = box.call("cdktr-trigger", "-f", "-", input=text)
        assert done.returncode == 4, (text[:20], done)
        assert done.stderr.startswith((b"<stdin>:", b"cdktr-trigger: <stdin>:")), done
        assert b"Traceback" not in done.stderr


def test_an_image_waits_for_a_container_or_is_stripped(box: Stand) -> None:
    text = "tasks: {a: {image: 'alpine:3', command: echo plain}}\n"
    name = file(box.env, "boxed.yaml", text)
    run = box.out("cdktr-trigger", "--file", name).strip()
    why = box.call("cdktr-ctl", "why", f"{run}/a")
    assert why.returncode == 12, why
    assert b"container" in why.stdout
    box.out("cdktr-ctl", "cancel", run, "--wait")
    stripped = box.out("cdktr-trigger", "--file", name, "--strip-image", "--wait").strip()
    assert "plain" in box.out("cdktr-logs", "tail", "--run", stripped)


def test_params_by_hand_and_from_a_file(box: Stand) -> None:
    name = file(box.env, "p.yaml", "rows: 7\ntables: [a, b, c]\n")
    words = ("--workflow", "params", "--params", name, "-p", "mode=thorough")
    run = box.out("cdktr-trigger", *words, "--wait").strip()
    told = json.loads(box.out("cdktr-ctl", "show", run, "--json"))
    assert told["params"] == {
        "day": "2026-01-01", "rows": 7, "mode": "thorough", "tables": ["a", "b", "c"],
    }  # fmt: skip
    assert "params    {" in box.out("cdktr-ctl", "show", run)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("-p", "rows=many"), "rows must be a whole number"),
        (("-p", "rwos=1"), "unknown param 'rwos'"),
        (("-p", "day=x"), "day"),
        (("-p", "mode=slow"), "mode"),
        (("-p", "tables=x"), "tables"),
    ],
)
def test_wrong_params_are_refused_before_anything_runs(
    box: Stand, words: tuple[str, ...], says: str
) -> None:
    done = box.call("cdktr-trigger", "--workflow", "params", *words)
    assert done.returncode == 2, done
    assert says in done.stderr.decode()
    missing = box.call("cdktr-trigger", "--workflow", "called")
    assert missing.returncode == 2, missing
    assert b"table" in missing.stderr


def test_groups_attempts_and_calls_are_shown_and_failed_copies_retried(box: Stand) -> None:
    name = file(box.env, "fan.yaml", FAN)
    run = box.out("cdktr-trigger", "--file", name, "--wait", code=9).strip()
    text = box.out("cdktr-ctl", "show", run)
    rows = shown(text)
    assert rows["g"][0] == "FAILED"
    assert rows["g[33]"][:3] == ["FAILED", "1", "box"]
    assert "… 32 more of g  32 COMPLETED" in text
    assert rows["after"][0] == "SKIPPED"
    called = re.search(r"is run (\w+)", text)
    assert called is not None
    assert f"task {run}/calls" in box.out("cdktr-ctl", "show", called[1])
    assert re.search(r"^flaky +attempt 1 on box: failed with 75 after .*; tried again$", text, re.M)
    assert len(box.out("cdktr-ctl", "show", run, "--full").split("\n  g[")) == 41
    assert len(box.out("cdktr-ctl", "tasks", run).split("\n  g[")) == 41
    done = box.call("cdktr-ctl", "retry", run, "--wait")
    assert done.returncode == 9  # the params are the same
    last = json.loads(box.out("cdktr-ctl", "show", "last", "--json"))
    assert last["run"]["retry_of"] == run
    assert [row["task"] for row in last["tasks"] if row["attempts"]] == ["g[33]"]
    assert "COMPLETED, reused" in box.out("cdktr-ctl", "show", "last")
    assert f"retry of {run}" in box.out("cdktr-ctl", "runs", "-n", "1")


def test_one_copy_is_named_like_any_task(box: Stand) -> None:
    text = 'tasks: {g: {each: [x, y], env: {I: "{{ item.value }}"}, command: \'echo "I am $I"\'}}\n'
    done = box.call("cdktr-trigger", "-f", "-", "--wait", input=text.encode())
    run = done.stdout.decode().strip()
    wait_until(lambda: "I am x" in box.out("cdktr-logs", "--run", run, "--task", "g[0]"))
    raw = box.out("cdktr-logs", "--raw", "--run", run, "--task", "g[1]")
    assert raw == "I am y\n"
    (line,) = box.out("cdktr-logs", "--run", run, "--task", "g[1]", "--ndjson").splitlines()
    assert json.loads(line)["task"] == "g[1]"
    assert box.call("cdktr-ctl", "why", f"{run}/g[0]").returncode == 0
    assert box.call("cdktr-ctl", "why", run, "g[7]").returncode == 3


def test_what_retry_refuses(box: Stand) -> None:
    run = box.out("cdktr-trigger", "--workflow", "hello", "--wait").strip()
    assert box.call("cdktr-ctl", "retry", run).returncode == 5
    assert box.call("cdktr-ctl", "retry", run, "--from", "nobody").returncode == 3
    assert box.call("cdktr-ctl", "retry", run, "--from", "greet", "--all").returncode == 2
    assert box.call("cdktr-ctl", "retry", "zzzzzz").returncode == 3
    again = box.out("cdktr-ctl", "retry", run, "--all", "--key", "once").strip()
    assert box.out("cdktr-ctl", "retry", run, "--all", "--key", "once").strip() == again != run
    assert json.loads(box.out("cdktr-ctl", "wait", again, "--json"))[0]["state"] == "COMPLETED"


def test_the_recorder_tells_the_same_of_a_run_that_was_forgotten(box: Stand) -> None:
    name = file(box.env, "fan.yaml", FAN)
    words = ("cdktr-trigger", "--file", name, "-p", "broken=99", "--wait")
    run = box.out(*words).strip()
    before = json.loads(box.out("cdktr-ctl", "show", run, "--json"))
    assert before["output"] == {"n": 2}
    for _ in range(10):
        box.out("cdktr-trigger", "--workflow", "hello", "--wait")

    def forgotten() -> bool:
        listed = box.env.client().ask(p.RunList(limit=99), p.RunPage).runs
        history = box.out("cdktr-ctl", "runs", "--history", "-n", "99")
        return run not in [row.run for row in listed] and run in history

    wait_until(forgotten, what="the run to be forgotten")
    after = json.loads(box.out("cdktr-ctl", "show", run, "--json"))
    for key in ("params", "output", "payload", "key"):
        assert after[key] == before[key], key
    same = ("run", "workflow", "state", "tasks", "done", "failed", "parent", "retry_of", "code")
    assert {key: after["run"][key] for key in same} == {key: before["run"][key] for key in same}
    for key in ("state", "group", "calls", "outputs", "result", "reason", "code"):
        was = {row["task"]: row[key] or None for row in before["tasks"]}
        now = {row["task"]: row[key] or None for row in after["tasks"]}
        assert now == was, key
    attempts = {row["task"]: [one["state"] for one in row["attempts"]] for row in after["tasks"]}
    assert attempts["flaky"] == ["FAILED", "COMPLETED"]
    assert "… 32 more of g" in box.out("cdktr-ctl", "show", run)
    assert len(box.out("cdktr-ctl", "tasks", run).split("\n  g[")) == 41

"""What the examples promise, on the real programs: states, order, what is passed on, what is run
again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import TaskRow
from cdktr_common.errors import ProtocolError
from tests.integration.harness import Env, wait_until
from tests.integration.language_stand import (
    begin,
    detail,
    ended,
    language_stand,
    need_uv,
    output,
    start,
    states,
)
from tests.unit.language.reading import MY_FLOW


@pytest.fixture(scope="module", name="env")
def running() -> Iterator[Env]:
    with language_stand() as env:
        yield env


def by_name(env: Env, run: str) -> dict[str, TaskRow]:
    return {row.name or row.task: row for row in env.tasks(run).values()}


def test_the_file_of_conducktor_as_it_stands(env: Env) -> None:
    run = start(env, MY_FLOW)
    ended(env, run)
    tasks = by_name(env, run)
    assert {name: row.state for name, row in tasks.items()} == {
        "First task": "COMPLETED",
        "Second task": "COMPLETED",
        "Third task": "COMPLETED",
        "Fourth task": "SKIPPED",
    }
    first, second, third = (tasks[name].attempts[0] for name in list(tasks)[:3])
    assert (first.ended_ts or 0) <= (second.started_ts or 0)
    assert (second.ended_ts or 0) <= (third.started_ts or 0)
    assert output(env, run, tasks["Third task"].task) == "hello world\n"


def test_the_other_branch_of_it_is_a_handled_failure(env: Env) -> None:
    run = start(env, MY_FLOW.replace("echo world", "exit 5"))
    ended(env, run)
    tasks = by_name(env, run)
    assert {name: row.state for name, row in tasks.items()} == {
        "First task": "COMPLETED",
        "Second task": "FAILED",
        "Third task": "SKIPPED",
        "Fourth task": "COMPLETED",
    }
    assert tasks["Second task"].code == 5
    assert output(env, run, tasks["Fourth task"].task) == "FAILED\n"


def test_it_runs_by_its_event(env: Env) -> None:
    started = env.client().ask(p.EventFire(event="my-event"), p.RunStarted)
    assert [ref.workflow for ref in started.runs] == ["conducktor.my-flow"]
    ended(env, started.runs[0].run)


def test_outputs_are_passed_on_and_the_run_has_one(env: Env) -> None:
    run = begin(env, "outputs")
    ended(env, run)
    assert detail(env, run).output == {"rows": 3, "note": "found ann and bob and cyd, 3 rows"}
    assert output(env, run, "all") == "found ann and bob and cyd\nfirst: ann\n"
    fan_in = begin(env, "fan-in")
    ended(env, fan_in)
    assert detail(env, fan_in).output == {"orders": 42}
    line = begin(env, "linear")
    ended(env, line)
    assert output(env, line, "load") == "a,b,c\n"


def test_one_copy_for_each_in_order(env: Env) -> None:
    run = begin(env, "each")
    ended(env, run)
    assert set(states(env, run)) == {"list", "load", "load[0]", "load[1]", "load[2]", "report"}
    assert output(env, run, "load[1]") == "2 feb.csv\n"
    assert env.tasks(run)["load[2]"].name == "load mar.csv"
    rows = output(env, run, "report").removeprefix("rows of each file ")
    assert [int(row) for row in json.loads(rows)] == [10, 20, 30]


def test_a_matrix_is_every_combination(env: Env) -> None:
    run = begin(env, "matrix")
    ended(env, run)
    said = [output(env, run, f"build[{i}]").split()[1::2] for i in range(4)]
    assert said == [
        ["debug", "amd64"], ["debug", "arm64"], ["release", "amd64"], ["release", "arm64"],
    ]  # fmt: skip


def test_each_attempt_has_its_row_and_its_output(env: Env) -> None:
    run = begin(env, "retry")
    ended(env, run)
    tasks = env.tasks(run)
    told = [(row.n, row.state, row.code) for row in tasks["flaky"].attempts]
    assert told == [(1, "FAILED", 75), (2, "FAILED", 75), (3, "COMPLETED", 0)]
    assert [row.code for row in tasks["patient"].attempts] == [124, 0]
    assert output(env, run, "flaky", 2) == "attempt 2\n"
    first, second, third = tasks["flaky"].attempts
    assert second.assigned_ts - (first.ended_ts or 0) >= 0.09
    assert third.assigned_ts - (second.ended_ts or 0) >= 0.18


def test_branches(env: Env) -> None:
    run = begin(env, "branches")
    ended(env, run)
    assert states(env, run) == {
        "check": "FAILED", "celebrate": "SKIPPED", "repair": "COMPLETED", "log": "COMPLETED",
        "optional": "FAILED", "report": "COMPLETED",
    }  # fmt: skip
    assert env.tasks(run)["optional"].tolerated
    assert output(env, run, "repair") == "repairing after exit code 3\n"
    assert output(env, run, "log") == "check is FAILED\n"
    without = begin(env, "branches", params={"report": "false"})
    ended(env, without)
    assert states(env, without)["report"] == "SKIPPED"


def test_hooks_run_at_the_end(env: Env) -> None:
    run = begin(env, "hooks")
    ended(env, run, "FAILED", 3)
    assert states(env, run) == {
        "work": "FAILED", "on_success": "SKIPPED", "on_failure": "COMPLETED",
        "finally": "COMPLETED",
    }  # fmt: skip
    at = {task: row.attempts[0] for task, row in env.tasks(run).items() if row.attempts}
    assert (at["on_failure"].ended_ts or 0) <= (at["finally"].started_ts or 0)


def test_params_have_types_and_defaults_and_wrong_ones_are_refused(env: Env) -> None:
    given = {"rows": "20", "tables": ["items"]}
    run = begin(env, "params", params=given)
    ended(env, run)
    assert detail(env, run).params == {
        "day": "2026-01-01", "rows": 20, "mode": "fast", "tables": ["items"],
    }  # fmt: skip
    assert output(env, run, "show") == "2026-01-01 20 fast\n"
    assert output(env, run, "load[0]") == "items up to 20 rows\n"
    few = begin(env, "params", params={"rows": 5})
    ended(env, few)
    assert states(env, few)["load"] == "SKIPPED"
    for wrong, says in (
        ({"rows": "many"}, "rows"), ({"day": "today"}, "day"), ({"mode": "slow"}, "mode"),
        ({"rwos": "1"}, "rows"),
    ):  # fmt: skip
        with pytest.raises(ProtocolError, match=says):
            begin(env, "params", params=wrong)


def test_called_workflows_give_their_outputs(env: Env) -> None:
    run = begin(env, "calls")
    ended(env, run)
    tasks = env.tasks(run)
    assert detail(env, tasks["orders"].calls).run.parent == f"{run}/orders"
    said = output(env, run, "total")
    assert said.startswith("orders 6, others ")
    assert [int(rows) for rows in json.loads(said.rpartition("others ")[2])] == [9, 5]
    inline = tasks["in-here"].calls
    assert output(env, inline, "hello") == "hello you\n"


def test_a_secret_is_nowhere_but_in_the_task(env: Env) -> None:
    run = begin(env, "secrets")
    ended(env, run)
    secret = env.environ["TOKEN"].encode()
    assert output(env, run, "call").startswith("Bearer ***\n")

    def recorded() -> bool:
        shown = env.command("cdktr-ctl", "runs", "--history", "--json").stdout
        return any(row["run"] == run and row["ended"] for row in json.loads(shown))

    wait_until(recorded, what="the run to be recorded")
    for path in env.home.rglob("*"):
        if path.is_file():
            assert secret not in path.read_bytes(), path


def test_python_with_packages(env: Env) -> None:
    need_uv()
    run = begin(env, "uv")
    ended(env, run)
    assert output(env, run, "inline") == "3.0 MB\n"
    assert output(env, run, "script") == "3.0 MB\n"
    assert output(env, run, "with-packages") == "humanize is here: 0 Bytes\n"


PROJECT = """\
[project]
name = "sizes"
version = "1"
requires-python = ">=3.11"
dependencies = ["humanize"]
"""


def test_a_project_of_uv_in_its_own_directory(env: Env, tmp_path: Path) -> None:
    need_uv()
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "main.py").write_text("import humanize\nprint(humanize.naturalsize(5_000_000))\n")
    config = f"{{script_path: main.py, is_uv_project: true, working_directory: {tmp_path}}}"
    text = f"tasks: {{a: {{config: !UvPython {config}}}}}\n"
    for _ in range(2):  # the second time its environment is there
        run = start(env, text)
        ended(env, run)
        assert output(env, run, "a") == "5.0 MB\n"
    wrong = start(env, text.replace("main.py", "none.py"))
    ended(env, wrong, "FAILED", 2)


FLAWED = """\
tasks:
  before: {command: 'echo made=once >> "$CDKTR_OUTPUT"'}
  load:
    depends: before
    each: [a, b, c]
    env: {ITEM: "{{ item.value }}", MADE: "{{ tasks.before.outputs.made }}"}
    command: if [ $ITEM = b ] && [ ! -e OK ]; then exit 9; fi; echo "$ITEM $MADE"
  after: {depends: load, command: echo after}
"""


def test_only_the_failed_copies_are_run_again(env: Env, tmp_path: Path) -> None:
    run = start(env, FLAWED.replace("OK", str(tmp_path / "ok")))
    ended(env, run, "FAILED", 9)
    assert states(env, run)["after"] == "SKIPPED"
    (tmp_path / "ok").touch()
    again = env.client().ask(p.RunRetry(run=run), p.RunStarted).runs[0].run
    assert ended(env, again).retry_of == run
    tasks = env.tasks(again)
    ran = {task for task, row in tasks.items() if row.attempts}
    assert ran == {"load[1]", "after"}
    reused = {task for task, row in tasks.items() if row.reused}
    assert {"before", "load[0]", "load[2]"} <= reused
    assert output(env, again, "load[1]") == "b once\n"
    one = env.client().ask(p.RunRetry(run=again, tasks=["load[0]"]), p.RunStarted).runs[0].run
    ended(env, one)
    assert {task for task, row in env.tasks(one).items() if row.attempts} == {"load[0]", "after"}
    everything = env.client().ask(p.RunRetry(run=one, all=True), p.RunStarted).runs[0].run
    ended(env, everything)
    assert len([row for row in env.tasks(everything).values() if row.attempts]) == 5

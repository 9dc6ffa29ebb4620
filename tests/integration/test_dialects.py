"""Conducktor's and Tork's files as they run: what becomes of each task, and that the same file in
the CDKTR dialect gives the same run."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cdktr_common.catalogue.values import TaskRow
from tests.integration.harness import Env
from tests.integration.language_stand import EXAMPLES, ROOT, detail, language_stand, output, start

FILES = [
    file for folder in ("conducktor", "tork") for file in sorted((EXAMPLES / folder).iterdir())
]


@pytest.fixture(scope="module", name="env")
def one_stand() -> Iterator[Env]:
    with language_stand() as env:
        yield env


def run(env: Env, file: Path | str, **fields: object) -> str:
    text = file.read_text(encoding="utf-8") if isinstance(file, Path) else file
    started = start(env, text, **fields)
    env.wait(started, 30)
    return started


def told(env: Env, run: str) -> dict[str, Any]:
    """All that is the same when the same is run again."""
    found = detail(env, run)
    rows = env.tasks(run).values()
    return {
        "run": (found.run.state, found.run.code, found.run.name, found.output),
        "tasks": [(row.task, row.state, row.name, row.code, _result(row)) for row in rows],
    }


def _result(row: TaskRow) -> str | None:
    """What a task gave; the id of a run that it did not wait for is always another."""
    if row.result is None or not re.fullmatch(r"[0-9a-z]{10}", row.result):
        return row.result
    return "its run"


def test_the_readme_of_conducktor(env: Env) -> None:
    done = run(env, EXAMPLES / "conducktor/my-flow.yaml")
    assert told(env, done) == {
        "run": ("COMPLETED", 0, "my-flow", None),
        "tasks": [
            ("first-task", "COMPLETED", "First task", 0, None),
            ("second-task", "COMPLETED", "Second task", 0, None),
            ("third-task", "COMPLETED", "Third task", 0, None),
            ("fourth-task", "SKIPPED", "Fourth task", None, None),
        ],
    }
    assert output(env, done, "third-task") == "hello world\n"


def test_a_failure_that_has_a_branch_is_no_failure_of_the_run(env: Env) -> None:
    found = told(env, run(env, EXAMPLES / "conducktor/recovery.yaml"))
    assert found["run"][0] == "COMPLETED"
    assert {task: state for task, state, *_ in found["tasks"]} == {
        "fetch": "COMPLETED",
        "validate": "FAILED",
        "publish": "SKIPPED",
        "quarantine": "COMPLETED",
        "tell": "COMPLETED",
    }


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("hello.yaml", "hello world"),
        ("parallel.yaml", "1 and 2"),
        ("each.yaml", "1 16"),
        ("prepost.yaml", "from pre"),
        ("subjob.yaml", "hello world!"),
        ("files.json", "{{ braces mean nothing here }}"),
    ],
)
def test_what_jobs_of_torks_give(env: Env, name: str, output: str) -> None:
    done = run(env, EXAMPLES / "tork" / name, strip_image=True)
    assert told(env, done)["run"] == ("COMPLETED", 0, detail(env, done).run.name, output)


def test_names_of_copies_are_told_with_their_values(env: Env) -> None:
    rows = env.tasks(run(env, EXAMPLES / "tork/each.yaml"))
    assert [row.name for task, row in rows.items() if task.startswith("squares[")] == [
        f"the square of {value}" for value in (1, 2, 3, 4)
    ]


def test_a_task_of_torks_that_is_skipped_stops_nothing_and_one_that_failed_does(env: Env) -> None:
    done = run(
        env,
        """
        tasks:
          - {name: a, if: "{{ 1 == 2 }}", run: exit 1}
          - {name: b, if: "{{ 1 == 1 }}", run: exit 3}
          - {name: c, if: "{{ 1 == 1 }}", run: echo}
          - {name: d, run: echo}
        """,
    )
    found = told(env, done)
    assert found["run"][:2] == ("FAILED", 3)
    assert [state for _, state, *_ in found["tasks"]] == ["SKIPPED", "FAILED", "SKIPPED", "SKIPPED"]


def test_one_that_fails_in_parallel_ends_the_others_as_in_tork(env: Env) -> None:
    done = run(
        env,
        """
        tasks:
          - name: g
            parallel: {tasks: [{name: a, run: sleep 60}, {name: b, run: exit 5}]}
          - {name: after, run: echo}
        """,
    )
    found = told(env, done)
    assert found["run"][0] == "FAILED"
    assert {task: state for task, state, *_ in found["tasks"]} == {
        "g": "FAILED", "g.a": "CANCELLED", "g.b": "FAILED", "after": "SKIPPED",
    }  # fmt: skip


SAME = [file for file in FILES if file.name != "job_output.yaml"]
"""Those whose result is not random."""


@pytest.mark.parametrize("file", SAME, ids=lambda file: file.name)
def test_written_in_the_cdktr_dialect_the_run_is_the_same(env: Env, file: Path) -> None:
    words = ("-m", "cdktr_principal.check", "--strip-image", "--to", "cdktr", str(file))
    text = subprocess.run(
        [sys.executable, *words], capture_output=True, check=True, text=True, cwd=ROOT
    ).stdout
    first = told(env, run(env, file, strip_image=True))
    assert told(env, run(env, text)) == first


def test_a_lone_task_is_run(env: Env) -> None:
    done = run(env, "run: echo -n $A > $TORK_OUTPUT\nenv: {A: b}\n")
    assert [row[4] for row in told(env, done)["tasks"]] == ["b"]

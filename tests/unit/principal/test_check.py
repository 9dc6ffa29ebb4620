"""cdktr-check as a user runs it: the whole process, its output and its exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cdktr_principal import check_report

ROOT = Path(__file__).parents[3]
GOOD = "name: Good\ntasks: {a: {command: 'true'}, b: {command: 'true'}}\n"


def run(
    *args: str, cwd: Path, stdin: bytes = b"", home: Path | None = None
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "cdktr_principal.check", *args],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "CDKTR_HOME": str(home or cwd / "no-home")},
        timeout=60,
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def test_every_fault_of_every_file_with_its_line_and_a_caret(tmp_path: Path) -> None:
    flows = tmp_path / "flows"
    (flows / "sub").mkdir(parents=True)
    (flows / "a.yaml").write_text("tasks:\n  a: {comand: x, command: y}\n")
    (flows / "sub/b.yml").write_text("tasks:\n\ta: 1\n")
    (flows / "c.yaml").write_text(GOOD)
    done = run("flows", cwd=tmp_path)
    assert done.returncode == 4
    assert done.stderr == ""
    assert done.stdout == (
        "flows/a.yaml:2:7: unknown key 'comand' in a task (did you mean command?)\n"
        "      a: {comand: x, command: y}\n"
        "          ^\n"
        "    see docs/workflow.md#keys-of-a-task\n"
        "flows/sub/b.yml:2:1: a tab in the indentation (YAML takes spaces only)\n"
        "     a: 1\n"
        "    ^\n"
        "2 faults in 2 files\n"
    )


def test_good_files_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "whatever.txt").write_text(GOOD.replace("Good", "Else"))
    done = run(".", "a.yaml", "whatever.txt", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "2 files good, 4 tasks\n")


def test_standard_input(tmp_path: Path) -> None:
    assert run("-", cwd=tmp_path, stdin=GOOD.encode()).returncode == 0
    done = run("-", cwd=tmp_path, stdin=b"tasks: 1")
    assert done.returncode == 4
    assert done.stdout.startswith("<stdin>:1:8: tasks must be a mapping")


def test_json_has_every_key_always(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text("tasks: 1")
    done = run("--json", ".", cwd=tmp_path)
    assert done.returncode == 4
    document = json.loads(done.stdout)
    assert document == {
        "files": 2,
        "workflows": [{"workflow": "a", "file": "./a.yaml", "tasks": 2}],
        "faults": [
            {
                "file": "./b.yaml",
                "line": 1,
                "col": 8,
                "what": "tasks must be a mapping of an id to a task, not a value",
                "hint": "write tasks as id: task",
                "see": "docs/workflow.md#tasks",
            }
        ],
        "warnings": [],
    }


def test_names_that_several_workflows_have_are_a_warning(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD)
    (tmp_path / "c.yaml").write_text(GOOD.replace("Good", "a"))
    done = run(".", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "warning: the name 'Good' is of several workflows, use their ids: a, b",
        "warning: the name 'a' of c is the id of another workflow",
        "3 files good, 6 tasks",
    ]


def test_what_is_not_there_is_exit_3_and_wrong_usage_2(tmp_path: Path) -> None:
    done = run("nowhere", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    assert "no such file or directory: nowhere" in done.stderr
    done = run("--jsn", ".", cwd=tmp_path)
    assert done.returncode == 2
    assert "did you mean --json?" in done.stderr
    assert run(cwd=tmp_path).returncode == 2


def test_an_empty_directory_has_no_faults(tmp_path: Path) -> None:
    done = run(".", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "no workflow files\n")


def test_nothing_of_a_file_reaches_the_terminal_as_a_control(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b'tasks: {"\\e[2J": {command: x, "\\u202e": 1}}\n\x1b[2J')
    (tmp_path / "b.yaml").write_text('tasks: {"\\e[2J": {command: x, "\\x9b2J": 1}}\n')
    done = run(".", cwd=tmp_path)
    assert done.returncode == 4
    assert all(char.isprintable() or char == "\n" for char in done.stdout)
    assert "\\x1b[2J" in done.stdout


def test_a_long_line_is_shown_around_the_place() -> None:
    line = "tasks: {" + ", ".join(f"t{i}: {{command: x}}" for i in range(100)) + "}"
    shown, mark = check_report._caret(line, line.index("t50") + 1)
    assert len(shown) <= 104
    assert shown[mark.index("^") :].startswith("t50")


def test_it_makes_nothing_and_reads_no_settings(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "cdktr.config.yaml").write_text("nonsense: [")
    before = sorted(tmp_path.rglob("*"))
    assert run(".", cwd=tmp_path, home=tmp_path / "home").returncode == 0
    assert sorted(tmp_path.rglob("*")) == before


def test_the_manual_is_the_parser(tmp_path: Path) -> None:
    done = run("--help", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("cdktr-check finds all faults")
    assert run("--version", cwd=tmp_path).stdout.startswith("cdktr ")


@pytest.mark.parametrize("text", [b"[" * 100_000, b"\xff" * 1000, b"a: " + b"x" * 5_000_000])
def test_hostile_input_is_a_fault_like_any_other(text: bytes, tmp_path: Path) -> None:
    done = run("-", cwd=tmp_path, stdin=text)
    assert done.returncode == 4
    assert "Traceback" not in done.stderr
    assert len(done.stdout) < 2000

"""cdktr-check as a user runs it: the whole process, its output and its exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cdktr_principal.check import report as check_report

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


def test_a_single_task_is_enough_where_no_directory_is_meant(tmp_path: Path) -> None:
    done = run("-", cwd=tmp_path, stdin=b"command: date")
    assert (done.returncode, done.stdout) == (0, "1 file good, 1 task\n")
    (tmp_path / "t.yaml").write_text("command: date")
    assert "    $ date\n" in run("--plan", "t.yaml", cwd=tmp_path).stdout
    assert "  task:\n    command: date\n" in run("--to", "cdktr", "t.yaml", cwd=tmp_path).stdout
    assert run("t.yaml", cwd=tmp_path).returncode == 4  # no workflow in a directory


def test_an_entry_that_is_no_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").symlink_to("nowhere")
    (tmp_path / "c.yaml").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "d.yml")
    done = run(".", cwd=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[:3]) == (
        4,
        [
            ".: b.yaml is a link that leads nowhere",
            ".: c.yaml is neither a file nor a directory",
            ".: d.yml is neither a file nor a directory",
        ],
    )


def test_json_has_every_key_always(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text("tasks: 1")
    done = run("--json", ".", cwd=tmp_path)
    assert done.returncode == 4
    document = json.loads(done.stdout)
    assert document == {
        "files": 2,
        "workflows": [{"workflow": "a", "file": "./a.yaml", "tasks": 2, "schedules": []}],
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


TORK = 'name: T\ntasks: [{name: Say it, image: alpine, run: "echo {{x}}"}]\n'


def test_tasks_that_wait_for_a_container_are_told(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text(TORK)
    done = run("t.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[0]) == (
        0,
        "warning: t.yaml: say-it waits until an agent has the label container; "
        "--strip-image makes plain processes of it",
    )
    assert run("--strip-image", ".", cwd=tmp_path).stdout == "1 file good, 1 task\n"


def test_a_dialect_can_be_forced(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text("tasks: [{name: a, command: b}]")
    assert run("t.yaml", cwd=tmp_path).returncode == 0
    assert run("--from", "conducktor", "t.yaml", cwd=tmp_path).returncode == 0
    done = run("--from", "tork", ".", cwd=tmp_path)
    assert done.returncode == 4
    assert "unknown key 'command' in a task of Tork's" in done.stdout
    done = run("--from", "torc", "t.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean tork?" in done.stderr


def test_one_dialect_is_written_as_another(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text(TORK)
    done = run("--to", "cdktr", "t.yaml", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "name: T\n"
        "tasks:\n"
        "  say-it:\n"
        "    name: Say it\n"
        "    image: alpine\n"
        "    script: echo {{x}}\n"
        "    capture: true\n"
    )
    (tmp_path / "t.yaml").write_text('tasks: [{name: a, command: "echo {{ run.id }}"}]')
    done = run("--to", "cdktr", "t.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (4, "")
    assert "t.yaml as cdktr:4:19: command is taken as it stands" in done.stderr
    (tmp_path / "t.yaml").write_text("tasks: 1")
    done = run("--to", "cdktr", "t.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (4, "")
    assert "tasks must be a mapping" in done.stderr
    assert run("--to", "cdktr", ".", cwd=tmp_path).returncode == 2
    assert run("--to", "tork", "t.yaml", cwd=tmp_path).returncode == 2


CRONTAB = b"""MAILTO=me
# Every night
@daily /opt/backup.sh
@reboot x
*/5 * * * * cd /srv && ./poll%in
"""


def test_a_crontab_becomes_files(tmp_path: Path) -> None:
    done = run("--from", "crontab", cwd=tmp_path, stdin=CRONTAB)
    assert done.returncode == 4
    assert "<stdin>:4:1: @reboot: no workflow starts when a machine does" in done.stderr
    assert "<stdin>:3: backup: MAILTO=me: output is not mailed" in done.stderr
    assert "set workdir where that matters" in done.stderr
    assert "a schedule by UTC: set timezone where that matters" in done.stderr
    assert done.stdout == (
        "# --- backup.yaml\n"
        "# MAILTO=me: output is not mailed, cdktr-logs shows it\n"
        "description: Every night\n"
        "cron: 0 0 * * *\n"
        "tasks:\n"
        "  backup:\n"
        "    command: /opt/backup.sh\n"
        "\n"
        "# --- poll.yaml\n"
        "# MAILTO=me: output is not mailed, cdktr-logs shows it\n"
        'cron: "*/5 * * * *"\n'
        "tasks:\n"
        "  poll:\n"
        "    command: |\n"
        "      {\n"
        "      cd /srv && ./poll\n"
        "      } <<'END'\n"
        "      in\n"
        "      END\n"
    )


def test_a_crontab_is_written_into_a_directory_and_over_nothing(tmp_path: Path) -> None:
    (tmp_path / "tab").write_bytes(b"0 1 * * * a\n0 2 * * * b\n")
    done = run("--from", "crontab", "--into", "flows", "tab", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "flows/a.yaml\nflows/b.yaml\n")
    assert run("flows", cwd=tmp_path).stdout == "2 files good, 2 tasks\n"
    (tmp_path / "flows/a.yaml").unlink()
    done = run("--from", "crontab", "--into", "flows", "tab", cwd=tmp_path)
    assert done.returncode == 5
    assert "flows/b.yaml is there already; nothing was written" in done.stderr
    assert not (tmp_path / "flows/a.yaml").exists()
    assert run("--into", "flows", "tab", cwd=tmp_path).returncode == 2


BAD_CRONTAB = b"""0 0 * * * echo {{ params.x }}
0 1 * * * good
CRON_TZ=Nope/Zone
0 2 * * * late
"""


def test_what_would_be_refused_of_a_crontab_is_told_at_its_line(tmp_path: Path) -> None:
    (tmp_path / "tab").write_bytes(BAD_CRONTAB)
    done = run("--from", "crontab", "--into", "flows", "tab", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (4, "flows/good.yaml\n")
    assert (
        "tab:1:1: command is taken as it stands: {{ params.x }} is never evaluated" in done.stderr
    )
    assert "tab:4:1: 'Nope/Zone' is not a time zone" in done.stderr
    done = run("--from", "crontab", cwd=tmp_path, stdin=b"0 0 * * * a\x0c\n0 0 * * * \xe9\n")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == (
        "<stdin>:2:11: byte 0xe9 is not UTF-8 (save the file as UTF-8)\n"
        "    0 0 * * * \ufffd\n"
        "              ^\n"
    )


CALLS = "tasks:\n  a: {workflow: othr}\n  b: {workflow: sub.x}\n  c: {workflow: Good}\n"


def test_a_called_workflow_that_there_is_not(tmp_path: Path) -> None:
    flows = tmp_path / "flows"
    (flows / "sub").mkdir(parents=True)
    (flows / "main.yaml").write_text(CALLS)
    (flows / "other.yaml").write_text(GOOD)
    (flows / "sub/x.yaml").write_text("tasks: 1")  # with faults, and yet there
    done = run("flows", cwd=tmp_path)
    assert done.returncode == 4
    assert (
        "flows/main.yaml:2:17: a calls the workflow 'othr', which there is not "
        "(did you mean other?)\n"
        "      a: {workflow: othr}\n"
    ) in done.stdout
    assert done.stdout.count("which there is not") == 1
    done = run("flows/main.yaml", "flows/other.yaml", cwd=tmp_path)
    assert done.returncode == 0
    assert "warning: flows/main.yaml: a calls othr, which is not among these files" in done.stdout


def test_the_only_task_of_a_group_is_called_as_the_group_is(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(
        "tasks:\n  e: {each: [0, 4], workflow: child}\n"
        "  i: {each: [1], image: debian, command: x}\n"
        "  d: {workflow: {tasks: {x: {image: debian, command: x}}}}\n"
    )
    done = run("m.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[:2]) == (
        0,
        [
            "warning: m.yaml: i, x wait until an agent has the label container; "
            "--strip-image makes plain processes of it",
            "warning: m.yaml: e calls child, which is not among these files",
        ],
    )
    done = run(".", cwd=tmp_path)
    assert "m.yaml:2:31: e calls the workflow 'child', which there is not" in done.stdout


JOINED = """
tasks:
- {name: A, command: a}
- {name: B, command: b}
- {name: C, command: c}
- {name: Join, command: j}
- {name: After, command: k}
dag:
- A?: B | C
- B, C: Join
- Join: After
"""


def test_a_task_behind_both_branches_of_a_condition_never_runs(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(JOINED)
    done = run("c.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (
        0,
        "warning: c.yaml: join never runs: it waits for what follows the success of a and for what "
        "follows its failure, of which one is skipped\n1 file good, 5 tasks\n",
    )
    (tmp_path / "c.yaml").write_text(JOINED.replace("B, C: Join", "B, C?: Join | Join"))
    assert run("c.yaml", cwd=tmp_path).stdout == "1 file good, 5 tasks\n"
    inside = (
        "tasks: {g: {parallel: {a: {command: x%s}, b: {depends: {a: failure}, command: x}, "
        "j: {depends: [a, b], command: x}}}}"
    )
    (tmp_path / "c.yaml").write_text(inside % "")
    assert "warning: c.yaml: j never runs" in run("c.yaml", cwd=tmp_path).stdout
    (tmp_path / "c.yaml").write_text(inside % ", continue_on_failure: true")
    assert run("c.yaml", cwd=tmp_path).stdout.startswith("1 file good")


def test_outputs_that_would_be_the_same_variables_are_told(tmp_path: Path) -> None:
    text = "tasks: {a-b: {command: x}, a_b: {command: x}, z: {depends: [a-b, a_b], command: x}}"
    (tmp_path / "v.yaml").write_text(text)
    assert run("v.yaml", cwd=tmp_path).stdout == (
        "warning: v.yaml: outputs of a-b, a_b are the same variables CDKTR_OUT_A_B_KEY: "
        "what follows several finds those of one\n1 file good, 3 tasks\n"
    )
    (tmp_path / "v.yaml").write_text(text.replace("depends: [a-b, a_b], ", ""))
    assert run("v.yaml", cwd=tmp_path).stdout == "1 file good, 3 tasks\n"


def test_a_file_that_is_too_large_is_not_said_to_have_the_size_that_was_read(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.yaml").write_bytes(b"#" * 5_000_000)
    assert (
        "a.yaml:1:1: the file has more than 2,097,152 bytes" in run("a.yaml", cwd=tmp_path).stdout
    )


def test_the_schema_is_printed(tmp_path: Path) -> None:
    done = run("--schema", cwd=tmp_path)
    assert done.returncode == 0
    assert json.loads(done.stdout)["$defs"]["task"]["properties"]["command"]


def test_a_plan_is_shown_and_nothing_is_run(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(
        'params: {day: monday, n: 1}\ntasks: {a: {command: "touch x", env: {D: '
        '"{{ params.day }} {{ event.payload.y }}"}}}\n'
    )
    done = run("--plan", "p.yaml", "-p", "day=friday", "--event", 'e={"y": 5}', cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "    D=friday 5\n" in done.stdout
    done = run("--plan", "p.yaml", "--event", '{"payload": {"y": 6}}', cwd=tmp_path)
    assert "    D=monday 6\n" in done.stdout
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["--plan", "p.yaml", "-p", "dya=x"], 4, "unknown param 'dya': did you mean day?"),
        (["--plan", "p.yaml", "-p", "n=x"], 4, "param n"),
        (["--plan", "p.yaml", "-p", "x"], 2, "-p takes NAME=VALUE"),
        (["--plan", "p.yaml", "--event", "e={"], 2, "--event: not JSON"),
        (["--plan", "p.yaml", "--event", '{"a": 1}'], 2, "name and payload"),
        (["--plan", "p.yaml", "p.yaml", "q.yaml"], 3, "no such file"),
        (["--plan", "--json", "p.yaml"], 2, "--json does not go with --plan"),
        (["--plan", "--to", "cdktr", "p.yaml"], 2, "--to does not go with --plan"),
        (["-p", "a=b", "p.yaml"], 2, "--param goes with --plan"),
    ],
)
def test_wrong_words_for_a_plan(args: list[str], code: int, said: str, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("params: {day: monday, n: 1}\ntasks: {a: {command: x}}\n")
    done = run(*args, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr

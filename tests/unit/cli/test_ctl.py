"""cdktr-ctl without a principal: finding the command, its help, its parser, its lines."""

from __future__ import annotations

import pytest

from cdktr_cli import ctl
from cdktr_cli.ctl import events, show, tasks, workflows
from cdktr_common import arguments
from cdktr_common.commands import split


def test_options_may_stand_before_the_command() -> None:
    assert split(["--home", "/x", "--color=never", "runs", "-n", "1"]) == (
        ["--home", "/x", "--color=never"],
        ["runs", "-n", "1"],
    )


@pytest.mark.parametrize("name", ctl.COMMANDS)
def test_each_command_has_help_with_examples_first(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        ctl.main([name, "--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith(f"cdktr-ctl {name} - ")
    assert out.index("Examples:") < out.index("Usage:") < out.index("Options:")
    assert ctl.main(["help", name]) == 0
    assert capsys.readouterr().out == out


@pytest.mark.parametrize("name", ctl.COMMANDS)
def test_each_command_takes_the_common_options(name: str) -> None:
    module = ctl.commands.module(name)
    takes_one = {
        "show",
        "tasks",
        "wait",
        "cancel",
        "why",
        "continue",
        "drain",
        "undrain",
        "lost",
        "retry",
        "artifacts",
        "pause",
        "resume",
    }
    run = ["last"] if name in takes_one else []
    args = arguments.parse(
        module.usage, [name, "--home", "/x", "--host-port", "h:1", "--json", "--color=never", *run]
    )
    assert (args["--home"], args["--host-port"], args["--json"]) == ("/x", "h:1", True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("shw last", "no command 'shw'; did you mean show?"),
        ("runs --jsn", "unknown option --jsn; did you mean --json?"),
        ("runs --color pink", "auto, always or never, not pink"),
        ("show", "cdktr-ctl: an argument is missing\nUsage:\n  cdktr-ctl show [options] RUN"),
        ("show a b", "cdktr-ctl: one argument too many: 'b'"),
        ("runs --state DONE", "no state 'DONE'; there are PENDING, RUNNING, COMPLETED, FAILED, "),
        ("runs --state COMPLETE", "did you mean COMPLETED?"),
        ("runs -n 0", "a whole number from 1 on, not 0"),
        ("runs -n x", "a whole number"),
        ("events -f --json", "use --ndjson with -f"),
        ("wait last --timeout x", "no length of time"),
    ],
)
def test_wrong_usage_exits_2_and_says_what_is_right(
    words: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        ctl.main(words.split())
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


def test_no_command_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert ctl.main([]) == 2
    assert "runs, show, top, tasks" in capsys.readouterr().err


def test_a_fact_on_a_line() -> None:
    fact = {
        "type": "task.ended", "seq": 9, "prev": 7, "ts": 2.5, "workflow": "etl", "run": "k3",
        "task": "a\x1b", "state": "COMPLETED", "token": "t", "code": 0, "reason": "",
    }  # fmt: skip
    assert events.line(fact) == (
        "       9  1970-01-01T00:00:02.500Z  task.ended          "
        "workflow=etl run=k3 task=a\\x1b state=COMPLETED code=0"
    )


def test_a_broken_workflow_shows_its_first_fault() -> None:
    fault = {"file": "etl.yaml", "line": 4, "col": 3, "what": "unknown dependency", "hint": ""}
    assert workflows.fault({"broken": []}) == "ok"
    assert workflows.fault({"broken": [fault]}) == "broken: etl.yaml:4:3: unknown dependency"
    assert workflows.fault({"broken": [fault, fault]}).endswith(" (and 1 more)")


def test_a_fault_cannot_steer_a_terminal() -> None:
    fault = {"file": "a\r.yaml", "line": 4, "col": 3, "what": "no \x1b[2J", "hint": "try\r b"}
    assert workflows.complaint(fault) == "a\\r.yaml:4:3: no \\x1b[2J try\\r b"


def test_a_task_has_a_row_for_each_attempt() -> None:
    attempt = {"n": 1, "state": "CRASHED", "agent": "a", "reason": "lost", "started": None}
    task = {"task": "a", "state": "COMPLETED", "reason": "", "attempts": []}
    assert tasks._attempts(task) == [task]
    rows = tasks._attempts({**task, "attempts": [attempt, {**attempt, "n": 2, "reason": ""}]})
    assert [(row["n"], row["attempt_state"], row["reason"]) for row in rows] == [
        (1, "CRASHED", "lost"),
        (2, "CRASHED", ""),
    ]
    assert show.latest({**task, "attempts": [attempt]}) == attempt

"""What tasks find and may write, with real processes: directories, scripts, files, steps, outputs,
progress, stopping."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cdktr_common.catalogue.values import Container, RunContext, StepSpec
from tests.unit.agent.stand import Stand, supervisor


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    with supervisor(tmp_path, AGENT_SAYS="agent", MINE="agent") as made:
        yield made


def said(stand: Stand, **fields: object) -> str:
    """What a task that succeeds prints."""
    result = stand.run(**fields)  # type: ignore[arg-type]
    assert (result.state, result.reason) == ("COMPLETED", ""), stand.streams(result.token)
    return stand.output(result).decode()


# Directories


def test_a_directory_of_its_own(stand: Stand) -> None:
    here = said(stand, command='cd "$CDKTR_TASK_DIR" && pwd && ls -la && stat -c %a . && mkdir x')
    path = here.split("\n", 1)[0]
    assert path.startswith(str(stand.home / "tasks"))
    assert here.endswith("\n700\n")
    assert here.count("\n") == 5  # pwd, total, two dots, mode
    env = said(stand, argv=["env"])
    names = dict(line.split("=", 1) for line in env.splitlines() if "=" in line)
    assert names["CDKTR_OUTPUT"].startswith(names["CDKTR_TASK_DIR"] + "/")
    assert names["TORK_OUTPUT"] != names["CDKTR_OUTPUT"]
    assert names["CDKTR_PROGRESS"] == names["TORK_PROGRESS"]


def test_nothing_of_a_task_is_found_by_the_next(stand: Stand) -> None:
    for i in range(30):
        text = 'cd "$CDKTR_TASK_DIR"; ls -A; stat -c %a .; '
        text += ("mkdir -p a/b; touch a/b/c", "chmod 500 .", "true", "ln -s / l")[i % 4]
        assert said(stand, command=text) == "700\n"
    assert said(stand, command='rm -r "$CDKTR_TASK_DIR"; mkdir -m 0 /tmp/$$; rmdir /tmp/$$') == ""
    assert said(stand, command='cd "$CDKTR_TASK_DIR"; ls -A; mkdir -p x/y; chmod 0 x') == ""
    assert said(stand, command='cd "$CDKTR_TASK_DIR"; ls -A') == ""


def test_what_a_dead_supervisor_left_is_removed(stand: Stand) -> None:
    tasks = stand.home / "tasks"
    stand.give(command="mkdir -p $CDKTR_TASK_DIR/a/b; touch $CDKTR_TASK_DIR/ready; sleep 60")
    while not list(tasks.glob("*/ready")):
        time.sleep(0.01)
    stand.kill()
    stand.start(2)
    assert stand.run(argv=["true"]).state == "COMPLETED"
    assert said(stand, command='cd "$CDKTR_TASK_DIR"; ls -A; sleep 0.2') == ""
    assert not list(tasks.glob("*/a"))


# Scripts, files, variables


def test_scripts(stand: Stand) -> None:
    assert said(stand, script="echo $0 | grep -c tasks/\nset -- a 'b c'\necho $#") == "1\n2\n"
    python = "#!/usr/bin/env python3\nimport sys\nprint(sys.argv[0].count('/tasks/'))\n"
    assert said(stand, script=python) == "1\n"
    assert said(stand, script="print(1 + 1)", argv=["python3", "-I"]) == "2\n"
    assert said(stand, script="echo ${BASH:-none}", shell=["/bin/bash", "-c"]) == "/bin/bash\n"
    assert stand.run(script="false\necho on", shell=["sh", "-ec"]).code == 1
    assert said(stand, command="echo ${BASH:+is}", shell=["bash"]) == "is\n"
    # A plain script starts where a command would.
    assert said(stand, script="pwd") == f"{stand.work}\n"


def test_a_script_that_is_no_program(stand: Stand) -> None:
    result = stand.run(script="#! /no/such/interpreter -x\n")
    assert (result.state, result.code) == ("FAILED", 127)
    assert "cannot start" in result.reason
    assert "the interpreter of its #! line, /no/such/interpreter, is not there" in result.reason
    result = stand.run(script="#!/bin/sh\r\necho one\r\n")
    assert (result.state, result.code) == ("FAILED", 127)
    assert "/bin/sh, is not there: the line ends with a carriage return (\\r)" in result.reason
    result = stand.run(script="#!/etc/passwd\n")
    assert (result.code, "/etc/passwd, is not executable" in result.reason) == (126, True)
    os.mkfifo(stand.work / "fifo", 0o700)
    assert stand.run(argv=["./fifo"]).code == 126


def test_the_umask_that_the_agent_was_started_with(stand: Stand) -> None:
    look = "umask; touch a; mkdir b; stat -c %a a b $CDKTR_TASK_DIR"
    assert said(stand, command=look) == "0027\n640\n750\n700\n"
    assert said(stand, command="umask", pre=[StepSpec(command="true")]) == "0027\n"
    payload = RunContext(workflow="w", payload={"a": 1})
    text = "stat -c %a $CDKTR_PAYLOAD_FILE $0 x x/y"
    shown = stand.run(payload, script=text, files={"x/y": ""})
    assert stand.output(shown) == b"600\n700\n700\n600\n"


def test_files(stand: Stand) -> None:
    listing = "pwd; cat a.txt sub/b.txt; stat -c %a a.txt sub"
    files = {"a.txt": "one\n", "sub/b.txt": "two ü\n"}
    lines = said(stand, command=listing, files=files).splitlines()
    assert lines[0].startswith(str(stand.home / "tasks"))
    assert lines[1:] == ["one", "two ü", "600", "700"]
    elsewhere = said(stand, command="pwd; cat $CDKTR_TASK_DIR/a.txt", files=files, workdir="/")
    assert elsewhere == "/\none\n"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({".cdktr-output": "k=1"}, "file .cdktr-output: this name belongs to the agent"),
        ({".script/x": ""}, "file .script/x: this name belongs to the agent"),
        ({"a/b": "", "a": ""}, "file a: it is the directory of another"),
    ],
)
def test_files_are_not_in_the_way(stand: Stand, files: dict[str, str], said: str) -> None:
    result = stand.run(argv=["true"], files=files)
    assert (result.state, result.code, result.reason) == ("FAILED", 126, said)


@pytest.mark.parametrize("name", ["../x", "/x", "a//b", "", "a/b/c/d/e/f", "a\0b"])
def test_files_stay_where_they_belong(stand: Stand, name: str) -> None:
    result = stand.run(argv=["true"], files={name: "x"})
    assert (result.state, result.code) == ("FAILED", 126)
    assert "no name within the task's directory" in result.reason


def test_variables_in_their_order(stand: Stand) -> None:
    (stand.work / "run.env").write_text("MINE=dotenv\nA=run\nB=run\nC=run\n")
    (stand.work / "task.env").write_text("export B='the task'\n")
    context = RunContext(workflow="w", dotenv=["run.env"], env={"C": "workflow", "D": "workflow"})
    shown = stand.run(
        context,
        command="echo $AGENT_SAYS $MINE $A $B $C $D",
        dotenv=["task.env"],
        env={"D": "task"},
    )
    assert stand.output(shown) == b"agent dotenv run the task workflow task\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "dotenv my.env: No such file or directory"), ("A=1\noops", "dotenv my.env: line 2")],
)
def test_a_file_of_variables_that_is_not_there(stand: Stand, text: str | None, said: str) -> None:
    if text is not None:
        (stand.work / "my.env").write_text(text)
    result = stand.run(argv=["true"], dotenv=["my.env"])
    assert (result.state, result.code) == ("FAILED", 126)
    assert said in result.reason


def test_no_file_of_variables(stand: Stand) -> None:
    assert said(stand, command="echo $MINE", dotenv=["/dev/null"]) == "agent\n"


def test_no_containers_here(stand: Stand) -> None:
    result = stand.run(argv=["true"], container=Container(image="debian"))
    assert (result.code, result.reason) == (126, "image debian: this agent runs no containers")
    result = stand.run(argv=["true"], post=[StepSpec(argv=["true"], image="alpine")])
    assert (result.code, result.reason) == (126, "image alpine: this agent runs no containers")


# Steps

PRE = [StepSpec(name="first", command="echo pre; echo x > made"), StepSpec(argv=["echo", "2"])]
POST = [
    StepSpec(command="echo post; cat made"),
    StepSpec(name="last", script="#!/bin/sh\necho end"),
]


def test_steps_before_and_after(stand: Stand) -> None:
    output = said(stand, command="echo main $X", pre=PRE, post=POST, env={"X": "1"}, workdir=".")
    assert output == "pre\n2\nmain 1\npost\nx\nend\n"


def test_steps_share_directory_and_variables(stand: Stand) -> None:
    pre = [StepSpec(command="echo $X $Y > $CDKTR_TASK_DIR/f", env={"Y": "step"})]
    assert said(stand, command="cat $CDKTR_TASK_DIR/f; echo $Y", pre=pre, env={"X": "t"}) == (
        "t step\n\n"
    )


def test_after_a_step_before_that_fails_only_those_after_run(stand: Stand) -> None:
    pre = [StepSpec(name="get it", command="exit 7"), StepSpec(command="echo never")]
    post = [StepSpec(command="echo a=1 > $CDKTR_OUTPUT; echo post"), StepSpec(command="exit 9")]
    result = stand.run(command="echo never", pre=pre, post=post, outputs=["a"])
    assert (result.state, result.code) == ("FAILED", 7)
    assert result.reason == "pre step get it: exit code 7; then post step 2: exit code 9"
    assert (stand.output(result), result.outputs) == (b"post\n", {})
    result = stand.run(command="echo never", pre=pre, capture=True)
    assert result.result is None
    assert (result.code, result.reason) == (7, "pre step get it: exit code 7")
    assert stand.output(result) == b""
    missing = stand.run(command="echo never", pre=[StepSpec(argv=["no-such-thing"])])
    assert (missing.state, missing.code) == ("FAILED", 127)
    assert missing.reason == "pre step 1: cannot start no-such-thing: no such program in PATH"


def test_steps_after_run_after_a_failure_too(stand: Stand) -> None:
    post = [StepSpec(command="echo one; exit 9"), StepSpec(command="echo two")]
    result = stand.run(command="kill -9 $$", post=post)
    assert (result.state, result.code) == ("FAILED", 137)
    assert result.reason == "killed by SIGKILL; then post step 1: exit code 9"
    assert stand.output(result) == b"one\ntwo\n"
    result = stand.run(argv=["no-such-thing"], post=post[1:])
    assert (result.code, stand.output(result)) == (127, b"two\n")
    result = stand.run(argv=["true"], post=post)
    assert (result.state, result.code, result.reason) == ("FAILED", 9, "post step 1: exit code 9")
    result = stand.run(command="exit 5", post=post)
    assert (result.code, result.reason) == (5, "exit code 5; then post step 1: exit code 9")


def test_steps_do_not_run_after_a_cancel_or_a_time_out(stand: Stand) -> None:
    token = stand.give(command="echo up; sleep 60", post=[StepSpec(command="echo never")])
    stand.until(token, b"up")
    stand.end(token)
    result = stand.wait(token)
    assert (result.state, stand.output(result)) == ("CANCELLED", b"up\n")
    late = stand.run(
        command="sleep 60", pre=[StepSpec(command="sleep 0.3")], post=[StepSpec(command="echo no")],
        timeout_s=0.5,
    )  # fmt: skip
    assert (late.state, late.code, late.reason) == ("FAILED", 124, "timed out after 0.5 s")
    assert stand.output(late) == b""


def test_what_steps_after_it_leave_is_not_found_by_the_next(stand: Stand) -> None:
    said(stand, command="sleep 0.1; true")  # so that a directory is old enough to be trusted
    post = [StepSpec(command="touch $CDKTR_TASK_DIR/left")]
    for _ in range(3):
        said(stand, argv=["true"], post=post)
        assert said(stand, command="ls -A $CDKTR_TASK_DIR") == ""


def test_a_step_has_a_time_out_of_its_own(stand: Stand) -> None:
    pre = [StepSpec(name="slow", command="sleep 60 & sleep 60", timeout_s=0.2)]
    result = stand.run(command="echo never", pre=pre)
    assert (result.state, result.code) == ("FAILED", 124)
    assert result.reason == "pre step slow: timed out after 0.2 s"


def test_what_a_step_leaves_running_lives_until_the_end(stand: Stand) -> None:
    pre = [StepSpec(command="sleep 613 >/dev/null 2>&1 & echo $! > side")]
    text = "kill -0 $(cat side) && echo alive"
    assert said(stand, command=text, pre=pre, post=[StepSpec(command=text)]) == "alive\nalive\n"
    assert not os.path.exists(f"/proc/{(stand.work / 'side').read_text().strip()}")


# Stopping


def test_a_signal_and_a_grace_of_its_own(stand: Stand) -> None:
    text = "trap 'echo int; exit 0' INT; trap 'echo term' TERM; echo up; sleep 60 & wait"
    token = stand.give(command=text, stop_signal="INT", stop_grace_s=0.5)
    stand.until(token, b"up")
    stand.end(token)
    assert stand.output(stand.wait(token)) == b"up\nint\n"
    began = time.monotonic()
    text = "trap '' TERM; echo deaf; while :; do sleep 1; done"
    token = stand.give(command=text, stop_grace_s=0.1)
    stand.until(token, b"deaf")
    stand.end(token)
    assert stand.wait(token).code == 137
    assert time.monotonic() - began < 1.5  # and not the agent's two seconds
    wrong = stand.run(argv=["true"], stop_signal="NONE")
    assert (wrong.code, wrong.reason) == (126, "stop_signal NONE: there is no such signal")


# Outputs


def test_outputs_and_result(stand: Stand) -> None:
    result = stand.run(command='echo rows=12 >> "$CDKTR_OUTPUT"; printf "a\nb" > "$TORK_OUTPUT"')
    assert (result.outputs, result.result) == ({"rows": "12"}, "a\nb")
    result = stand.run(command="echo '{\"n\": [1, 2]}' > $CDKTR_OUTPUT; exit 3", capture=True)
    assert (result.code, result.outputs, result.result) == (3, {"n": [1, 2]}, "")
    steps: dict[str, Any] = {
        "pre": [StepSpec(command="echo pre; echo a=1 > $CDKTR_OUTPUT")],
        "post": [StepSpec(command="echo post; cat $CDKTR_OUTPUT; echo b=2 > $CDKTR_OUTPUT")],
    }
    result = stand.run(argv=["echo", "main"], capture=True, **steps)
    assert (result.outputs, result.result) == ({"a": "1"}, "main")
    assert stand.output(result) == b"pre\nmain\npost\na=1\n"
    assert stand.run(argv=["true"]).outputs == {}


def test_stdout_as_the_result_unless_one_is_written(stand: Stand) -> None:
    assert stand.run(command="echo a; echo b", capture=True).result == "a\nb"
    assert stand.run(command="echo a; echo b > $TORK_OUTPUT", capture=True).result == "b\n"
    large = stand.run(command="head -c 70000 /dev/zero | tr '\\0' x", capture=True)
    assert (large.state, large.result) == ("COMPLETED", None)
    assert large.reason == "no result: stdout has more than 65536 bytes"
    assert stand.run(command="printf '\\377'", capture=True).reason == (
        "no result: stdout line 1: not UTF-8"
    )


@pytest.mark.parametrize(
    ("command", "fields", "reason"),
    [
        ("echo oops > $CDKTR_OUTPUT", {}, "CDKTR_OUTPUT line 1: no key=value: 'oops'"),
        ("head -c 70000 /dev/zero > $TORK_OUTPUT", {}, "TORK_OUTPUT has more than 65536 bytes"),
        ("echo a=1 > $CDKTR_OUTPUT", {"outputs": ["a", "b"]}, "did not write to CDKTR_OUTPUT: b"),
        ("true", {"outputs": ["b"]}, "did not write to CDKTR_OUTPUT: b"),
        (
            "true",
            {"outputs": ["b"], "post": [StepSpec(command="exit 9")]},
            "did not write to CDKTR_OUTPUT: b; then post step 1: exit code 9",
        ),
    ],
)
def test_outputs_that_fail_a_task(
    stand: Stand, command: str, fields: dict[str, Any], reason: str
) -> None:
    result = stand.run(command=command, **fields)
    assert (result.state, result.code, result.reason) == ("FAILED", 4, reason)


@pytest.mark.parametrize("how", ["mkdir", "mkfifo", "ln -s result.json", "ln -s $0"])
@pytest.mark.parametrize("name", ["CDKTR_OUTPUT", "TORK_OUTPUT"])
def test_outputs_are_regular_files(stand: Stand, how: str, name: str) -> None:
    result = stand.run(command=f"{how} ${name}")
    reason = f"{name}: it is no regular file"
    assert (result.state, result.code, result.reason) == ("FAILED", 4, reason)
    assert (result.outputs, result.result) == ({}, None)


def test_no_output_has_a_nul_in_it(stand: Stand) -> None:
    result = stand.run(command="printf 'k=a\\0b\\n' > $CDKTR_OUTPUT")
    reason = "CDKTR_OUTPUT line 1: a NUL, which no variable can hold"
    assert (result.state, result.code, result.reason) == ("FAILED", 4, reason)
    result = stand.run(command="printf 'a\\0b'", capture=True)
    assert (result.code, result.result) == (0, None)
    assert result.reason == "no result: stdout line 1: a NUL, which no variable can hold"


def test_a_failure_is_not_made_another_by_its_outputs(stand: Stand) -> None:
    result = stand.run(command="echo oops > $CDKTR_OUTPUT; exit 3", outputs=["a"])
    assert (result.code, result.reason) == (
        3,
        "exit code 3; CDKTR_OUTPUT line 1: no key=value: 'oops'",
    )
    result = stand.run(command="exit 3", outputs=["a"])
    assert (result.code, result.reason) == (3, "")


def test_progress_of_tasks_that_take_a_while(stand: Stand) -> None:
    text = "echo 20 > $CDKTR_PROGRESS; sleep 2; echo 150 > $TORK_PROGRESS; sleep 60"
    token = stand.give(command=text)
    assert stand.hear_progress() == {token: 20.0}
    assert stand.hear_progress() == {token: 100.0}
    stand.end(token)
    stand.wait(token)


# Slots


def test_tasks_that_take_several_slots(stand: Stand) -> None:
    long = [stand.give(argv=["sleep", "0.5"], slots=3), stand.give(argv=["sleep", "0.5"])]
    whole = stand.give(argv=["true"], slots=9)  # as much as there is
    results = [stand.wait(token) for token in (*long, whole)]
    assert [result.state for result in results[:2]] == ["COMPLETED"] * 2
    assert results[2].state == "RELEASED"  # none free in time: for somebody else
    assert stand.run(argv=["true"], slots=9).state == "COMPLETED"

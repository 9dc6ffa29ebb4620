"""Every command line of the guide once, on real programs: what it prints, what it exits with."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cdktr_cli import history
from cdktr_cli.connection import Connection
from cdktr_cli.ctl import show
from cdktr_common.errors import ProtocolError
from cdktr_common.settings import HELP, Settings
from tests.integration.cli_stand import BIN, Stand, lines, stand
from tests.integration.harness import wait_until


@pytest.fixture(scope="module")
def all_on_one() -> Iterator[Stand]:
    """Principal, logd and an agent, started by `cdktr start principal --with-agent`."""
    with stand(agent_name="box") as made:
        made.start_all("principal", "--with-agent", "--max-executors", "3")
        yield made


def test_trigger_by_event_prints_the_run_ids(all_on_one: Stand) -> None:
    runs = all_on_one.out("cdktr-trigger", "my-event", "--payload", '{"a":1}').split()
    assert len(runs) == 1
    assert all_on_one.call("cdktr-ctl", "wait", runs[0]).returncode == 0
    shown = json.loads(all_on_one.out("cdktr-ctl", "show", runs[0], "--json"))
    assert (shown["run"]["event"], shown["payload"]) == ("my-event", {"a": 1})
    assert [task["state"] for task in shown["tasks"]] == ["COMPLETED", "COMPLETED"]


def test_trigger_reads_a_pipe(all_on_one: Stand) -> None:
    run = all_on_one.out("cdktr-trigger", "my-event", "--payload", "-", input=b'{"a":\n2}').strip()
    shown = json.loads(all_on_one.out("cdktr-ctl", "show", run, "--json"))
    assert shown["payload"] == {"a": 2}


def test_the_same_key_is_the_same_run(all_on_one: Stand) -> None:
    first = all_on_one.out("cdktr-trigger", "my-event", "--key", "K")
    assert all_on_one.out("cdktr-trigger", "my-event", "--key", "K") == first
    again = json.loads(all_on_one.out("cdktr-trigger", "my-event", "--key", "K", "--json"))
    assert again["duplicate"] is True
    assert [ref["run"] for ref in again["runs"]] == first.split()
    refused = all_on_one.call("cdktr-trigger", "my-event", "--key", "K", "--payload", "1")
    assert (refused.returncode, refused.stdout) == (5, b"")


def test_nobody_listens(all_on_one: Stand) -> None:
    done = all_on_one.call("cdktr-trigger", "nobody-listens")
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"no workflow listens to 'nobody-listens'" in done.stderr


def test_waiting_exits_with_the_code_of_the_task(all_on_one: Stand) -> None:
    done = all_on_one.call("cdktr-trigger", "--workflow", "my-workflow", "--wait")
    assert (done.returncode, len(done.stdout.split()), done.stderr) == (0, 1, b"")
    failed = all_on_one.call("cdktr-trigger", "--workflow", "failing", "--wait")
    run = failed.stdout.decode().strip()
    assert failed.returncode == 7
    assert f"{run} FAILED".encode() in failed.stderr
    assert all_on_one.call("cdktr-ctl", "wait", run).returncode == 7
    document = json.loads(
        all_on_one.out("cdktr-trigger", "--workflow", "failing", "--wait", "--json", code=7)
    )
    assert (document["runs"][0]["state"], document["runs"][0]["code"]) == ("FAILED", 7)


def test_waiting_has_an_end_and_the_run_goes_on(all_on_one: Stand) -> None:
    done = all_on_one.call("cdktr-trigger", "--workflow", "slow", "--wait", "--timeout", "300ms")
    run = done.stdout.decode().strip()
    assert done.returncode == 75
    assert f"the run goes on: cdktr-ctl wait {run}".encode() in done.stderr
    rows = json.loads(all_on_one.out("cdktr-ctl", "cancel", run, "--wait", "--json"))
    assert (rows[0]["state"], rows[0]["code"]) == ("CANCELLED", 130)
    assert all_on_one.call("cdktr-ctl", "wait", run).returncode == 130


def test_ctrl_c_detaches_from_a_wait(all_on_one: Stand) -> None:
    waiting = all_on_one.start("cdktr-trigger", "--workflow", "slow", "--wait")
    run = wait_until(lambda: lines(waiting))[0]
    tail = all_on_one.start("cdktr-logs", "tail", "--run", run)
    wait_until(lambda: "waiting" in tail.out.read_text(), what="the task to run")
    waiting.signal(signal.SIGINT)
    assert waiting.popen.wait(10) == 130
    wait_until(lambda: f"detached; the run goes on: cdktr-ctl wait {run}" in waiting.errors())
    assert json.loads(all_on_one.out("cdktr-ctl", "cancel", run, "--json"))[0]["run"] == run
    assert all_on_one.call("cdktr-ctl", "wait", run).returncode == 130
    tail.asked_to_end = True
    assert tail.popen.wait(20) == 0


def test_task_list_and_task_run(all_on_one: Stand) -> None:
    out = all_on_one.out("cdktr", "task", "list")
    assert out.split("\n")[0].split() == [
        "WORKFLOW",
        "NAME",
        "TASKS",
        "EVENTS",
        "SCHEDULE",
        "NEXT",
        "STATUS",
    ]
    assert "my-workflow  mine" in out
    assert "broken: " in out
    assert "nobody" in out
    assert all_on_one.call("cdktr", "task", "run", "my-workflow", "--wait").returncode == 0
    assert all_on_one.call("cdktr", "task", "run", "mine", "--wait").returncode == 0
    assert all_on_one.call("cdktr", "task", "run", "--wait", "failing").returncode == 7
    missing = all_on_one.call("cdktr", "task", "run", "my-workflw")
    assert missing.returncode == 3
    assert b"did you mean my-workflow?" in missing.stderr


def test_an_ad_hoc_command_is_yours(all_on_one: Stand) -> None:
    done = all_on_one.call("cdktr", "run", "--", "sh", "-c", "echo out; echo err >&2; exit 9")
    assert (done.returncode, done.stdout, done.stderr) == (9, b"out\n", b"err\n")
    assert all_on_one.out("cdktr-run", "--env", "A=b c", "printenv", "A") == "b c\n"


def test_logs_by_the_new_and_the_older_spelling(all_on_one: Stand) -> None:
    run = all_on_one.out("cdktr-trigger", "--workflow", "my-workflow", "--wait").strip()
    wait_until(lambda: "second" in all_on_one.out("cdktr", "logs", "query", "--run", run))
    for words in (
        ["cdktr", "logs", "query", "--workflow", "my-workflow", "--last", "1h"],
        ["cdktr", "logs", "--flow", "my-workflow", "--tail", "20"],
        ["cdktr-logs", "query", "--run", run],
    ):
        out = all_on_one.out(*words)
        assert "first" in out
        assert "second" in out
    assert all_on_one.out("cdktr-logs", "--raw", "--run", run, "--task", "second") == "second\n"


def test_logs_tail_is_live(all_on_one: Stand) -> None:
    tail = all_on_one.start("cdktr", "logs", "tail", "--workflow", "my-workflow")
    run = all_on_one.out("cdktr-trigger", "my-event", "--payload", '"unheard-of"').strip()
    wait_until(lambda: "unheard-of" in tail.out.read_text(), what=f"output of {run}")
    tail.signal(signal.SIGINT)
    assert tail.popen.wait(10) in (0, 130)


def test_runs_show_tasks(all_on_one: Stand) -> None:
    run = all_on_one.out("cdktr-trigger", "--workflow", "failing", "--wait", code=7).strip()
    assert run in all_on_one.out("cdktr-ctl", "runs")
    failed = all_on_one.out("cdktr-ctl", "runs", "--state", "failed", "-n", "1", "--ndjson")
    assert json.loads(failed)["run"] == run
    shown = all_on_one.out("cdktr-ctl", "show", run[:8])
    assert "state     FAILED" in shown
    rows = {line.split()[0]: line.split()[1:] for line in shown.split("\n\n")[1].splitlines()}
    assert rows["good"][:3] == ["COMPLETED", "1", "box"]
    assert rows["bad"][0] == "FAILED"
    assert rows["bad"][6] == "7"
    assert rows["after"][0] == "SKIPPED"
    assert rows["total"][:6] == ["1", "COMPLETED,", "1", "FAILED,", "1", "SKIPPED"]
    assert all_on_one.out("cdktr-ctl", "show", "last").startswith(f"run       {run}")
    listed = json.loads(all_on_one.out("cdktr-ctl", "tasks", run, "--json"))
    assert [(task["task"], task["state"], len(task["attempts"])) for task in listed] == [
        ("good", "COMPLETED", 1), ("bad", "FAILED", 1), ("after", "SKIPPED", 0),
    ]  # fmt: skip
    assert "bad" in all_on_one.out("cdktr-ctl", "tasks", run)
    assert all_on_one.call("cdktr-ctl", "show", "zzzzzzzzzz").returncode == 3


def test_a_workflow_that_nobody_knows_is_said_with_the_nearest_name(all_on_one: Stand) -> None:
    for words in (["cdktr-ctl", "runs"], ["cdktr-ctl", "runs", "--history"], ["cdktr-logs"]):
        done = all_on_one.call(*words, "-w", "my-workflw")
        assert done.returncode == 3, done
        assert b"no workflow 'my-workflw'; did you mean my-workflow?" in done.stderr
    assert all_on_one.call("cdktr-ctl", "runs", "-w", "broken").returncode == 0


def test_history_is_asked_of_the_recorder(all_on_one: Stand) -> None:
    run = all_on_one.out("cdktr-trigger", "--workflow", "my-workflow", "--wait").strip()

    def recorded() -> bool:
        return run in all_on_one.out("cdktr-ctl", "runs", "--history")

    wait_until(recorded, what="the run to be recorded")
    row = json.loads(all_on_one.out("cdktr-ctl", "runs", "--history", "-n", "1", "--ndjson"))
    assert (row["run"], row["workflow"]) == (run, "my-workflow")
    assert row["created"].endswith("Z")


def test_a_run_that_the_principal_has_forgotten_is_shown_by_the_recorder(
    all_on_one: Stand, capsys: pytest.CaptureFixture[str]
) -> None:
    run = all_on_one.out("cdktr-trigger", "--workflow", "failing", "--wait", code=7).strip()
    wait_until(lambda: "FAILED" in all_on_one.out("cdktr-ctl", "runs", "--history", "-n", "1"))
    home = Settings(home=str(all_on_one.env.home))
    principal = Connection(home, f"ipc://{home.home}/run/principal.sock")
    unknown = ProtocolError("not_found", "no such run")
    shown = show._recorded(principal, run[:8], unknown)
    show._print(shown, full=False)
    rows = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines() if line}
    assert rows["state"] == ["state", "FAILED"]
    assert rows["bad"][1:4] == ["FAILED", "1", "box"]
    assert rows["after"][1] == "SKIPPED"
    assert [task["task"] for task in history.tasks_of(principal, run, unknown)].count("bad") == 1
    with pytest.raises(ProtocolError, match="no such run"):
        show._recorded(principal, "zzzzzzzzzz", unknown)
    principal.close()


def test_workflows_and_agents(all_on_one: Stand) -> None:
    rows = {
        row["workflow"]: row
        for row in json.loads(all_on_one.out("cdktr-ctl", "workflows", "--json"))
    }
    assert rows["my-workflow"]["events"] == ["my-event"]
    assert rows["broken"]["broken"][0]["line"] > 0
    one = all_on_one.out("cdktr-ctl", "workflows", "my-workflow")
    assert "echo second" in one
    agent = json.loads(all_on_one.out("cdktr-ctl", "agents", "--json"))[0]
    assert (agent["agent"], agent["state"], agent["slots"]) == ("box", "ready", 3)
    assert "box" in all_on_one.out("cdktr-ctl", "agents")


def test_events_and_ping(all_on_one: Stand) -> None:
    facts = [
        json.loads(line)
        for line in all_on_one.out("cdktr-ctl", "events", "--after", "0", "--ndjson").splitlines()
    ]
    assert [fact["seq"] for fact in facts] == list(range(1, len(facts) + 1))
    assert facts[0]["type"] == "epoch.started"
    assert len(all_on_one.out("cdktr-ctl", "events", "-n", "2").splitlines()) == 2
    last = ("-n", "1", "--topic", "workflow/")
    [told] = all_on_one.out("cdktr-ctl", "events", *last).splitlines()
    assert "  workflow." in told
    only = all_on_one.out("cdktr-ctl", "events", "--after", "0", "--topic", "agent/")
    assert {line.split()[2] for line in only.splitlines()} <= {"agent.joined", "agent.changed"}
    rows = json.loads(all_on_one.out("cdktr-ctl", "ping", "--json"))
    assert [row["program"] for row in rows] == ["cdktr-principal", "cdktr-logd"]


def test_reload_and_check(all_on_one: Stand) -> None:
    all_on_one.env.workflow("new", "tasks: {a: {command: 'true'}}")
    assert all_on_one.out("cdktr-ctl", "reload").startswith("loaded new\n")
    assert all_on_one.call("cdktr-trigger", "--workflow", "new", "--wait").returncode == 0
    all_on_one.env.workflow("new", "tasks: {a: {comand: 'true'}}")
    assert "broken new: " in all_on_one.out("cdktr-ctl", "reload", code=4)
    assert all_on_one.call("cdktr-trigger", "--workflow", "new", "--wait").returncode == 0
    faults = all_on_one.call("cdktr-check", str(all_on_one.env.workflows))
    assert faults.returncode == 4
    assert b"broken.yaml:" in faults.stdout + faults.stderr


def test_a_reader_that_has_seen_enough_is_no_error(all_on_one: Stand) -> None:
    """`cdktr-ctl … | head`: no word on stderr."""
    script = f"{BIN}/cdktr-ctl events --after 0 | head -n 1; {BIN}/cdktr-run -- yes | head -n 1"
    done = subprocess.run(
        ["bash", "-c", script], env=all_on_one.env.environ, capture_output=True, timeout=60
    )
    assert done.stderr == b""
    assert done.stdout.endswith(b"\ny\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("cdktr-trigger x", "no answer from ipc://"),
        ("cdktr-ctl runs", "no answer from ipc://"),
        ("cdktr-run -- true", "no answer from ipc://"),
        ("cdktr --host-port 127.0.0.1:1 ctl ping", "no answer from tcp://127.0.0.1:1"),
        ("cdktr --host-port 127.0.0.1:1 trigger x", "no answer from tcp://127.0.0.1:1"),
    ],
)
def test_no_principal_is_69_naming_the_endpoint(words: str, says: str) -> None:
    with stand(default_zmq_timeout_ms=200) as alone:
        done = alone.call(*words.split())
    assert done.returncode == 69
    assert says in done.stderr.decode()
    assert ("--key trigger-" in done.stderr.decode()) == ("trigger" in words)
    assert done.stdout == b""


def test_init_config_and_a_first_workflow(tmp_path: Path) -> None:
    with stand(agent_name="box") as fresh:
        del fresh.env.environ["CDKTR_WORKFLOW_DIR"]
        directory = fresh.env.directory / "fresh"
        directory.mkdir()
        assert fresh.out("cdktr", "init", cwd=directory).count("wrote") == 2
        assert fresh.out("cdktr", "init", cwd=directory).count("kept") == 2
        listed = fresh.out("cdktr", "config", "list", cwd=directory)
        assert [line.split()[0] for line in listed.splitlines()] == ["SETTING", *HELP]
        assert fresh.call("cdktr-check", "workflows", cwd=directory).returncode == 0
        fresh.env.directory = directory
        fresh.start_all("--max-executors", "2")
        done = fresh.call("cdktr-trigger", "greet", "--payload", '{"name": "world"}', "--wait")
        assert done.returncode == 0, done
        run = done.stdout.decode().strip()
        said = fresh.out("cdktr-logs", "--raw", "--run", run, "--task", "greet")
        assert said == f'hello, run {run}, payload {{"name":"world"}}\n'

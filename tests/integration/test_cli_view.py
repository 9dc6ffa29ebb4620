"""Looking at everything from the command line: runs by any filter, one agent's work, `top`."""

from __future__ import annotations

import json
import signal
import termios
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.cli_stand import BIN, Stand, stand
from tests.integration.harness import wait_until
from tests.integration.pseudo_terminal import running


@pytest.fixture(scope="module")
def busy() -> Iterator[Stand]:
    """All programs; one run goes on, two have failed, one is COMPLETED."""
    with stand() as made:
        made.env.principal()
        made.env.logd()
        made.env.agent("box-1")
        for _ in range(2):
            made.out("cdktr-trigger", "--workflow", "failing", "--wait", code=7)
        made.out("cdktr-trigger", "my-event", "--wait")
        going = made.out("cdktr-trigger", "--workflow", "slow").strip()
        wait_until(lambda: "wait" in made.out("cdktr-ctl", "agents", "box-1"), what="the slow task")
        yield made
        made.out("cdktr-ctl", "cancel", going, "--wait")


def listed(box: Stand, *words: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(box.out("cdktr-ctl", *words, "--json"))
    return rows


def workflows(box: Stand, *words: str) -> list[str]:
    return [row["workflow"] for row in listed(box, "runs", *words)]


def test_runs_are_listed_by_all_that_is_given(busy: Stand) -> None:
    assert workflows(busy) == ["slow", "my-workflow", "failing", "failing"]
    assert workflows(busy, "--state", "failed") == ["failing"] * 2
    assert workflows(busy, "--state", "running, completed") == ["slow", "my-workflow"]
    assert workflows(busy, "--workflow", "[sf]*", "--since", "1h") == ["slow", *["failing"] * 2]
    assert workflows(busy, "--event", "my-*") == ["my-workflow"]
    assert len(workflows(busy, "--agent", "box-1")) == 4
    assert workflows(busy, "--until", "1h") == []
    assert busy.call("cdktr-ctl", "runs", "--agent", "nobody").returncode == 3
    assert workflows(busy, "--workflow", "mine") == ["my-workflow"]  # by its name
    for wrong in (["--state", "faild"], ["--since", "yore"], ["-n", "0"]):
        assert busy.call("cdktr-ctl", "runs", *wrong).returncode == 2
    assert b"did you mean FAILED" in busy.call("cdktr-ctl", "runs", "-s", "faild").stderr


def test_an_agent_is_shown_with_what_it_works_on(busy: Stand) -> None:
    shown = json.loads(busy.out("cdktr-ctl", "agents", "box-1", "--json"))
    assert (shown["agent"]["agent"], shown["agent"]["busy"]) == ("box-1", 1)
    assert [(task["workflow"], task["task"]) for task in shown["tasks"]] == [("slow", "wait")]
    words = busy.out("cdktr-ctl", "agents", "box-1").split("\n\n")[1].splitlines()[1].split()
    assert words[1:5] == ["slow", "wait", "1", "1"]
    nobody = busy.call("cdktr-ctl", "agents", "box-2")
    assert (nobody.returncode, b"did you mean box-1" in nobody.stderr) == (3, True)


def test_several_runs_are_run_again_and_one_that_cannot_be_is_told(busy: Stand) -> None:
    failed = [row["run"] for row in listed(busy, "runs", "--state", "failed")]
    [going] = [row["run"] for row in listed(busy, "runs", "--state", "running")]
    done = busy.call("cdktr-ctl", "retry", "--failed", failed[0], going, failed[1], "--wait")
    assert done.returncode == 5, done
    assert f"{going}: " in done.stderr.decode()
    rows = [row for row in listed(busy, "runs") if row["retry_of"]]
    assert sorted(row["retry_of"] for row in rows) == sorted(failed)
    assert {(row["state"], row["code"]) for row in rows} == {("FAILED", 7)}
    for wrong in (["--all", "--failed", "a"], ["--key", "k", "a", "b"]):
        assert busy.call("cdktr-ctl", "retry", *wrong).returncode == 2


def test_a_glance_at_everything_is_printed_once(busy: Stand) -> None:
    shown = json.loads(busy.out("cdktr-ctl", "top", "--json"))
    assert shown["counts"]["runs_running"] == 1 and shown["counts"]["slots_busy"] == 1
    assert [row["workflow"] for row in shown["runs"]] == ["slow"]
    assert [(task["agent"], task["task"]) for task in shown["tasks"]] == [("box-1", "wait")]
    assert shown["time"].endswith("Z") and shown["ended"][0]["state"] in ("COMPLETED", "FAILED")
    words = busy.out("cdktr-ctl", "top")  # no terminal: once
    assert "1 running" in words and "slots 1/2" in words and "\x1b" not in words
    assert busy.call("cdktr-ctl", "top", "--every", "0").returncode == 2


def test_top_follows_what_happens_and_writes_only_that(busy: Stand) -> None:
    argv = [str(BIN / "cdktr-ctl"), "top", "--every", "100ms"]
    with running(argv, busy.env.environ, busy.env.directory) as (terminal, program):
        terminal.wait(lambda text: "slots 1/2" in text and "slow" in text)
        assert b"\x1b[?1049h" in terminal.written
        first = len(terminal.written)
        assert first < 80 * 24
        run = busy.out("cdktr-trigger", "--workflow", "my-workflow", "--wait").strip()
        terminal.wait(lambda text: run in text)
        assert b"\x1b[2J" not in terminal.written[first:]
        terminal.resize(100, 10)
        terminal.wait(lambda text: "(more)" in text)
        terminal.resize(80, 24)
        terminal.wait(lambda text: run in text)
        terminal.type("q")
        assert program.wait(20) == 0
        terminal.read(0.0)
        assert terminal.written.endswith(b"\x1b[?7h\x1b[?25h\x1b[?1049l")
        assert termios.tcgetattr(terminal.slave) == terminal.before


def test_top_says_how_old_it_is_when_nobody_answers_and_gives_the_terminal_back() -> None:
    with stand(default_zmq_timeout_ms=500) as box:
        principal = box.env.principal()
        argv = [str(BIN / "cdktr-ctl"), "top", "--every", "100ms"]
        with running(argv, box.env.environ, box.env.directory) as (terminal, program):
            terminal.wait(lambda text: "0 ready" in text)
            principal.kill()
            terminal.wait(lambda text: "NO ANSWER" in text)
            box.env.principal()
            terminal.wait(lambda text: "NO ANSWER" not in text)
            program.send_signal(signal.SIGTERM)
            assert program.wait(20) == 0
            terminal.read(0.0)
            assert terminal.written.endswith(b"\x1b[?1049l")
            assert termios.tcgetattr(terminal.slave) == terminal.before
    gone = box.call("cdktr-ctl", "top", "--once", cwd="/")
    assert (gone.returncode, gone.stdout) == (69, b"")

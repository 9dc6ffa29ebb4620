"""`cdktr start` and `cdktr stop`: one owner of a home, children kept running, a clean end."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from cdktr_common.lock import holder
from tests.integration.cli_stand import Stand, lines, stand
from tests.integration.harness import Proc, wait_until


@pytest.fixture
def box() -> Iterator[Stand]:
    """A stand in which nothing runs yet."""
    with stand(agent_name="box") as made:
        yield made


def pid_of(box: Stand, lock: str) -> int:
    owner = holder(Path(box.env.home, lock))
    return int(owner["pid"]) if owner else 0


def gone(box: Stand) -> bool:
    """Is no process of the environment left?"""
    return not box.env.leftovers()


def started(box: Stand, proc: Proc, words: str) -> list[str]:
    wait_until(lambda: any(line.startswith("ready cdktr ") for line in lines(proc)), 30, words)
    return [line.split()[1] for line in lines(proc) if line.startswith("ready cdktr-")]


def test_ctrl_c_stops_all_and_leaves_nothing(box: Stand) -> None:
    proc = box.start_all("principal", "--with-agent")
    assert sorted(started(box, proc, "")) == [
        "cdktr-agent",
        "cdktr-cron",
        "cdktr-logd",
        "cdktr-principal",
    ]
    assert lines(proc)[-1] == "ready cdktr principal logd cron agent"
    sessions = {os.getsid(pid) for pid in box.env.leftovers()}
    assert len(sessions) >= 4, "a Ctrl-C of the terminal must reach the first process alone"
    proc.signal(signal.SIGINT)
    assert proc.popen.wait(30) == 0
    assert gone(box)
    assert "stopping" in proc.errors()


def test_tasks_have_the_umask_of_the_start_and_nobody_else_has(box: Stand) -> None:
    box.env.workflow("mask", "tasks: {a: {command: 'umask; umask > made; test $(umask) = 0002'}}")
    before = os.umask(0o002)
    try:
        proc = box.start_all("principal", "--with-agent")
    finally:
        os.umask(before)
    assert box.call("cdktr-trigger", "-w", "mask", "--wait").returncode == 0
    assert (box.env.directory / "made").stat().st_mode & 0o777 == 0o664
    ours = [path for path in box.env.home.rglob("*") if not path.is_socket()]
    assert [path for path in ours if path.lstat().st_mode & 0o077] == []
    proc.signal(signal.SIGINT)
    assert proc.popen.wait(30) == 0


def test_a_second_start_is_told_who_was_first(box: Stand) -> None:
    first = box.start_all("principal")
    second = box.call("cdktr", "start", "principal", "--with-agent")
    assert second.returncode == 75
    assert f"is in use by cdktr start (pid {first.pid}".encode() in second.stderr
    assert first.popen.poll() is None


def test_parts_are_started_beside_each_other_and_stopped_together(box: Stand) -> None:
    """As in the guide: principal, then an agent with a label, each under its own start."""
    box.start_all("principal")
    agent = box.start_all("agent", "--max-executors", "8", "--label", "gpu")
    assert lines(agent)[-1] == "ready cdktr agent"
    row = json.loads(box.out("cdktr-ctl", "agents", "--json"))[0]
    assert (row["slots"], row["labels"]) == (8, ["gpu"])
    assert box.out("cdktr-run", "--label", "gpu", "--", "echo", "found") == "found\n"
    for proc in box.env.procs:
        proc.asked_to_end = True
    out = box.out("cdktr", "stop")
    assert out.count("stopped cdktr start") == 2
    assert [proc.popen.wait(10) for proc in box.env.procs[:2]] == [0, 0]
    assert gone(box)
    again = box.call("cdktr", "stop")
    assert again.returncode == 3
    assert b"nothing runs in" in again.stderr


def test_start_logd_alone(box: Stand) -> None:
    box.start_all("principal")
    assert box.call("cdktr", "start", "logd").returncode == 75  # it came with the principal
    box.env.procs[0].asked_to_end = True
    box.out("cdktr", "stop")
    logd = box.start_all("logd")
    assert started(box, logd, "logd") == ["cdktr-logd"]


def test_a_child_that_dies_is_started_again(box: Stand) -> None:
    proc = box.start_all("principal", "--with-agent")

    def ready_lines() -> int:
        return sum(line.startswith("ready cdktr-") for line in lines(proc))

    for lock in ("principal/lock", "logd/lock", "agent/box/lock"):
        before, pid = ready_lines(), pid_of(box, lock)
        os.kill(pid, signal.SIGKILL)
        wait_until(partial(lambda n: ready_lines() > n, before), what=f"{lock} to be taken again")
        assert pid_of(box, lock) not in (0, pid)
    assert proc.errors().count("ended unasked: signal SIGKILL; started again") == 3
    assert box.out("cdktr-run", "--", "echo", "alive") == "alive\n"
    assert proc.stop() == 0
    assert gone(box)


def test_what_a_killed_start_leaves_behind_is_found(box: Stand) -> None:
    box.start_all("principal", "--with-agent").kill()
    assert pid_of(box, "principal/lock")
    refused = box.call("cdktr", "start")
    assert refused.returncode == 75
    assert b"is in use by cdktr-agent" in refused.stderr
    assert b"`cdktr stop`" in refused.stderr
    assert pid_of(box, "principal/lock"), "the failed start must not take others with it"
    out = box.out("cdktr", "stop")
    assert out.startswith("stopped cdktr-agent ")
    assert "stopped cdktr-principal" in out
    assert "stopped cdktr-logd" in out
    assert gone(box)


def test_what_cannot_start_ends_all_with_its_code(box: Stand) -> None:
    done = box.call("cdktr", "--host-port", "127.0.0.1:0", "start", "principal", "--with-agent")
    assert done.returncode == 78
    assert b"--insecure" in done.stderr
    assert gone(box)
    wrong = box.call("cdktr", "start", "--max-executors", "0")
    assert wrong.returncode == 78


def test_running_tasks_are_waited_for_and_the_second_ctrl_c_hurries(box: Stand) -> None:
    proc = box.start_all("--max-executors", "2")
    quick = box.start("cdktr-run", "--", "sh", "-c", "echo begun; sleep 1; echo done")
    wait_until(lambda: "begun" in quick.out.read_text())
    proc.signal(signal.SIGINT)
    wait_until(lambda: "Ctrl-C again ends them" in proc.errors())
    assert proc.popen.wait(30) == 0
    assert gone_but(box, quick)
    quick.signal(signal.SIGINT)
    quick.signal(signal.SIGINT)
    quick.popen.wait(10)

    proc = box.start_all("--max-executors", "2")
    slow = box.out("cdktr-run", "--detach", "--", "sleep", "600").strip()
    wait_until(lambda: "RUNNING" in box.out("cdktr-ctl", "runs", "--state", "running"))
    proc.signal(signal.SIGINT)
    wait_until(lambda: "stopping" in proc.errors().rpartition("ready;")[2])
    proc.signal(signal.SIGINT)
    assert proc.popen.wait(20) == 0, slow
    assert gone(box)


def gone_but(box: Stand, one: Proc) -> bool:
    return set(box.env.leftovers()) <= {one.pid}


def test_stop_now(box: Stand) -> None:
    proc = box.start_all("--max-executors", "2")
    box.out("cdktr-run", "--detach", "--", "sleep", "600")
    wait_until(lambda: "RUNNING" in box.out("cdktr-ctl", "runs", "--state", "running"))
    proc.asked_to_end = True
    assert "stopped cdktr start" in box.out("cdktr", "stop", "--now")
    assert gone(box)


def test_over_tcp_with_one_address(box: Stand) -> None:
    proc = box.start_all("--host-port", "127.0.0.1:0", "--insecure")
    # Port 0 is told by the ready line of the principal.
    said = next(line for line in lines(proc) if line.startswith("ready cdktr-principal"))
    address = next(word for word in said.split() if word.startswith("tcp://"))[6:]
    home = str(box.env.directory / "elsewhere")
    where = ["--home", home, "--host-port", address]
    assert box.out("cdktr", *where, "run", "--", "echo", "over tcp") == "over tcp\n"
    assert box.call("cdktr-trigger", *where, "my-event").returncode == 0
    assert "INSECURE" in proc.errors()

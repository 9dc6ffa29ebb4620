"""The examples of listeners, run against real programs: the protocol is open to others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.harness import Env, wait_until

ROOT = Path(__file__).parents[2]
LISTENERS = ROOT / "examples" / "listeners"
NOTE = """
name: note
events: [new-file]
tasks:
  note:
    command: cat "$CDKTR_PAYLOAD_FILE" >> "$NOTES"; echo >> "$NOTES"
"""
FAIL = "tasks:\n  bad: {command: exit 3}\n"


@pytest.fixture
def endpoint(env: Env) -> str:
    """A running system with two workflows; the principal's address."""
    env.environ["NOTES"] = str(env.directory / "notes")
    env.environ["PATH"] = f"{ROOT / 'bin'}:{env.environ['PATH']}"
    env.environ["CDKTR_PYTHON"] = sys.executable
    env.workflow("note", NOTE)
    env.workflow("fail", FAIL)
    env.everything()
    return f"ipc://{env.home}/run/principal.sock"


def spawn(env: Env, *argv: str) -> tuple[subprocess.Popen[bytes], Path]:
    """A listener in the background, its output in a file."""
    out = env.directory / "listener.out"
    with out.open("wb") as file:
        process = subprocess.Popen(argv, env=env.environ, stdout=file, start_new_session=True)
    return process, out


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def told_runs(out: Path) -> list[str]:
    """The runs of whose end a listener has told."""
    return [line.split()[0] for line in lines(out)]


def test_the_python_listener_tells_every_end_and_fills_its_gaps(env: Env, endpoint: str) -> None:
    source = (LISTENERS / "listener.py").read_text()
    assert source.count("\n") <= 45
    assert "cdktr" not in source.lower().replace("a complete listener", "")
    listener, out = spawn(env, sys.executable, str(LISTENERS / "listener.py"), endpoint)
    try:
        # It is there when it tells the end of a run that was started after it.
        wait_until(lambda: env.wait(env.run("true")) and lines(out), what="the listener")
        runs = [env.run("true") for _ in range(30)]
        for run in runs:
            env.wait(run)
        failed = env.command("cdktr-trigger", "--workflow", "fail", "--wait")
        assert failed.returncode == 3
        expected = {*runs, failed.stdout.strip()}
        wait_until(lambda: set(told_runs(out)) >= expected, what="all ends")
        assert f"{failed.stdout.strip()} fail FAILED 3" in lines(out)
        # Stopped while 200 runs end, it has missed nothing when it goes on.
        listener.send_signal(signal.SIGSTOP)
        more = [env.run("true") for _ in range(200)]
        for run in more:
            env.wait(run)
        listener.send_signal(signal.SIGCONT)
        wait_until(lambda: set(told_runs(out)) >= set(more), what="the missed ones")
        told = told_runs(out)
        assert len(told) == len(set(told))
    finally:
        listener.kill()
        listener.wait()


def test_the_bash_source_fires_once_for_each_file(
    env: Env, endpoint: str, need: Callable[[str], str]
) -> None:
    need("jq")
    script = [str(LISTENERS / "on_file.sh"), "new-file"]
    incoming = env.directory / "incoming"
    incoming.mkdir()
    sizes = {name: len(name) for name in
             ("a.csv", 'with "quotes" and \\.csv', "ünï code.csv", "two\nlines\t\x01")}  # fmt: skip
    for name, size in sizes.items():
        (incoming / name).write_text("x" * size)
    (incoming / os.fsdecode(b"caf\xe9")).write_text("no text")
    sizes["caf\ufffd"] = 7
    notes = env.directory / "notes"
    for round_ in range(2):  # killed and started again, it fires none a second time
        listener, _ = spawn(env, *script, str(incoming), "0.05")
        try:
            late, sizes[f"late{round_}.csv"] = incoming / "late.part", 4
            late.write_text("late")
            late.rename(incoming / f"late{round_}.csv")
            wait_until(lambda: len(lines(notes)) >= len(sizes), what="the runs")
        finally:
            os.killpg(listener.pid, signal.SIGKILL)
            listener.wait()
    fired = [json.loads(line) for line in lines(notes)]
    assert len(fired) == len(sizes)
    assert {Path(one["file"]).name: one["bytes"] for one in fired} == sizes


def test_the_c_client_is_compiled_and_starts_runs(
    env: Env, endpoint: str, need: Callable[[str], str]
) -> None:
    program = env.directory / "trigger"
    source = LISTENERS / "trigger.c"
    need("gcc")
    built = env.command("gcc", "-Wall", "-Werror", "-o", str(program), str(source), "-lzmq")
    if "zmq.h" in built.stderr and not os.environ.get("CI"):
        pytest.skip("libzmq3-dev is not installed")
    assert built.returncode == 0, built.stderr
    done = env.command(str(program), endpoint, "run.start", "note", '{"from":"C"}')
    assert (done.returncode, '"state":"COMPLETED"' in done.stdout) == (0, True), done
    assert lines(env.directory / "notes") == ['{"from":"C"}']
    failed = env.command(str(program), endpoint, "run.start", "fail")
    assert (failed.returncode, '"code":3' in failed.stdout) == (1, True), failed
    fired = env.command(str(program), endpoint, "event.fire", "new-file", '{"again":1}')
    assert (fired.returncode, '"workflow":"note"' in fired.stdout) == (0, True), fired
    refused = env.command(str(program), endpoint, "run.start", "nosuch")
    assert (refused.returncode, '"not_found"' in refused.stdout) == (1, True), refused
    wait_until(lambda: len(lines(env.directory / "notes")) == 2, what="the event's run")

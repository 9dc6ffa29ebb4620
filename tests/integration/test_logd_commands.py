"""cdktr-logs with all programs running: output found, followed, and equal to what was written."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.common import Hello, Welcome
from cdktr_common.catalogue.logd import LogPage, LogQuery
from cdktr_common.catalogue.values import Plan, TaskPlan, TaskResult
from cdktr_common.client import Client
from cdktr_common.errors import BUSY, CONFLICT, NOT_FOUND, UNREACHABLE, USAGE
from tests.integration.harness import Env, environment, wait_until

LOGS = (sys.executable, "-m", "cdktr_cli.logs")

WRITER = """
import os, sys
for i in range(20000):
    os.write(1, b"%d \\xff\\x00 \\xc3\\xa9 %s\\n" % (i, b"x" * (i % 90)))
    if i % 100 == 0:
        os.write(2, b"err %d\\n" % i)
os.write(1, b"no newline at the end")
"""


@pytest.fixture
def cluster(env: Env) -> Iterator[Env]:
    env.everything()
    wait_until(
        lambda: env.client().ask(Hello(), Welcome).endpoints.get("logd"), what="logd's hello"
    )
    yield env


def logs(env: Env, *words: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    environ = {**env.environ, "TZ": "UTC", **options.pop("environ", {})}
    return subprocess.run(
        [*LOGS, *words], env=environ, cwd=env.directory, capture_output=True, timeout=60, **options
    )


@contextmanager
def following(env: Env, *words: str, **environ: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command that goes on, with its pipes."""
    with subprocess.Popen(
        [*LOGS, *words], env={**env.environ, **environ}, cwd=env.directory,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as follower:  # fmt: skip
        yield follower


def read(follower: subprocess.Popen[bytes], lines: int | None = None) -> list[bytes]:
    """So many lines, or all to the end."""
    assert follower.stdout is not None
    if lines is None:
        return follower.stdout.read().splitlines()
    return [follower.stdout.readline() for _ in range(lines)]


def said(lines: list[bytes]) -> list[str]:
    return [json.loads(line)["text"] for line in lines]


def texts(done: subprocess.CompletedProcess[bytes]) -> list[str]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["text"] for line in done.stdout.splitlines()]


def test_raw_is_exactly_what_the_task_wrote(cluster: Env, tmp_path: Path) -> None:
    script = tmp_path / "writer.py"
    script.write_text(WRITER)
    expected = subprocess.run([sys.executable, script], capture_output=True, check=True)
    run = cluster.run(f"{sys.executable} {script}", "true")
    cluster.wait(run)
    for stream, data in (("stdout", expected.stdout), ("stderr", expected.stderr)):
        done = logs(cluster, "--raw", "--run", run, "--task", "t0", "--stream", stream)
        assert done.returncode == 0, done.stderr
        assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(data).digest()
    assert logs(cluster, "--raw", "--run", "last", "--task", "t1").stdout == b""
    missing = logs(cluster, "--raw", "--run", run, "--task", "t9")
    assert missing.returncode == NOT_FOUND
    assert b"t9" in missing.stderr


def test_what_was_printed_is_found(cluster: Env) -> None:
    run = cluster.run("echo one; echo two; printf Three", "echo other; echo oops >&2")
    cluster.wait(run)
    lines = logs(cluster, "query", "--run", run).stdout.decode().splitlines()
    assert len(lines) == 5
    assert all(re.fullmatch(rf"\d\d:\d\d:\d\d adhoc/{run[:6]} t[01] \| \w+", x) for x in lines)
    asked = ("query", "--run", run[:7], "--ndjson")
    assert texts(logs(cluster, *asked, "--task", "t0")) == ["one", "two", "Three"]
    assert texts(logs(cluster, *asked, "--grep", "THREE")) == ["Three"]
    assert sorted(texts(logs(cluster, *asked, "--regex", "^o.*e$"))) == ["one"]
    assert texts(logs(cluster, *asked, "--stream", "stderr")) == ["oops"]
    assert texts(logs(cluster, *asked, "--task", "t0", "--tail", "2")) == ["two", "Three"]
    assert texts(logs(cluster, *asked, "--task", "t0", "--limit", "1")) == ["one"]
    assert texts(logs(cluster, "--flow", "adhoc", "--tail", "1", "--task", "t0", "--ndjson"))
    assert texts(logs(cluster, "query", "--workflow", "adhoc", "--last", "1h", "--ndjson"))
    assert texts(logs(cluster, "query", "--workflow", "adhoc", "--grep", "nowhere")) == []
    nobody = logs(cluster, "query", "--workflow", "adhok")
    assert (nobody.returncode, nobody.stdout) == (NOT_FOUND, b"")
    assert b"no workflow 'adhok'" in nobody.stderr
    assert texts(logs(cluster, "query", "--until", "2020-01-01", "--ndjson")) == []
    (document,) = [json.loads(logs(cluster, "query", "--run", run, "--json").stdout)]
    assert {row["stream"] for row in document} == {"stdout", "stderr"}
    first = next(row for row in document if row["text"] == "two")
    assert (first["task"], first["n"], first["line"], first["offset"]) == ("t0", 1, 1, 4)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first["time"])


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("query", "--run", "nosuchrun"), NOT_FOUND),
        (("--raw",), USAGE),
        (("query", "--regex", "("), USAGE),
        (("query", "--last", "soon"), USAGE),
        (("query", "--stream", "stdin"), USAGE),
        (("tail", "--json"), USAGE),
        (("--nonsense",), USAGE),
    ],
)
def test_wrong_questions_have_their_exit_codes(
    cluster: Env, words: tuple[str, ...], code: int
) -> None:
    done = logs(cluster, *words)
    assert done.returncode == code
    assert done.stderr
    assert b"Traceback" not in done.stderr


def test_an_ambiguous_run_is_a_conflict(cluster: Env) -> None:
    runs: list[str] = []
    while not (twins := [run for run in runs if sum(r[0] == run[0] for r in runs) > 1]):
        runs.append(cluster.run("true"))
    assert logs(cluster, "query", "--run", twins[0][0]).returncode == CONFLICT


def test_without_principal_or_logd_the_endpoint_is_named() -> None:
    with environment(default_zmq_timeout_ms=300) as env:
        for words in (("query",), ("tail",), ("query", "--run", "last")):
            done = logs(env, *words)
            assert done.returncode == UNREACHABLE
            assert f"ipc://{env.home}/run/principal.sock".encode() in done.stderr
        env.principal()
        for words in (("query",), ("tail",)):
            done = logs(env, *words)
            assert done.returncode == UNREACHABLE
            assert b"logd" in done.stderr


def test_a_tail_of_a_run_ends_with_it_and_has_every_line_once(cluster: Env) -> None:
    gate = cluster.directory / "gate"
    os.mkfifo(gate)
    run = cluster.run(f"seq 1 3000; read x < {gate}; seq 3001 6000; printf end")
    with following(cluster, "tail", "--run", run, "--ndjson") as follower:
        first = said(read(follower, 3000))
        gate.write_text("go\n")
        rest = said(read(follower))
        assert follower.wait(30) == 0
    assert first + rest == [*map(str, range(1, 6001)), "end"]


def test_a_tail_survives_kill_9_of_logd(cluster: Env) -> None:
    logd = next(proc for proc in cluster.procs if proc.name.startswith("logd"))
    gate = cluster.directory / "gate"
    os.mkfifo(gate)
    run = cluster.run(f"seq 1 1000; read x < {gate}; seq 1001 2000")
    words = ("-f", "--run", run[:8], "--ndjson")
    with following(cluster, *words, CDKTR_DEFAULT_ZMQ_TIMEOUT_MS="500") as follower:
        first = said(read(follower, 1000))
        logd.kill()
        gate.write_text("go\n")
        cluster.wait(run)
        cluster.logd()
        rest = said(read(follower))
        assert follower.wait(30) == 0
    assert first + rest == [*map(str, range(1, 2001))]


@pytest.mark.long
def test_a_tail_says_what_has_not_come(cluster: Env) -> None:
    """An agent by hand reports a result and keeps the output, as one that is cut off from logd."""
    client = cluster.client()
    hand = {"agent": "hand", "boot": "b1"}
    client.ask(p.AgentHello(**hand, aid="by-hand", slots=1, labels=["hand"]), p.AgentWelcome)
    task = TaskPlan(id="t0", command="true", labels=["hand"])
    run = cluster.submit(Plan(workflow="cut", tasks=[task]))
    batch = client.ask(p.TaskFetch(**hand, free=1), p.TaskBatch)
    done = TaskResult(
        token=batch.tasks[0].token, state="COMPLETED", code=0, stdout_bytes=1234, stderr_bytes=0
    )
    with following(cluster, "tail", "--run", run) as follower:
        client.ask(p.TaskReport(**hand, results=[done]), p.TaskReported)
        assert follower.wait(30) == BUSY
        assert follower.stderr is not None
        assert b"stdout of t0, attempt 1: 0 of 1,234 bytes" in follower.stderr.read()
    client.ask(p.AgentBye(**hand), p.AgentGone)


def test_a_tail_of_a_workflow_shows_run_after_run(cluster: Env) -> None:
    cluster.wait(cluster.run("seq 1 30"))

    def recorded() -> bool:
        with Client(f"ipc://{cluster.home}/run/logd.sock") as client:
            return bool(client.ask(LogQuery(workflow="adhoc", text="30"), LogPage).chunks)

    wait_until(recorded)
    with following(cluster, "tail", "--workflow", "adhoc") as follower:
        shown = [line.split()[-1] for line in read(follower, 10)]
        assert shown == [b"%d" % i for i in range(21, 31)]
        for word in ("first", "second"):
            cluster.run(f"echo {word}")
            assert read(follower, 1)[0].split()[-1] == word.encode()
        follower.send_signal(signal.SIGINT)
        assert follower.wait(20) == 130


def test_a_reader_that_has_seen_enough_is_no_error(cluster: Env) -> None:
    cluster.wait(cluster.run("seq 1 200000"))
    done = subprocess.run(
        f"{' '.join(LOGS)} query --run last | head -3",
        shell=True, env=cluster.environ, cwd=cluster.directory, capture_output=True, timeout=60,
    )  # fmt: skip
    assert len(done.stdout.splitlines()) == 3
    assert done.stderr == b""


def on_a_terminal(env: Env, *words: str) -> bytes:
    """What `cdktr-logs` writes to a terminal."""
    master, slave = pty.openpty()
    subprocess.run(
        [*LOGS, *words], env={**env.environ, "NO_COLOR": "1"}, cwd=env.directory, stdout=slave,
        check=True, timeout=60,
    )  # fmt: skip
    os.close(slave)
    shown = os.read(master, 1 << 16)
    os.close(master)
    return shown


def test_a_carriage_return_hides_nothing_on_a_terminal(cluster: Env) -> None:
    cluster.wait(cluster.run("printf 'rm everything\\rall is well\\r\\n'"))
    shown = on_a_terminal(cluster, "query", "--run", "last")
    # The terminal itself writes a newline as a carriage return and a newline.
    assert shown.endswith("| rm everything·all is well\r\n".encode())


def test_output_cannot_steer_a_terminal_but_raw_is_untouched(cluster: Env) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\tplain\x9b31m"
    cluster.wait(cluster.run("printf '\\033]0;owned\\007\\033[2J\\tplain\\302\\23331m\\n'"))
    shown = on_a_terminal(cluster, "query", "--run", "last")
    assert b"plain" in shown
    assert not set(shown) & {0x1B, 0x07, 0x9B}
    piped = logs(cluster, "query", "--run", "last").stdout
    assert piped.endswith(evil.encode() + b"\n")
    raw = logs(cluster, "--raw", "--run", "last", "--task", "t0").stdout
    assert raw == evil.encode() + b"\n"
    painted = logs(cluster, "query", "--run", "last", "--color", "always").stdout
    assert painted.count(b"\x1b[36m") == 1

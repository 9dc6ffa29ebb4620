"""Faults of logd while a task prints 100,000 lines: the task notices nothing, and afterwards every
line is there once and in order."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from cdktr_common.catalogue.common import Ping, Pong
from cdktr_common.catalogue.logd import LogPage, LogRead
from cdktr_common.client import Client
from tests.integration.harness import Env, wait_until
from tests.integration.middleman import Middleman
from tests.integration.recording import stored

LINES = 100_000
FORMAT = "seq -f 'line %07.0f of many that are printed'"
PRINT = f"{FORMAT} 1 {LINES}"
EXPECTED = b"".join(b"line %07d of many that are printed\n" % i for i in range(1, LINES + 1))


def pong(env: Env) -> Pong:
    with Client(f"ipc://{env.home}/run/logd.sock", timeout_s=20) as client:
        return client.ask(Ping(), Pong)


def lines_are_there(env: Env, run: str, seconds: float = 60) -> None:
    """Wait for the end of the output; it is neither more nor anything else than was written."""
    with Client(f"ipc://{env.home}/run/logd.sock", timeout_s=20) as client:

        def whole() -> bool:
            page = client.ask(LogRead(run=run, task="t0", offset=len(EXPECTED) - 1), LogPage)
            return bool(page.chunks)

        wait_until(whole, seconds, "all lines")
        assert stored(client, run=run, task="t0") == EXPECTED


def unaffected(env: Env, run: str) -> None:
    """The task ends as if nothing was."""
    assert env.wait(run).state == "COMPLETED"
    (attempt,) = env.tasks(run)["t0"].attempts
    assert attempt.stdout_bytes == len(EXPECTED)


@contextmanager
def small_disk(directory: Path, megabytes: int) -> Iterator[None]:
    """A disk of its own size at `directory`."""
    directory.mkdir(parents=True, mode=0o700)
    argv = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "none", str(directory)]
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode:
        if os.environ.get("CI"):
            pytest.fail(f"cannot mount (CI=true: that is a failure): {done.stderr}")
        pytest.skip(f"cannot mount: {done.stderr}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(directory)], check=True)


def fill(directory: Path, leave: int) -> Path:
    """A file that takes all room but so many bytes."""
    ballast = directory / "ballast"

    def filled() -> bool:
        disk = os.statvfs(directory)
        with ballast.open("wb") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, disk.f_bavail * disk.f_frsize - leave)
            except OSError:
                return False  # logd was quicker: what is left is less by now
        return True

    wait_until(filled, 5, "the disk to be filled")
    return ballast


@pytest.mark.parametrize("end", ["heals", pytest.param("stopped", marks=pytest.mark.long)])
def test_a_full_disk_loses_no_line_and_heals_by_itself(
    env: Env, need: Callable[[str], str], end: str
) -> None:
    need("mount")
    directory = env.home / "logd"
    with ExitStack() as stack:
        stack.enter_context(small_disk(directory, 64))
        _, logd, _ = env.everything()
        ballast = fill(directory, 1 << 20)
        run = env.run(PRINT)
        wait_until(lambda: pong(env).status == "disk_full", 30, "it to say that the disk is full")
        query = ("cdktr-logs", "query", "--run", "last", "--limit", "1")
        wait_until(lambda: "logd's disk is full" in env.command(*query).stderr, 20, "it to be said")
        unaffected(env, run)
        if end == "stopped":
            logd.stop()  # its last checkpoint meets the full disk, too
            again = env.start("logd")
            again.asked_to_end = True
            with suppress(AssertionError):
                again.ready()
            ballast.unlink()
            if again.popen.poll() is not None:
                env.logd()
        else:
            ballast.unlink()
        lines_are_there(env, run)
        assert pong(env).status == "ok"


@pytest.mark.long
def test_a_disk_that_is_full_again_and_again(env: Env, need: Callable[[str], str]) -> None:
    need("mount")
    directory = env.home / "logd"
    gate = env.directory / "gate"
    os.mkfifo(gate)
    part = f"{FORMAT} $((i * 20000 - 19999)) $((i * 20000))"
    with small_disk(directory, 64):
        env.everything()
        run = env.run(f"for i in 1 2 3 4 5; do read x < {gate}; {part}; done")
        for _ in range(5):
            ballast = fill(directory, 200_000)
            gate.write_text("go\n")
            wait_until(lambda: pong(env).status == "disk_full", 30, "it to be full")
            ballast.unlink()
            wait_until(lambda: pong(env).status == "ok", 30, "it to store again")
        unaffected(env, run)
        lines_are_there(env, run)


@pytest.mark.long
def test_kill_9_of_logd_again_and_again_loses_no_line(env: Env) -> None:
    """The same with a sender of its own and more kills is in test_logd.py."""
    _, logd, _ = env.everything()
    run = env.run(PRINT)
    for _ in range(4):
        wait_until(lambda: pong(env).counts.get("bytes"), 30, "some lines")
        logd.kill()
        logd = env.logd()
    unaffected(env, run)
    lines_are_there(env, run)


def test_a_partition_between_agent_and_logd_loses_no_line(env: Env) -> None:
    env.principal()
    env.logd()
    door = Middleman(env.home / "run" / "logd.sock")
    try:
        env.agent()
        first = env.run("echo first")
        env.wait(first)
        behind = Client(f"ipc://{env.home}/run/logd.sock.behind", timeout_s=20)
        with behind:
            wait_until(lambda: stored(behind, run=first, task="t0") == b"first\n", 20)
            run = env.run(PRINT)
            wait_until(lambda: behind.ask(Ping(), Pong).counts["bytes"] > 200_000, 20)
            door.cut()
            wait_until(lambda: behind.ask(Ping(), Pong).counts["bytes"] > 400_000, 20)
            door.silence(new_ones_too=True)
            unaffected(env, run)
            assert len(stored(behind, run=run, task="t0")) < len(EXPECTED)
            door.heal()
            size = len(EXPECTED) + len(b"first\n")
            wait_until(lambda: behind.ask(Ping(), Pong).counts["bytes"] >= size, 40, "all lines")
            assert stored(behind, run=run, task="t0") == EXPECTED
    finally:
        door.close()

"""The programs under supervisord, as the example file starts them: each is killed, work goes on."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.harness import Env, wait_until

ROOT = Path(__file__).parents[2]
CONF = ROOT / "examples" / "supervisord.conf"
SLOW = """
tasks:
  before: {command: echo before; sleep 0.3}
  middle: {command: echo middle; sleep 1.5, depends: before}
  after: {command: echo after, depends: middle}
"""


class Supervised:
    """supervisord with the example file in an environment."""

    def __init__(self, env: Env, supervisord: str, supervisorctl: str) -> None:
        self.env = env
        self.ctl = supervisorctl
        env.home.mkdir(mode=0o700)
        env.workflow("slow", SLOW)
        env.environ["PATH"] = f"{ROOT / 'bin'}:{env.environ['PATH']}"
        env.environ["CDKTR_PYTHON"] = sys.executable
        with (env.directory / "supervisord.out").open("wb") as out:
            self.daemon = subprocess.Popen(
                [supervisord, "-c", str(CONF)], env=env.environ, stdout=out, stderr=out,
                start_new_session=True,
            )  # fmt: skip

    def pids(self) -> dict[str, int]:
        """Programs that run, and their processes."""
        status = self.env.command(self.ctl, "-c", str(CONF), "status").stdout
        return {name: int(pid) for name, pid in re.findall(r"(\w+) +RUNNING +pid (\d+)", status)}

    def all_running(self) -> dict[str, int] | None:
        pids = self.pids()
        return pids if len(pids) == 4 else None


@pytest.fixture
def supervised(env: Env, need: Callable[[str], str]) -> Iterator[Supervised]:
    supervised = Supervised(env, need("supervisord"), need("supervisorctl"))
    try:
        wait_until(supervised.all_running, what="four programs under supervisord")
        yield supervised
    finally:
        supervised.daemon.terminate()
        supervised.daemon.wait(60)


def output(env: Env, run: str, task: str) -> str:
    return env.command("cdktr-logs", "--raw", "--run", run, "--task", task).stdout


def test_each_program_is_killed_once_and_the_work_goes_on(supervised: Supervised) -> None:
    env = supervised.env
    for victim in ("principal", "logd", "agent", "cron"):
        started = env.command("cdktr-trigger", "--workflow", "slow", "--retry-for", "20s")
        assert started.returncode == 0, started
        before = started.stdout.strip()
        pids = supervised.pids()
        os.kill(pids[victim], signal.SIGKILL)
        after = env.command("cdktr-trigger", "--workflow", "slow", "--retry-for", "20s")
        assert after.returncode == 0, after

        def is_back(victim: str = victim, old: int = pids[victim]) -> bool:
            return supervised.pids().get(victim, old) != old

        wait_until(is_back, 30, f"{victim} to be started again")
        for run in (before, after.stdout.strip()):
            assert env.wait(run).state == "COMPLETED"
            attempts = {
                task: [a.state for a in row.attempts] for task, row in env.tasks(run).items()
            }
            # Not one task was run twice: a killed agent's second process kept it.
            assert attempts == {task: ["COMPLETED"] for task in ("before", "middle", "after")}
            for task in ("before", "middle", "after"):
                wait_until(lambda r=run, t=task: output(env, r, t) == f"{t}\n", what="output")  # type: ignore[misc]


def test_who_looks_sees_what_runs_under_it(supervised: Supervised) -> None:
    env = supervised.env
    run = env.command("cdktr-trigger", "--workflow", "slow").stdout.strip()
    wait_until(lambda: run in env.command("cdktr-ctl", "top", "--once").stdout, what="the run")
    frame = env.command("cdktr-tui", "--once", "--plain", "--size", "80x24")
    assert (frame.returncode, "slow" in frame.stdout) == (0, True), frame

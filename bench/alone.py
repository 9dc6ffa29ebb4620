"""What is measured of CDKTR without peers: W7 and the restart, and W5, W6, W8, W9, W10, W11."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.cdktr import plan_of, run_plan
from bench.common import tasks_of
from bench.figures import US, Figures
from bench.folding import folding
from bench.idle import idle
from bench.lateness import lateness
from bench.output import lines_stored
from bench.pipe import piped
from bench.queries import queries
from bench.startup import start_up
from bench.system import system
from bench.tape import taping
from bench.terminal import watching
from cdktr_common.catalogue import common as c
from cdktr_common.client import Client

HERE = Path(__file__).parent


@contextmanager
def null_agent(endpoint: str) -> Iterator[None]:
    """An executor without processes."""
    agent = subprocess.Popen(
        [sys.executable, str(HERE / "null_agent.py"), endpoint], stdout=subprocess.PIPE
    )
    assert agent.stdout is not None
    agent.stdout.readline()
    try:
        yield
    finally:
        agent.kill()
        agent.wait()


def null_executor(figures: Figures, quick: bool) -> None:
    """W7: runs of 10,000 tasks, one after another."""
    plan = plan_of(tasks_of("w1", 10_000))
    with (
        system("principal") as running,
        null_agent(running.endpoint),
        Client(running.endpoint, timeout_s=60) as client,
    ):
        run_plan(client, plan)
        for _ in range(2 if quick else 5):
            began = time.perf_counter()
            run_plan(client, plan)
            figures.add("W7 tasks/s", US, 10_000 / (time.perf_counter() - began))


def restart(figures: Figures, quick: bool) -> None:
    """kill -9 of the principal with that many facts in its journal, to the moment it serves."""
    facts = 200_000 if quick else 1_000_000
    with tempfile.TemporaryDirectory(prefix="cdktr-bench-", dir="/tmp") as directory:
        environ = {**os.environ, "CDKTR_HOME": directory + "/home", "CDKTR_LOG_LEVEL": "warning"}
        endpoint = f"ipc://{directory}/home/run/principal.sock"
        principal = start_principal(directory, environ)
        with null_agent(endpoint), Client(endpoint, timeout_s=60) as client:
            plan = plan_of(tasks_of("w1", 10_000))
            while client.ask(c.Ping(), c.Pong).seq < facts:
                run_plan(client, plan)
        principal.send_signal(signal.SIGKILL)
        principal.wait()
        began = time.perf_counter()
        principal = start_principal(directory, environ)
        figures.add(f"restart s, {facts:,} facts", US, time.perf_counter() - began)
        principal.terminate()
        principal.wait()


def start_principal(directory: str, environ: dict[str, str]) -> subprocess.Popen[bytes]:
    """A principal that serves."""
    principal = subprocess.Popen(
        [sys.executable, "-m", "cdktr_principal"], cwd=directory, stdout=subprocess.PIPE,
        env={**environ, "PYTHONPATH": str(HERE.parent)},
    )  # fmt: skip
    assert principal.stdout is not None
    principal.stdout.readline()
    return principal


def view(figures: Figures, quick: bool) -> None:
    """W11."""
    folding(figures, quick)
    taping(figures, quick)
    watching(figures, quick)


PARTS: dict[str, Callable[[Figures, bool], None]] = {
    "w5": lines_stored,
    "w6": idle,
    "w7": null_executor,
    "w8": start_up,
    "w9": piped,
    "w10": lateness,
    "w11": view,
    "w12": queries,
    "restart": restart,
}

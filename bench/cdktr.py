"""CDKTR itself: `cdktr start principal --with-agent` with its defaults (synced journal, tokens,
outbox, captured output), asked by one persistent client. State is in a temporary CDKTR_HOME."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench.common import Peer, Task, main
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import Plan, TaskPlan
from cdktr_common.client import Client

BIN = Path(__file__).parents[1] / "bin"


def plan_of(tasks: list[Task]) -> Plan:
    """The same tasks as a plan of ours."""
    return Plan(
        workflow="bench",
        tasks=[
            TaskPlan(id=f"t{i}", argv=argv, depends=[f"t{d}" for d in deps])
            for i, (argv, deps) in enumerate(tasks)
        ],
    )


def run_plan(client: Client, plan: Plan) -> None:
    """Start a run and wait for its end."""
    run = client.ask(p.RunStart(plan=plan), p.RunStarted, timeout_s=30).runs[0].run
    while True:
        row = client.ask(p.RunWait(run=run, wait_s=30), p.RunStatus, wait_s=30).run
        if row.ended_ts is not None:
            assert row.state == "COMPLETED", row
            return


class System:
    """The programs of one machine, started and stopped as a user does."""

    def __init__(self, directory: Path, *words: str) -> None:
        self.home = directory / "home"
        (directory / "workflows").mkdir(exist_ok=True)
        clean = {k: v for k, v in os.environ.items() if not k.startswith("CDKTR_")}
        self.environ = {
            **clean,
            "CDKTR_HOME": str(self.home),
            "CDKTR_LOG_LEVEL": "warning",
            "CDKTR_PYTHON": sys.executable,
        }
        began = time.perf_counter()
        self.process = subprocess.Popen(
            [str(BIN / "cdktr"), "start", *words], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, cwd=directory, env=self.environ, start_new_session=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(b"ready cdktr "):
                break
        else:
            raise SystemExit("cdktr start ended before it was ready")
        self.ready_s = time.perf_counter() - began
        self.endpoint = f"ipc://{self.home}/run/principal.sock"

    def pids(self) -> list[int]:
        """All processes of this home, detached ones included."""
        mark = f"CDKTR_HOME={self.home}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue  # it has just ended
        return found

    def stop(self) -> None:
        """Ctrl-C; then whatever is left."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)


class Cdktr(Peer):
    """The adapter of W1 to W4."""

    def start(self, slots: int) -> None:
        self.system = System(
            self.directory, "principal", "--with-agent", "--max-executors", str(slots)
        )
        self.client = Client(self.system.endpoint, timeout_s=30)

    def run(self, tasks: list[Task]) -> None:
        run_plan(self.client, plan_of(tasks))

    def stop(self) -> None:
        self.client.close()
        self.system.stop()


if __name__ == "__main__":
    main(Cdktr)

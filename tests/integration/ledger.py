"""A ledger outside CDKTR: tasks write who is alive and when, in a file opened O_APPEND.

The task ignores TERM and leaves a daemon in a session of its own, so that it is as hard to end as a
task can be; both write every few milliseconds until the file `go-ATTEMPT` or `go` appears. Two
attempts of a task overlap when the first line of one comes before the last of the other.
"""

from __future__ import annotations

import time
from pathlib import Path

from tests.integration.harness import Env

DEAF = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
ledger, task, n = sys.argv[1], os.environ["CDKTR_TASK_ID"], os.environ["CDKTR_ATTEMPT"]
there = os.path.dirname(ledger)
fd = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
while not os.path.exists(f"{there}/go-{task}-{n}") and not os.path.exists(f"{there}/go"):
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    os.write(fd, f"{task} {n} {os.getpid()} {now:.4f}\\n".encode())
    time.sleep(0.02)
"""


def now() -> float:
    """The clock of the ledger."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Ledger:
    """For one environment."""

    def __init__(self, env: Env) -> None:
        self._env = env
        self.file = env.directory / "ledger"
        self._script = env.directory / "deaf.py"
        self._script.write_text(DEAF)
        self.command = f"exec python3 {self._script} {self.file}"

    def go(self, task: str = "", n: int = 0) -> None:
        """Let them end: all, or one attempt."""
        Path(self._env.directory / (f"go-{task}-{n}" if task else "go")).touch()

    def spans(self) -> dict[tuple[str, int], tuple[float, float]]:
        """When each attempt of each task was seen first and last."""
        found: dict[tuple[str, int], tuple[float, float]] = {}
        for line in self.file.read_text().splitlines() if self.file.exists() else ():
            task, n, _, at = line.split()
            first, _ = found.get((task, int(n)), (float(at), 0.0))
            found[(task, int(n))] = (first, float(at))
        return found

    def started(self, task: str, n: int = 1) -> bool:
        """Has that attempt begun?"""
        return (task, n) in self.spans()

    def overlaps(self) -> list[str]:
        """Attempts of a task that were alive together."""
        spans = self.spans()
        return [
            f"{task}: attempt {n + 1} began {last - spans[(task, n + 1)][0]:.3f} s before {n} ended"
            for (task, n), (_, last) in spans.items()
            if (task, n + 1) in spans and spans[(task, n + 1)][0] < last
        ]

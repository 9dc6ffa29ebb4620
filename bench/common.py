"""What every adapter shares: the workloads as lists of tasks, and the frame that runs one of them.

An adapter is a program of its own, since each peer lives in its own environment: `ADAPTER WORKLOAD
SLOTS N` starts its daemons, warms up, measures once, stops and prints one JSON object. Only the
standard library is used here. The adapters know their peer; nobody here does.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

Task = tuple[list[str], list[int]]
"""A command and the indices of the tasks it waits for."""

TRUE = ["/bin/true"]


def home() -> Path:
    """Where environments of peers and scratch files are kept."""
    return Path(os.environ.get("BENCH_HOME") or Path.home() / ".cache" / "cdktr-bench")


def tasks_of(workload: str, n: int, argv: list[str] | None = None) -> list[Task]:
    """w1: n independent tasks. w2: a chain of n. w3: one, then n, then one."""
    command = argv or TRUE
    if workload == "w2":
        return [(command, [i - 1] if i else []) for i in range(n)]
    if workload == "w3":
        middle: list[Task] = [(command, [0]) for _ in range(n)]
        return [(command, []), *middle, (command, list(range(1, n + 1)))]
    return [(command, []) for _ in range(n)]


class Peer:
    """One runner of tasks. `run` returns when the client knows the final state of all of them."""

    workloads = ("w1", "w2", "w3", "w4")

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="cdktr-bench-", dir="/tmp"))
        self.daemons: list[subprocess.Popen[bytes]] = []

    def start(self, slots: int) -> None:
        """Get ready to run tasks, `slots` at a time."""

    def run(self, tasks: list[Task]) -> None:
        """Run them all."""
        raise NotImplementedError

    def spawn(self, *argv: str, **env: str) -> subprocess.Popen[bytes]:
        """A daemon that is ended when the measurement is over."""
        with (self.directory / "daemons.log").open("ab") as log:
            daemon = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory,
                env={**os.environ, **env}, start_new_session=True,
            )  # fmt: skip
        self.daemons.append(daemon)
        return daemon

    def stop(self) -> None:
        """End all daemons, the last first."""
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in reversed(self.daemons):
            try:
                daemon.wait(8)
            except subprocess.TimeoutExpired:
                os.killpg(daemon.pid, signal.SIGKILL)
                daemon.wait()


def measure(peer: Peer, workload: str, n: int) -> dict[str, Any]:
    """One measurement of a started peer."""
    peer.run(tasks_of("w1", 20))
    if workload == "w4":
        one = tasks_of("w1", 1, ["/bin/echo", "hi"])
        return {"n": n, "ms": [seconds(peer, one) * 1e3 for _ in range(n)]}
    tasks = tasks_of(workload, n)
    return {"n": len(tasks), "s": seconds(peer, tasks)}


def seconds(peer: Peer, tasks: list[Task]) -> float:
    began = time.perf_counter()
    peer.run(tasks)
    return time.perf_counter() - began


def check(peer: Peer, n: int) -> dict[str, Any]:
    """Does the peer really run every task once, and in order? Without that no figure counts."""
    result = {}
    for workload in peer.workloads:
        if workload == "w4":
            continue
        notes = peer.directory / f"{workload}.ran"
        tasks = tasks_of(workload, n)
        noted: list[Task] = [
            (["/bin/sh", "-c", f"echo {i} >> {notes}"], deps) for i, (_, deps) in enumerate(tasks)
        ]
        peer.run(noted)
        order = [int(line) for line in notes.read_text().split()]
        once = sorted(order) == list(range(len(tasks)))
        placed = {task: place for place, task in enumerate(order)}
        kept = once and all(
            placed[dep] < placed[task] for task, (_, deps) in enumerate(tasks) for dep in deps
        )
        result[workload] = once and kept
    return result


def main(kind: type[Peer]) -> None:
    """The command line of an adapter."""
    if sys.argv[1:2] == ["serve"]:
        kind.serve(*sys.argv[2:])  # type: ignore[attr-defined]
        return
    workload, slots, n = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    peer = kind()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that a time-out ends the daemons
    try:
        began = time.perf_counter()
        peer.start(slots)
        ready = time.perf_counter() - began
        result = check(peer, n) if workload == "check" else measure(peer, workload, n)
        print(json.dumps({"ready_s": ready, **result}), flush=True)
    finally:
        peer.stop()
        subprocess.run(["rm", "-rf", str(peer.directory)], check=False)

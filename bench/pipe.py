"""W9: events a second that `cdktr-trigger --stdin` has accepted, each with its line of result: all
of them in the synced journal. Beside it what one trigger a line can do, from a shell, and what the
principal takes from a bare socket.

With events that nobody listens to, one fact is kept each; with those that start a run (which finds
no agent, so that nothing but its start is measured), two. A whole process is measured, from before
its start until the last result is there."""

from __future__ import annotations

import json
import subprocess
import sys
import time

from bench.dealt import dealt
from bench.figures import US, Figures
from bench.system import BIN, System, system

EVENTS = 50_000
RUNS = 20_000
ONE_BY_ONE = 50
WAITS = (
    "events: [{event: waits, debounce: 1h}]\ntasks:\n  t: {command: 'true', labels: [nowhere]}\n"
)
WORKFLOW = "events: [heard]\ntasks:\n  t: {command: 'true', labels: [nowhere]}\n"


def piped(figures: Figures, quick: bool) -> None:
    """Both kinds, in a system that has been started for it."""
    with system("principal") as running:
        (running.directory / "workflows" / "etl.yaml").write_text(WORKFLOW)
        (running.directory / "workflows" / "waits.yaml").write_text(WAITS)
        subprocess.run(
            [str(BIN / "cdktr-ctl"), "reload"], env=running.environ, check=True,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        for name, event, count in (
            ("W9 events/s", "nobody-listens", EVENTS),
            ("W9 events/s, a run each", "heard", RUNS),
        ):
            figures.add(name, US, stream(running, event, count // 5 if quick else count))
        for name, event, count in (
            ("W9 events/s, bare socket", "nobody-listens", EVENTS),
            ("W9 events/s, bare socket, in a window", "waits", EVENTS),
            ("W9 events/s, bare socket, a run each", "heard", RUNS),
        ):
            taken = dealt(running.endpoint, event, count // 5 if quick else count)
            figures.add(name, US, taken)
        figures.add("W9 events/s, a trigger each", US, one_by_one(running))


def stream(running: System, event: str, count: int) -> float:
    """Lines a second. What was not accepted is an error of the measurement."""
    source, results = running.directory / "events.ndjson", running.directory / "results.ndjson"
    with source.open("w") as file:
        for n in range(count):
            payload = {"path": f"/data/in/{n:06}.csv", "size": n}
            file.write(json.dumps({"event": event, "payload": payload}) + "\n")
    began = time.perf_counter()
    with source.open() as lines, results.open("w") as out:
        argv = [sys.executable, str(BIN / "cdktr-trigger"), "--stdin"]
        subprocess.run(argv, env=running.environ, stdin=lines, stdout=out, check=True)
    took = time.perf_counter() - began
    taken = [json.loads(line) for line in results.read_text().splitlines()]
    assert len(taken) == count, (event, len(taken))
    assert all(len(result["runs"]) == (event == "heard") for result in taken)
    return count / took


def one_by_one(running: System) -> float:
    """The same with a process for each."""
    began = time.perf_counter()
    for n in range(ONE_BY_ONE):
        argv = [sys.executable, str(BIN / "cdktr-trigger"), "heard", "--payload", str(n)]
        subprocess.run(argv, env=running.environ, stdout=subprocess.DEVNULL, check=True)
    return ONE_BY_ONE / (time.perf_counter() - began)

"""W10: how late runs start that time starts: 10,000 schedules loaded, 100 of them due at the very
same moment, every five seconds.

Late is from the moment to when a subscriber has the fact, which is after it was decided, written
and synced: no part of the way is left out. Nothing runs the runs: agents are W4's matter.
"""

from __future__ import annotations

import json
import statistics
import time

import zmq

from bench.figures import US, Figures
from bench.system import System, system
from cdktr_common.catalogue import common as c
from cdktr_common.catalogue import principal as p
from cdktr_common.client import Client
from cdktr_common.sockets import resolve

WORKFLOWS, EACH = 1000, 10
DUE = 100
"""Workflows of which one schedule is often due."""

EVERY_S = 5


def lateness(figures: Figures, quick: bool) -> None:
    """p50, p99 and the worst of all instants but those of the first time, which loading delays."""
    with system("principal") as running, Client(running.endpoint, timeout_s=120) as client:
        write(running)
        began = time.perf_counter()
        client.ask(p.WorkflowReload(), p.WorkflowReloaded)
        figures.add(f"W10 s to load {WORKFLOWS * EACH:,}", US, time.perf_counter() - began)
        told = client.ask(c.Hello(program="bench"), c.Welcome)
        events = resolve(told.endpoints["events"], running.endpoint)
        assert events is not None
        late = sorted(listen(events, 3 if quick else 12))
    figures.add("W10 p50 ms", US, statistics.median(late))
    figures.add("W10 p99 ms", US, late[int(len(late) * 0.99)])
    figures.add("W10 worst ms", US, late[-1])


def write(running: System) -> None:
    """Ten schedules a file; in a few files one of them is often due, the others are once a year."""
    for number in range(WORKFLOWS):
        seldom = [f"'{number % 60} {number % 24} {day} 2 *'" for day in range(1, EACH + 1)]
        if number < DUE:
            seldom[0] = f"'*/{EVERY_S} * * * * *'"
        text = f"schedule: [{', '.join(seldom)}]\ntasks: {{a: {{command: 'true'}}}}\n"
        (running.directory / "workflows" / f"w{number}.yaml").write_text(text)


def listen(events: str, times: int) -> list[float]:
    """Milliseconds from the moment each of so many times 100 instants was due."""
    late: list[float] = []
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with context.socket(zmq.SUB) as socket:
        socket.subscribe("tick/")
        socket.connect(events)
        first = None
        while len(late) < times * DUE:
            body = socket.recv_multipart()[1]
            now = time.time()
            fact = json.loads(body)
            first = first or fact["due_ts"]
            if fact["due_ts"] > first + EVERY_S:
                assert fact["state"] == "fired", fact
                late.append(1000 * (now - fact["due_ts"]))
    context.term()
    return late

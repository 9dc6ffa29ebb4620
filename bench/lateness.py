"""W10: how late runs start that time starts: 10,000 schedules loaded, 100 of them due at the very
same moment, every five seconds.

Late is from the moment to when a subscriber has the fact, which is after it was decided, written
and synced: no part of the way is left out. `told` is the part of cron: until the principal has its
word and begins to decide; what follows is the making of 100 runs and the disk. Nothing runs the
runs: agents are W4's matter.
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
    """Of all instants but those of the first time, which loading delays."""
    with system("principal") as running, Client(running.endpoint, timeout_s=120) as client:
        write(running)
        began = time.perf_counter()
        client.ask(p.WorkflowReload(), p.WorkflowReloaded)
        figures.add(f"W10 s to load {WORKFLOWS * EACH:,}", US, time.perf_counter() - began)
        told = client.ask(c.Hello(program="bench"), c.Welcome)
        events = resolve(told.endpoints["events"], running.endpoint)
        assert events is not None
        told_ms, late_ms = listen(events, 3 if quick else 12)
    figures.add("W10 p99 told ms", US, told_ms[int(len(told_ms) * 0.99)])
    figures.add("W10 p50 ms", US, statistics.median(late_ms))
    figures.add("W10 p99 ms", US, late_ms[int(len(late_ms) * 0.99)])


def write(running: System) -> None:
    """Ten schedules a file; in a few files one of them is often due, the others are once a year."""
    for number in range(WORKFLOWS):
        seldom = [f"'{number % 60} {number % 24} {day} 2 *'" for day in range(1, EACH + 1)]
        if number < DUE:
            seldom[0] = f"'*/{EVERY_S} * * * * *'"
        text = f"schedule: [{', '.join(seldom)}]\ntasks: {{a: {{command: 'true'}}}}\n"
        (running.directory / "workflows" / f"w{number}.yaml").write_text(text)


def listen(events: str, times: int) -> tuple[list[float], list[float]]:
    """Milliseconds from the moment each of so many times 100 instants was due, in order of size:
    until the principal knew, and until everybody could."""
    came: list[tuple[float, bytes]] = []
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with context.socket(zmq.SUB) as socket:
        socket.subscribe("tick/")
        socket.connect(events)
        while len(came) < (times + 2) * DUE:
            body = socket.recv_multipart()[1]
            came.append((time.time(), body))  # looked at later: reading is not the way there
    context.term()
    facts = [(ts, json.loads(body)) for ts, body in came]
    begin = facts[0][1]["due_ts"] + EVERY_S
    counted = [(ts, fact) for ts, fact in facts if fact["due_ts"] > begin][: times * DUE]
    assert {fact["state"] for _, fact in counted} == {"fired"}
    told = [1000 * (fact["ts"] - fact["due_ts"]) for _, fact in counted]
    return sorted(told), sorted(1000 * (ts - fact["due_ts"]) for ts, fact in counted)

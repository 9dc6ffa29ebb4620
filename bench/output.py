"""W5: output of a task until it is stored and can be asked for, beside what DuckDB alone takes.

The reference inserts the very rows that logd would store (same table, same pieces, the same
appender, 1 MiB a transaction) into a file of its own, in the same minute: no task, pipe or socket.
"""

from __future__ import annotations

import re
import tempfile
import threading
import time
from pathlib import Path

import duckdb

from bench.figures import US, Figures
from bench.system import system
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.logd import LogPage, LogQuery, LogRead
from cdktr_common.catalogue.values import Plan, TaskPlan
from cdktr_common.client import Client

LINE = "x" * 99
PIECE = 1 << 14
SCHEMA = Path(__file__).parents[1] / "cdktr_logd" / "schema.sql"


def lines_stored(figures: Figures, quick: bool) -> None:
    """Lines a second from the trigger until the last byte is answered by log.read and the stream
    is found by log.query."""
    lines = 200_000 if quick else 1_000_000
    size = lines * (len(LINE) + 1)
    with (
        system("principal", "--with-agent") as running,
        Client(running.endpoint, timeout_s=60) as principal,
        Client(running.endpoint.replace("principal.", "logd."), timeout_s=60) as logd,
    ):
        # The agent has found logd when a first small output is stored.
        stored(logd, start(principal, "echo warm"), 0)
        began = time.perf_counter()
        run = start(principal, f"yes {LINE} | head -n {lines}")
        stored(logd, run, size - 100)
        found = logd.ask(LogQuery(run=run, tail=1), LogPage)
        assert found.chunks, "the output is stored and cannot be found"
        figures.add("W5 lines/s", US, lines / (time.perf_counter() - began))
    figures.add("W5 lines/s", "DuckDB insert", lines / insert_seconds(size))
    figures.notes.append(f"W5: {lines:,} lines of 100 bytes from one task")


def start(principal: Client, command: str) -> str:
    plan = Plan(workflow="bench", tasks=[TaskPlan(id="t", command=command)])
    return principal.ask(p.RunStart(plan=plan), p.RunStarted).runs[0].run


def stored(logd: Client, run: str, offset: int) -> None:
    """Wait until the byte at `offset` is answered."""
    request = LogRead(run=run, task="t", n=1, offset=offset)
    while not logd.ask(request, LogPage).chunks:
        threading.Event().wait(0.01)  # asking without a pause would take time from storing


def insert_seconds(size: int) -> float:
    """Seconds that DuckDB alone takes for the same rows."""
    text = (LINE + "\n") * (PIECE // 100)
    pieces = size // len(text)
    statement = re.search(r"CREATE TABLE logstore \(.*?\);", SCHEMA.read_text(), re.DOTALL)
    assert statement is not None
    with tempfile.TemporaryDirectory(prefix="cdktr-bench-", dir="/tmp") as directory:
        connection = duckdb.connect(f"{directory}/reference.duckdb", config={"threads": 1})
        connection.execute(statement[0])
        began = time.perf_counter()
        for first in range(0, pieces, 64):
            rows = [
                (i, "bench", "k3f9x2mq7a", "t", 1, "stdout", i * len(text), len(text), i * 163,
                 1.5, False, text, None)
                for i in range(first, min(first + 64, pieces))
            ]  # fmt: skip
            connection.begin()
            with connection.appender("logstore") as appender:
                appender.append_rows(rows)
            connection.commit()
        seconds = time.perf_counter() - began
        connection.close()
    return seconds

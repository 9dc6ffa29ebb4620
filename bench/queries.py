"""W12: queries of people beside the taking in of output: how long a query takes, how many rows a
second come back in pages, and what is left of lines a second while the greediest of them go on.
"""

from __future__ import annotations

import statistics
import threading
import time
from contextlib import suppress

from bench.figures import US, Figures
from bench.output import LINE, start, stored
from bench.system import system
from cdktr_common.catalogue.logd import QueryNext, QueryPage, QueryRun
from cdktr_common.client import Client
from cdktr_common.errors import ProtocolError

COUNT = "select task, count(*) as pieces, sum(size) as bytes from output group by 1"
GREEDY = (
    "select string_agg(repeat('x', 100000), '') from range(100000)",
    "select count(distinct md5(range::varchar)) from range(100000000)",
    "select max(length(repeat('x', 100000000 + range::int))) from range(100)",
)


def queries(figures: Figures, quick: bool) -> None:
    """All of it against one recorder."""
    lines = 200_000 if quick else 1_000_000
    with (
        system("principal", "--with-agent") as running,
        Client(running.endpoint, timeout_s=60) as principal,
        Client(running.endpoint.replace("principal.", "logd."), timeout_s=60) as logd,
    ):
        stored(logd, start(principal, "echo warm"), 0)
        alone = stored_rate(principal, logd, lines)
        took = sorted(query_ms(logd) for _ in range(20 if quick else 100))
        figures.add("W12 query p50 ms", US, statistics.median(took))
        figures.add("W12 rows/s", US, rows_rate(logd, 100_000 if quick else 500_000))
        with greedy(logd.endpoint):
            beside = stored_rate(principal, logd, lines)
        figures.add("W12 lines/s beside greedy queries, share", US, beside / alone)
    figures.notes.append(f"W12: {lines:,} lines of 100 bytes, {len(GREEDY)} queries beside them")


def stored_rate(principal: Client, logd: Client, lines: int) -> float:
    began = time.perf_counter()
    run = start(principal, f"yes {LINE} | head -n {lines}")
    stored(logd, run, lines * (len(LINE) + 1) - 100)
    return lines / (time.perf_counter() - began)


def query_ms(logd: Client) -> float:
    began = time.perf_counter()
    logd.ask(QueryRun(sql=COUNT), QueryPage)
    return (time.perf_counter() - began) * 1e3


def rows_rate(logd: Client, rows: int) -> float:
    began = time.perf_counter()
    sql = "select range as n, md5(range::varchar) as text, now() as time from range(1000000)"
    page = logd.ask(QueryRun(sql=sql, limit=rows, timeout_s=60), QueryPage)
    while page.next is not None:
        page = logd.ask(QueryNext(query=page.query, page=page.next), QueryPage)
    return rows / (time.perf_counter() - began)


class greedy:
    """Within it somebody asks for too much, again and again."""

    def __init__(self, endpoint: str) -> None:
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(endpoint, sql), daemon=True) for sql in GREEDY
        ]

    def _ask(self, endpoint: str, sql: str) -> None:
        with Client(endpoint, timeout_s=60) as client:
            while not self._over.is_set():
                with suppress(ProtocolError):
                    client.ask(QueryRun(sql=sql, timeout_s=2), QueryPage)

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

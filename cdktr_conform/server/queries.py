"""Checks of what a recorder answers in SQL: pages, and that only what reads is taken. Nothing is
stored and nothing is changed."""

from __future__ import annotations

from typing import Final

from cdktr_conform.report import Line
from cdktr_conform.server.bench import Bench, checks

CHECKS, check = checks()

ROWS: Final = 2500
SQL: Final = f"select range as n from range({ROWS}) order by n desc"


@check("Q1", "rows come in pages, in their order, each as often as it is asked for", "recorder")
def in_pages(bench: Bench, line: Line) -> None:
    name = bench.new()
    page = bench.ask(type="query.run", query=name, sql=SQL, limit=ROWS)
    rows = page.get("rows", [])
    while (number := page.get("next")) is not None:
        asked = {"type": "query.next", "query": name, "page": number}
        page = bench.ask(**asked)
        again = bench.ask(**asked)
        line.expect(again.get("rows") == page.get("rows"), "the same page", asked, again)
        rows += page.get("rows", [])
        if not page.get("rows"):
            break
    wanted = [[number] for number in reversed(range(ROWS))]
    line.expect(rows == wanted, f"{ROWS} rows, each once", SQL, rows[:3])
    cut = bench.ask(type="query.run", sql=SQL, limit=10)
    good = len(cut.get("rows", [])) == 10 and cut.get("cut") is True
    line.expect(good, "10 rows, and `cut`", {"limit": 10}, cut)


@check("Q2", "what does more than to read the views is refused", "recorder")
def only_reading(bench: Bench, line: Line) -> None:
    for sql in (
        "create table conform(n int)", "copy (select 1) to 'conform'", "set threads = 1",
        "select * from read_text('/etc/hostname')", "select 1; select 2",
        "with x as (delete from events returning 1) select * from x",
    ):  # fmt: skip
        said = bench.ask(type="query.run", sql=sql)
        line.expect(said.get("type") == "error", "error", sql, said)


@check("Q3", "a query is stopped by its name, once", "recorder")
def stopped(bench: Bench, line: Line) -> None:
    name = bench.new()
    bench.ask(type="query.run", query=name, sql=SQL, limit=ROWS)
    first = bench.ask(type="query.stop", query=name)
    good = first.get("type") == "query.stopped" and first.get("found", True) is True
    line.expect(good, "found", "query.stop", first)
    nobody = bench.ask(type="query.stop", query=f"{name}-nobody")
    line.expect(nobody.get("found") is False, "not found", "query.stop", nobody)

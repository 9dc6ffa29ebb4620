"""Checks of what a live view needs: pages that facts can follow on, listings by filter, counts and
loads that come by themselves. They look at what is there, and start nothing.
"""

from __future__ import annotations

import time
from fnmatch import fnmatchcase
from typing import Final

from cdktr_conform.report import Line
from cdktr_conform.server.bench import Bench, Message, Skip, checks, elapsed
from cdktr_conform.server.record import activity, heard

CHECKS, check = checks()

COUNTS: Final = frozenset({
    "runs_pending", "runs_queued", "runs_running", "tasks_ready", "tasks_running", "slots",
    "slots_busy", "agents_ready", "agents_silent", "agents_draining", "agents_gone", "failed_day",
    "paused",
})  # fmt: skip


def runs(bench: Bench, **filters: object) -> list[Message]:
    """The rows of `run.list`; nothing when it is no page."""
    rows = bench.ask(type="run.list", limit=100, **filters).get("runs", [])
    return rows if isinstance(rows, list) else []


@check("P1", "pages tell the seq up to which they reach, and facts grow from there")
def reach(bench: Bench, line: Line) -> None:
    activity(bench, 1)
    before = bench.newest()
    pages = [
        bench.ask(type=name)
        for name in ("run.list", "workflow.list", "schedule.list", "agent.list")
    ]
    after = bench.newest()
    for page in pages:
        line.expect(before <= page.get("seq", 0) <= after, f"seq {before} to {after}", "", page)


@check("P2", "what is counted on `stat/` comes every second or two, and says when")
def counted(bench: Bench, line: Line) -> None:
    with bench.subscribed("stat/") as news:
        messages: list[Message] = []
        begun = time.monotonic()
        while elapsed(begun) < 7 and len(messages) < 3:
            messages += [body for _, body in heard(news, {-1}, 0.5)]
    line.expect(len(messages) >= 3, "3 messages within 7 s", "stat/", messages)
    for one in messages:
        counts = {name: count for name, count in one.get("counts", {}).items() if name in COUNTS}
        good = all(type(count) is int and count >= 0 for count in counts.values())
        good = good and counts.keys() == COUNTS and one.get("ts", 0) > 0
        line.expect(good, f"{', '.join(sorted(COUNTS))}, and `ts`", "", one)


@check("P3", "`load/` tells of every agent that is heard of")
def loads(bench: Bench, line: Line) -> None:
    rows = bench.ask(type="agent.list").get("agents", [])
    agents = {row["agent"] for row in rows if row["state"] in ("ready", "draining")}
    if not agents:
        raise Skip("there are no agents at work")
    told: set[str] = set()
    with bench.subscribed("load/") as news:
        begun = time.monotonic()
        while elapsed(begun) < 7 and not agents <= told:
            for _, body in heard(news, {-1}, 0.5):
                line.expect(body.get("type") == "agent.loads", "agent.loads", "load/", body)
                told |= {row.get("agent") for row in body.get("agents", [])}
    line.expect(agents <= told, f"rows of {sorted(agents)}", "load/", sorted(map(str, told)))


@check("B6", "listings give what fits all that was asked for")
def filters(bench: Bench, line: Line) -> None:
    for asked, fits in (
        ({"states": ["FAILED", "CANCELLED"]}, lambda row: row["state"] in ("FAILED", "CANCELLED")),
        ({"states": ["FAILED"], "state": "COMPLETED"}, lambda row: False),
        ({"workflow": "[a-m]*"}, lambda row: fnmatchcase(row["workflow"], "[a-m]*")),
        ({"since_ts": 4e9}, lambda row: row["created_ts"] >= 4e9),
        ({"until_ts": 1.0}, lambda row: row["created_ts"] < 1.0),
        ({"event": "*"}, lambda row: row.get("event") is not None),
        ({"agent": bench.mark}, lambda row: False),
    ):
        rows = runs(bench, **asked)
        line.expect(all(map(fits, rows)), "rows that fit", asked, rows)
    known = [row["workflow"] for row in bench.ask(type="workflow.list").get("workflows", [])]
    found: list[str] = []
    while len(found) <= len(known):
        page = bench.ask(type="workflow.list", limit=2, after=found[-1] if found else "")
        found += [row["workflow"] for row in page.get("workflows", [])]
        if page.get("next") is None:
            break
    line.expect(found == known, f"{len(known)} workflows in pages of 2", "workflow.list", found)


@check("B7", "a listing is not asked for nothing")
def nothing(bench: Bench, line: Line) -> None:
    for asked in (
        {"type": "run.list", "limit": 0},
        {"type": "run.list", "workflow": ""},
        {"type": "run.list", "event": ""},
        {"type": "run.list", "agent": ""},
        {"type": "workflow.list", "workflow": ""},
    ):
        got = bench.ask(**asked)
        line.expect(got.get("code") == "bad_field", "bad_field", asked, got)

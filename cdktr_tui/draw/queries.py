"""Queries that everybody has, and how rows of any query are shown. Pure.

The user's own queries are in the settings; they come first, and hide one of the same name.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from rich.cells import cell_len

from cdktr_common import clean
from cdktr_tui.draw.line import Line, Span, line
from cdktr_tui.widgets.columns import Column

SAVED: Final = {
    "failures within 24h": "select created, workflow, run, code, reason from runs"
    " where state = 'FAILED' and created > now()::timestamp - interval 24 hours"
    " order by created desc",
    "slowest within 7d": "select workflow, count(*) as runs,"
    " round(median(ended_ts - started_ts), 2) as p50,"
    " round(quantile_cont(ended_ts - started_ts, 0.95), 2) as p95 from runs"
    " where ended is not null and started is not null"
    " and created > now()::timestamp - interval 7 days group by 1 order by p95 desc",
    "flaky tasks": "select workflow, task, count(*) as runs, max(n) as most from tasks"
    " where state = 'COMPLETED' and n > 1 group by all order by runs desc",
    "waited longest": "select workflow, run, created, round(started_ts - created_ts, 3) as waited"
    " from runs where started is not null order by waited desc",
    "agents": "select agent, count(*) as attempts, count(*) filter (state = 'FAILED') as failed,"
    " count(*) filter (state = 'CRASHED') as lost, round(sum(ended_ts - started_ts), 1) as seconds,"
    " max(started) as newest from attempts group by 1 order by attempts desc",
    "runs by the hour": "select date_trunc('hour', created) as hour, count(*) as runs,"
    " count(*) filter (state = 'FAILED') as failed, bar(count(*), 0, 100, 30) as shown"
    " from runs group by 1 order by 1 desc",
    "output by workflow": "select workflow, sum(size) as bytes, count(distinct run) as runs"
    " from output group by 1 order by bytes desc",
    "missed instants": "select due, workflow, schedule, state, count, reason from ticks"
    " where state <> 'fired' order by due desc",
}

WORDS: Final = (
    "select", "from", "where", "group by", "order by", "having", "limit", "count(*)", "runs",
    "tasks", "attempts", "events", "ticks", "output", "state", "workflow", "task", "agent",
    "created", "started", "ended", "created_ts", "started_ts", "ended_ts", "reason", "code",
    "describe", "desc", "filter", "interval", "now()::timestamp", "FAILED", "COMPLETED",
    "CANCELLED", "RUNNING",
)  # fmt: skip

MOST: Final = 40
"""Cells of a column, unless there is room to spare."""
LOOKED_AT: Final = 200
"""Rows that a column's width is taken from."""

_NUMBERS: Final = ("INT", "FLOAT", "DOUBLE", "DECIMAL")


def completed(text: str) -> list[str]:
    """What a query could become: its last word goes on."""
    head, _, word = text.rpartition(" ")
    head += " " * bool(head)
    fits = [each for each in WORDS if word and each.lower().startswith(word.lower())]
    return [head + each for each in fits if each != word]


def on_one_line(sql: str) -> str | None:
    """The query as it can be typed; None: it has a comment that ends with its line."""
    lines = [each.strip() for each in sql.strip().splitlines()]
    if len(lines) > 1 and any("--" in each for each in lines):
        return None
    return " ".join(each for each in lines if each)


def text(value: Any) -> str:
    """A value on one line, harmless."""
    if isinstance(value, bool | dict | list):
        return clean.line(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    return clean.line(str(value).rstrip("\n"))


def cell(value: Any) -> Span:
    """A value as it stands in a row."""
    if value is None:
        return "NULL", "dim"
    said = text(value)
    styles = {"FAILED": "bad", "CRASHED": "bad", "COMPLETED": "ok", "RUNNING": "run"}
    return said, styles.get(said, "")


def columns(
    names: Sequence[str], types: Sequence[str], rows: Sequence[Sequence[Any]]
) -> list[Column]:
    """As wide as what stands in the first rows."""
    found = []
    for at, (name, kind) in enumerate(zip(names, types, strict=True)):
        title = clean.line(name, MOST).upper()
        number = "[" not in kind and any(word in kind for word in _NUMBERS)
        sizes = [cell_len(cell(row[at])[0]) for row in rows[:LOOKED_AT]]
        size = min(MOST, max(1, cell_len(title) + 1, *sizes))
        found.append(Column(str(at), title, size, ">" if number else "<", flex=int(size == MOST)))
    return found


def told(names: Sequence[str], row: Sequence[Any]) -> list[Line]:
    """A row to be read: a value of several lines has all of them."""
    widest = min(MOST, max(map(cell_len, names), default=0))
    lines: list[Line] = []
    for name, value in zip(names, row, strict=True):
        said = value.rstrip("\n").split("\n") if isinstance(value, str) else [text(value)]
        shown = [clean.line(each) for each in said] if value is not None else ["NULL"]
        lines.append(line((clean.line(name, MOST).ljust(widest), "dim"), "  ", shown[0]))
        lines += [line(" " * (widest + 2), each) for each in shown[1:]]
    return lines


def order(rows: Sequence[Sequence[Any]], at: int, falling: bool) -> list[int]:
    """The rows by one of their columns; nothing comes last. What cannot be compared is by its
    text."""
    some = [nth for nth, row in enumerate(rows) if row[at] is not None]
    none = [nth for nth, row in enumerate(rows) if row[at] is None]
    try:
        some.sort(key=lambda nth: rows[nth][at], reverse=falling)
    except TypeError:
        some.sort(key=lambda nth: text(rows[nth][at]), reverse=falling)
    return some + none

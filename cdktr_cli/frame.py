"""A glance at everything as lines of text: what `cdktr-ctl top` shows. Pure: the size of the
screen and the time are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from cdktr_cli import table
from cdktr_cli.ctl.common import progress, run_state, source
from cdktr_cli.glance import Glance
from cdktr_cli.table import Column, Row
from cdktr_common.catalogue.values import AgentRow
from cdktr_common.durations import spell

BAR: Final = 20
"""Characters of the bar of slots."""

LEAST: Final = 4
"""Lines that a table needs, with a blank and its headings, to be worth showing."""


def lines(
    glance: Glance, where: str, now: float, height: int | None = None, lost: str = ""
) -> list[str]:
    """The whole picture, in at most `height` lines. `lost`: what is the matter when it is old."""
    title = f"cdktr top  {lost and table.loud(lost) + '  '}{table.harmless(where)}"
    shown = [f"{title}  {table.when(table.rfc3339(now))}", *_counts(glance)]
    agents = sorted(glance.agents, key=lambda row: (row.state == "gone", row.agent))
    tables = [
        ([table.plain(row) for row in (*glance.going, *glance.ended)], _runs(now)),
        ([{"agent": agent, **table.plain(task)} for agent, task in glance.tasks], _tasks(now)),
        ([table.plain(row) for row in agents], AGENTS),
    ]
    wants = [len(rows) for rows, _ in tables]
    if height is not None:
        left = height - len(shown)
        wants = wants[: max(1, min(len(wants), left // LEAST))]
        wants = share(max(0, left - 2 * len(wants)), wants)
    for (rows, columns), most in zip(tables, wants, strict=False):
        shown += ["", *_table(rows, columns, most)]
    return shown if height is None else shown[:height]


def share(room: int, wants: Sequence[int]) -> list[int]:
    """So much of `room` for each that nobody gets more than wanted, nothing is left while somebody
    wants more, and who wants little gets it: the first ones get what does not go up evenly."""
    given = [0] * len(wants)
    while room > 0:
        hungry = [i for i, want in enumerate(wants) if given[i] < want]
        if not hungry:
            break
        each = max(1, room // len(hungry))
        for i in hungry:
            more = min(each, wants[i] - given[i], room)
            given[i] += more
            room -= more
    return given


def _table(rows: Sequence[Row], columns: Sequence[Column], most: int) -> list[str]:
    """Headings and rows; the last line says that not all of them fit."""
    if len(rows) <= most:
        return table.render(rows, columns)
    return [*table.render(rows[: max(0, most - 1)], columns), *["(more)"][:most]]


def _counts(glance: Glance) -> list[str]:
    said = glance.counts

    def count(*names: str) -> str:
        found = [said[name] for name in names if name in said]
        return f"{sum(found):,}" if found else "-"

    agents = {state: 0 for state in ("ready", "silent", "draining", "gone")}
    for row in glance.agents:
        agents[row.state] += 1
    runs = {
        "running": count("runs_running"), "pending": count("runs_pending"),
        "queued": count("runs_queued"), "failed in 24 h": count("failed_day"),
    }  # fmt: skip
    tasks = {"running": count("tasks_running"), "ready": count("tasks_ready")}
    paused = said.get("paused")
    return [
        "runs    " + _told(runs) + (f"    paused workflows {paused}" if paused else ""),
        "tasks   " + _told(tasks),
        f"agents  {_told(agents)}    {_slots(glance.agents)}",
    ]


def _told(counts: dict[str, Any]) -> str:
    return "  ".join(f"{count} {name}" for name, count in counts.items())


def _slots(agents: Sequence[AgentRow]) -> str:
    there = [row for row in agents if row.state != "gone"]
    slots, busy = sum(row.slots for row in there), sum(_busy(row) for row in there)
    full = round(BAR * busy / slots) if slots else 0
    full = max(full, 1) if busy else 0
    return f"slots {busy}/{slots} [{'#' * min(full, BAR)}{'.' * (BAR - full)}]"


def _busy(row: AgentRow) -> int:
    return max(row.busy, row.running)  # older principals do not tell slots


def _span(now: float, start: str | None, end: str | None = None) -> str:
    return spell(table.span(start, end, now))


def _runs(now: float) -> tuple[Column, ...]:
    return (
        Column("RUN", lambda row: row["run"]),
        Column("WORKFLOW", lambda row: row["workflow"]),
        Column("STATE", run_state),
        Column("TASKS", progress),
        Column("FOR", lambda row: _span(now, table.began(row), row["ended"]), right=True),
        Column("CREATED", lambda row: table.when(row["created"])),
        Column("EVENT", source),
        Column("REASON", lambda row: row["reason"]),
    )


def _tasks(now: float) -> tuple[Column, ...]:
    return (
        Column("ON", lambda row: row["agent"]),
        Column("TASK", lambda row: row["task"]),
        Column("ATTEMPT", lambda row: row["n"], right=True),
        Column("FOR", lambda row: _span(now, row["started"] or row["since"]), right=True),
        Column("RUN", lambda row: row["run"]),
        Column("WORKFLOW", lambda row: row["workflow"]),
    )


def _load(row: Row, name: str, shape: str) -> str:
    return shape.format(row["load"][name]) if row["load"] else ""


AGENTS = (
    Column("AGENT", lambda row: row["agent"]),
    Column("STATE", lambda row: row["state"]),
    Column("SLOTS", lambda row: f"{max(row['busy'], row['running'])}/{row['slots']}", right=True),
    Column("CPU", lambda row: _load(row, "cpu_pct", "{:.0f} %"), right=True),
    Column("MEM", lambda row: _load(row, "mem_pct", "{:.0f} %"), right=True),
    Column("LOAD", lambda row: _load(row, "load1", "{:.2f}"), right=True),
    Column("LOST", lambda row: row["losses"], right=True),
    Column("LABELS", lambda row: row["labels"]),
    Column("REASON", lambda row: row["reason"]),
)

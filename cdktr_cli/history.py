"""Runs that only the recorder remembers, under the names that live rows have.

Raises `unknown`, the principal's own answer, when the recorder has no such run, several, or does
not answer. Knows requests and names of columns, not how anything is shown.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from cdktr_cli import table
from cdktr_cli.connection import Connection
from cdktr_cli.table import Row
from cdktr_common.catalogue.facts import RunCreated
from cdktr_common.catalogue.logd import HistoryList, HistoryPage
from cdktr_common.errors import ProtocolError

Table = Literal["runs", "tasks", "attempts", "events"]


def named(page: HistoryPage) -> list[Row]:
    """Rows of a page, under the names of its columns."""
    return [dict(zip(page.columns, row, strict=True)) for row in page.rows]


def rows_of(page: HistoryPage) -> list[Row]:
    """Rows of a page with their times spelled out."""
    return [table.plain(row) for row in named(page)]


def run_of(principal: Connection, name: str, unknown: ProtocolError) -> Row:
    """The run of that id, or of that unique beginning."""
    try:
        runs = rows_of(principal.ask_logd(HistoryList(table="runs", run=name), HistoryPage))
    except ProtocolError:
        raise unknown from None
    if len(runs) != 1:
        raise unknown
    return runs[0]


def tasks_of(principal: Connection, run: str, unknown: ProtocolError) -> list[Row]:
    """Its tasks with their attempts, in the order in which they were first heard of."""
    try:
        tasks = _all(principal, "tasks", run)
        attempts = _all(principal, "attempts", run)
    except ProtocolError:
        raise unknown from None
    by_task: dict[str, list[Row]] = {}
    for attempt in attempts:
        by_task.setdefault(attempt["task"], []).append(attempt)
    groups = {task["task"] for task in tasks if task.get("made") is not None}
    for task in tasks:
        task["attempts"] = sorted(by_task.get(task["task"], []), key=lambda row: int(row["n"]))
        task["group"] = _group(task["task"], groups)
        task["reused"] = task["n"] == 0 and task["reason"].startswith("taken over from ")
    return tasks


def _all(principal: Connection, kind: Table, run: str) -> list[Row]:
    """Oldest first."""
    found: list[Row] = []
    before: int | None = None
    while True:
        asked = HistoryList(table=kind, run=run, limit=1000, before=before)
        page = principal.ask_logd(asked, HistoryPage)
        found += rows_of(page)
        if page.next is None:
            return found[::-1]
        before = page.next


def _group(task: str, groups: set[str]) -> str:
    """The nearest group that has made a task: its id is the beginning of the task's."""
    for at in range(len(task) - 1, 0, -1):
        if task[at] in "[." and task[:at] in groups:
            return task[:at]
    return ""


def creation_of(principal: Connection, run: str) -> RunCreated | None:
    """The fact that began it: its plan, params and payload. None when nobody can tell."""
    try:
        asked = HistoryList(table="events", run=run, state="run.created", limit=1)
        page = principal.ask_logd(asked, HistoryPage)
        body: Any = page.rows[0][page.columns.index("body")]
        return msgspec.convert(body, RunCreated)
    except (ProtocolError, IndexError, msgspec.ValidationError):
        return None

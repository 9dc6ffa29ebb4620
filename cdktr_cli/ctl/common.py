"""What the commands of cdktr-ctl share: their options, and how a run looks in a row."""

from __future__ import annotations

import time
from typing import Any

from cdktr_cli import table
from cdktr_cli.connection import Connection
from cdktr_cli.durations import spell
from cdktr_cli.table import Column, Row
from cdktr_common import cli
from cdktr_common.catalogue.logd import HistoryList, HistoryPage
from cdktr_common.errors import USAGE, ProtocolError

OPTIONS = f"""\
  --json                  Print one JSON document.
  --ndjson                Print one JSON object a line.
  --color WHEN            auto, always or never.
{cli.OPTIONS}"""
"""Options of every command that prints data; a usage text ends with them."""


def number(args: cli.Args, option: str, least: int = 0) -> int:
    """The whole number given with an option; anything else ends the program."""
    words = str(args[option])
    if not words.lstrip("-").isdigit() or int(words) < least:
        cli.fail("cdktr-ctl", f"{option} takes a whole number from {least} on, not {words}", USAGE)
    return int(words)


def run_and_task(args: cli.Args) -> tuple[str, str | None]:
    """`RUN TASK`, `RUN/TASK` or `RUN`."""
    run, slash, task = args["RUN"].partition("/")
    if args["TASK"] is not None and slash:
        cli.fail("cdktr-ctl", f"{args['RUN']} names a task already", USAGE)
    if not run or (slash and not task) or args["TASK"] == "":
        cli.fail("cdktr-ctl", "write RUN, RUN/TASK or RUN TASK", USAGE)
    return run, task if slash else args["TASK"]


def took(row: Row) -> str:
    """How long a run, task or attempt took, or has been running for."""
    return spell(table.span(table.began(row), row.get("ended"), time.time()))


def task_state(row: Row) -> str:
    """The state of a task; one that waits for an operator is told apart."""
    return f"{row['state']}, held" if row.get("held") else str(row["state"])


def progress(row: Row) -> str:
    """`3/4`, and how many failed."""
    failed = f" ({row['failed']} failed)" if row.get("failed") else ""
    return f"{row.get('done', 0)}/{row.get('tasks', 0)}{failed}"


RUN_COLUMNS = (
    Column("RUN", lambda row: row["run"]),
    Column("WORKFLOW", lambda row: row["workflow"]),
    Column("STATE", lambda row: row["state"]),
    Column("TASKS", progress),
    Column("CREATED", lambda row: table.when(row.get("created"))),
    Column("DURATION", took, right=True),
    Column("CODE", lambda row: row.get("code"), right=True),
    Column("EVENT", lambda row: row.get("event")),
    Column("REASON", lambda row: row.get("reason")),
)


def recorded(page: Any) -> list[Row]:
    """Rows of a `history.page` under the names that live rows have."""
    return [table.plain(dict(zip(page.columns, row, strict=True))) for row in page.rows]


def recorded_run(principal: Connection, name: str, unknown: ProtocolError) -> Row:
    """A run that only the recorder remembers. Raises `unknown` when it has no such run, several,
    or does not answer."""
    try:
        runs = recorded(principal.ask_logd(HistoryList(table="runs", run=name), HistoryPage))
    except ProtocolError:
        raise unknown from None
    if len(runs) != 1:
        raise unknown
    return runs[0]

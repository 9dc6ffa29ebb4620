"""What the commands of cdktr-ctl share: their options, and how a run looks in a row."""

from __future__ import annotations

import getpass
import time

from cdktr_cli import table
from cdktr_cli.table import Column, Row
from cdktr_common import cli
from cdktr_common.durations import spell
from cdktr_common.errors import USAGE

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


def somebody() -> str:
    """Who asks, for people."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user in a bare container
        return "cdktr-ctl"


def took(row: Row) -> str:
    """How long a run, task or attempt took, or has been running for."""
    return spell(table.span(table.began(row), row.get("ended"), time.time()))


def run_state(row: Row) -> str:
    """The state of a run; one that waits for others of its workflow is told apart."""
    return f"{row['state']}, queued" if row.get("queued") else str(row["state"])


def source(row: Row) -> str:
    """What a run came from: an event, a task that called it, a run it repeats, an instant."""
    if row.get("tick"):
        return f"time {table.when(row['tick']['due'])}"
    if row.get("retry_of"):
        return f"retry of {row['retry_of']}"
    return f"task {row['parent']}" if row.get("parent") else str(row.get("event") or "")


def progress(row: Row) -> str:
    """`3/4`, and how many failed."""
    failed = f" ({row['failed']} failed)" if row.get("failed") else ""
    return f"{row.get('done', 0)}/{row.get('tasks', 0)}{failed}"


RUN_COLUMNS = (
    Column("RUN", lambda row: row["run"]),
    Column("WORKFLOW", lambda row: row["workflow"]),
    Column("STATE", run_state),
    Column("TASKS", progress),
    Column("CREATED", lambda row: table.when(row.get("created"))),
    Column("DURATION", took, right=True),
    Column("CODE", lambda row: row.get("code"), right=True),
    Column("BEGUN BY", source),
    Column("REASON", lambda row: row.get("reason")),
)

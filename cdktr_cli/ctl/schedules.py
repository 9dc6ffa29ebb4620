"""cdktr-ctl schedules: when workflows start by themselves, and what became of it last."""

from __future__ import annotations

from cdktr_cli import table
from cdktr_cli.connection import Connection
from cdktr_cli.ctl.common import OPTIONS
from cdktr_cli.table import Column, Row
from cdktr_common import cli
from cdktr_common.catalogue.principal import ScheduleList, SchedulePage
from cdktr_common.catalogue.values import ScheduleRow
from cdktr_common.errors import OK
from cdktr_common.schedules import shown

usage = f"""\
cdktr-ctl schedules - schedules of workflows: the last instant and what became of it, and the next

NEXT is as cdktr-cron told it; nothing stands there when none runs. Times are UTC; `cdktr-cron next`
shows them on the clock of their zone. LAST is one of fired, late, coalesced (into the one after
it), skipped (an earlier run was in work), suppressed (paused) and missed.

Examples:
  cdktr-ctl schedules
  cdktr-ctl schedules nightly.etl --json

Usage:
  cdktr-ctl schedules [options] [WORKFLOW]

Options:
{OPTIONS}"""

COLUMNS = (
    Column("WORKFLOW", lambda row: row["workflow"]),
    Column("ID", lambda row: row["schedule"]),
    Column("SCHEDULE", lambda row: row["words"]),
    Column("STATE", lambda row: _state(row)),
    Column("DUE", lambda row: table.when(row["due"])),
    Column("LAST", lambda row: row["state"]),
    Column("RUN", lambda row: row["run"]),
    Column("NEXT", lambda row: table.when(row["next"])),
)


def _state(row: Row) -> str:
    if row["until"] is not None:
        return "ended"
    return "paused" if row["paused"] else "on"


def main(args: cli.Args) -> int:
    """Run the command."""
    principal = Connection.of(args)
    rows: list[ScheduleRow] = []
    after: str | None = ""
    while after is not None:
        asked = ScheduleList(workflow=args["WORKFLOW"], after=after)
        page = principal.ask(asked, SchedulePage)
        rows += page.schedules
        after = page.next
    table.show(args, [_shown(row) for row in rows], COLUMNS)
    return OK


def _shown(row: ScheduleRow) -> Row:
    return {**table.plain(row), "words": shown(row.spec)}

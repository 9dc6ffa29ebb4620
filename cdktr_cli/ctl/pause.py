"""cdktr-ctl pause: a workflow, or all of them, started neither by time nor by events."""

from __future__ import annotations

from cdktr_cli import table
from cdktr_cli.connection import Connection
from cdktr_cli.ctl.common import OPTIONS, somebody
from cdktr_cli.table import Column, Row
from cdktr_common import cli
from cdktr_common.catalogue.principal import (
    WorkflowDetail,
    WorkflowList,
    WorkflowPage,
    WorkflowPause,
    WorkflowShow,
)
from cdktr_common.catalogue.values import WorkflowRow
from cdktr_common.errors import OK

usage = f"""\
cdktr-ctl pause - start workflows neither by time nor by events until they are resumed

What runs goes on, and `cdktr-trigger --workflow` still starts them. A pause holds over restarts of
everything, and when the file of the workflow changes. The instants that pass are recorded as
suppressed; `cdktr-ctl resume` starts none of them.

Examples:
  cdktr-ctl pause nightly.etl --reason "warehouse moves"
  cdktr-ctl pause --all --reason "kernel update"   # also workflows that are added later
  cdktr-ctl workflows --json | jq -r '.[] | select(.paused) | .workflow'

Usage:
  cdktr-ctl pause [options] (--all | WORKFLOW...)

Options:
  --all                   Every workflow; a pause of its own, which --all also takes back.
  --reason TEXT           Why, for those who look at the workflows later.
{OPTIONS}
Exit codes: 0 done - 3 no such workflow.
"""


def paused(row: Row) -> str | None:
    """Whether it is paused, and why."""
    if not row.get("paused"):
        return None
    return "paused" + (f": {row['paused_reason']}" if row.get("paused_reason") else "")


COLUMNS = (
    Column("WORKFLOW", lambda row: row["workflow"]),
    Column("NAME", lambda row: row["name"]),
    Column("SCHEDULE", lambda row: row["schedule"]),
    Column("EVENTS", lambda row: row["events"]),
    Column("PAUSED", paused),
)


def main(args: cli.Args) -> int:
    """Run the command."""
    principal = Connection.of(args, changes=True)
    page = principal.ask(WorkflowList(), WorkflowPage)
    reason = args["--reason"]
    if args["--all"]:
        if reason or not page.paused:
            page = _pause(principal, None, reason)
        rows = page.workflows
    else:
        names = dict.fromkeys(args["WORKFLOW"])
        known = [_standing(principal, name) for name in names]  # all of them or none
        # The reason that somebody gave stands, unless there is another.
        rows = [
            row
            if row.paused and not page.paused and not reason
            else _pause(principal, row.workflow, reason).workflows[0]
            for row in known
        ]
    table.show(args, rows, COLUMNS)
    return OK


def _standing(principal: Connection, name: str) -> WorkflowRow:
    return principal.ask(WorkflowShow(workflow=name), WorkflowDetail).workflow


def _pause(principal: Connection, name: str | None, reason: str | None) -> WorkflowPage:
    asked = WorkflowPause(workflow=name, reason=reason or f"by {somebody()}")
    return principal.ask(asked, WorkflowPage)

"""cdktr-ctl pause: a workflow, or all of them, started neither by time nor by events."""

from __future__ import annotations

from cdktr_cli import table
from cdktr_cli.connection import Connection
from cdktr_cli.ctl.common import OPTIONS, somebody
from cdktr_cli.table import Column, Row
from cdktr_common import cli
from cdktr_common.catalogue.principal import WorkflowDetail as Detail
from cdktr_common.catalogue.principal import (
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


def standing(principal: Connection, names: list[str]) -> list[str]:
    """The ids of these workflows; ends with not found when one is not known."""
    return [principal.ask(WorkflowShow(workflow=name), Detail).workflow.workflow for name in names]


def main(args: cli.Args) -> int:
    """Run the command."""
    principal = Connection.of(args)
    reason = args["--reason"] or f"by {somebody()}"
    if args["--all"]:
        rows = principal.ask(WorkflowPause(reason=reason), WorkflowPage).workflows
    else:
        names = standing(principal, list(dict.fromkeys(args["WORKFLOW"])))  # all of them or none
        rows = [_pause(principal, name, reason) for name in names]
    table.show(args, rows, COLUMNS)
    return OK


def _pause(principal: Connection, name: str, reason: str) -> WorkflowRow:
    asked = WorkflowPause(workflow=name, reason=reason)
    return principal.ask(asked, WorkflowPage).workflows[0]

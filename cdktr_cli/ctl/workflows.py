"""cdktr-ctl workflows, also `cdktr task list`: what can be run, and what is broken."""

from __future__ import annotations

from cdktr_cli import table
from cdktr_cli.connection import Connection
from cdktr_cli.ctl.common import OPTIONS
from cdktr_cli.ctl.pause import paused
from cdktr_cli.table import Column, Row
from cdktr_common import cli
from cdktr_common.catalogue.principal import (
    WorkflowDetail,
    WorkflowList,
    WorkflowPage,
    WorkflowShow,
)
from cdktr_common.errors import OK

usage = f"""\
cdktr-ctl workflows - all workflows and broken files; or one workflow with its tasks

Examples:
  cdktr-ctl workflows
  cdktr-ctl workflows nightly.etl
  cdktr-ctl workflows --ndjson | jq -r 'select(.broken != []) | .file'

Usage:
  cdktr-ctl workflows [options] [WORKFLOW]

Options:
{OPTIONS}"""


def fault(row: Row) -> str:
    """`ok`, or the first fault of the file that was not accepted."""
    if not row["broken"]:
        return "ok"
    first, more = row["broken"][0], len(row["broken"]) - 1
    place = ":".join(str(part) for part in (first["file"], first["line"], first["col"]) if part)
    return f"broken: {place}: {first['what']}" + (f" (and {more} more)" if more else "")


def complaint(problem: Row) -> str:
    """A fault on one line; what it quotes of the file cannot steer a terminal."""
    place = f"{problem['file']}:{problem['line']}:{problem['col']}"
    return table.harmless(f"{place}: {problem['what']} {problem['hint']}".rstrip())


def status(row: Row) -> str:
    """Its faults, or that it is paused."""
    broken = fault(row)
    stopped = paused(row)
    if stopped is None:
        return broken
    return stopped if broken == "ok" else f"{stopped}; {broken}"


COLUMNS = (
    Column("WORKFLOW", lambda row: row["workflow"]),
    Column("NAME", lambda row: row["name"]),
    Column("TASKS", lambda row: row["tasks"], right=True),
    Column("EVENTS", lambda row: row["events"]),
    Column("SCHEDULE", lambda row: row["schedule"]),
    Column("NEXT", lambda row: table.when(row["next"])),
    Column("STATUS", status),
)

TASK_COLUMNS = (
    Column("TASK", lambda row: row["id"]),
    Column("DEPENDS", lambda row: row["depends"]),
    Column("LABELS", lambda row: row["labels"]),
    Column("RUNS", lambda row: row["command"] or " ".join(row["argv"] or [])),
)


def main(args: cli.Args) -> int:
    """Run the command."""
    principal = Connection.of(args)
    if args["WORKFLOW"]:
        return _one(args, principal)
    table.show(args, principal.ask(WorkflowList(), WorkflowPage).workflows, COLUMNS)
    return OK


def _one(args: cli.Args, principal: Connection) -> int:
    detail = principal.ask(WorkflowShow(workflow=args["WORKFLOW"]), WorkflowDetail)
    if args["--json"] or args["--ndjson"]:
        shown = {**table.plain(detail.workflow), "plan": detail.plan}
        table.document(shown) if args["--json"] else table.lines([shown])
        return OK
    row = table.plain(detail.workflow)
    for column in COLUMNS:
        print(f"{column.heading.lower():<10}{table.text(column.cell(row))}")
    for problem in row["broken"]:
        print(complaint(problem))
    if detail.plan is not None:
        print()
        for line in table.render(table.plain(detail.plan.tasks), TASK_COLUMNS):
            print(line)
    return OK

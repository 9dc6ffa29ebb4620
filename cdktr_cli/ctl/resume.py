"""cdktr-ctl resume: let time and events start workflows again."""

from __future__ import annotations

import sys

from cdktr_cli import table
from cdktr_cli.connection import Connection
from cdktr_cli.ctl.common import OPTIONS
from cdktr_cli.ctl.pause import COLUMNS
from cdktr_common import cli
from cdktr_common.catalogue.principal import WorkflowPage, WorkflowResume
from cdktr_common.errors import OK

usage = f"""\
cdktr-ctl resume - let time and events start workflows again that were paused

Nothing that passed meanwhile is started: the first run is that of the next instant.

Examples:
  cdktr-ctl resume nightly.etl
  cdktr-ctl resume --all    # takes `pause --all` back; tells what is still paused by name

Usage:
  cdktr-ctl resume [options] (--all | WORKFLOW...)

Options:
  --all                   Take back the pause of all workflows.
{OPTIONS}
Exit codes: 0 done - 3 no such workflow.
"""


def main(args: cli.Args) -> int:
    """Run the command."""
    principal = Connection.of(args, changes=True)
    if args["--all"]:
        rows = principal.ask(WorkflowResume(), WorkflowPage).workflows
        left = [row.workflow for row in rows if row.paused]
    else:
        rows = []
        for name in dict.fromkeys(args["WORKFLOW"]):
            rows += principal.ask(WorkflowResume(workflow=name), WorkflowPage).workflows
        left = []
        if any(row.paused for row in rows):
            told = "all workflows are paused: cdktr-ctl resume --all"
            print(f"cdktr-ctl: {told}", file=sys.stderr)
    table.show(args, rows, COLUMNS)
    if left:
        _tell(left)
    return OK


def _tell(left: list[str]) -> None:
    names = " ".join(left[:20]) + (" …" if len(left) > 20 else "")
    told = f"still paused by name: cdktr-ctl resume {names}"
    print(f"cdktr-ctl: {table.harmless(told)}", file=sys.stderr)

"""cdktr-ctl runs: what is going on, what went on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from cdktr_cli import history, table
from cdktr_cli.connection import Connection
from cdktr_cli.ctl.common import OPTIONS, RUN_COLUMNS, number
from cdktr_cli.recorded import known_workflow
from cdktr_cli.table import Row
from cdktr_common import cli
from cdktr_common.catalogue.logd import HistoryList, HistoryPage
from cdktr_common.catalogue.principal import RunList, RunPage
from cdktr_common.catalogue.values import RunRow, RunState
from cdktr_common.errors import OK, USAGE

_PAGE = 500

usage = f"""\
cdktr-ctl runs - runs that are going on, and recent ones; newest first

Examples:
  cdktr-ctl runs
  cdktr-ctl runs --workflow nightly.etl --state FAILED -n 5
  cdktr-ctl runs --history -n 1000 --ndjson | jq .state | sort | uniq -c

Usage:
  cdktr-ctl runs [options]

Options:
  -w --workflow WORKFLOW  Only runs of this workflow.
  -s --state STATE        Only PENDING, RUNNING, COMPLETED, FAILED or CANCELLED ones.
  -n N                    At most so many [default: 20].
  --history               Ask the recorder, which remembers longer, instead of the principal.
{OPTIONS}"""


def main(args: cli.Args) -> int:
    """Run the command."""
    state = args["--state"] and args["--state"].upper()
    if state and state not in get_args(RunState):
        near = cli.near(state, get_args(RunState))
        states = ", ".join(get_args(RunState))
        cli.fail("cdktr-ctl", f"no state '{args['--state']}'{near}; there are {states}", USAGE)
    most = number(args, "-n", 1)
    principal = Connection.of(args)
    if args["--history"]:
        rows: Sequence[Row | RunRow] = _history(principal, args["--workflow"], state, most)
    else:
        rows = _runs(principal, args["--workflow"], state, most)
    table.show(args, rows, RUN_COLUMNS)
    if not rows and args["--workflow"]:
        known_workflow(principal, args["--workflow"])
    return OK


def _history(
    principal: Connection, workflow: str | None, state: RunState | None, most: int
) -> list[Row]:
    rows: list[Row] = []
    before: int | None = None
    while len(rows) < most:
        limit = min(_PAGE, most - len(rows))
        request = HistoryList(
            table="runs", workflow=workflow, state=state, limit=limit, before=before
        )
        page = principal.ask_logd(request, HistoryPage)
        rows += history.rows_of(page)
        if page.next is None:
            break
        before = page.next
    return rows


def _runs(
    principal: Connection, workflow: str | None, state: RunState | None, most: int
) -> list[RunRow]:
    rows: list[RunRow] = []
    before: int | None = None
    while len(rows) < most:
        limit = min(_PAGE, most - len(rows))
        request = RunList(workflow=workflow, state=state, limit=limit, before=before)
        page = principal.ask(request, RunPage)
        rows += page.runs
        if not page.more or not page.runs:
            break
        before = page.runs[-1].seq
    return rows

"""cdktr-ctl tasks: every attempt of every task of a run."""

from __future__ import annotations

import time

from cdktr_cli import called, history, outline, table
from cdktr_cli.connection import Connection
from cdktr_cli.ctl.common import OPTIONS, took
from cdktr_cli.happened import facts_of
from cdktr_cli.table import Column, Row
from cdktr_common import cli
from cdktr_common.catalogue.principal import RunStatus, RunWait, TaskList, TaskPage
from cdktr_common.errors import OK, ProtocolError

usage = f"""\
cdktr-ctl tasks - all attempts of the tasks of a run, in the order of the plan

The copies that a group has made stand below it, all of them.

Examples:
  cdktr-ctl tasks last
  cdktr-ctl tasks k3f9 --ndjson | jq -r 'select(.state == "FAILED") | .task'
  cdktr-ctl tasks k3f9 --ndjson | jq -r 'select(.held) | .task'

Usage:
  cdktr-ctl tasks [options] RUN

Options:
{OPTIONS}"""

COLUMNS = (
    Column("TASK", outline.name),
    Column("STATE", outline.state),
    Column("ATTEMPT", lambda row: row.get("n"), right=True),
    Column("ENDED", lambda row: row.get("attempt_state")),
    Column("AGENT", lambda row: row.get("agent")),
    Column("START", table.began),
    Column("DURATION", took, right=True),
    Column("CODE", lambda row: row.get("code"), right=True),
    Column("DEPENDS", lambda row: row.get("depends")),
    Column("REASON", lambda row: outline.remark(row, time.time())),
)


def main(args: cli.Args) -> int:
    """Run the command."""
    principal = Connection.of(args)
    run, tasks = tasks_of(principal, args["RUN"])
    if called.has_called(tasks):
        called.tell(run, tasks, facts_of(principal, run, called.KINDS))
    if args["--json"] or args["--ndjson"]:
        table.show(args, tasks, COLUMNS)
        return OK
    rows = [row for task in outline.arranged(tasks) for row in _attempts(task)]
    for line in table.render(rows, COLUMNS):
        print(line)
    return OK


def tasks_of(principal: Connection, name: str) -> tuple[Row, list[Row]]:
    """The run and its tasks: from the principal, or of a run that it has forgotten from the
    recorder."""
    try:
        run = table.plain(principal.ask(RunWait(run=name, wait_s=0.0), RunStatus).run)
        return run, remembered(principal, run["run"])
    except ProtocolError as unknown:
        if unknown.code != "not_found":
            raise
        run = history.run_of(principal, name, unknown)
        return run, history.tasks_of(principal, run["run"], unknown)


def remembered(principal: Connection, name: str) -> list[Row]:
    """The principal's rows, all pages."""
    tasks: list[Row] = []
    after: int | None = 0
    while after is not None:
        page = principal.ask(TaskList(run=name, after=after), TaskPage)
        tasks += table.plain(page.tasks)
        after = page.next
    return tasks


def _attempts(task: Row) -> list[Row]:
    """A row for each attempt; one for a task that has none."""
    attempts = task.get("attempts") or []
    if not attempts:
        return [task]
    return [
        {
            **task,
            **attempt,
            "state": task["state"],
            "attempt_state": attempt["state"],
            "reason": attempt.get("reason") or (task["reason"] if attempt is attempts[-1] else ""),
        }
        for attempt in attempts
    ]

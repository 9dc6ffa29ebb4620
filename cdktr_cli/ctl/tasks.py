"""cdktr-ctl tasks: every attempt of every task of a run."""

from __future__ import annotations

from cdktr_cli import table
from cdktr_cli.connection import Connection
from cdktr_cli.ctl.common import OPTIONS, recorded, task_state, took
from cdktr_cli.table import Column, Row
from cdktr_common import cli
from cdktr_common.catalogue.logd import HistoryList, HistoryPage
from cdktr_common.catalogue.principal import TaskList, TaskPage
from cdktr_common.errors import OK, ProtocolError

usage = f"""\
cdktr-ctl tasks - all attempts of the tasks of a run, in the order of the plan

Examples:
  cdktr-ctl tasks last
  cdktr-ctl tasks k3f9 --ndjson | jq -r 'select(.state == "FAILED") | .task'
  cdktr-ctl tasks k3f9 --ndjson | jq -r 'select(.held) | .task'

Usage:
  cdktr-ctl tasks [options] RUN

Options:
{OPTIONS}"""

COLUMNS = (
    Column("TASK", lambda row: row["task"]),
    Column("STATE", task_state),
    Column("ATTEMPT", lambda row: row.get("n"), right=True),
    Column("ENDED", lambda row: row.get("attempt_state")),
    Column("AGENT", lambda row: row.get("agent")),
    Column("START", table.began),
    Column("DURATION", took, right=True),
    Column("CODE", lambda row: row.get("code"), right=True),
    Column("DEPENDS", lambda row: row.get("depends")),
    Column("REASON", lambda row: row.get("reason")),
)


def main(args: cli.Args) -> int:
    """Run the command."""
    principal = Connection.of(args)
    try:
        tasks = _remembered(principal, args["RUN"])
    except ProtocolError as fault:
        if fault.code != "not_found":
            raise
        tasks = _recorded(principal, args["RUN"], fault)
    if args["--json"] or args["--ndjson"]:
        table.show(args, tasks, COLUMNS)
        return OK
    for line in table.render([row for task in tasks for row in _attempts(task)], COLUMNS):
        print(line)
    return OK


def _remembered(principal: Connection, name: str) -> list[Row]:
    tasks: list[Row] = []
    after: int | None = 0
    while after is not None:
        page = principal.ask(TaskList(run=name, after=after), TaskPage)
        tasks += table.plain(page.tasks)
        after = page.next
    return tasks


def _recorded(principal: Connection, name: str, unknown: ProtocolError) -> list[Row]:
    try:
        page = principal.ask_logd(HistoryList(table="tasks", run=name, limit=10_000), HistoryPage)
    except ProtocolError:
        raise unknown from None
    if not page.rows:
        raise unknown
    return recorded(page)


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

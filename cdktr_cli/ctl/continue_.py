"""cdktr-ctl continue: let tasks go on that are held since their agent was lost."""

from __future__ import annotations

from cdktr_cli import table
from cdktr_cli.connection import Connection
from cdktr_cli.ctl.common import OPTIONS, run_and_task
from cdktr_cli.table import Column
from cdktr_common import cli
from cdktr_common.catalogue.principal import TaskContinue, TaskContinued
from cdktr_common.errors import FAILED, OK

usage = f"""\
cdktr-ctl continue - let held tasks run again: all of a run, or one

A task is held when its workflow says `on_agent_lost: hold` and its agent was lost under it: nobody
knows how far it came. Look first what it has done; to end it instead: cdktr-ctl cancel RUN.

Examples:
  cdktr-ctl continue last
  cdktr-ctl continue k3f9 publish
  cdktr-ctl tasks k3f9 --ndjson | jq -r 'select(.held) | .task'

Usage:
  cdktr-ctl continue [options] RUN [TASK]

Options:
{OPTIONS}
Exit codes: 0 they wait for an agent again - 1 nothing is held there - 3 no such run or task.
"""

COLUMNS = (Column("RUN", lambda row: row["run"]), Column("TASK", lambda row: row["task"]))


def main(args: cli.Args) -> int:
    """Run the command."""
    run, task = run_and_task(args)
    answer = Connection.of(args, changes=True).ask(TaskContinue(run=run, task=task), TaskContinued)
    rows = [{"run": answer.run, "task": name} for name in answer.tasks]
    if rows or args["--json"]:
        table.show(args, rows, COLUMNS)
    if not rows:
        what = f"task {task} of {answer.run} is not held" if task else f"{answer.run} holds no task"
        cli.fail("cdktr-ctl", f"{what}: cdktr-ctl why {answer.run}", FAILED)
    return OK

"""cdktr-ctl retry: run again what an ended run left undone, as a new run."""

from __future__ import annotations

import os

from cdktr_cli import quick, table, unprinted, waiting
from cdktr_cli.connection import Connection
from cdktr_cli.ctl.common import OPTIONS, RUN_COLUMNS
from cdktr_common import cli
from cdktr_common.catalogue.principal import RunRetry, RunStarted, RunStatus, RunWait
from cdktr_common.errors import OK, USAGE

usage = f"""\
cdktr-ctl retry - run again what failed, was skipped or cancelled in a run, as a new run

The new run has the same definition, params and payload. What was COMPLETED is not run again,
and its outputs are taken over, unless it follows something that is: what has failed, tolerated or
not, what was skipped or cancelled. Of a group only the copies that failed are run again; of a run
that a task had called only what that left undone, if its params are the same. Prints the new run.

Examples:
  cdktr-ctl retry last
  cdktr-ctl retry k3f9 --wait && echo done this time
  cdktr-ctl retry k3f9 --from transform   # that task and all that follow it, and what failed
  cdktr-ctl retry k3f9 --from 'load[3]'   # one copy of a group, with all tasks in it
  cdktr-ctl retry k3f9 --all

Usage:
  cdktr-ctl retry [options] [--from TASK]... RUN

Options:
  --from TASK             Run this task again too, and all that follow it.
  --all                   Run everything again.
  --key KEY               The same key gives the same new run, however often.
  --wait                  Wait until it has ended; exits with its code.
{OPTIONS}
Exit codes: 0 started, or with --wait COMPLETED - 3 no such run or task - 5 the run goes on still,
or nothing of it failed. With --wait: the code of the first task that failed.
"""


def main(args: cli.Args) -> int:
    """Run the command."""
    if args["--all"] and args["--from"]:
        cli.fail("cdktr-ctl", "--all runs everything again: --from adds nothing", USAGE)
    principal = Connection.of(args, changes=True)
    key = args["--key"] or f"retry-{os.urandom(10).hex()}"
    request = RunRetry(run=args["RUN"], tasks=args["--from"], all=args["--all"], key=key)
    (ref,) = principal.ask(request, RunStarted, request_id=key).runs
    try:
        if args["--wait"]:
            return _wait(args, principal, ref.run)
        if args["--json"] or args["--ndjson"]:
            row = principal.ask(RunWait(run=ref.run, wait_s=0.0), RunStatus).run
            table.show(args, [row], RUN_COLUMNS)
        else:
            print(ref.run, flush=True)
    except OSError as fault:
        unprinted.end("cdktr-ctl", fault, f"it was taken, as {ref.run}")
    return OK


def _wait(args: cli.Args, principal: Connection, run: str) -> int:
    try:
        with quick.Dealer(principal.endpoint, principal.timeout_s) as dealer:
            rows = waiting.whole(waiting.wait_all(dealer, [run], None))
    except waiting.GaveUp as fault:
        cli.fail("cdktr-ctl", str(fault), fault.code)
    table.show(args, rows, RUN_COLUMNS)
    return waiting.first_failure([waiting.exit_code(row.state, row.code) for row in rows])

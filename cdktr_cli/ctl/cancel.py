"""cdktr-ctl cancel: end runs."""

from __future__ import annotations

import getpass
import sys

from cdktr_cli import quick, table, waiting
from cdktr_cli.connection import Connection
from cdktr_cli.ctl.common import OPTIONS, RUN_COLUMNS
from cdktr_common import cli
from cdktr_common.catalogue.principal import RunCancel, RunStatus
from cdktr_common.errors import OK

usage = f"""\
cdktr-ctl cancel - end runs: waiting tasks at once, running ones as soon as they are stopped

The tasks of a run's end follow: on_cancel, then finally. A run that is being cancelled already, or
of which only its end is left, goes on to that end, however often it is cancelled, and with --wait
is waited for. Only --now ends these tasks too, and those not begun never run.

Examples:
  cdktr-ctl cancel last
  cdktr-ctl cancel k3f9 a81c --reason "wrong day"
  cdktr-ctl cancel k3f9 --now --wait      # without its clean-up

Usage:
  cdktr-ctl cancel [options] RUN...

Options:
  --reason TEXT           Why, for those who look at the run later.
  --now                   End on_success, on_failure, on_cancel and finally too.
  --wait                  Wait until nothing of them runs any more.
{OPTIONS}"""


def main(args: cli.Args) -> int:
    """Run the command."""
    reason = args["--reason"] or f"cancelled by {_somebody()}"
    principal = Connection.of(args, changes=True)
    now = args["--now"]
    rows = [
        principal.ask(RunCancel(run=run, reason=reason, now=now), RunStatus).run
        for run in dict.fromkeys(args["RUN"])
    ]
    for row in rows:
        if row.settled and not now:
            said = "only the tasks of its end are left, which go on; --now ends them too"
            print(f"{row.run}: {said}", file=sys.stderr)
    if args["--wait"]:
        try:
            with quick.Dealer(principal.endpoint, principal.timeout_s) as dealer:
                ended = waiting.wait_all(dealer, [row.run for row in rows], None)
            rows = waiting.whole(ended)
        except waiting.GaveUp as fault:
            cli.fail("cdktr-ctl", str(fault), fault.code)
    table.show(args, rows, RUN_COLUMNS)
    return OK


def _somebody() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user in a bare container
        return "cdktr-ctl"

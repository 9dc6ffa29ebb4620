"""cdktr-ctl cancel: end runs."""

from __future__ import annotations

import getpass

from cdktr_cli import quick, table, waiting
from cdktr_cli.connection import Connection
from cdktr_cli.ctl.common import OPTIONS, RUN_COLUMNS
from cdktr_common import cli
from cdktr_common.catalogue.principal import RunCancel, RunStatus
from cdktr_common.errors import OK

usage = f"""\
cdktr-ctl cancel - end runs: waiting tasks at once, running ones as soon as they are stopped

Examples:
  cdktr-ctl cancel last
  cdktr-ctl cancel k3f9 a81c --reason "wrong day"

Usage:
  cdktr-ctl cancel [options] RUN...

Options:
  --reason TEXT           Why, for those who look at the run later.
  --wait                  Wait until nothing of them runs any more.
{OPTIONS}"""


def main(args: cli.Args) -> int:
    """Run the command."""
    reason = args["--reason"] or f"cancelled by {_somebody()}"
    principal = Connection.of(args)
    rows = [
        principal.ask(RunCancel(run=run, reason=reason), RunStatus).run
        for run in dict.fromkeys(args["RUN"])
    ]
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

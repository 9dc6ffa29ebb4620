"""cdktr-ctl wait: come back to runs that go on; their exit code is the command's."""

from __future__ import annotations

from cdktr_cli import quick, table, waiting, whereabouts
from cdktr_cli.ctl.common import OPTIONS, RUN_COLUMNS
from cdktr_common import cli
from cdktr_common.durations import seconds
from cdktr_common.errors import USAGE

usage = f"""\
cdktr-ctl wait - wait until runs have ended; exits with the code of the first that failed

Examples:
  cdktr-ctl wait last
  cdktr-ctl wait $(cdktr-trigger nightly) --timeout 2h && echo all done

Usage:
  cdktr-ctl wait [options] RUN...

Options:
  --timeout TIME          Wait at most so long, then exit with 75; the runs go on.
{OPTIONS}"""


def main(args: cli.Args) -> int:
    """Run the command."""
    try:
        timeout_s = None if args["--timeout"] is None else seconds(args["--timeout"])
        with quick.Dealer(*whereabouts.principal(args)) as principal:
            rows = waiting.whole(waiting.wait_all(principal, args["RUN"], timeout_s))
    except ValueError as fault:
        cli.fail("cdktr-ctl", f"--timeout: {fault}", USAGE)
    except waiting.GaveUp as fault:
        cli.fail("cdktr-ctl", str(fault), fault.code)
    table.show(args, rows, RUN_COLUMNS)
    return waiting.first_failure([waiting.exit_code(row.state, row.code) for row in rows])

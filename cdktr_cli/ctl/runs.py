"""cdktr-ctl runs: what is going on, what went on."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import get_args

from cdktr_cli import listing, table
from cdktr_cli.ago import since
from cdktr_cli.connection import Connection
from cdktr_cli.ctl.common import OPTIONS, RUN_COLUMNS, number
from cdktr_cli.recorded import known_agent, known_workflow
from cdktr_cli.table import Row
from cdktr_common import cli
from cdktr_common.catalogue.values import RunRow, RunState
from cdktr_common.errors import OK, USAGE

usage = f"""\
cdktr-ctl runs - runs that are going on, and those that were; newest first

The principal remembers all that go on and the thousand that ended last; for older ones the
recorder is asked too: those can be looked at, but not be run again (cdktr-ctl retry). All that is
given has to fit. BEGUN BY is the event, or what is none: the time of a schedule, the run that it
repeats, the task that called it.

Examples:
  cdktr-ctl runs
  cdktr-ctl runs --state failed --workflow 'etl-*' --since 24h
  cdktr-ctl runs -s pending,running --agent db-1
  cdktr-ctl runs --event 'file.*' --since 2026-01-31 --until 2026-02-01
  cdktr-ctl runs --history -n 1000 --ndjson | jq .state | sort | uniq -c

Usage:
  cdktr-ctl runs [options]

Options:
  -w --workflow WORKFLOW  Only runs of this workflow; of several like 'etl-*'.
  -s --state STATES       Only PENDING, RUNNING, COMPLETED, FAILED or CANCELLED ones; several
                          with commas between them.
  -e --event EVENT        Only what this event started; several like 'file.*'.
  -a --agent AGENT        Only runs of which this agent had a task.
  --since TIME            Created from then on: 24h (ago), 22:30, 2026-01-31, 2026-01-31T22:30:00Z.
  --until TIME            Created before.
  -n N                    At most so many [default: 20].
  --history               Ask the recorder alone, which also tells what runs gave.
{OPTIONS}
Exit codes: 0 done - 3 no such workflow or agent.
"""


def main(args: cli.Args) -> int:
    """Run the command."""
    now = time.time()
    for option in ("--workflow", "--state", "--event", "--agent"):
        if args[option] is not None and not args[option].strip(" ,"):
            cli.fail("cdktr-ctl", f"{option} is empty; without it all are meant", USAGE)
    wanted = listing.Wanted(
        workflow=args["--workflow"],
        states=states(args["--state"]),
        event=args["--event"],
        agent=args["--agent"],
        since_ts=since("cdktr-ctl", args, "--since", now),
        until_ts=since("cdktr-ctl", args, "--until", now),
    )
    most = number(args, "-n", 1)
    principal = Connection.of(args)
    ask = listing.recorded if args["--history"] else listing.runs
    rows: Sequence[Row | RunRow] = ask(principal, wanted, most)
    table.show(args, rows, RUN_COLUMNS)
    if not rows and wanted.workflow and not listing.several(wanted.workflow):
        known_workflow(principal, wanted.workflow)
    if not rows and wanted.agent:
        known_agent(principal, wanted.agent)
    if not rows and wanted.event and wanted.event.startswith(("time", "retry", "task")):
        words = "schedules, repetitions and calls are no events: --event finds what events began"
        print(f"cdktr-ctl: {words}", file=sys.stderr)
    return OK


def states(words: str | None) -> tuple[RunState, ...]:
    """`failed,RUNNING` as the states are called; others end the program."""
    found: list[RunState] = []
    known: tuple[RunState, ...] = get_args(RunState)
    for word in (words or "").split(","):
        match = [state for state in known if state == word.strip().upper()]
        if word.strip() and not match:
            near = cli.near(word.strip().upper(), known)
            there = f"there are {', '.join(known)}"
            cli.fail("cdktr-ctl", f"no state '{word.strip()}'{near}; {there}", USAGE)
        found += match
    return tuple(dict.fromkeys(found))

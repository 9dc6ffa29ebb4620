"""cdktr-ctl retry: run again what ended runs left undone, each as a new run."""

from __future__ import annotations

import os
import sys

from cdktr_cli import quick, recorded, table, unprinted, waiting
from cdktr_cli.connection import Connection
from cdktr_cli.ctl.common import OPTIONS, RUN_COLUMNS
from cdktr_common import cli
from cdktr_common.catalogue.principal import RunRetry, RunStarted, RunStatus, RunWait
from cdktr_common.errors import USAGE, ProtocolError, Unreachable

usage = f"""\
cdktr-ctl retry - run again what failed, was skipped or cancelled in runs, as new runs

The new run has the same definition, params and payload. What was COMPLETED is not run again,
and its outputs are taken over, unless it follows something that is: what has failed, tolerated or
not, what was skipped or cancelled. Of a group only the copies that failed are run again; of a run
that a task had called only what that left undone, if its params are the same. Prints the new runs;
of several, one that cannot be run again is told on stderr and the others go on.

Only what the principal remembers can be run again: of runs that ended the newest 1,000 (fewer when
they are very large). cdktr-ctl runs lists older ones from the recorder; of them it says so here.

Examples:
  cdktr-ctl retry last
  cdktr-ctl retry k3f9 --wait && echo done this time
  cdktr-ctl retry k3f9 --from transform   # that task and all that follow it, and what failed
  cdktr-ctl retry k3f9 --from 'load[3]'   # one copy of a group, with all tasks in it
  cdktr-ctl retry k3f9 --all
  cdktr-ctl runs -s failed --since 1h -n 999 --ndjson | jq -r .run | xargs cdktr-ctl retry --failed

Usage:
  cdktr-ctl retry [options] [--from TASK]... RUN...

Options:
  --failed                Only what failed, was skipped or cancelled: the default, in so many words.
  --from TASK             Run this task again too, and all that follow it.
  --all                   Run everything again.
  --key KEY               The same key gives the same new run, however often.
  --wait                  Wait until they have ended; exits with the code of the first that failed.
{OPTIONS}
Exit codes: 0 started, or with --wait COMPLETED - 3 no such run or task - 5 the run goes on still,
or nothing of it failed. With --wait: the code of the first task that failed. Of several, the first
that is not 0.
"""


def main(args: cli.Args) -> int:
    """Run the command."""
    names = args["RUN"]
    _refuse_contradictions(args, names)
    principal = Connection.of(args, changes=True)
    runs: list[str] = []
    codes: list[int] = []
    try:
        for name in names if len(names) == 1 else _known(principal, names, codes):
            try:
                runs.append(_start(args, principal, name))
            except ProtocolError as fault:
                if len(names) == 1 or isinstance(fault, Unreachable):
                    raise
                _say(f"{name}: {fault.detail}")
                codes.append(fault.exit)
                continue
            if not (args["--wait"] or args["--json"] or args["--ndjson"]):
                print(runs[-1], flush=True)
        if args["--wait"] and runs:
            codes.append(_wait(args, principal, runs))
        elif args["--json"] or args["--ndjson"]:
            rows = [principal.ask(RunWait(run=run, wait_s=0.0), RunStatus).run for run in runs]
            table.show(args, rows, RUN_COLUMNS)
    except OSError as fault:
        unprinted.end("cdktr-ctl", fault, f"it was taken, as {' '.join(runs)}")
    return waiting.first_failure(codes)


def _refuse_contradictions(args: cli.Args, names: list[str]) -> None:
    if args["--all"] and args["--from"]:
        cli.fail("cdktr-ctl", "--all runs everything again: --from adds nothing", USAGE)
    if args["--all"] and args["--failed"]:
        cli.fail("cdktr-ctl", "--all runs everything again, --failed only what failed", USAGE)
    if args["--key"] and len(names) > 1:
        cli.fail("cdktr-ctl", "a key is for one run: with it, retry them one by one", USAGE)


def _known(principal: Connection, names: list[str], codes: list[int]) -> list[str]:
    """The ids of the runs that are meant, each once: found before any is started, which `last`
    would mean then."""
    found: list[str] = []
    for name in names:
        try:
            run = principal.ask(RunWait(run=name, wait_s=0.0), RunStatus).run.run
        except ProtocolError as fault:
            if isinstance(fault, Unreachable):
                raise
            if fault.code == "not_found":
                fault = recorded.forgotten(principal, name, fault)
            _say(f"{name}: {fault.detail}")
            codes.append(fault.exit)
            continue
        if run in found:
            _say(f"{name}: {run} was named before and is run again once")
        else:
            found.append(run)
    return found


def _say(words: str) -> None:
    print(f"cdktr-ctl: {table.harmless(words)}", file=sys.stderr)


def _start(args: cli.Args, principal: Connection, name: str) -> str:
    """The id of the new run."""
    key = args["--key"] or f"retry-{os.urandom(10).hex()}"
    request = RunRetry(run=name, tasks=args["--from"], all=args["--all"], key=key)
    try:
        (ref,) = principal.ask(request, RunStarted, request_id=key).runs
    except ProtocolError as fault:
        if fault.code == "not_found":
            raise recorded.forgotten(principal, name, fault) from None
        raise
    return ref.run


def _wait(args: cli.Args, principal: Connection, runs: list[str]) -> int:
    try:
        with quick.Dealer(principal.endpoint, principal.timeout_s) as dealer:
            rows = waiting.whole(waiting.wait_all(dealer, runs, None))
    except waiting.GaveUp as fault:
        cli.fail("cdktr-ctl", str(fault), fault.code)
    table.show(args, rows, RUN_COLUMNS)
    return waiting.first_failure([waiting.exit_code(row.state, row.code) for row in rows])

"""cdktr-run: one command on some agent, as if it ran here: its output and its exit code are yours.

The command becomes a run of one task that no file describes. What it prints comes from the
recorder: live where it can, asked for by offset where something is missing, so that the bytes of
each stream come out whole and in order, also when a program is restarted meanwhile.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

from cdktr_common import arguments, cli
from cdktr_common.errors import OK, UNREACHABLE, USAGE, Unreachable

if TYPE_CHECKING:
    from cdktr_common.catalogue.values import TaskPlan

PROGRAM = "cdktr-run"

usage = f"""\
{PROGRAM} - run one command on some agent; its output is yours, its exit code is yours

Examples:
  cdktr-run -- uname -a
  cdktr-run --label gpu --timeout 10m -- nvidia-smi
  cdktr-run --env DAY=monday -- sh -c 'echo $DAY | tee /tmp/day'
  cdktr-run --detach -- make -C /srv/site     # prints the run id; come back with cdktr-ctl wait

Usage:
  cdktr-run [options] [--label LABEL]... [--env NAME=VALUE]... [--] COMMAND [ARG...]

Options:
  -l --label LABEL        Only on an agent with this label; may be given several times.
  -e --env NAME=VALUE     A variable of its environment; may be given several times.
  -C --workdir DIR        Where it runs, on the agent; default: where the agent was started.
  --timeout TIME          End it after so long; the exit code is then 124.
  -d --detach             Print the run id and do not wait.
{cli.OPTIONS}
The command is started without a shell. Its stdin is /dev/null: input is not forwarded. Ctrl-C
cancels the run (exit code 130), a second Ctrl-C leaves it alone. Exit codes: that of the command;
124 timed out - 125 the agent was lost - 126 not executable - 127 not found - 128+n signal n -
130 cancelled; before it has started: 2 usage - 69 principal unreachable - 75 busy.
"""


def main(argv: list[str]) -> int:
    """Run the command."""
    cli.show_and_exit(usage, argv)
    args = arguments.parse(usage, argv, options_first=True)
    task = _task(args)

    from cdktr_cli.connection import Connection
    from cdktr_common.catalogue.principal import RunStart, RunStarted
    from cdktr_common.catalogue.values import Plan

    plan = Plan(workflow="run", name=_title(args), tasks=[task])
    principal = Connection.of(args, changes=True)
    key = f"run-{os.urandom(10).hex()}"
    try:
        started = principal.ask(RunStart(plan=plan, key=key), RunStarted, request_id=key)
    except Unreachable as away:
        cli.fail(PROGRAM, away.detail, UNREACHABLE)
    run = started.runs[0].run
    if args["--detach"]:
        try:
            print(run, flush=True)
        except OSError as fault:
            from cdktr_cli import unprinted

            unprinted.end(PROGRAM, fault, f"it was taken, as {run}")
        return OK
    from cdktr_cli.attend import Attendance
    from cdktr_cli.table import harmless
    from cdktr_cli.waiting import GaveUp, exit_code

    attendance = Attendance(principal, run, "run")
    try:
        row = attendance.until_done()
    except GaveUp as fault:
        cli.fail(PROGRAM, str(fault), fault.code)
    code = exit_code(row.state, row.code)
    if attendance.reason:  # also of a task that completed: some of its output may be missing
        print(f"{PROGRAM}: {harmless(attendance.reason)}", file=sys.stderr)
    return code


def _title(args: cli.Args) -> str:
    """The command on one line, as the name of the run."""
    words = " ".join([args["COMMAND"], *args["ARG"]])[:200]
    return "".join(char if char.isprintable() else " " for char in words)


def _task(args: cli.Args) -> TaskPlan:
    from cdktr_common.catalogue.values import TaskPlan

    return TaskPlan(
        id="run",
        argv=[args["COMMAND"], *args["ARG"]],
        env=environment(args["--env"]),
        workdir=args["--workdir"],
        timeout_s=_length(args["--timeout"]),
        labels=args["--label"],
    )


def environment(words: list[str]) -> dict[str, str]:
    """`NAME=VALUE` words as a mapping; `NAME` alone takes the value from here."""
    env: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not name or (not equals and name not in os.environ):
            cli.fail(PROGRAM, f"--env takes NAME=VALUE, not '{word}'", USAGE)
        env[name] = value if equals else os.environ[name]
    return env


def _length(words: str | None) -> float | None:
    if words is None:
        return None
    from cdktr_common.durations import seconds

    try:
        return seconds(words)
    except ValueError as fault:
        cli.fail(PROGRAM, f"--timeout: {fault}", USAGE)


def run() -> NoReturn:
    """The program."""
    cli.program_main(PROGRAM, main, tidy=False)

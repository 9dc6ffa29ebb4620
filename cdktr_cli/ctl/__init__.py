"""cdktr-ctl: look at runs, tasks, workflows and agents, and act on them. One command a file.

This file finds the command and hands it the arguments; options that every program takes may stand
before it. Each command file has `usage`, the text that is its parser and its help, and `main`.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from cdktr_common import cli
from cdktr_common.commands import Commands, split
from cdktr_common.errors import OK, USAGE

PROGRAM = "cdktr-ctl"

COMMANDS = {
    "runs": "runs that are going on, and those that were",
    "show": "one run: a row for each task",
    "top": "how everything stands, again and again, in a terminal",
    "tasks": "all attempts of the tasks of a run",
    "artifacts": "the files that tasks of a run have handed over",
    "why": "why a run or a task is not running",
    "wait": "wait until runs have ended",
    "cancel": "end runs",
    "retry": "run again what failed in runs",
    "continue": "let tasks go on that are held since their agent was lost",
    "workflows": "workflows, and files that are broken",
    "schedules": "when workflows start by themselves, and what became of it last",
    "pause": "start workflows neither by time nor by events",
    "resume": "let time and events start workflows again",
    "pending": "events that were put off or wait in windows, and taking them back",
    "agents": "agents, their load, what is the matter with them, what one works on",
    "drain": "give agents no new work",
    "undrain": "give agents work again",
    "lost": "say that an agent is dead, so that its tasks are given up now",
    "events": "what happened, and with -f what happens",
    "reload": "look at the workflow directory now",
    "ping": "does everything answer",
}

commands = Commands(PROGRAM, "cdktr_cli.ctl", COMMANDS)

usage = f"""\
{PROGRAM} - look at runs, tasks, workflows and agents, and act on them

Examples:
  cdktr-ctl runs --state FAILED
  cdktr-ctl show last
  cdktr-ctl events -f --ndjson | jq .type
  cdktr-ctl agents
  cdktr-ctl why last                      # what does it wait for?
  cdktr-ctl drain box1 --wait

Usage:
  cdktr-ctl [options] COMMAND [ARG...]

Commands:
{chr(10).join(f"  {name:<22}  {text[0].upper()}{text[1:]}." for name, text in COMMANDS.items())}

Options:
  --color WHEN            auto, always or never.
{cli.OPTIONS}
`cdktr-ctl COMMAND --help` tells the options of a command. Runs are named by id, by a unique
beginning of it, or `last`. Exit codes: 0 done - 1 the answer is no - 2 usage - 3 not found -
5 ambiguous or a conflict - 69 principal unreachable - 75 not in time.
"""


def main(argv: list[str]) -> int:
    """Run the command that `argv` names."""
    before, rest = split(argv)
    if not rest:
        cli.show_and_exit(usage, before)
        print(cli.usage_section(usage), file=sys.stderr)
        print(f"Commands: {', '.join(COMMANDS)}", file=sys.stderr)
        return USAGE
    if rest[0] == "help":
        print(commands.help(rest[1:], usage))
        return OK
    command, args = commands.read(before, rest)
    if args["--color"]:
        if args["--color"] not in ("auto", "always", "never"):
            cli.fail(PROGRAM, f"--color is auto, always or never, not {args['--color']}", USAGE)
        os.environ["CDKTR_COLOR"] = args["--color"]
    return int(command.main(args))


def run() -> NoReturn:
    """The program."""
    cli.program_main(PROGRAM, main, tidy=False)

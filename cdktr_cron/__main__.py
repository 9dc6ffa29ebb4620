"""cdktr-cron: the command line. Without a command it is the daemon; a command is a file of
`commands/` with `usage`, the text that is its parser and its help, and `main(args)`.

Any number of daemons may serve one principal, also from one home: the first free lock is taken
only so that `cdktr stop` finds them.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import NoReturn

from cdktr_common import cli
from cdktr_common.arguments import parse
from cdktr_common.commands import Commands, split
from cdktr_common.errors import OK
from cdktr_common.lock import Lock, Locked
from cdktr_common.settings import Settings, principal_endpoint, socket_path

PROGRAM = "cdktr-cron"

COMMANDS = {
    "next": "when workflows will start next, and why then",
    "range": "the instants of a span of time, as lines for cdktr-trigger --stdin",
    "lint": "schedules that change their meaning at the next transition of their time zone",
    "diff": "what a change of a workflow file adds, removes and moves",
    "audit": "has every instant been accounted for, exactly once",
    "forecast": "how deep the queue will be, by coming instants and past durations",
}

commands = Commands(PROGRAM, "cdktr_cron.commands", COMMANDS)

_LISTED = "\n".join(f"  {name:<9} {text[0].upper()}{text[1:]}." for name, text in COMMANDS.items())

USAGE_TEXT = f"""\
cdktr-cron: starts workflows by time. Without a command it is the daemon.

Examples:
  cdktr-cron                              # the daemon; several are as good as one
  cdktr-cron next -n 5 etl
  cdktr-cron next '30 2 * * *' --timezone Europe/Berlin --explain
  cdktr-cron range --from 2026-01-01 --to 2026-02-01 etl | cdktr-trigger --stdin -j 4
  cdktr-cron audit --last 30d

Usage:
  cdktr-cron [options]
  cdktr-cron [options] COMMAND [ARG...]

Commands:
{_LISTED}

Options:
  --insecure              Talk over TCP without keys.
{cli.OPTIONS}
`cdktr-cron COMMAND --help` tells the options of a command. The daemon stops cleanly on SIGTERM and
SIGINT; it keeps nothing, and may be killed at any moment. Exit codes: 0 stopped - 1 the answer is
no - 2 usage - 3 not found - 4 no such schedule can be - 69 principal unreachable - 78 bad settings.
"""


def main(argv: list[str]) -> int:
    """Run the command that `argv` names, or serve until told to stop."""
    before, rest = split(argv)
    if not rest:
        cli.show_and_exit(USAGE_TEXT, before)
        return _daemon(parse(USAGE_TEXT, before))
    if rest[0] == "help":
        print(commands.help(rest[1:], USAGE_TEXT))
        return OK
    command, args = commands.read(before, rest)
    return int(command.main(args))


def _daemon(args: cli.Args) -> int:
    from cdktr_cron.service import Cron

    settings = cli.load_settings(args, changes=True).settings
    os.umask(0o077)
    endpoint = _principal(settings)
    cli.refuse_open_tcp(PROGRAM, settings, [endpoint])
    cron = Cron(endpoint, cli.Log(PROGRAM, settings.log_level))
    lock = _lock(Path(settings.home) / "cron")
    lock.update(program=PROGRAM)
    cron.run()
    lock.release()
    return OK


def _lock(directory: Path) -> Lock:
    """The first that nobody holds: `lock`, `2.lock`, `3.lock`, …"""
    for number in itertools.count(1):
        name = "lock" if number == 1 else f"{number}.lock"
        try:
            return Lock(directory / name, PROGRAM)
        except Locked:
            continue
    raise AssertionError


def _principal(settings: Settings) -> str:
    """Where the principal is; with port 0 nobody can know but by its ipc socket."""
    if settings.principal_port == 0:
        return socket_path(settings, "principal")
    return principal_endpoint(settings)


def run() -> NoReturn:
    """The console script."""
    cli.program_main(PROGRAM, main)


if __name__ == "__main__":
    run()

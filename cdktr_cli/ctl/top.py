"""cdktr-ctl top: how everything stands, again and again, in a terminal."""

from __future__ import annotations

import sys
import time
from typing import Final

from cdktr_cli import frame, table
from cdktr_cli.connection import Connection
from cdktr_cli.ctl.common import OPTIONS, number
from cdktr_cli.glance import Glance, Looker
from cdktr_cli.screen import Ended, Screen
from cdktr_common import cli
from cdktr_common.durations import rough, seconds
from cdktr_common.errors import CANCELLED, OK, USAGE, ProtocolError

usage = f"""\
cdktr-ctl top - how everything stands, again and again: counts, runs, tasks that run, agents

Runs that go on come first, then the last that ended; tasks are those that run longest, of the
eight busiest agents. q or Ctrl-C ends it. Only what changed is written, so it can be watched over
a slow line. Where stdout is no terminal it is printed once. For more than a look: cdktr-tui.

Examples:
  cdktr-ctl top
  cdktr-ctl top --every 10s
  cdktr-ctl top --once
  cdktr-ctl top --once --json | jq .counts.runs_running
  cdktr-ctl top --every 1m --ndjson >> standing.ndjson

Usage:
  cdktr-ctl top [options]

Options:
  --every TIME            Look so often [default: 1s].
  --once                  Print it once.
  -n N                    Runs of each kind at most where it is printed [default: 20].
{OPTIONS}"""

LEAST_S: Final = 0.1

FIRST: Final = 50
"""Runs of each kind in the first look, before the terminal is asked how large it is."""


def main(args: cli.Args) -> int:
    """Run the command."""
    every_s = _every(args)
    most = number(args, "-n", 1)
    principal = Connection.of(args)
    looker = Looker(principal)
    name = args["--principal"]
    where = f"{name} ({principal.endpoint})" if name else principal.endpoint
    try:
        if args["--ndjson"] and not args["--once"]:
            return _stream(looker, most, every_s)
        if not sys.stdout.isatty() or any(args[it] for it in ("--once", "--json", "--ndjson")):
            return _once(args, looker, most, where)
        return _watch(looker, every_s, where)
    except KeyboardInterrupt:
        return CANCELLED


def _every(args: cli.Args) -> float:
    try:
        every_s = seconds(args["--every"])
    except ValueError as fault:
        cli.fail("cdktr-ctl", f"--every: {fault}", USAGE)
    if every_s < LEAST_S:
        cli.fail("cdktr-ctl", f"--every is at least {LEAST_S} s, not {args['--every']}", USAGE)
    return every_s


def _once(args: cli.Args, looker: Looker, most: int, where: str) -> int:
    glance = looker.look(most)
    if args["--json"]:
        table.document(glance.plain())
    elif args["--ndjson"]:
        table.lines([glance.plain()])
    else:
        for line in frame.lines(glance, where, glance.ts):
            print(line)
    return OK


def _stream(looker: Looker, most: int, every_s: float) -> int:
    """A line for each look; that nobody answers is said once, and waited for."""
    away = False
    while True:
        begun = time.monotonic()
        try:
            table.lines([looker.look(most).plain()])
            away = False
        except ProtocolError as fault:
            if not fault.retry:
                raise
            if not away:
                print(f"cdktr-ctl: {fault.detail}; waiting for it", file=sys.stderr)
            away = True
        time.sleep(max(0.0, begun + every_s - time.monotonic()))


def _watch(looker: Looker, every_s: float, where: str) -> int:
    """Until a key ends it. The first look is taken before the terminal: without a principal the
    program ends as any other does."""
    glance = looker.look(FIRST)
    lost: ProtocolError | None = None
    with Screen() as screen:
        try:
            while True:
                begun = time.monotonic()
                screen.show(_picture(glance, lost, where, screen.size()[1]))
                while (left_s := begun + every_s - time.monotonic()) > 0:
                    if screen.key(left_s) in ("q", "Q", "\x03"):
                        return OK
                try:
                    glance, lost = looker.look(screen.size()[1]), None
                except ProtocolError as fault:
                    if not fault.retry:
                        raise
                    lost = fault
        except Ended:
            return OK


def _picture(glance: Glance, lost: ProtocolError | None, where: str, height: int) -> list[str]:
    """What cannot be asked for any more is shown as it was then, and how old it is."""
    if lost is None:
        return frame.lines(glance, where, time.time(), height)
    old = f"NO ANSWER: as it was {rough(time.time() - glance.ts)} ago"
    return frame.lines(glance, where, glance.ts, height, old)

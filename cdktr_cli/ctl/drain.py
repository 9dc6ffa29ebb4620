"""cdktr-ctl drain: give agents no new work, and with --wait come back when they have none left."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from cdktr_cli import table
from cdktr_cli.connection import Connection
from cdktr_cli.ctl.common import OPTIONS, somebody
from cdktr_cli.table import Column
from cdktr_cli.waiting import SILENCE_S
from cdktr_common import cli
from cdktr_common.catalogue.principal import (
    AgentDrain,
    AgentList,
    AgentPage,
    AgentStatus,
    EventList,
    EventPage,
)
from cdktr_common.catalogue.values import AgentRow
from cdktr_common.durations import seconds
from cdktr_common.errors import BUSY, CANCELLED, NOT_FOUND, OK, USAGE, ProtocolError

POLL_S = 2.0

usage = f"""\
cdktr-ctl drain - give agents no new work; what runs there may end

A drain holds until `cdktr-ctl undrain`, also over restarts. Nothing is stopped and nothing counts
as lost; results and output are taken as ever.

Examples:
  cdktr-ctl drain box1 --reason "kernel update"
  cdktr-ctl drain box1 --wait && ssh box1 reboot
  cdktr-ctl drain box1 box2 --wait --timeout 2h

Usage:
  cdktr-ctl drain [options] AGENT...

Options:
  --wait                  Wait until nothing runs there any more.
  --timeout TIME          With --wait: at most so long, then exit with 75; the drain holds.
  --reason TEXT           Why, for those who look at the agents later.
{OPTIONS}
Exit codes: 0 done - 3 no such agent - 75 something still runs there at --timeout.
"""

COLUMNS = (
    Column("AGENT", lambda row: row["agent"]),
    Column("STATE", lambda row: row["state"]),
    Column("DRAIN", lambda row: row["drain"] or None),
    Column("RUNNING", lambda row: row["running"], right=True),
    Column("REASON", lambda row: row["reason"]),
)


def main(args: cli.Args) -> int:
    """Run the command."""
    limit_s = _limit(args)
    principal = Connection.of(args, changes=True)
    names = list(dict.fromkeys(args["AGENT"]))
    standing(principal, names)  # all of them or none
    try:
        rows = _drain(principal, names, args["--reason"] or f"drained by {somebody()}")
        if args["--wait"]:
            rows = _wait(principal, names, limit_s)
    except KeyboardInterrupt:  # the first drain may have been taken, answered or not
        cli.fail("cdktr-ctl", f"detached; {_come_back(names)}", CANCELLED)
    table.show(args, rows, COLUMNS)
    busy = [row for row in rows if row.running]
    if args["--wait"] and busy:
        told = ", ".join(f"{row.agent} still runs {row.running}" for row in busy)
        cli.fail("cdktr-ctl", f"{told}; {_come_back(names)}", BUSY)
    return OK


def _limit(args: cli.Args) -> float | None:
    if args["--timeout"] is None:
        return None
    if not args["--wait"]:
        cli.fail("cdktr-ctl", "--timeout is for --wait", USAGE)
    try:
        return seconds(args["--timeout"])
    except ValueError as fault:
        cli.fail("cdktr-ctl", f"--timeout: {fault}", USAGE)


def _drain(principal: Connection, names: Sequence[str], reason: str) -> list[AgentRow]:
    """Ask for it; how they stand then."""
    return [principal.ask(AgentDrain(agent=n, reason=reason), AgentStatus).agent for n in names]


def _wait(principal: Connection, names: Sequence[str], limit_s: float | None) -> list[AgentRow]:
    """Until nothing runs on them, or the time is over: how they stand then."""
    end = time.monotonic() + limit_s if limit_s is not None else float("inf")
    heard, told = time.monotonic(), set[str]()
    rows: list[AgentRow] = []
    while True:
        try:
            after = principal.ask(EventList(after=-1), EventPage).newest
            rows = standing(principal, names)
            heard = time.monotonic()
            _warn(rows, told)
            left_s = end - time.monotonic()
            if left_s <= 0 or not any(row.running for row in rows):
                return rows
            wait_s = min(POLL_S, left_s)
            # Any fact may be the end of a task there; without one the rows are as they were.
            principal.ask(EventList(after=after, limit=1, wait_s=wait_s), EventPage, wait_s=wait_s)
        except ProtocolError as fault:
            if not fault.retry or time.monotonic() - heard > SILENCE_S:
                raise
            if time.monotonic() >= end and rows:
                return rows


def standing(principal: Connection, names: Sequence[str]) -> list[AgentRow]:
    """How these agents stand; ends with not found when one is not known."""
    known = {row.agent: row for row in principal.ask(AgentList(), AgentPage).agents}
    gone = [name for name in names if name not in known]
    if gone:
        near = cli.near(gone[0], list(known))
        cli.fail("cdktr-ctl", f"no agent '{gone[0]}'{near}", NOT_FOUND)
    return [known[name] for name in names]


def _warn(rows: Sequence[AgentRow], told: set[str]) -> None:
    """An agent that is not heard of will not get rid of its tasks by itself. Said once."""
    for row in rows:
        if row.running and row.state in ("silent", "gone") and row.agent not in told:
            told.add(row.agent)
            why = f" ({row.reason})" if row.reason else ""
            what = f"{row.agent} is {row.state}{why}; if it is dead: cdktr-ctl lost {row.agent}"
            print(f"cdktr-ctl: {table.harmless(what)}", file=sys.stderr)


def _come_back(names: Sequence[str]) -> str:
    agents = " ".join(names)
    return f"the drain holds: cdktr-ctl drain {agents} --wait, or cdktr-ctl undrain {agents}"

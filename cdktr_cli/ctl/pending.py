"""cdktr-ctl pending: what is to be fired or started later, and taking it back."""

from __future__ import annotations

import sys
import time

from cdktr_cli import table
from cdktr_cli.connection import Connection
from cdktr_cli.ctl.common import OPTIONS, number, somebody
from cdktr_cli.table import Column, Row
from cdktr_common import cli
from cdktr_common.catalogue.principal import EventCancel, EventPending, EventWaiting
from cdktr_common.catalogue.values import DeferredRow
from cdktr_common.durations import rough
from cdktr_common.errors import OK

usage = f"""\
cdktr-ctl pending - events and workflows that were put off, by `cdktr-trigger --at` and `--delay`

The next one first. What workflow files say of time is not among them: `cdktr-ctl schedules`.

Examples:
  cdktr-trigger close-books --at 22:30
  cdktr-ctl pending
  cdktr-ctl pending --cancel d7k2x9 --reason "month not over"

Usage:
  cdktr-ctl pending [options] [-n N]
  cdktr-ctl pending [options] --cancel ID...

Options:
  -n N                    At most so many [default: 100].
  --cancel                Take these back; they are never fired.
  --reason TEXT           Why, for those who look at it later.
{OPTIONS}
Exit codes: 0 done - 3 nothing of this id is to come.
"""


def _left(row: Row) -> str:
    return rough(table.span(table.rfc3339(time.time()), row.get("due")))


def _key(row: Row) -> str:
    """The key that somebody has given; those that are made up are for `--json`."""
    key = str(row.get("key") or "")
    return "" if key.startswith(("trigger-", "id:")) else key


COLUMNS = (
    Column("ID", lambda row: row["deferred"]),
    Column("DUE", lambda row: table.when(row.get("due"))),
    Column("IN", _left, right=True),
    Column("EVENT", lambda row: row.get("event")),
    Column("WORKFLOW", lambda row: row.get("workflow")),
    Column("KEY", _key),
    Column("SOURCE", lambda row: row.get("source")),
    Column("TOLD", lambda row: table.when(row.get("created"))),
)


def main(args: cli.Args) -> int:
    """Run the command."""
    principal = Connection.of(args)
    if args["--cancel"]:
        reason = args["--reason"] or f"taken back by {somebody()}"
        rows = [_take_back(principal, name, reason) for name in dict.fromkeys(args["ID"])]
        table.show(args, rows, COLUMNS)
        return OK
    waiting = principal.ask(EventPending(limit=number(args, "-n", 1)), EventWaiting)
    table.show(args, waiting.deferred, COLUMNS)
    if waiting.total > len(waiting.deferred):
        print(f"cdktr-ctl: the next {len(waiting.deferred)} of {waiting.total}", file=sys.stderr)
    return OK


def _take_back(principal: Connection, name: str, reason: str) -> DeferredRow:
    return principal.ask(EventCancel(deferred=name, reason=reason), EventWaiting).deferred[0]

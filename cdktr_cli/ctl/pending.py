"""cdktr-ctl pending: what is to happen later, what waits in windows, and taking it back."""

from __future__ import annotations

import sys
import time

from cdktr_cli import table
from cdktr_cli.connection import Connection
from cdktr_cli.ctl.common import OPTIONS, number, somebody
from cdktr_cli.table import Column, Row
from cdktr_common import cli
from cdktr_common.catalogue.principal import EventCancel, EventPending, EventWaiting
from cdktr_common.catalogue.values import DeferredRow, WindowRow
from cdktr_common.durations import rough
from cdktr_common.errors import OK

usage = f"""\
cdktr-ctl pending - what is to come: what was put off, and events that wait in windows

The next one first. What was put off by `cdktr-trigger --at` and `--delay` has an id, by which it
can be taken back. A window is that of a workflow with `debounce` or `batch`: what waits there was
fired and is recorded. What workflow files say of time is not here: `cdktr-ctl schedules`.

Examples:
  cdktr-trigger close-books --at 22:30
  cdktr-ctl pending
  cdktr-ctl pending --cancel d7k2x9 --reason "month not over"

Usage:
  cdktr-ctl pending [options] [-n N]
  cdktr-ctl pending [options] --cancel ID...

Options:
  -n N                    At most so many, up to 1000 [default: 100].
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


def _window(row: Row) -> str:
    if row["listener"] is None:
        return ""
    return f"{row['count']} event{'s' if row['count'] > 1 else ''}"


COLUMNS = (
    Column("ID", lambda row: row["deferred"]),
    Column("DUE", lambda row: table.when(row.get("due"))),
    Column("IN", _left, right=True),
    Column("EVENT", lambda row: row.get("event")),
    Column("WORKFLOW", lambda row: row.get("workflow")),
    Column("WINDOW", _window),
    Column("KEY", _key),
    Column("SOURCE", lambda row: row.get("source")),
    Column("SINCE", lambda row: table.when(row.get("since"))),
)


def main(args: cli.Args) -> int:
    """Run the command."""
    principal = Connection.of(args, changes=bool(args["--cancel"]))
    if args["--cancel"]:
        reason = args["--reason"] or f"taken back by {somebody()}"
        rows = [_take_back(principal, name, reason) for name in dict.fromkeys(args["ID"])]
        table.show(args, [_put_off(row) for row in rows], COLUMNS)
        return OK
    most = number(args, "-n", 1)
    waiting = principal.ask(EventPending(limit=most), EventWaiting)
    found = [*map(_put_off, waiting.deferred), *map(_held, waiting.windows)]
    found.sort(key=lambda row: row["due_ts"])
    table.show(args, found[:most], COLUMNS)
    total = waiting.total + len(waiting.windows)
    if total > most:
        print(f"cdktr-ctl: the next {most} of {total}", file=sys.stderr)
    return OK


def _take_back(principal: Connection, name: str, reason: str) -> DeferredRow:
    return principal.ask(EventCancel(deferred=name, reason=reason), EventWaiting).deferred[0]


def _put_off(row: DeferredRow) -> Row:
    return {
        "deferred": row.deferred, "due_ts": row.due_ts, "event": row.event,
        "workflow": row.workflow, "listener": None, "count": 1, "key": row.key,
        "source": row.source, "since_ts": row.created_ts,
    }  # fmt: skip


def _held(row: WindowRow) -> Row:
    return {
        "deferred": None, "due_ts": row.due_ts, "event": row.event, "workflow": row.workflow,
        "listener": row.listener, "count": row.count, "key": None, "source": "",
        "since_ts": row.first_ts,
    }  # fmt: skip

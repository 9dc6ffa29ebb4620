"""cdktr-ctl ping: do the principal and the recorder answer, and how fast."""

from __future__ import annotations

import time

from cdktr_cli import table
from cdktr_cli.connection import Connection
from cdktr_cli.ctl.common import OPTIONS
from cdktr_cli.table import Column, Row
from cdktr_common import cli
from cdktr_common.catalogue.common import Ping, Pong
from cdktr_common.errors import FAILED, OK, ProtocolError

usage = f"""\
cdktr-ctl ping - ask the principal and the recorder whether they are there

Examples:
  cdktr-ctl ping
  cdktr-ctl --host-port 10.0.0.5:5561 ping --json

Usage:
  cdktr-ctl ping [options]

Options:
{OPTIONS}
Exit codes: 0 both answer - 1 the recorder does not - 69 the principal does not.
"""

COLUMNS = (
    Column("PROGRAM", lambda row: row["program"]),
    Column("STATUS", lambda row: row["status"]),
    Column("VERSION", lambda row: row["version"]),
    Column("PID", lambda row: row["pid"], right=True),
    Column("EPOCH", lambda row: row["epoch"], right=True),
    Column("SEQ", lambda row: row["seq"], right=True),
    Column("ANSWERED IN", lambda row: f"{row['answer_ms']:.1f} ms", right=True),
    Column("ENDPOINT", lambda row: row["endpoint"]),
)


def main(args: cli.Args) -> int:
    """Run the command."""
    principal = Connection.of(args)
    principal.welcome()  # connected: what is timed from here on is the answer alone
    began = time.monotonic()
    rows = [_row(principal.ask(Ping(), Pong), began, principal.endpoint)]
    trouble = ""
    try:
        endpoint = principal.endpoint_of("logd") or ""
        began = time.monotonic()
        rows.append(_row(principal.ask_logd(Ping(), Pong), began, endpoint))
    except ProtocolError as fault:
        trouble = fault.detail
    table.show(args, rows, COLUMNS)
    if trouble:
        cli.fail("cdktr-ctl", trouble, FAILED)
    return OK


def _row(pong: Pong, began: float, endpoint: str) -> Row:
    answer_ms = round((time.monotonic() - began) * 1000, 3)
    row: Row = {**table.plain(pong), "endpoint": endpoint, "answer_ms": answer_ms}
    for reserved in ("id", "v"):
        row.pop(reserved)
    return row

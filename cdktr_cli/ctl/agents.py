"""cdktr-ctl agents: who takes tasks, how busy they are, and what is the matter with them."""

from __future__ import annotations

from cdktr_cli import table
from cdktr_cli.connection import Connection
from cdktr_cli.ctl.common import OPTIONS
from cdktr_cli.table import Column, Row
from cdktr_common import cli
from cdktr_common.catalogue.principal import AgentList, AgentPage
from cdktr_common.errors import OK

usage = f"""\
cdktr-ctl agents - all agents: slots in use, CPU, memory, load, output not yet recorded

STATE is ready, silent (not heard of for a while, its tasks may go on), draining (it gets nothing
new) or gone. DRAIN: somebody asked for it with cdktr-ctl drain. LOST: attempts lost with it.

Examples:
  cdktr-ctl agents
  cdktr-ctl agents --json | jq '.[] | select(.state != "ready")'

Usage:
  cdktr-ctl agents [options]

Options:
{OPTIONS}"""


def _load(row: Row, name: str, shape: str) -> str:
    return shape.format(row["load"][name]) if row["load"] else ""


COLUMNS = (
    Column("AGENT", lambda row: row["agent"]),
    Column("STATE", lambda row: row["state"]),
    Column("DRAIN", lambda row: row["drain"] or None),
    Column("SLOTS", lambda row: f"{row['running']}/{row['slots']}", right=True),
    Column("CPU", lambda row: _load(row, "cpu_pct", "{:.0f} %"), right=True),
    Column("MEM", lambda row: _load(row, "mem_pct", "{:.0f} %"), right=True),
    Column("LOAD", lambda row: _load(row, "load1", "{:.2f}"), right=True),
    Column("SPOOL", lambda row: _load(row, "spool_bytes", "{} B"), right=True),
    Column("HEARD", lambda row: table.when(row["heard"])),
    Column("LOST", lambda row: row["losses"], right=True),
    Column("HOST", lambda row: row["host"]),
    Column("LABELS", lambda row: row["labels"]),
    Column("REASON", lambda row: row["reason"]),
)


def main(args: cli.Args) -> int:
    """Run the command."""
    table.show(args, Connection.of(args).ask(AgentList(), AgentPage).agents, COLUMNS)
    return OK

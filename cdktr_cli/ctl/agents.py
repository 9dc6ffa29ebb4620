"""cdktr-ctl agents: who takes tasks, how busy they are, what is the matter with them; of one of
them, what it works on."""

from __future__ import annotations

import time

from cdktr_cli import table
from cdktr_cli.connection import Connection
from cdktr_cli.ctl.common import OPTIONS
from cdktr_cli.table import Column, Row
from cdktr_common import cli
from cdktr_common.catalogue.principal import AgentDetail, AgentList, AgentPage, AgentShow
from cdktr_common.durations import spell
from cdktr_common.errors import OK

usage = f"""\
cdktr-ctl agents - all agents: slots in use, CPU, memory, load, output not yet recorded

With the name of one: what it works on, the oldest first. FOR is since it was given to it.
STATE is ready, silent (not heard of for a while, its tasks may go on), draining (it gets nothing
new) or gone. DRAIN: somebody asked for it with cdktr-ctl drain. LOST: attempts lost with it.

Examples:
  cdktr-ctl agents
  cdktr-ctl agents --json | jq '.[] | select(.state != "ready")'
  cdktr-ctl agents db-1
  cdktr-ctl agents db-1 --json | jq -r '.tasks[].run' | xargs cdktr-ctl cancel

Usage:
  cdktr-ctl agents [options] [AGENT]

Options:
{OPTIONS}
Exit codes: 0 done - 3 no such agent.
"""


def _load(row: Row, name: str, shape: str) -> str:
    return shape.format(row["load"][name]) if row["load"] else ""


def _age(row: Row) -> str:
    return spell(table.span(row["since"], None, time.time()))


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


TASKS = (
    Column("RUN", lambda row: row["run"]),
    Column("WORKFLOW", lambda row: row["workflow"]),
    Column("TASK", lambda row: row["task"]),
    Column("ATTEMPT", lambda row: row["n"], right=True),
    Column("SLOTS", lambda row: row["slots"], right=True),
    Column("FOR", _age, right=True),
    Column("BEGAN", lambda row: table.when(row["started"]) or "not yet"),
)


def main(args: cli.Args) -> int:
    """Run the command."""
    principal = Connection.of(args)
    if args["AGENT"] is None:
        table.show(args, principal.ask(AgentList(), AgentPage).agents, COLUMNS)
        return OK
    found = principal.ask(AgentShow(agent=args["AGENT"]), AgentDetail)
    if args["--json"] or args["--ndjson"]:
        shown = {"agent": found.agent, "tasks": found.tasks}
        table.lines([shown]) if args["--ndjson"] else table.document(shown)
        return OK
    for line in table.render([table.plain(found.agent)], COLUMNS):
        print(line)
    print()
    if not found.tasks:
        print("It works on nothing.")
        return OK
    for line in table.render([table.plain(task) for task in found.tasks], TASKS):
        print(line)
    return OK

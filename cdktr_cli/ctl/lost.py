"""cdktr-ctl lost: an operator's word that an agent is dead, with what it means said before."""

from __future__ import annotations

import sys
import time
from shlex import quote

from cdktr_cli import follow, table
from cdktr_cli.connection import Connection
from cdktr_cli.ctl.common import OPTIONS
from cdktr_cli.table import Column, Row
from cdktr_common import cli
from cdktr_common.catalogue.principal import AgentList, AgentLost, AgentPage, AgentStatus
from cdktr_common.catalogue.values import AgentRow
from cdktr_common.durations import rough
from cdktr_common.errors import FAILED, OK, ProtocolError

usage = f"""\
cdktr-ctl lost - say that an agent is dead, so that its tasks are given up now

It is your word that the agent and all that it ran have ended: power gone, machine dead or switched
off. Its attempts are given up at once instead of at the end of their leases, and their tasks run
again elsewhere, wait or fail, as their workflows say (`on_agent_lost`). Should one still run, two
copies run until the agent hears of it; a result of the first is then refused. An agent that is
heard of is drained, not lost. On a terminal it is asked whether to go on, in a script it is not.

Examples:
  cdktr-ctl lost box1 --reason "burnt"
  cdktr-ctl lost box1 --yes --json | jq -r '.lost[] | "\\(.run)/\\(.task)"'

Usage:
  cdktr-ctl lost [options] AGENT

Options:
  --force                 Also when the agent is heard of; two copies may run for a while.
  --reason TEXT           Why, for those who look at the attempts later.
  --yes                   Do not ask.
{OPTIONS}
Exit codes: 0 done - 1 answered with no - 3 no such agent - 5 it is heard of (see --force).
"""

COLUMNS = (
    Column("RUN", lambda row: row["run"]),
    Column("WORKFLOW", lambda row: row["workflow"]),
    Column("TASK", lambda row: row["task"]),
    Column("ATTEMPT", lambda row: row["attempt"], right=True),
    Column("NOW", lambda row: row["now"]),
)


def main(args: cli.Args) -> int:
    """Run the command."""
    name = args["AGENT"]
    principal = Connection.of(args, changes=True)
    known = {row.agent: row for row in principal.ask(AgentList(), AgentPage).agents}
    agent = known.get(name)
    if agent is not None and (args["--force"] or agent.state in ("silent", "gone")):
        print(f"cdktr-ctl: {table.harmless(meaning(agent))}", file=sys.stderr)
        if not args["--yes"] and sys.stdin.isatty() and sys.stderr.isatty() and not _agreed():
            cli.fail("cdktr-ctl", "nothing was done", FAILED)
    before = follow.newest(principal)
    request = AgentLost(agent=name, reason=args["--reason"] or "", force=args["--force"])
    try:
        answer = principal.ask(request, AgentStatus)
    except ProtocolError as fault:
        if fault.code != "conflict":
            raise
        hint = f"cdktr-ctl drain {name}, or cdktr-ctl lost {name} --force"
        raise ProtocolError("conflict", f"{fault.detail}: {hint}", fault.near) from None
    rows = given_up(follow.so_far(principal, before, "run/"), set(answer.lost))
    _show(args, answer, rows)
    return OK


def meaning(agent: AgentRow) -> str:
    """What is about to happen, for somebody who may not have read the help."""
    attempts = f"{agent.running} attempt{'s' * (agent.running != 1)}"
    heard = agent.heard_ts and f", last heard of {rough(time.time() - agent.heard_ts)} ago"
    host = f" on {agent.host}" if agent.host else ""
    return (
        f"{agent.agent}{host} is {agent.state}{heard or ''}, with {attempts}. To call it lost is "
        "your word that all it ran has ended: what it has is given up now, and may run elsewhere. "
        "If it still runs, there are two copies until the agent hears of it."
    )


def _agreed() -> bool:
    print("Go on? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def given_up(facts: follow.Facts, tokens: set[str]) -> list[Row]:
    """A row for each attempt of these tokens, with what became of its task."""
    rows: list[Row] = []
    for fact in facts:
        if fact["type"] == "task.crashed" and fact["token"] in tokens:
            rows.append(
                {
                    "run": fact["run"],
                    "workflow": fact["workflow"],
                    "task": fact["task"],
                    "attempt": fact["n"],
                    "token": fact["token"],
                    "now": "held" if fact.get("held") else "queued again",
                }
            )
        elif fact["type"] == "task.ended":
            for row in rows:
                if (row["run"], row["task"]) == (fact["run"], fact["task"]):
                    row["now"] = fact["state"]
    return rows


def _show(args: cli.Args, answer: AgentStatus, rows: list[Row]) -> None:
    if args["--json"]:
        table.document({"agent": answer.agent, "lost": rows})
    elif args["--ndjson"]:
        table.lines(rows)
    elif rows:
        table.show(args, rows, COLUMNS)
    else:
        print(f"cdktr-ctl: nothing ran on {answer.agent.agent}", file=sys.stderr)
    for row in rows:
        if row["now"] == "held":
            where = f"{row['run']} {quote(row['task'])}"
            print(f"cdktr-ctl: held: cdktr-ctl continue {where}", file=sys.stderr)

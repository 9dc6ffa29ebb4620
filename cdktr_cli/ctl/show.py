"""cdktr-ctl show: one run, with a row for each task, and what became of each attempt when agents
were lost under it. What the principal has forgotten, the recorder still knows."""

from __future__ import annotations

from collections import Counter
from typing import Any

from cdktr_cli import story, table
from cdktr_cli.connection import Connection
from cdktr_cli.ctl.common import OPTIONS, progress, recorded, recorded_run, task_state, took
from cdktr_cli.happened import facts_of
from cdktr_cli.table import Column, Row
from cdktr_common import cli
from cdktr_common.catalogue.logd import HistoryList, HistoryPage
from cdktr_common.catalogue.principal import RunDetail, RunShow, TaskList, TaskPage
from cdktr_common.errors import OK, ProtocolError

usage = f"""\
cdktr-ctl show - one run: what it was given, how it stands, a row for each task

When agents were lost under it, or something was handed back, held or came too late: below the
table, the story of every attempt of such tasks. Times are UTC.

Examples:
  cdktr-ctl show last
  cdktr-ctl show k3f9 --json | jq '.tasks[] | select(.state == "FAILED")'
  cdktr-ctl show k3f9 --json | jq -r '.story[].text'

Usage:
  cdktr-ctl show [options] RUN

Options:
{OPTIONS}"""

TASK_COLUMNS = (
    Column("TASK", lambda row: row["task"]),
    Column("STATE", task_state),
    Column("ATTEMPT", lambda row: latest(row).get("n"), right=True),
    Column("AGENT", lambda row: latest(row).get("agent")),
    Column("START", lambda row: table.began(latest(row))),
    Column("DURATION", lambda row: took(latest(row)), right=True),
    Column("CODE", lambda row: row.get("code"), right=True),
    Column("REASON", lambda row: row.get("reason")),
)


def latest(row: Row) -> Row:
    """The last attempt of a task, or an empty row."""
    attempts = row.get("attempts") or []
    return attempts[-1] if attempts else {}


def main(args: cli.Args) -> int:
    """Run the command."""
    principal = Connection.of(args)
    try:
        shown = _remembered(principal, args["RUN"])
    except ProtocolError as fault:
        if fault.code != "not_found":
            raise
        shown = _recorded(principal, args["RUN"], fault)
    facts = facts_of(principal, shown["run"]) if story.interesting(shown["tasks"]) else []
    told = story.tell(shown["run"], shown["tasks"], facts)
    shown["story"] = [line._asdict() for line in told]
    if args["--json"]:
        table.document(shown)
    elif args["--ndjson"]:
        table.lines([shown])
    else:
        _print(shown)
        for words in story.render(told):
            print(table.harmless(words))
    return OK


def _remembered(principal: Connection, name: str) -> Row:
    detail = principal.ask(RunShow(run=name), RunDetail)
    shown: Row = {
        "run": table.plain(detail.run),
        "description": detail.plan.description,
        "payload": detail.payload,
        "key": detail.key,
        "tasks": [],
    }
    after: int | None = 0
    while after is not None:
        page = principal.ask(TaskList(run=detail.run.run, after=after), TaskPage)
        shown["tasks"] += table.plain(page.tasks)
        after = page.next
    return shown


def _recorded(principal: Connection, name: str, unknown: ProtocolError) -> Row:
    """From logd; raises `unknown` when it has no such run or does not answer either."""
    try:
        run = recorded_run(principal, name, unknown)
        which: dict[str, Any] = {"run": run["run"], "limit": 10_000}
        tasks = recorded(principal.ask_logd(HistoryList(table="tasks", **which), HistoryPage))
        attempts = recorded(principal.ask_logd(HistoryList(table="attempts", **which), HistoryPage))
    except ProtocolError:
        raise unknown from None
    for task in tasks:
        mine = [attempt for attempt in attempts if attempt["task"] == task["task"]]
        task["attempts"] = sorted(mine, key=lambda attempt: attempt["n"])
    tasks.reverse()
    return {"run": run, "tasks": tasks}


def _print(shown: Row) -> None:
    run = shown["run"]
    for heading, value in (
        ("run", run["run"]),
        ("workflow", run["workflow"]),
        ("about", shown.get("description")),
        ("state", run["state"]),
        ("event", run.get("event")),
        ("created", run.get("created")),
        ("duration", took(run)),
        ("tasks", progress(run)),
        ("code", run.get("code")),
        ("reason", run.get("reason")),
    ):
        if value not in (None, ""):
            print(f"{heading:<10}{table.paint(table.text(value))}")
    print()
    for line in table.render(shown["tasks"], TASK_COLUMNS, _total(run, shown["tasks"])):
        print(line)
    if shown.get("story"):
        print()


def _total(run: Row, tasks: list[Row]) -> list[Any]:
    attempts = [attempt for task in tasks for attempt in task.get("attempts") or []]
    agents = len({attempt["agent"] for attempt in attempts})
    states = Counter(task["state"] for task in tasks)
    return [
        "total",
        ", ".join(f"{count} {state}" for state, count in states.items()),
        len(attempts),
        f"{agents} agent{'s' * (agents != 1)}",
        run.get("started"),
        took(run),
        run.get("code"),
        "",
    ]

"""cdktr-ctl show: one run, with a row for each task, and what became of each attempt, or each call
of another run, when there was more than one. What the principal has forgotten, the recorder still
knows."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import Any

from cdktr_cli import called, history, outline, story, table
from cdktr_cli.connection import Connection
from cdktr_cli.ctl.common import OPTIONS, progress, run_state, source, took
from cdktr_cli.ctl.tasks import remembered
from cdktr_cli.happened import facts_of
from cdktr_cli.table import Column, Row
from cdktr_common import cli
from cdktr_common.catalogue.principal import RunDetail, RunShow
from cdktr_common.durations import spell
from cdktr_common.errors import OK, ProtocolError

usage = f"""\
cdktr-ctl show - one run: what it was given, how it stands, a row for each task

The copies of a group stand below it; of a long group those that matter, or all with --full. When
a task was tried again, its agent was lost, or it was handed back, held or came too late: below the
table, the story of every attempt of such tasks; of a call that was tried again, every run that was
called, and how it ended. Times are UTC.

Examples:
  cdktr-ctl show last
  cdktr-ctl show k3f9 --json | jq '.tasks[] | select(.state == "FAILED")'
  cdktr-ctl show k3f9 --json | jq -r '.story[].text'

Usage:
  cdktr-ctl show [options] RUN

Options:
  --full                  Every copy of every group, and outputs in full length.
{OPTIONS}"""

WORDS = 160
"""Characters of params and output in the heading."""


def columns(tasks: list[Row], full: bool) -> list[Column]:
    """Those of the table of tasks; that of outputs only when there are any."""
    now = time.time()
    gives = any(row.get("outputs") or row.get("result") for row in tasks)
    output = Column("OUTPUT", lambda row: outline.given(row, 10_000 if full else outline.CELL))
    return [
        Column("TASK", outline.name),
        Column("STATE", outline.state),
        Column("ATTEMPT", lambda row: latest(row).get("n"), right=True),
        Column("AGENT", lambda row: latest(row).get("agent")),
        Column("START", lambda row: table.began(_span(row))),
        Column("DURATION", lambda row: took(_span(row)), right=True),
        Column("CODE", lambda row: row.get("code"), right=True),
        *([output] if gives else []),
        Column("REASON", lambda row: outline.remark(row, now)),
    ]


def latest(row: Row) -> Row:
    """The last attempt of a task, or an empty row."""
    attempts = row.get("attempts") or []
    return attempts[-1] if attempts else {}


def _span(row: Row) -> Row:
    """What tells when a task began and ended: its last attempt, or itself when it has none."""
    return latest(row) or row


def main(args: cli.Args) -> int:
    """Run the command."""
    principal = Connection.of(args)
    try:
        shown = _remembered(principal, args["RUN"])
    except ProtocolError as fault:
        if fault.code != "not_found":
            raise
        shown = _recorded(principal, args["RUN"], fault)
    run, tasks = shown["run"], shown["tasks"]
    kinds: tuple[str, ...] = story.KINDS if story.interesting(tasks) else ()
    kinds += called.KINDS if called.has_called(tasks) else ()
    facts = facts_of(principal, run, kinds) if kinds else []
    told = story.tell(run, tasks, facts) + called.tell(run, tasks, facts)
    shown["story"] = [line._asdict() for line in told]
    if args["--json"]:
        table.document(shown)
    elif args["--ndjson"]:
        table.lines([shown])
    else:
        _print(shown, args["--full"])
        for words in story.render(told):
            print(table.harmless(words))
    return OK


def _remembered(principal: Connection, name: str) -> Row:
    detail = principal.ask(RunShow(run=name), RunDetail)
    tasks = remembered(principal, detail.run.run)
    outline.annotate(detail.plan.tasks, tasks)
    return {
        "run": table.plain(detail.run),
        "description": detail.plan.description,
        "payload": detail.payload,
        "key": detail.key,
        "params": detail.params,
        "output": detail.output,
        "tasks": tasks,
    }


def _recorded(principal: Connection, name: str, unknown: ProtocolError) -> Row:
    """From logd; raises `unknown` when it has no such run or does not answer either."""
    run = history.run_of(principal, name, unknown)
    tasks = history.tasks_of(principal, run["run"], unknown)
    shown: Row = {"run": run, "output": run.get("output"), "tasks": tasks}
    created = history.creation_of(principal, run["run"])
    if created is not None:
        outline.annotate(created.plan.tasks, tasks)
        shown |= {
            "description": created.plan.description,
            "payload": created.payload,
            "key": created.key,
            "params": created.params,
        }
    return shown


def _print(shown: Row, full: bool) -> None:
    run = shown["run"]
    for heading, value in (
        ("run", run["run"]),
        ("workflow", run["workflow"]),
        ("about", shown.get("description")),
        ("state", run_state(run)),
        ("event", source(run)),
        ("tick", _tick(run)),
        ("params", _value(shown.get("params") or None, full)),
        ("created", run.get("created")),
        ("duration", took(run)),
        ("tasks", progress(run)),
        ("code", run.get("code")),
        ("reason", run.get("reason")),
        ("output", _value(shown.get("output"), full)),
    ):
        if value not in (None, ""):
            print(f"{heading:<10}{table.paint(table.text(value))}")
    print()
    tasks = outline.arranged(shown["tasks"])
    rows = tasks if full else outline.folded(tasks)
    wanted = columns(tasks, full)
    for line in table.render(rows, wanted, _total(run, tasks, wanted)):
        print(line)
    if shown.get("story"):
        print()


def _tick(run: Row) -> str | None:
    tick = run.get("tick")
    if not tick:
        return None
    late = f" by {spell(tick['late_s'])}" if tick["late_s"] else ""
    return f"{tick['state']}{late}, due {tick['due']} by schedule {tick['schedule']}"


def _value(value: Any, full: bool) -> str | None:
    if value is None:
        return None
    words = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return words if full else outline.short(words, WORDS)


def _total(run: Row, tasks: list[Row], wanted: list[Column]) -> list[Any]:
    attempts = [attempt for task in tasks for attempt in task.get("attempts") or []]
    agents = len({attempt["agent"] for attempt in attempts if attempt["agent"]})
    cells = {
        "TASK": "total",
        "STATE": outline.counted(Counter(task["state"] for task in tasks)),
        "ATTEMPT": len(attempts),
        "AGENT": f"{agents} agent{'s' * (agents != 1)}",
        "START": run.get("started"),
        "DURATION": took(run),
        "CODE": run.get("code"),
    }
    return [cells.get(column.heading, "") for column in wanted]

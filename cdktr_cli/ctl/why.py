"""cdktr-ctl why: what keeps a run, or a task of it, from running. One line a cause."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import groupby
from typing import Final

from cdktr_cli import history, table
from cdktr_cli.connection import Connection
from cdktr_cli.ctl.common import OPTIONS, run_and_task
from cdktr_cli.table import Row
from cdktr_common import cli
from cdktr_common.catalogue.principal import RunExplained, RunStatus, RunWait, RunWhy
from cdktr_common.durations import rough
from cdktr_common.errors import OK, ProtocolError

EXITS: Final[dict[str, int]] = {
    "running": OK, "ended": OK, "waits_for": 10, "no_agent": 11, "no_label": 12, "no_slot": 13,
    "draining": 14, "silent": 15, "held": 16, "cancelling": 17, "bound": 18, "last_chance": 19,
    "disk_full": 20, "next": 21, "retry": 22, "queued": 23, "pool": 24, "group": 25,
    "concurrency": 26, "call": 27, "old_agent": 28,
}  # fmt: skip
"""The exit code of each cause."""

ALIKE: Final = 10
"""Tasks with the same kind of cause that are shown one by one in a terminal."""

OTHER: Final = 9
"""Of a cause that only a newer principal knows."""

usage = f"""\
cdktr-ctl why - why a run, or one task of it, is not running; one line a cause, the worst first

Examples:
  cdktr-ctl why last
  cdktr-ctl why k3f9/load
  cdktr-ctl why last --json | jq -r '.causes[].code' | sort | uniq -c

Usage:
  cdktr-ctl why [options] RUN [TASK]

Options:
{OPTIONS}
Exit codes, by the first cause: 0 it runs or has ended -
  10 waits_for    tasks it depends on      16 held         its agent was lost; yours to decide
  11 no_agent     none, or all too small   17 cancelling   is being ended
  12 no_label     none with its labels     18 bound        its run stays on one agent
  13 no_slot      all slots are taken      19 last_chance  not beside another such task
  14 draining     agents get nothing new   20 disk_full    of the principal
  15 silent       its agent is not heard   21 next         a moment more
  22 retry        waits for its next try   26 concurrency  of its group: others first
  23 queued       runs of its workflow     27 call         the run it has called goes on
  24 pool         others have all of it    28 old_agent    agents are too old for it
  25 group        its copies go on
  9 a cause that only a newer principal knows.
"""


def main(args: cli.Args) -> int:
    """Run the command."""
    run, task = run_and_task(args)
    principal = Connection.of(args)
    try:
        explained = principal.ask(RunWhy(run=run, task=task), RunExplained)
        shown = {"run": table.plain(explained.run), "causes": table.plain(explained.causes)}
    except ProtocolError as fault:
        if fault.code != "not_found" or (task is not None and _remembered(principal, run)):
            raise
        shown = _forgotten(principal, run, fault)
    causes: list[Row] = shown["causes"]
    if args["--json"]:
        table.document(shown)
    elif args["--ndjson"]:
        table.lines(causes)
    else:
        for words in lines(causes):
            print(words)
    return EXITS.get(causes[0]["code"], OTHER) if causes else OK


def lines(causes: list[Row]) -> Iterator[str]:
    """For people: of many tasks that have the same cause, the first few."""
    for code, group in groupby(causes, lambda cause: cause["code"]):
        alike = list(group)
        yield from map(line, alike[:ALIKE])
        if len(alike) > ALIKE:
            yield f"and at least {len(alike) - ALIKE} more tasks likewise ({code})"


def line(cause: Row) -> str:
    """A cause as a sentence, with how long it has been so."""
    words = f"{cause['task']} {cause['text']}".strip()
    if cause.get("since") and cause["code"] in ("running", "cancelling"):
        words += f", for {rough(table.span(cause['since'], None, time.time()))} so far"
    elif cause.get("since") and cause["code"] == "ended":
        words += f" ({table.when(cause['since'])})"
    return table.harmless(words)


def _remembered(principal: Connection, run: str) -> bool:
    """Does the principal know the run, so that it is the task which it does not know?"""
    try:
        principal.ask(RunWait(run=run, wait_s=0.0), RunStatus)
    except ProtocolError as fault:
        return fault.code != "not_found"
    return True


def _forgotten(principal: Connection, name: str, unknown: ProtocolError) -> Row:
    """A run that the principal has forgotten has ended; the recorder tells how."""
    run = history.run_of(principal, name, unknown)
    cause = {"code": "ended", "task": "", "text": f"the run has ended: {run['state']}"}
    return {"run": run, "causes": [{**cause, "since": run.get("ended")}]}

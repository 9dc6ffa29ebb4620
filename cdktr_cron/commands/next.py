"""cdktr-cron next: when schedules are due, and what a change of the clock has to do with it."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from cdktr_common import cli, times
from cdktr_common.calendar.schedule import Instant, jitter
from cdktr_common.errors import FAILED, OK
from cdktr_cron import changes, output, subjects
from cdktr_cron.output import Row
from cdktr_cron.subjects import Subject

usage = f"""\
cdktr-cron next - when workflows, or a schedule that you type, are due next

LOCAL is what the clock of the zone shows. At a change of the clock NOTE says what the rule did; it
also tells when a workflow is paused, and how much later a start with jitter is. An expression is a
cron line of five or six fields, @daily, '@every 90s', a date and time, or one of these after
CRON_TZ=ZONE; it needs no principal.

Examples:
  cdktr-cron next                         # the next ten starts of all workflows
  cdktr-cron next -n 3 nightly.etl
  cdktr-cron next '30 2 * * *' --timezone Europe/Berlin --from 2026-03-28
  cdktr-cron next --explain '*/20 2 * * mon-fri' --timezone America/New_York
  cdktr-cron next --all --ndjson | jq -r 'select(.paused) | .workflow'

Usage:
  cdktr-cron next [options] [WHAT | --all]

WHAT is a workflow or an expression. Exit codes: 0 done - 1 nothing is due any more - 2 usage -
3 no such workflow - 4 not a schedule - 69 principal unreachable.

Options:
  -n COUNT                So many instants [default: 10].
  --all                   Of all workflows, as without WHAT.
  --timezone ZONE         The zone of an expression; default UTC.
  --from TIME             After this time instead of now: 2026-03-28 or 2026-03-28T01:00:00, on the
                          clock of the schedule's zone unless it has Z or an offset.
  --explain               Say how each schedule is read, by which rule it is due, and what the next
                          change of the clock does to it.
{output.OPTIONS}"""

COLUMNS = ("workflow", "local", "offset", "utc", "schedule", "note")


def main(args: cli.Args) -> int:
    """Run the command."""
    count = subjects.number(args, "-n", 1, 100_000)
    asked = subjects.named(args, args["WHAT"])
    found = [_from(args, subject) for subject in asked]
    merged = heapq.merge(*map(starting, asked, found), key=lambda start: start.instant.ts)
    rows = (row(start) for start in islice(merged, count))
    if args["--json"] or args["--ndjson"]:
        return OK if output.show(args, map(public, rows), ()) else FAILED
    shown = list(rows)
    one = len(asked) == 1
    for line in output.table(shown, [name for name in COLUMNS if name != "schedule" or not one]):
        print(line)
    if args["--explain"]:
        explain(asked, found)
    if not shown:
        print("nothing is due" if asked else "no schedules")
    return OK if shown else FAILED


def _from(args: cli.Args, subject: Subject) -> float:
    ts = subjects.instant(args["--from"], subject.calendar.zone)
    return ts if args["--from"] is None else math.nextafter(ts, -math.inf)


def following(subject: Subject, ts: float) -> Iterator[tuple[Subject, Instant]]:
    """The instants of a schedule after a time."""
    found = subject.calendar.after(ts)
    while found is not None:
        yield subject, found
        found = subject.calendar.after(found.ts)


class Start(NamedTuple):
    """An instant, and by how much later its run starts."""

    subject: Subject
    instant: Instant
    delay: float


def starting(subject: Subject, ts: float) -> Iterator[Start]:
    """The starts of a schedule after a time. With jitter none comes before that of the instant
    before it: cdktr-cron tells of instants in order."""
    first = subject.calendar.after(ts)
    before = subject.calendar.before(first.ts) if first is not None else None
    latest = before.ts + _jitter(subject, before) if before is not None else 0.0
    for _, instant in following(subject, ts):
        latest = max(latest, instant.ts + _jitter(subject, instant))
        yield Start(subject, instant, max(0.0, latest - instant.ts))


def _jitter(subject: Subject, instant: Instant) -> float:
    if not subject.workflow:
        return 0.0  # it depends on whose schedule it is
    return jitter(subject.workflow, subject.schedule, instant.ts, subject.spec.jitter_s)


def row(start: Start) -> Row:
    """An instant with all that is told of it."""
    subject, instant, delay = start
    notes = [instant.note] if instant.note else []
    if subject.paused or subject.spec.paused:
        notes.append("paused, starts nothing")
    if delay:
        notes.append(f"starts {delay:.1f} s later (jitter)")
    return {
        "workflow": subject.workflow,
        "local": output.local(instant.wall),
        "offset": output.offset(instant.wall),
        "utc": times.rfc3339(instant.ts),
        "schedule": subject.words,
        "note": "; ".join(notes),
        "id": subject.schedule,
        "wall": instant.wall.isoformat(),
        "zone": subject.calendar.zone.name,
        "coalesced": instant.coalesced,
        "change": instant.note,
        "paused": subject.paused or subject.spec.paused,
        "starts": times.rfc3339(instant.ts + delay),
    }


def public(row: Row) -> Row:
    """A row as JSON has it."""
    return {
        "workflow": row["workflow"] or None,
        "schedule": row["id"],
        "when": row["schedule"],
        "due": row["utc"],
        "local": row["wall"],
        "zone": row["zone"],
        "starts": row["starts"],
        "paused": row["paused"],
        "coalesced": row["coalesced"],
        "note": row["change"] or None,
    }


def explain(asked: list[Subject], found: list[float]) -> None:
    """How each schedule is read."""
    for subject, ts in zip(asked, found, strict=True):
        name = f"{subject.workflow}: " if subject.workflow else ""
        print()
        print(output.harmless(f"{name}{subject.words}"))
        for line in changes.explained(subject.calendar, ts):
            print(f"  {line}")

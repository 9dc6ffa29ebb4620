"""cdktr-cron lint: schedules that mean something else at the next change of their clock."""

from __future__ import annotations

from cdktr_common import cli, times
from cdktr_common.calendar.schedule import moved
from cdktr_common.errors import FAILED, OK
from cdktr_cron import changes, output, subjects
from cdktr_cron.changes import Effect
from cdktr_cron.output import Row
from cdktr_cron.subjects import Subject

usage = f"""\
cdktr-cron lint - schedules whose instants the next change of their clock moves, joins or leaves out

A schedule is listed when its zone's next change of the clock skips readings of it, or shows them
twice. A schedule in which every hour counts, one of equal distances and one in UTC are never
listed. Each is due as `cdktr-cron next --explain` says: nothing is wrong, but somebody should know.

Examples:
  cdktr-cron lint --dst --all
  cdktr-cron lint --dst nightly.etl || mail -s 'look at the clock' me
  cdktr-cron lint --dst '30 2 * * *' --timezone Europe/Berlin --from 2026-03-01

Usage:
  cdktr-cron lint [options] [WHAT | --all]

WHAT is a workflow or an expression. Exit codes: 0 none changes its meaning - 1 these do - 2 usage -
3 no such workflow - 4 not a schedule - 69 principal unreachable.

Options:
  --dst                   Look at changes of the clock; there is nothing else to look at yet.
  --all                   All workflows, as without WHAT.
  --timezone ZONE         The zone of an expression; default UTC.
  --from TIME             The next change after this time instead of now: 2026-03-28, or
                          2026-03-28T01:00:00 on the clock of the schedule's zone.
{output.OPTIONS}"""

COLUMNS = ("workflow", "schedule", "change", "what")


def main(args: cli.Args) -> int:
    """Run the command."""
    asked = subjects.named(args, args["WHAT"])
    found = [
        row(subject, effect)
        for subject in asked
        if (effect := _coming(args, subject)) is not None and effect.words
    ]
    output.show(args, found, COLUMNS)
    if not found and not args["--json"] and not args["--ndjson"]:
        print(f"{output.counted(len(asked), 'schedule')}, none changes its meaning")
    return FAILED if found else OK


def _coming(args: cli.Args, subject: Subject) -> Effect | None:
    ts = subjects.instant(args["--from"], subject.calendar.zone)
    return changes.coming(subject.calendar, ts)


def row(subject: Subject, effect: Effect) -> Row:
    """A schedule and what happens to it."""
    return {
        "workflow": subject.workflow or None,
        "id": subject.schedule,
        "schedule": subject.words,
        "zone": subject.calendar.zone.name,
        "change": times.rfc3339(effect.change.ts),
        "clock": moved(effect.change),
        "what": effect.words,
    }

"""cdktr-cron range: the instants of a span of time, each a line that starts the run for it."""

from __future__ import annotations

import heapq
import math
import time

from cdktr_common import cli, times
from cdktr_common.calendar.schedule import Instant
from cdktr_common.errors import FAILED, NOT_FOUND, OK, USAGE
from cdktr_cron import output, subjects
from cdktr_cron.commands.next import following
from cdktr_cron.output import Row
from cdktr_cron.subjects import PROGRAM, Subject

usage = f"""\
cdktr-cron range - the instants from one time to another, as lines for `cdktr-trigger --stdin`

What is printed and not piped on is the dry run. A line has the workflow, the params of the schedule
and the instant, which the tasks get as CDKTR_SCHEDULED_TIME; `local`, the time on the clock of the
schedule's zone, is for you and grep. Its key names the instant, so that the same line starts the
same run once. Times are on the clock of the schedule's zone unless they have Z or an offset; both
ends are included, and a date alone is that whole day. What is still to come is left out: it will be
started when it is due.

Examples:
  cdktr-cron range --from 2026-01-01 --to 2026-01-31 etl
  cdktr-cron range --from 2026-01-01 --to 2026-01-31 etl | grep -v 2026-01-06 |
    cdktr-trigger --stdin -j 4
  cdktr-cron range --from 2026-01-01 --workflow etl '@daily' | head -3

Usage:
  cdktr-cron range [options] --from TIME WHAT

WHAT is a workflow, or an expression with --workflow. Exit codes: 0 done - 1 nothing is due then -
2 usage - 3 no such workflow or schedule - 4 not a schedule - 69 principal unreachable.

Options:
  --from TIME             The beginning: 2026-01-01 or 2026-01-01T06:00:00.
  --to TIME               The end; default now, which it is at the latest.
  --schedule ID           Only of this schedule of the workflow.
  --workflow WORKFLOW     The workflow to be run, when WHAT is an expression.
  --timezone ZONE         The zone of an expression; default UTC.
{cli.OPTIONS}"""


def main(args: cli.Args) -> int:
    """Run the command."""
    asked = _asked(args)
    spans = [_span(args, subject) for subject in asked]
    streams = [
        following(subject, math.nextafter(low, -math.inf))
        for subject, (low, _) in zip(asked, spans, strict=True)
    ]
    ends = {id(subject): high for subject, (_, high) in zip(asked, spans, strict=True)}
    printed = 0
    for subject, instant in heapq.merge(*streams, key=lambda pair: pair[1].ts):
        if instant.ts <= ends[id(subject)]:
            printed += output.print_line(line(subject, instant))
        elif instant.ts > max(ends.values()):
            break
    return OK if printed else FAILED


def _asked(args: cli.Args) -> list[Subject]:
    found = subjects.named(args, args["WHAT"])
    if not all(subject.workflow for subject in found):
        if args["--workflow"] is None:
            cli.fail(PROGRAM, "which workflow is to be run? give it with --workflow", USAGE)
        found = [subject._replace(workflow=args["--workflow"]) for subject in found]
    elif args["--workflow"] is not None:
        cli.fail(PROGRAM, "--workflow goes with an expression", USAGE)
    wanted = args["--schedule"]
    chosen = [one for one in found if wanted is None or one.schedule.startswith(wanted)]
    if not chosen:
        known = ", ".join(one.schedule for one in found)
        what = f"no schedule {wanted} (there are {known})" if known else "no schedules"
        cli.fail(PROGRAM, f"'{args['WHAT']}' has {what}", NOT_FOUND)
    return chosen


def _span(args: cli.Args, subject: Subject) -> tuple[float, float]:
    zone = subject.calendar.zone
    low = subjects.instant(args["--from"], zone)
    high = subjects.instant(args["--to"], zone, end=True)
    if args["--to"] is not None and high < low:
        cli.fail(PROGRAM, "--to is before --from", USAGE)
    return low, min(high, time.time())


def line(subject: Subject, instant: Instant) -> Row:
    """What `cdktr-trigger --stdin` needs, and what people look at."""
    earlier = subject.calendar.before(instant.ts)
    tick = {
        "schedule": subject.schedule,
        "due_ts": instant.ts,
        "previous_ts": None if earlier is None else earlier.ts,
        "state": "backfill",
    }
    return {
        "workflow": subject.workflow,
        "key": f"backfill/{subject.workflow}/{subject.schedule}/{times.compact(instant.ts)}",
        "tick": tick,
        "params": subject.spec.params,
        # The one date in the line that grep can meet: that of the schedule's own clock.
        "local": instant.wall.isoformat(),
    }

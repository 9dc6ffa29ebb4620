"""cdktr-cron audit: has every instant been accounted for, exactly once?"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from cdktr_common import cli, durations
from cdktr_common.calendar.schedule import calendar
from cdktr_common.catalogue.values import ScheduleRow
from cdktr_common.errors import FAILED, NOT_FOUND, OK, USAGE
from cdktr_common.times import rfc3339
from cdktr_cron.accounts import STATES, Accounts, Verdict
from cdktr_cron.past import PROGRAM, Past

usage = f"""\
cdktr-cron audit - has every instant of every schedule been accounted for, exactly once?

Examples:
  cdktr-cron audit --last 30d
  cdktr-cron audit etl --last 12h
  cdktr-cron audit --json | jq .counts

Usage:
  cdktr-cron audit [options] [WORKFLOW]

Options:
  --last TIME             How far back [default: 30d].
  --grace TIME            Younger instants may not be told yet [default: 30s].
  -n N                    Print at most so many of those that are wrong [default: 20].
  --json                  One JSON document.
{cli.OPTIONS}
It reads what was recorded, from the principal and from logd what the principal no longer has, and
counts the instants anew, by the calendar. Each is fired, late, coalesced, skipped, suppressed or
missed; one that is recorded as missed, for a reason, is accounted for. Exit codes: 0 all are -
1 some are not, or are twice - 2 usage - 3 no such workflow - 69 principal unreachable.
"""


AHEAD_S = 60.0
"""Instants may be told of a little early: a schedule that is further ahead is worth a word."""


def main(args: cli.Args) -> int:
    """Judge and tell."""
    last_s, grace_s = _seconds(args, "--last"), _seconds(args, "--grace")
    if not args["-n"].isdigit():
        cli.fail(PROGRAM, f"-n is a number, not '{args['-n']}'", USAGE)
    past = Past(*cli.client_endpoint(args))
    since = time.time() - last_s
    rows, facts = past.rows(), past.facts(since)
    now = time.time()
    if past.missing and facts:
        since = max(since, facts[0].ts)
    accounts = Accounts()
    accounts.begin(rows, facts[0].ts if past.dropped and facts else 0.0)
    for fact in facts:
        accounts.take(fact)
    name = args["WORKFLOW"]
    if name is not None and name not in accounts.workflows():
        near = cli.near(name, sorted(accounts.workflows()))
        cli.fail(PROGRAM, f"no schedules of a workflow '{name}'{near}", NOT_FOUND)
    verdict = accounts.verdict(calendar, since, now, grace_s, int(args["-n"]), name)
    if args["--json"]:
        print(json.dumps(_document(verdict, since, now), indent=2))
    else:
        _print(verdict, since, now)
    _warn_ahead([row for row in rows if name in (None, row.workflow)], now)
    if past.missing:
        left = f"facts before {past.dropped + 1} are gone, and logd does not have them"
        print(f"{PROGRAM}: {left}: audited from {rfc3339(round(since))} on", file=sys.stderr)
    return FAILED if verdict.wrong_total else OK


def _warn_ahead(rows: list[ScheduleRow], now: float) -> None:
    """Schedules of which nothing fires for a while, since they were told of by a clock ahead."""
    for row in rows:
        if row.until_ts is None and row.ticked_ts > now + AHEAD_S:
            told = f"{row.workflow} {row.schedule} is accounted for up to {rfc3339(row.ticked_ts)}"
            print(
                f"{PROGRAM}: {told}: a clock was ahead; nothing fires until then", file=sys.stderr
            )


def _seconds(args: cli.Args, option: str) -> float:
    try:
        return durations.seconds(args[option])
    except ValueError as fault:
        cli.fail(PROGRAM, f"{option}: {fault}", USAGE)


def _document(verdict: Verdict, since: float, now: float) -> dict[str, Any]:
    return {
        "from": rfc3339(round(since, 3)),
        "to": rfc3339(round(now, 3)),
        "schedules": verdict.schedules,
        "counts": {state: verdict.counts[state] for state in STATES},
        "not_told_yet": verdict.untold,
        "wrong": [
            {"workflow": one.workflow, "schedule": one.schedule, "due": rfc3339(one.due_ts),
             "what": one.what}
            for one in verdict.wrong
        ],
        "wrong_total": verdict.wrong_total,
    }  # fmt: skip


def _print(verdict: Verdict, since: float, now: float) -> None:
    some = f"{verdict.schedules} schedule{'s' if verdict.schedules != 1 else ''}"
    print(f"{some} from {rfc3339(round(since))} to {rfc3339(round(now))}")
    for state in STATES:
        print(f"  {state:<12} {verdict.counts[state]:>9,}")
    if verdict.untold:
        print(f"  {'not told yet':<12} {verdict.untold:>9,}")
    for one in verdict.wrong:
        print(f"{one.workflow} {one.schedule} {rfc3339(one.due_ts)}: {one.what}")
    more = verdict.wrong_total - len(verdict.wrong)
    if more:
        print(f"… and {more:,} more")
    if verdict.wrong_total:
        print(f"not accounted for exactly once: {verdict.wrong_total:,}")
    else:
        print("every instant is accounted for, once")

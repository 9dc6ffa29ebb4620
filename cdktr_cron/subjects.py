"""What a command is asked about: an expression, a workflow or all of them, as schedules with their
calendars. The principal is only asked for what it alone knows. What a command needs to read of its
arguments besides is here, too.
"""

from __future__ import annotations

import re
import time
import zoneinfo
from collections.abc import Iterator
from typing import Final, NamedTuple

from cdktr_common import cli, schedules
from cdktr_common.calendar.schedule import Calendar, Invalid, calendar, moment
from cdktr_common.calendar.zones import Zone
from cdktr_common.catalogue.plan import Schedule
from cdktr_common.catalogue.principal import ScheduleList, SchedulePage
from cdktr_common.catalogue.values import ScheduleRow
from cdktr_common.client import Client
from cdktr_common.errors import INVALID, USAGE
from cdktr_cron import expression

PROGRAM: Final = "cdktr-cron"
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Subject(NamedTuple):
    """A schedule to speak of; `workflow` is empty for an expression."""

    workflow: str
    schedule: str
    spec: Schedule
    calendar: Calendar
    paused: bool = False

    @property
    def words(self) -> str:
        """The schedule in a few words."""
        return schedules.shown(self.spec)


def named(args: cli.Args, what: str | None) -> list[Subject]:
    """The schedules of an expression, a workflow or, without a name, of all. Ends the program when
    it is none."""
    timezone = args.get("--timezone")
    for given, which in ((what, "WHAT"), (timezone, "--timezone")):
        if given is not None and not given.strip():
            cli.fail(PROGRAM, f"{which} is empty", USAGE)
    timezone = timezone or ""
    if what is not None and _DATE.match(what) and not expression.is_expression(what):
        cli.fail(
            PROGRAM, f"'{what}' is not a time; write {what[:10]}T22:30:00, with Z or not", USAGE
        )
    if what is not None and expression.is_expression(what):
        return [typed(what, timezone)]
    if timezone:
        cli.fail(PROGRAM, "--timezone goes with an expression; a workflow has its own", USAGE)
    return [subject(row.workflow, row.spec, paused=row.paused) for row in rows(args, what)]


def typed(text: str, timezone: str = "") -> Subject:
    """The schedule that an expression stands for. Ends the program when it is none."""
    if timezone and (told := schedules.timezone_problem(timezone)):
        known = sorted(
            zone for zone in zoneinfo.available_timezones() if not schedules.timezone_problem(zone)
        )
        cli.fail(PROGRAM, told + cli.near(timezone, known), INVALID)
    try:
        return subject("", expression.schedule(text, timezone))
    except Invalid as fault:
        cli.fail(PROGRAM, f"'{text}': {fault}", INVALID)


def subject(workflow: str, spec: Schedule, *, paused: bool = False) -> Subject:
    """A schedule of a workflow. Raises Invalid."""
    return Subject(workflow, schedules.schedule_id(spec), spec, calendar(spec), paused)


def rows(args: cli.Args, workflow: str | None) -> Iterator[ScheduleRow]:
    """The schedules in force. Raises ProtocolError, also when there is no such workflow."""
    settings, endpoint = cli.client_endpoint(args)
    with Client(endpoint, settings.default_zmq_timeout_ms / 1000) as client:
        after: str | None = ""
        while after is not None:
            page = client.ask(ScheduleList(workflow=workflow, after=after), SchedulePage)
            yield from (row for row in page.schedules if row.until_ts is None)
            after = page.next


def instant(text: str | None, zone: Zone, *, end: bool = False) -> float:
    """A time given with an option, of a zone's clock when it has no offset: now when there is none;
    a date alone is the beginning of its day, or its `end`. Ends the program when it is no time."""
    if text is None:
        return time.time()
    try:
        if _DATE.fullmatch(text):
            return moment(f"{text}T23:59:59" if end else f"{text}T00:00:00", zone).ts
        return moment(text, zone).ts
    except ValueError as fault:
        hint = "write 2026-01-31, or 2026-01-31T22:30:00 with Z or not"
        told = str(fault) if " from " in str(fault) else f"'{text}' is not a time; {hint}"
        cli.fail(PROGRAM, told, USAGE)


def number(args: cli.Args, option: str, least: int, most: int) -> int:
    """The whole number given with an option; anything else ends the program."""
    words = str(args[option])
    if not words.isascii() or not words.isdigit() or not least <= int(words) <= most:
        wanted = f"a whole number from {least} to {most}"
        cli.fail(PROGRAM, f"{option} takes {wanted}, not {words[:40]}", USAGE)
    return int(words)

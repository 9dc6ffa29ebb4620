"""A schedule as somebody types it behind a command: a line as in a workflow file, with or without
`CRON_TZ=ZONE` before it, or a date and time. Pure.
"""

from __future__ import annotations

from cdktr_common import schedules
from cdktr_common.calendar.schedule import Invalid
from cdktr_common.catalogue.plan import Schedule


def is_expression(text: str) -> bool:
    """Whether this is meant as a schedule: no workflow and no file is called so."""
    return len(text.split()) > 1 or text.startswith("@") or _is_moment(text)


def schedule(text: str, timezone: str = "") -> Schedule:
    """The schedule that a text stands for. Raises Invalid."""
    zone, rest = schedules.zoned(text)
    if zone == "":
        raise Invalid("CRON_TZ= names no zone")
    if zone is not None and timezone and timezone != zone:
        raise Invalid(f"the line says {zone}, and --timezone {timezone}")
    zone = timezone if zone is None else zone
    zone = "" if zone == "UTC" else zone
    try:
        if _is_moment(rest):
            at = schedules.moment_text(schedules.moment(rest))
            return checked(Schedule(at=at, timezone=zone))
        spec = schedules.line(rest)
    except ValueError as fault:
        raise Invalid(str(fault)) from None
    return checked(Schedule(cron=spec.cron, every_s=spec.every_s, timezone=zone))


def checked(spec: Schedule) -> Schedule:
    """The same, when it can be kept. Raises Invalid."""
    problem = schedules.problem(spec)
    if problem is not None:
        raise Invalid(problem)
    return spec


def _is_moment(text: str) -> bool:
    try:
        schedules.moment(text)
    except ValueError:
        return False
    return True

"""What a schedule may say and what tells those of a workflow apart, for those who must agree on it.

A schedule is known by when its instants are and by nothing else: with other params or another
catch-up it goes on where it was, with another time it is another one. Knows no calendar and no
clock.
"""

from __future__ import annotations

import hashlib
import re
import zoneinfo
from datetime import UTC, datetime
from typing import Final

from cdktr_common import cronline
from cdktr_common.catalogue.plan import Plan, Schedule
from cdktr_common.durations import exact, strict

MAX_SCHEDULES: Final = 100
"""Schedules that a workflow may have."""

MIN_EVERY_S: Final = 1.0
MAX_EVERY_S: Final = 366 * 86400.0
MAX_JITTER_S: Final = 86400.0
MAX_CATCHUP: Final = 1000
YEARS: Final = (1970, 2999)

MOMENT_HINT: Final = "write 2026-01-31T22:30:00, with Z or +01:00 behind it or in the timezone"

_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]"
    r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?"
    r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})?"
)
_ZONE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,40}(?:/[A-Za-z0-9_+-]{1,40}){0,2}")
_ZONED: Final = re.compile(r"(?:CRON_TZ|TZ)=(\S*)\s+(.*)", re.DOTALL)
_EVERY: Final = re.compile(r"@every\s+(\S+)", re.IGNORECASE)
_NO_ZONES: Final = ("localtime", "posixrules", "Factory", "posix/", "right/")


def of(plan: Plan) -> list[Schedule]:
    """All schedules of a workflow, also of a plan of before 0.3."""
    if plan.schedules or not plan.cron:
        return plan.schedules
    return [Schedule(cron=plan.cron, timezone=plan.timezone)]


def schedule_id(schedule: Schedule) -> str:
    """Its name within its workflow: eight hexadecimal digits that follow from its instants."""
    every = "" if schedule.every_s is None else f"{schedule.every_s:.12g}"
    cron = " ".join(schedule.cron.split())
    words = (cron, every, schedule.at, schedule.timezone, schedule.start, schedule.end)
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:8]


def moment(text: str) -> datetime:
    """A date and time, with its offset as RFC 3339 has it or, naive, of the clock on the wall.
    Raises ValueError."""
    if _MOMENT.fullmatch(text):
        try:
            found = datetime.fromisoformat(text.upper())
        except ValueError:
            found = None
        if found is not None and YEARS[0] <= found.year <= YEARS[1]:
            return found
        if found is not None:
            raise ValueError(f"'{text}' is not a time from {YEARS[0]} to {YEARS[1]}")
    raise ValueError(f"'{text[:40]}' is not a date and time")


def moment_text(found: datetime) -> str:
    """The one way in which a moment is kept: what has an offset is said in UTC."""
    if found.tzinfo is None:
        return found.isoformat()
    return found.astimezone(UTC).isoformat().replace("+00:00", "Z")


def zoned(text: str) -> tuple[str | None, str]:
    """The zone that stands before a line, `CRON_TZ=ZONE` or `TZ=ZONE`, if any, and the line."""
    found = _ZONED.fullmatch(text.strip())
    return (found[1], found[2].strip()) if found else (None, text.strip())


def line(text: str) -> Schedule:
    """What a line means that somebody typed: a cron line, `@daily` and such, `@every 90s`. Raises
    ValueError."""
    if every := _EVERY.fullmatch(text.strip()):
        length = strict(every[1].lower())
        if length is None or not MIN_EVERY_S <= length <= MAX_EVERY_S:
            raise ValueError("@every is at least 1s and at most 366d, as in @every 90s")
        return Schedule(every_s=length)
    cronline.parse(text)
    return Schedule(cron=cronline.WORDS.get(text.strip().lower()) or " ".join(text.split()))


def timezone_problem(text: str) -> str | None:
    """What is wrong with the name of a time zone. One that is another on each machine, or counts
    leap seconds, is none."""
    if _ZONE.fullmatch(text) and not text.startswith(_NO_ZONES):
        try:
            zoneinfo.ZoneInfo(text)
            return None
        except (zoneinfo.ZoneInfoNotFoundError, OSError, ValueError):
            pass
    return f"'{text[:60]}' is not a time zone"


def problem(schedule: Schedule) -> str | None:
    """What is wrong with a schedule; None means that its instants can be told."""
    if bool(schedule.cron) + (schedule.every_s is not None) + bool(schedule.at) != 1:
        return "a schedule has exactly one of cron, every and at"
    try:
        if schedule.cron:
            cronline.parse(schedule.cron)
        at = [moment(text) for text in (schedule.start, schedule.end, schedule.at) if text]
    except ValueError as fault:
        return str(fault)
    if schedule.timezone and (told := timezone_problem(schedule.timezone)):
        return told
    if schedule.at and len(at) > 1:
        return "start and end mean nothing with at"
    if len(at) == 2 and (at[0].tzinfo is None) == (at[1].tzinfo is None) and at[1] <= at[0]:
        return f"it ends ({schedule.end}) before it starts ({schedule.start})"
    return _numbers_problem(schedule)


def _numbers_problem(schedule: Schedule) -> str | None:
    if schedule.every_s is not None and not MIN_EVERY_S <= schedule.every_s <= MAX_EVERY_S:
        return "every is at least 1s and at most 366d"
    if not 0 <= schedule.jitter_s <= MAX_JITTER_S:
        return "jitter is at most 1d"
    if not 1 <= schedule.catchup_limit <= MAX_CATCHUP:
        return f"catchup_limit is 1 to {MAX_CATCHUP}"
    return None


def same_instants(schedule: Schedule) -> tuple[object, ...]:
    """Equal for two schedules whose instants are, however they are written."""
    line = cronline.parse(schedule.cron)[:-1] if schedule.cron else ()
    zone = schedule.timezone or "UTC"
    return line, schedule.every_s, schedule.at, zone, schedule.start, schedule.end


def shown(schedule: Schedule) -> str:
    """A schedule in a few words, for a list."""
    when = f"at {schedule.at}" if schedule.at else schedule.cron
    if schedule.every_s is not None:
        length = exact(schedule.every_s)
        when = f"every {length}{'' if isinstance(length, str) else 's'}"
    bounds = [
        f"{word} {text}" for word, text in (("from", schedule.start), ("to", schedule.end)) if text
    ]
    paused = ["(paused)"] if schedule.paused else []
    return " ".join([when, *([schedule.timezone] if schedule.timezone else []), *bounds, *paused])


def summary(plan: Plan) -> str:
    """The schedules of a workflow for a list: empty when it has none."""
    listed = of(plan)
    more = [f"{len(listed) - 3} more"] if len(listed) > 4 else []
    return "; ".join([*map(shown, listed[: 3 if more else 4]), *more])

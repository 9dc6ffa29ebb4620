"""A schedule as somebody types it: a cron line, `@daily`, `@every 90s`, `CRON_TZ=ZONE …`, or a date
and time. Pure. The loader of workflow files reads the same (a test holds the two together).
"""

from __future__ import annotations

import re
from typing import Final

from cdktr_common import cronline, schedules
from cdktr_common.catalogue.plan import Schedule
from cdktr_cron.schedule import Invalid

_ZONED: Final = re.compile(r"(?:CRON_TZ|TZ)=(\S*)\s+(.*)", re.DOTALL)
_EVERY: Final = re.compile(r"@every\s+(\S+)", re.IGNORECASE)
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def is_expression(text: str) -> bool:
    """Whether this is meant as a schedule: no workflow and no file is called so."""
    return len(text.split()) > 1 or text.startswith("@") or _is_moment(text)


def schedule(text: str, timezone: str = "") -> Schedule:
    """The schedule that a text stands for. Raises Invalid."""
    text = text.strip()
    if zoned := _ZONED.fullmatch(text):
        if timezone and timezone != zoned[1]:
            raise Invalid(f"the line says {zoned[1]}, and --timezone {timezone}")
        timezone, text = zoned.groups()
    spec = _spec(text, "" if timezone == "UTC" else timezone)
    problem = schedules.problem(spec)
    if problem is not None:
        raise Invalid(problem)
    return spec


def _spec(text: str, timezone: str) -> Schedule:
    if every := _EVERY.fullmatch(text):
        return Schedule(every_s=seconds(every[1]), timezone=timezone)
    if _is_moment(text):
        return Schedule(at=schedules.moment_text(schedules.moment(text)), timezone=timezone)
    line = cronline.WORDS.get(text.lower()) or " ".join(text.split())
    return Schedule(cron=line, timezone=timezone)


def seconds(text: str) -> float:
    """`90`, `90s`, `1h30m`, each unit once. Raises Invalid."""
    text = text.lower()
    parts = _PART.findall(text) if len(text) <= 60 else []
    units = {unit for _, unit in parts}
    if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,12})?", text):
        return float(text)
    if not parts or "".join(f"{n}{unit}" for n, unit in parts) != text or len(units) < len(parts):
        raise Invalid(f"'{text[:40]}' is no length of time; write 90s, 10m or 1h30m")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def _is_moment(text: str) -> bool:
    try:
        schedules.moment(text)
    except ValueError:
        return False
    return True

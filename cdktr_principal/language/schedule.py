"""Whether a schedule of a workflow file can mean anything: the check made when it is loaded.

It says what is wrong and fires nothing; `None` means fine. Five fields are minutes first, six are
seconds first. Pure, croniter is imported when the first cron line is checked.
"""

from __future__ import annotations

import re
import zoneinfo
from datetime import datetime
from typing import Final

MAX_CRON: Final = 200
"""Characters a cron line may have."""

_SOME_DAY: Final = datetime(2024, 1, 1)
"""Where the search for a first firing starts: any fixed day does, so that the answer is too."""

_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?")
_HASHED = re.compile(r"(?<![A-Za-z])[HRhr](?![A-Za-z])")


def cron_problem(text: str) -> str | None:
    """What is wrong with a cron line."""
    fields = text.split()
    if len(text) > MAX_CRON:
        return f"a cron line has at most {MAX_CRON} characters"
    if len(fields) not in (5, 6):
        return f"a cron line has 5 fields, or 6 with seconds first; here are {len(fields)}"
    if _HASHED.search(text):
        return "H and R are not supported: CDKTR does not pick times at random"
    from croniter import CroniterBadDateError, CroniterError, croniter

    try:
        croniter(text, _SOME_DAY, second_at_beginning=True).get_next(datetime)
    except CroniterBadDateError:
        return f"'{text}' never comes"
    except (CroniterError, ValueError, KeyError) as fault:
        return f"not a cron line: {fault}"
    return None


def start_time_problem(text: str) -> str | None:
    """What is wrong with a time of day or date and time."""
    if _TIME.fullmatch(text):
        return None
    try:
        if len(text) > 10 and text[10] in "T ":
            datetime.fromisoformat(text)
            return None
    except ValueError:
        pass
    return f"'{text[:40]}' is neither HH:MM, HH:MM:SS nor a date and time like 2026-01-31T22:30:00Z"


_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def duration(text: str) -> float | None:
    """Seconds that `90s`, `5m`, `1h30m`, `500ms` or a plain number stand for; None for anything
    else. The order of units is free, each may come once."""
    if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,12})?", text):
        return float(text)
    parts = _PART.findall(text) if len(text) <= 60 else []
    units = [unit for _, unit in parts]
    if not parts or "".join(f"{n}{unit}" for n, unit in parts) != text:
        return None
    if len(set(units)) != len(units):
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,40}(?:/[A-Za-z0-9_+-]{1,40}){0,2}")


def timezone_problem(text: str) -> str | None:
    """What is wrong with the name of a time zone."""
    if _ZONE.fullmatch(text):
        try:
            zoneinfo.ZoneInfo(text)
            return None
        except (zoneinfo.ZoneInfoNotFoundError, OSError, ValueError):
            pass
    return f"'{text[:60]}' is not a time zone"

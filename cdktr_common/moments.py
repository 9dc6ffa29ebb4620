"""Points in time as people write them: `2026-01-31T22:30:00Z`, `2026-01-31 22:30`, `22:30`.

What names no zone is a time of this machine's clocks on the wall. A time of day is the next one to
come, or the last one that was. A local time that does not exist is the first instant after it,
one that exists twice the first of the two: as everywhere here. Knows nothing of what is to happen.
"""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta
from typing import Final

_CLOCK: Final = re.compile(
    r"(?:(today|tomorrow|yesterday)\s+)?(\d{1,2}):(\d\d)(?::(\d\d))?", re.IGNORECASE
)
_DAY: Final = re.compile(r"[0-9-]+|[0-9]{4}-?W[0-9-]+", re.IGNORECASE)
_SHORT_HOUR: Final = re.compile(r"(?<=[ T])(\d)(?=:)")
_DAYS: Final = {"yesterday": -1, "today": 0, "tomorrow": 1}


def moment(text: str, now: float, *, past: bool = False) -> float:
    """UTC epoch seconds. A time of day is the next after `now`, with `past` the last before it.
    A day alone is where it begins, and only with `past`: of today that has been, so what is to
    happen then would happen at once. Raises ValueError with a sentence."""
    words = text.strip()
    try:
        clock = _CLOCK.fullmatch(words)
        if clock is not None:
            return _of_day(clock, now, past)
        if not past and _DAY.fullmatch(words):
            raise ValueError("no time of day")
        wall = datetime.fromisoformat(_SHORT_HOUR.sub(r"0\1", words.upper()))
        return wall.timestamp() if wall.tzinfo is not None else local(wall)
    except (ValueError, OverflowError, OSError):
        raise ValueError(
            f"'{text}' is no time; write 22:30, tomorrow 3:00, 2026-01-31 22:30 (local), or "
            "2026-01-31T22:30:00Z"
        ) from None


def _of_day(clock: re.Match[str], now: float, past: bool) -> float:
    day, hour, minute, second = clock.groups()
    today = datetime.fromtimestamp(now).replace(
        hour=int(hour), minute=int(minute), second=int(second or 0), microsecond=0, fold=0
    )
    if day is not None:
        return local(today + timedelta(days=_DAYS[day.lower()]))
    found = local(today)
    if past:
        return found if found < now else local(today - timedelta(days=1))
    return found if found > now else local(today + timedelta(days=1))


def local(wall: datetime) -> float:
    """The instant of a time of this machine's clocks; see the module text."""
    first, second = wall.timestamp(), wall.replace(fold=1).timestamp()
    if first <= second:
        return first
    # It lies in a gap: the clocks were put forward somewhere between the two readings of it.
    before, after = math.floor(second), math.ceil(first)
    offset = _offset(before)
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(middle) == offset:
            before = middle
        else:
            after = middle
    return float(after)


def _offset(ts: int) -> timedelta | None:
    return datetime.fromtimestamp(ts).astimezone().utcoffset()

"""Lengths of time, ages and instants as short texts of tables: `2m41s`, `3d`, `14:03:22`.

What is given is always a number: nothing here knows what time it is. A zone of None is that of this
machine's clocks. A text of `span` takes at most six cells, of `age` four, of `clock` eight, so
columns stay where they are while clocks run. Texts for sentences are `cdktr_common.durations`.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Final, Literal

Zone = tzinfo | None
Mode = Literal["absolute", "relative", "utc"]
MODES: Final[tuple[Mode, ...]] = ("absolute", "relative", "utc")
"""The forms that the key `t` goes through."""

NONE: Final = "-"
"""There is no such time."""
UNKNOWN: Final = "?"
"""There is one that no calendar has."""

_DAY: Final = 86400
_STEPS: Final = (
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600,
    900, 1800, 3600, 7200, 10800, 21600, 43200,
)  # fmt: skip
"""Distances of marks on an axis, in seconds; beyond, it is whole days."""


def span(seconds: float | None) -> str:
    """How long something that is over took: `12ms`, `4.2s`, `31s`, `2m41s`, `5h01m`, `3d04h`."""
    if seconds is None:
        return NONE
    seconds = max(0.0, seconds)
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    return _whole(round(seconds))


def running(seconds: float | None) -> str:
    """How long something that goes on takes: whole seconds that have passed, `0s`, `2m41s`."""
    return NONE if seconds is None else _whole(int(max(0.0, seconds)))


def _whole(seconds: int) -> str:
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m{seconds % 60:02d}s"
    if seconds < _DAY:
        return f"{seconds // 3600}h{seconds % 3600 // 60:02d}m"
    if seconds < 100 * _DAY:
        return f"{seconds // _DAY}d{seconds % _DAY // 3600:02d}h"
    return f"{min(seconds // _DAY, 99999)}d"


def age(seconds: float | None) -> str:
    """How old something is, in one unit: `now`, `12s`, `3m`, `10h`, `9d`, `2y`."""
    if seconds is None:
        return NONE
    whole = int(max(0.0, seconds))
    if whole < 1:
        return "now"
    for size, unit in ((60, "s"), (3600, "m"), (_DAY, "h"), (1000 * _DAY, "d")):
        if whole < size:
            return f"{whole // {'s': 1, 'm': 60, 'h': 3600, 'd': _DAY}[unit]}{unit}"
    return f"{min(whole // (365 * _DAY), 999)}y"


def clock(ts: float | None, zone: Zone = None, *, millis: bool = False) -> str:
    """`14:03:22`, or `14:03:22.120`."""
    moment = _moment(ts, zone)
    if isinstance(moment, str):
        return moment
    text = f"{moment.hour:02d}:{moment.minute:02d}:{moment.second:02d}"
    return f"{text}.{moment.microsecond // 1000:03d}" if millis else text


def minute(ts: float | None, zone: Zone = None) -> str:
    """`14:03`."""
    moment = _moment(ts, zone)
    return moment if isinstance(moment, str) else f"{moment.hour:02d}:{moment.minute:02d}"


def day(ts: float | None, zone: Zone = None) -> str:
    """`2026-01-31`."""
    moment = _moment(ts, zone)
    return moment if isinstance(moment, str) else moment.date().isoformat()


def near(ts: float | None, now: float, zone: Zone = None) -> str:
    """As much of an instant as tells it apart, in at most eleven cells: `14:03:22` of today,
    `01-31 14:03` within about half a year, else the day."""
    moment, today = _moment(ts, zone), _moment(now, zone)
    if isinstance(moment, str):
        return moment
    if isinstance(today, datetime) and moment.date() == today.date():
        return clock(ts, zone)
    if ts is not None and abs(ts - now) < 180 * _DAY:
        return f"{moment.month:02d}-{moment.day:02d} {moment.hour:02d}:{moment.minute:02d}"
    return moment.date().isoformat()


def full(ts: float | None, zone: Zone = None) -> str:
    """All of it, with the offset: `2026-01-31 14:03:22+01:00`; of UTC with a `Z`."""
    moment = _moment(ts, zone)
    if isinstance(moment, str):
        return moment
    text = moment.astimezone(zone).isoformat(" ", "seconds")
    return text.removesuffix("+00:00") + "Z" if zone is UTC else text


def told(ts: float | None, now: float, mode: Mode = "absolute", zone: Zone = None) -> str:
    """An instant in the form that was asked for; what is to come is `in 3m`."""
    if mode != "relative":
        return near(ts, now, UTC if mode == "utc" else zone)
    if ts is None:
        return NONE
    return f"in {age(ts - now)}" if ts > now + 1 else age(now - ts)


def offset(ts: float, zone: Zone = None) -> str:
    """How far the zone's clocks are from UTC then: `UTC+1`, `UTC-3:30`, `UTC`."""
    moment = _moment(ts, zone)
    ahead = None if isinstance(moment, str) else moment.astimezone(zone).utcoffset()
    if not ahead:
        return "UTC"
    minutes = round(ahead.total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02d}" if rest else "")


def step(length_s: float, marks: int) -> float:
    """A round distance for at most so many marks on an axis of this length."""
    least = max(length_s, 1e-3) / max(1, marks)
    for size in _STEPS:
        if size >= least:
            return float(size)
    return float(_DAY * -(-least // _DAY))


def mark(seconds: float) -> str:
    """What stands at a mark of an axis: `0s`, `30s`, `1m`, `1m30s`, `2h`, `1d`."""
    if 0 < seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    whole = round(seconds)
    parts = [
        f"{amount}{unit}"
        for amount, unit in (
            (whole // _DAY, "d"), (whole % _DAY // 3600, "h"),
            (whole % 3600 // 60, "m"), (whole % 60, "s"),
        )
        if amount
    ]  # fmt: skip
    return "".join(parts[:2]) or "0s"


def _moment(ts: float | None, zone: Zone) -> datetime | str:
    if ts is None:
        return NONE
    try:
        return datetime.fromtimestamp(ts, zone)
    except (OverflowError, ValueError, OSError):
        return UNKNOWN

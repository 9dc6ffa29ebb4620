"""Instants as text, for people, keys and variables: always UTC. Knows no zone and no clock."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(ts: float) -> str:
    """`2026-01-31T22:30:00Z`; a fraction only where there is one, to the microsecond. Raises
    OverflowError, ValueError or OSError for what no calendar has."""
    return _moment(ts).isoformat().replace("+00:00", "Z")


def compact(ts: float) -> str:
    """`20260131T223000Z`, as it stands in keys and names of files; sorts as the instants do."""
    moment = _moment(ts)
    fraction = f".{moment.microsecond:06d}".rstrip("0") if moment.microsecond else ""
    return f"{moment:%Y%m%dT%H%M%S}{fraction}Z"


def _moment(ts: float) -> datetime:
    return datetime.fromtimestamp(round(ts, 6), UTC)

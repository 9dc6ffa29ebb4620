"""Orders of runs: by which column, and what comes first among equals.

Pure. Sorting is stable: equal ones stay as they were, the newest first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from cdktr_common.catalogue.values import RunRow
from cdktr_tui.model.filters import cause

_STATES: Final = {"FAILED": 0, "RUNNING": 1, "PENDING": 2, "CANCELLED": 3, "COMPLETED": 4}
"""What most needs to be looked at comes first."""

NEWEST: Final = ("start", True)
"""How runs come: no sorting is needed for it."""

FALLING: Final = frozenset({"start", "dur", "tasks"})
"""Columns of which the greatest is wanted first."""


def took(row: RunRow, now: float) -> float:
    """How long it has run, or ran; -1: it has not begun."""
    if row.started_ts is None:
        return -1.0
    return (row.ended_ts if row.ended_ts is not None else now) - row.started_ts


KEYS: Final[dict[str, Callable[[RunRow, float], Any]]] = {
    "state": lambda row, now: _STATES.get(row.state, 9),
    "run": lambda row, now: row.run,
    "workflow": lambda row, now: row.workflow,
    "by": lambda row, now: (cause(row), row.event or ""),
    "start": lambda row, now: row.seq,
    "dur": took,
    "tasks": lambda row, now: row.tasks,
    "reason": lambda row, now: row.reason,
}


def of_runs(rows: Iterable[RunRow], column: str, falling: bool, now: float) -> list[str]:
    """Ids of these rows, which come the newest first."""
    if (column, falling) == NEWEST:
        return [row.run for row in rows]
    key = KEYS[column]
    return [row.run for row in sorted(rows, key=lambda row: key(row, now), reverse=falling)]

"""Time zones as the stretches between two changes of the clock.

What must stay true: an `Era` is as long as its offset lasts, so that within one, a reading of the
clock and an instant differ by a constant. The rules are those of the machine's zone table, or of
the one that comes with Python's `tzdata` when the machine has none; nothing here says what a
schedule does at a change.
"""

from __future__ import annotations

import zoneinfo
from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

_STEP: Final = 12 * 3600
"""No zone has changed its clock twice within so many seconds since 1970 (a test looks)."""
_BLOCK: Final = 400 * 86400


@dataclass(frozen=True, slots=True)
class Change:
    """The clock is moved at an instant: by `shift` seconds, from one offset to another."""

    ts: int
    before: int
    after: int

    @property
    def shift(self) -> int:
        """Seconds by which the clock is put forward; negative: back."""
        return self.after - self.before


class Unknown(ValueError):
    """There is no such zone."""


class Zone:
    """A time zone by its name."""

    def __init__(self, name: str) -> None:
        self.name = name or "UTC"
        try:
            self.info = zoneinfo.ZoneInfo(self.name)
        except (zoneinfo.ZoneInfoNotFoundError, OSError, ValueError):
            raise Unknown(f"'{name[:60]}' is not a time zone") from None
        self._blocks: dict[int, list[Change]] = {}

    def at(self, ts: float) -> datetime:
        """An instant as the clock of the zone shows it."""
        return datetime.fromtimestamp(ts, self.info)

    def offset(self, ts: float) -> int:
        """Seconds that the clock is ahead of UTC."""
        return _seconds(self.at(ts))

    def change_after(self, ts: float, until: float) -> Change | None:
        """The first change after an instant, and not after another one."""
        number = int(ts // _BLOCK)
        while number * _BLOCK <= until:
            changes = self._block(number)
            at = bisect_right(changes, ts, key=lambda change: change.ts)
            if at < len(changes):
                return changes[at] if changes[at].ts <= until else None
            number += 1
        return None

    def change_before(self, ts: float, until: float) -> Change | None:
        """The last change at an instant or before it, and not before another one."""
        number = int(ts // _BLOCK)
        while (number + 1) * _BLOCK > until:
            changes = self._block(number)
            at = bisect_right(changes, ts, key=lambda change: change.ts)
            if at:
                return changes[at - 1] if changes[at - 1].ts >= until else None
            number -= 1
        return None

    def instant(self, reading: datetime) -> float:
        """When the clock shows this: the first time when it does so twice, and the first instant
        after it when it never does."""
        first = reading.replace(tzinfo=self.info, fold=0).timestamp()
        if self.at(first).replace(tzinfo=None) == reading.replace(fold=0):
            return first
        change = self.change_before(first, first - 4 * 86400)
        return first if change is None else float(change.ts)

    def _block(self, number: int) -> list[Change]:
        """The changes of one stretch of time, looked for once."""
        known = self._blocks.get(number)
        if known is None:
            start = number * _BLOCK
            known = self._blocks[number] = self._look(start, start + _BLOCK)
        return known

    def _look(self, start: int, stop: int) -> list[Change]:
        found = []
        before = self.offset(start - 1)
        # From just before the stretch, so that a change at its very start is in it.
        for ts in range(start - 1, stop - 1, _STEP):
            end = min(ts + _STEP, stop - 1)
            after = self.offset(end)
            if after != before:
                found.append(Change(self._where(ts, end, after), before, after))
                before = after
        return found

    def _where(self, low: int, high: int, after: int) -> int:
        """The first second with the later offset, in (low, high]."""
        while high - low > 1:
            middle = (low + high) // 2
            if self.offset(middle) == after:
                high = middle
            else:
                low = middle
        return high


@lru_cache(maxsize=1000)
def zone(name: str) -> Zone:
    """The zone of this name; none is UTC. Raises Unknown."""
    return Zone(name)


def _seconds(at: datetime) -> int:
    offset = at.utcoffset()
    assert offset is not None
    return int(offset.total_seconds())

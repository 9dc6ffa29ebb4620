"""How many runs have failed lately, also those that are remembered no longer.

Counted by the minute in which they ended, so that it stays small however many there are: a day has
1,440. Minutes stay in the order in which they came; a clock that was set back adds to a minute that
there is, or one more. Knows no run.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

DAY_S: Final = 86_400.0

_MINUTE_S: Final = 60.0
_MINUTES: Final = int(DAY_S / _MINUTE_S)


class Failures:
    """By minute of the epoch; changed by `State.apply` alone."""

    def __init__(self, known: Iterable[tuple[int, int]] = ()) -> None:
        self.minutes: dict[int, int] = dict(known)

    def add(self, ts: float) -> None:
        """A run has failed at this time."""
        minute = int(ts // _MINUTE_S)
        self.minutes[minute] = self.minutes.get(minute, 0) + 1
        while (first := next(iter(self.minutes))) < minute - _MINUTES or len(
            self.minutes
        ) > 2 * _MINUTES:
            del self.minutes[first]

    def of_last_day(self, ts: float) -> int:
        """How many have failed within the 24 hours before this time, to the minute."""
        now = int(ts // _MINUTE_S)
        return sum(count for at, count in self.minutes.items() if now - _MINUTES <= at <= now)

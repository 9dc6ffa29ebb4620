"""When to commit: soon, but with company.

A commit costs about the same for one line as for a thousand, and it would compete for processor
and disk with the very task that has just printed. So a little waits a moment for more, a lot is
stored at once, and under steady load commits come at a bounded rate. Knows bytes and time only.
"""

from __future__ import annotations

from typing import Final

from cdktr_common.loop import Loop, Timer
from cdktr_logd.core import Pace

MOMENT_S: Final = 0.008
"""Even the first line waits so long."""

ENOUGH_BYTES: Final = 512 << 10
"""So much does not wait."""

COMMITS_S: Final = 15.0
COMMITS_BURST: Final = 6
"""Commits a second under steady load, and how many may come sooner before that."""


class Gather:
    """Tells at the end of each turn whether what has come is to be committed now."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._pace = Pace(COMMITS_S, COMMITS_BURST)
        self._bytes = 0
        self._timer: Timer | None = None

    def took(self, size: int) -> None:
        """So many bytes have come."""
        self._bytes += size

    def nothing(self) -> None:
        """None of it is to be stored."""
        self._bytes = 0

    def ready(self) -> bool:
        """Commit now? If not, the loop turns again when it is time."""
        if self._timer is None:
            wait = max(MOMENT_S, self._pace.wait(self._loop.now))
            self._timer = self._loop.later(wait, lambda: None)
        if self._bytes < ENOUGH_BYTES and self._loop.now < self._timer.due:
            return False
        if self._bytes >= ENOUGH_BYTES:
            self._pace.refund()
        self._timer.cancel()
        self._timer = None
        self._bytes = 0
        return True

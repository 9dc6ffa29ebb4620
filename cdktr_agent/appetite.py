"""How much work to ask for.

Slots, and beyond them as much as will be done within `AHEAD_S`, judged by how long tasks took
lately: nothing until one has ended. What was taken in vain comes back RELEASED and sets the
judgement back; when there was nothing else to do either, something is amiss here (no room on the
disk, say), and others get a chance before it is taken again. Pure.
"""

from __future__ import annotations

from typing import Final

from cdktr_common.catalogue.values import TaskResult

AHEAD_S: Final = 0.06
MOST_AHEAD: Final = 256
PAUSE_S: Final = 1.0


class Appetite:
    """For one agent with so many slots."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.took_s = 0.0
        self._in_vain = False
        self._not_before = 0.0

    def judge(self, result: TaskResult) -> None:
        """Learn from an attempt that is over."""
        if result.state == "RELEASED":
            self.took_s = max(self.took_s, 1.0)
            self._in_vain = True
        elif result.started_ts is not None and result.ended_ts is not None:
            took = min(3600.0, max(0.0002, result.ended_ts - result.started_ts))
            self.took_s = took if not self.took_s else self.took_s * 0.8 + took * 0.2

    @property
    def ahead(self) -> int:
        """How many tasks to hold beyond the slots."""
        if not self.took_s:
            return 0
        return min(MOST_AHEAD, int(AHEAD_S * self.slots / self.took_s))

    def free(self, held: int, now: float) -> int:
        """How many to ask for with so many at hand; 0: none. More before all is done, but not for
        every single place."""
        if self._in_vain and not held:
            self._not_before = now + PAUSE_S
        self._in_vain = False
        if now < self._not_before:
            return 0
        ahead = self.ahead
        most = self.slots + ahead
        if held < self.slots or held <= most - max(1, ahead // 2):
            # The first work after a pause is for the slots alone: others may be idle too.
            return most - held if held else self.slots
        return 0

"""How much may come within a time. Pure: what time it is, is said."""

from __future__ import annotations


class Rate:
    """So many within `per_s` seconds, all at once if nothing came before."""

    def __init__(self, most: int, per_s: float) -> None:
        self._most = most
        self._each_s = per_s / most
        self._ahead_until = float("-inf")

    def take(self, now: float) -> float:
        """Take one: 0.0, or after how many seconds there will be one."""
        until = max(self._ahead_until, now) + self._each_s
        over = until - now - self._most * self._each_s
        if over > 1e-9:
            return over
        self._ahead_until = until
        return 0.0

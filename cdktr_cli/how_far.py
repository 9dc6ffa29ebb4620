"""How far a pipe of lines has come, in words, and the exit code of all of it.

Whoever stops a pipe has to know from where to begin again: up to which line everything has a
result, and of which lines nobody can say whether they were taken. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable

from cdktr_common.errors import OK


class HowFar:
    """What has become of the lines so far."""

    def __init__(self) -> None:
        self.code = OK
        """That of the first line whose code is not 0."""
        self._first_bad = 0
        self._taken = self._refused = self._last = 0
        self._noted = self._news = ""

    def ended(self, number: int, code: int, refused: bool) -> None:
        """A line has its result."""
        self._last = max(self._last, number)
        if refused:
            self._refused += 1
        else:
            self._taken += 1
        if code and (not self._first_bad or number < self._first_bad):
            self._first_bad, self.code = number, code

    def note(self, detail: str) -> None:
        """Why a line is to be sent again: told once, until it is something else."""
        if detail != self._noted:
            self._noted = detail
            self._news = f"{detail}; trying again"

    def news(self) -> str:
        """What has been noted since it was last asked for."""
        news, self._news = self._news, ""
        return news

    def told(
        self, why: str, unanswered: Iterable[int], running: Iterable[int] = (), keyed: bool = False
    ) -> str:
        """The end before the end: what is known, and what is not. `keyed`: the same lines have the
        same keys again."""
        lines, waiting = list(unanswered), list(running)
        last = max([self._last, *lines, *waiting])
        parts = [f"{why}, at line {last:,}: {_lines(self._taken + len(waiting))} taken"]
        if self._refused:
            parts.append(f"{self._refused:,} refused")
        if waiting:
            parts.append(f"the runs of {len(waiting):,} of them go on")
        if lines:
            where = (
                f"line {lines[0]:,}" if len(lines) == 1 else f"lines {lines[0]:,} to {lines[-1]:,}"
            )
            again = ": with the same keys again, nothing starts twice" if keyed else ""
            parts.append(f"no answer to {len(lines):,} ({where}), which may have been taken{again}")
        return ", ".join(parts)


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count:,} lines"

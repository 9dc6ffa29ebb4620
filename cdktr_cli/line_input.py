"""Lines from a descriptor as they come, numbered from 1, each at most so long.

A read takes what is there and never waits for more, so a slow pipe is told of line by line. What is
longer than a line may be is skipped to its end and handed out as None; blank lines are counted and
left out. Knows nothing of what lines say.
"""

from __future__ import annotations

import os
from collections import deque
from typing import Final

_READ: Final = 1 << 18


class Input:
    """The lines of one descriptor, which `select` can wait for."""

    def __init__(self, descriptor: int, longest: int) -> None:
        self._descriptor, self._longest = descriptor, longest
        self._lines: deque[tuple[int, bytes | None]] = deque()
        self._begun = bytearray()
        self._too_long = False
        self._number = 0
        self._ended = False

    def fileno(self) -> int:
        """For `select`."""
        return self._descriptor

    @property
    def wanting(self) -> bool:
        """Is it to be read, since nothing that was read is left?"""
        return not self._lines and not self._ended

    @property
    def over(self) -> bool:
        """Has every line been taken?"""
        return self._ended and not self._lines

    def read(self) -> None:
        """Take what is there; only if something is, or this waits."""
        data = os.read(self._descriptor, _READ)
        *whole, rest = data.split(b"\n")
        for line in whole:
            self._add(line)
        self._begin(rest)
        if not data:
            self._ended = True
            if self._begun or self._too_long:
                self._add(b"")

    def take(self) -> tuple[int, bytes | None] | None:
        """The next line and its number; None: there is none yet."""
        return self._lines.popleft() if self._lines else None

    def _begin(self, part: bytes) -> None:
        self._begun += part
        if len(self._begun) > self._longest:
            self._too_long = True
            self._begun.clear()

    def _add(self, end: bytes) -> None:
        self._begin(end)
        self._number += 1
        line = None if self._too_long else bytes(self._begun).strip()
        if line != b"":
            self._lines.append((self._number, line))
        self._begun.clear()
        self._too_long = False

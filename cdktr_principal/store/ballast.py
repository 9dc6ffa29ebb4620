"""A file kept only to be given up: when the disk is full, its room records what still runs.

Every task that was given out will end, and its result has to be written down. So when a write finds
no room, the ballast goes, nothing new is taken or given out, and what runs is bounded: 16 MiB hold
the results of some 50,000 tasks. When there is room again it is made anew. Knows files, no facts.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Final

FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What a write is refused with for want of room."""


LOW: Final = 1 << 20
"""With less room than this nothing new is taken, before a write fails."""


class Ballast:
    """`full` from when it was given up until it could be made again: when `wanted` bytes are free,
    the ballast and a margin for work."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size
        self.margin = min(size, 4 << 20)
        self.wanted = size + self.margin
        self.full = False

    def look(self) -> bool:
        """How is it now? True: `full` has changed."""
        was = self.full
        free = shutil.disk_usage(self._path.parent).free
        if not self.full and self._held():
            self.full = free < LOW
        elif self._held():
            self.full = free < self.margin
        else:
            self.full = free < self.wanted or not self._make()
        return self.full != was

    def give_up(self) -> bool:
        """There is no room: free what was kept. False: nothing was kept (any more)."""
        self.full = True
        try:
            os.unlink(self._path)
        except FileNotFoundError:
            return False
        return True

    def _held(self) -> bool:
        try:
            return self._path.stat().st_size >= self._size
        except FileNotFoundError:
            return False

    def _make(self) -> bool:
        """Written, not only sized: a hole keeps no room."""
        fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(fd, 0, self._size)
        except OSError as fault:
            if fault.errno not in FULL:
                raise
            os.unlink(self._path)
            return False
        finally:
            os.close(fd)
        return True

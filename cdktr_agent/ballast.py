"""Room kept for the moment when the disk is full: a file given up for what has to be written then.

Output that fills the disk cannot be removed before its file is closed, and closing takes a few
bytes. While the ballast is given up no output is kept, so that nothing else takes its room; it is
laid in again when there is room for it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Final

SIZE: Final = 128 << 10


class Ballast:
    """A file at `path`."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.given_up = False
        self.lay_in()

    def lay_in(self) -> bool:
        """Take the room, if there is any. Is it there?"""
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            self.given_up = True
            return False
        try:
            os.posix_fallocate(fd, 0, SIZE)
            self.given_up = False
        except OSError:
            self.given_up = True
            with suppress(OSError):
                os.ftruncate(fd, 0)
        finally:
            os.close(fd)
        return not self.given_up

    def give_up(self) -> None:
        """Something has to be written now."""
        self.given_up = True
        with suppress(OSError):
            os.truncate(self._path, 0)

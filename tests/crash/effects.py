"""Effects counted one by one, and a crash before the one that was chosen, or in its middle.

What a process does to the world are calls of `os`, and messages. Each of those listed here is
counted; the chosen one never happens (a write may happen by half), and `Crash` ends the program
there: nothing after it does. Which bytes of which file were synced is kept as well, so that a power
failure can be played on what the crash has left.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

COUNTED = ("fdatasync", "fsync", "replace", "rename", "unlink", "ftruncate")


class Crash(BaseException):
    """The process is dead. Not an Exception: nobody may catch it."""


class Effects:
    """`at`: the number of the effect that kills, from 1; `half`: a write has done half its work."""

    def __init__(self, at: int | None = None, half: bool = False) -> None:
        self.count = 0
        self.synced: dict[int, int] = {}
        self._at = at
        self._half = half
        self._dead = False

    def effect(self) -> None:
        """One more."""
        if self._dead:
            raise Crash
        self.count += 1
        if self.count == self._at:
            self._dead = True
            raise Crash

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Calls of `os` are counted in here."""
        patches = [mock.patch.object(os, name, self._wrapped(name)) for name in COUNTED]
        patches.append(mock.patch.object(os, "write", self._write(os.write)))
        for patch in patches:
            patch.start()
        try:
            yield
        finally:
            for patch in patches:
                patch.stop()

    def _wrapped(self, name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def call(*args: Any, **fields: Any) -> Any:
            self.effect()
            result = real(*args, **fields)
            if name in ("fdatasync", "fsync"):
                seen = os.fstat(args[0])
                self.synced[seen.st_ino] = seen.st_size
            return result

        return call

    def _write(self, real: Callable[[int, Any], int]) -> Callable[[int, Any], int]:
        def write(fd: int, data: Any) -> int:
            try:
                self.effect()
            except Crash:
                if self._half and self.count == self._at:
                    self._half = False
                    real(fd, data[: len(data) // 2])
                raise
            return real(fd, data)

        return write

    def power_failure(self, directory: Path, keep: float) -> None:
        """Of what was not synced only that part is left, in every file."""
        for path in directory.rglob("*"):
            if path.is_file():
                seen = path.stat()
                safe = min(self.synced.get(seen.st_ino, 0), seen.st_size)
                size = safe + int((seen.st_size - safe) * keep)
                if size < seen.st_size and path.name != "ballast":
                    with path.open("r+b") as file:
                        file.truncate(size)

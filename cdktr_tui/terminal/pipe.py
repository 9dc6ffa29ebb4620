"""The way to the terminal, which may be slow, stuck or gone. Knows nothing of what is sent."""

from __future__ import annotations

import os
import select
import time
from typing import Any


class Pipe:
    """What Textual's thread writes to. It writes to a terminal of its own opening, which does not
    block, so that the end of the program need not wait for one that takes nothing."""

    def __init__(self, file: Any) -> None:
        self._shared: int = file.fileno()
        self._fd = self._shared
        self._until: float | None = None
        self.writing = False
        self.broken = False
        self.took_s = 0.0
        """How long the last text took to be taken."""
        self.written = 0
        """Bytes, since the start."""
        try:
            terminal = os.ttyname(self._shared)
            self._fd = os.open(terminal, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError:
            pass  # not a terminal, or one that has no name here: then it may block

    def write(self, text: str) -> int:
        self.writing, began = True, time.monotonic()
        data = memoryview(text.encode("utf-8", "replace"))
        while data and not self.broken:
            try:
                sent = os.write(self._fd, data)
            except BlockingIOError:
                self._wait()
            except OSError:
                self.broken = True
            else:
                self.written += sent
                data = data[sent:]
        self.writing, self.took_s = False, time.monotonic() - began
        return len(text)

    def _wait(self) -> None:
        now = time.monotonic()
        if self._until is not None and now > self._until:
            self.broken = True
        select.select((), (self._fd,), (), 0.1)

    def hurry(self, seconds: float | None) -> None:
        """From now on a terminal that takes nothing is given up after so long; None: never."""
        self._until = None if seconds is None else time.monotonic() + seconds

    def flush(self) -> None:
        """Nothing is held back."""

    def isatty(self) -> bool:
        return os.isatty(self._shared)

    def fileno(self) -> int:
        return self._shared

"""The whole terminal for a while, with nothing but a few sequences that all terminals know.

Only lines that changed are written, in one piece a frame, and the next frame is asked for when the
terminal has taken this one: a slow terminal gets fewer frames, never a queue of them. However the
program ends, and while it is stopped, the terminal is as it was before. Knows lines, not what they
say; what is in them must be harmless.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import tty
from types import FrameType, TracebackType
from typing import Any, Final

_ENTER: Final = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
_LEAVE: Final = "\x1b[?7h\x1b[?25h\x1b[?1049l"


class Ended(Exception):
    """Somebody wants the program to end."""


class Screen:
    """A context: inside of it the terminal is ours."""

    def __init__(self) -> None:
        self._out = sys.stdout.fileno()
        self._shown: list[str] = []
        self._size: tuple[int, int] = (0, 0)
        self._before: Any = None
        self._in: int | None = None
        if sys.stdin is not None and sys.stdin.isatty():
            self._in = sys.stdin.fileno()

    def __enter__(self) -> Screen:
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGHUP, self._end)
        signal.signal(signal.SIGTSTP, self._stop)
        self._take()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._give_back()

    def size(self) -> tuple[int, int]:
        """Columns and lines, now."""
        columns, height = os.get_terminal_size(self._out)
        return max(1, columns), max(1, height)

    def show(self, lines: list[str]) -> int:
        """Make it look so; how many bytes that took."""
        size = self.size()
        if size != self._size:
            self._size, self._shown = size, []
            said = ["\x1b[2J"]
        else:
            said = []
        lines = lines[: size[1]]
        for at in range(max(len(lines), len(self._shown))):
            line = lines[at] if at < len(lines) else ""
            if at >= len(self._shown) or self._shown[at] != line:
                said.append(f"\x1b[{at + 1};1H{line}\x1b[K")
        self._shown = lines
        return self._write("".join(said))

    def key(self, wait_s: float) -> str:
        """A key that is pressed within that time; none: an empty text."""
        if self._in is None:
            select.select([], [], [], wait_s)
            return ""
        if not select.select([self._in], [], [], wait_s)[0]:
            return ""
        typed = os.read(self._in, 64)
        if not typed:
            raise Ended  # the terminal is gone
        return typed.decode(errors="replace")

    def _take(self) -> None:
        if self._in is not None:
            self._before = termios.tcgetattr(self._in)
            tty.setcbreak(self._in)
        self._shown, self._size = [], (0, 0)
        self._write(_ENTER)

    def _give_back(self) -> None:
        try:
            self._write(_LEAVE)
            if self._in is not None:
                termios.tcsetattr(self._in, termios.TCSADRAIN, self._before)
        except (OSError, termios.error):
            pass  # the terminal is gone

    def _write(self, text: str) -> int:
        data = text.encode(errors="replace")
        left = memoryview(data)
        while left:
            left = left[os.write(self._out, left) :]
        return len(data)

    def _end(self, number: int, frame: FrameType | None) -> None:
        raise Ended

    def _stop(self, number: int, frame: FrameType | None) -> None:
        """Stopped from the keyboard; goes on here when it is continued."""
        self._give_back()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTSTP])
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._stop)
        self._take()

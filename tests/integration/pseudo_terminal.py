"""A program in a terminal of ours: what stands on its screen, and every byte it wrote."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyte


class PseudoTerminal:
    """What the program sees as its terminal."""

    def __init__(self, columns: int, height: int) -> None:
        self.master, self.slave = pty.openpty()
        termios.tcsetwinsize(self.slave, (height, columns))
        self.before = termios.tcgetattr(self.slave)
        self.screen = pyte.Screen(columns, height)
        self._stream = pyte.ByteStream(self.screen)
        self.written = b""

    def resize(self, columns: int, height: int) -> None:
        """The window has another size from now on."""
        termios.tcsetwinsize(self.slave, (height, columns))
        self.screen.resize(height, columns)

    def text(self) -> str:
        """What stands on the screen."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self.master, keys.encode())

    def wait(self, check: Callable[[str], object], seconds: float = 20.0) -> str:
        """Read until the screen is so."""
        end = time.monotonic() + seconds
        while not check(self.text()):
            assert time.monotonic() < end, self.text()
            self.read(0.1)
        return self.text()

    def read(self, seconds: float) -> None:
        """What comes within that time, and all that came."""
        while select.select([self.master], [], [], seconds)[0]:
            data = os.read(self.master, 1 << 16)
            self.written += data
            self._stream.feed(data)
            seconds = 0.0


@contextmanager
def running(
    argv: Sequence[str], environ: Mapping[str, str], cwd: Path, columns: int = 80, height: int = 24
) -> Iterator[tuple[PseudoTerminal, subprocess.Popen[bytes]]]:
    """The program in a terminal; it has ended afterwards."""
    terminal = PseudoTerminal(columns, height)
    program = subprocess.Popen(
        argv, env={**environ, "TERM": "xterm-256color"}, cwd=cwd, start_new_session=True,
        stdin=terminal.slave, stdout=terminal.slave, stderr=terminal.slave,
    )  # fmt: skip
    try:
        yield terminal, program
    finally:
        if program.poll() is None:
            program.kill()
        program.wait()
        os.close(terminal.master)
        os.close(terminal.slave)

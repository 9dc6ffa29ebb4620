"""W11, on a real terminal: how soon the view is there, what it sends, how long a key takes while
output pours in, and what that costs. The news are made up; the program and the terminal are real.
"""

from __future__ import annotations

import os
import signal
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

from bench.figures import US, Figures
from bench.idle import cpu_seconds
from tests.tui.terminal.pty_recorder import Recorder

ROOT = Path(__file__).parent.parent
ROWS = 1000
LINES = 100_000
"""A second, told in pieces as the recorder tells them."""


def play(*words: object) -> Recorder:
    """The program in a terminal of 80x24, with 24-bit colours."""
    argv = [sys.executable, "-m", "tests.tui.terminal.play", *map(str, words)]
    env = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8"}
    env |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONPATH": str(ROOT)}
    return Recorder(argv, env)


def rss_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def watching(figures: Figures, quick: bool) -> None:
    """All of it."""
    for _ in range(3 if quick else 9):
        first_frame(figures)
    pouring(figures, 20 if quick else 100)


def first_frame(figures: Figures) -> None:
    """A list of 1,000 rows, and one of them changed."""
    with play("rows", ROWS) as terminal:
        figures.add("W11 ms to the first frame", US, 1e3 * terminal.shows("etl-00009"))
        terminal.quiet(0.6)
        first = len(terminal.sent)
        figures.add("W11 bytes to the first frame", US, first)
        terminal.signal(signal.SIGUSR1)
        terminal.shows("paused")
        terminal.quiet(0.3)
        figures.add("W11 bytes of one row", US, len(terminal.sent) - first)


def turned(terminal: Recorder) -> Callable[[], bool]:
    """Does it follow now if it did not, or no longer if it did?"""
    before = "follow ─" in terminal.text
    return lambda: ("follow ─" in terminal.text) != before


def pouring(figures: Figures, keys: int) -> None:
    """Output of a task, 100,000 lines a second: `f` stops following and goes on with it."""
    with play("flood", LINES) as terminal:
        terminal.shows("copying")
        terminal.during(2)  # until the ring of 50,000 lines is full
        began = cpu_seconds([terminal.pid])
        sent = len(terminal.during(3))
        figures.add(
            "W11 CPU % at 100,000 lines/s", US, (cpu_seconds([terminal.pid]) - began) / 0.03
        )
        figures.add("W11 bytes/s at 100,000 lines/s", US, sent / 3)
        took = [terminal.key_to_paint("f", turned(terminal)) for _ in range(keys)]
        took.sort()
        figures.add("W11 p50 ms from key to screen", US, 1e3 * statistics.median(took))
        figures.add("W11 p95 ms from key to screen", US, 1e3 * took[int(len(took) * 0.95)])
        figures.add("W11 MB with 50,000 lines", US, rss_mb(terminal.pid))

"""W6: how soon everything is ready, and what it costs while nothing happens."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from bench.figures import US, Figures
from bench.system import system

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pids: list[int]) -> float:
    total = 0
    for pid in pids:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(words[11]) + int(words[12])
    return total / TICKS


def pss_mb(pids: list[int]) -> float:
    """Memory, what is shared counted once."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


def idle(figures: Figures, quick: bool) -> None:
    """All programs of `cdktr start principal --with-agent`, `cdktr start` included."""
    with system("principal", "--with-agent") as running:
        figures.add("W6 ready s", US, running.ready_s)
        threading.Event().wait(2)  # what starting costs is not idling
        pids = running.pids()
        before, began = cpu_seconds(pids), time.monotonic()
        threading.Event().wait(5 if quick else 20)
        used = cpu_seconds(pids) - before
        figures.add("W6 idle CPU %", US, 100 * used / (time.monotonic() - began))
        figures.add("W6 PSS MB", US, pss_mb(pids))
        figures.add("W6 processes", US, len(pids))

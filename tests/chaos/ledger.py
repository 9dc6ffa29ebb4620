"""The outside ledger: what tasks themselves say that they did, and what they must have printed.

Written by `work.c`, read here. CDKTR has no part in it: a lock that the kernel gives back at the
end of a process proves an overlap, lines appended with one write each tell every start and end.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.conftest import need_tool

FILLING = "." * 58


class Mark(NamedTuple):
    """One line of the ledger; times are seconds of CLOCK_BOOTTIME."""

    what: str
    run: str
    task: str
    n: int
    fence: int
    pid: int
    agent: str
    key: str
    at: float
    holder: tuple[str, ...] = ()


class Execution:
    """One process of a task, from its start to its end if it got that far."""

    def __init__(self, start: Mark) -> None:
        self.start = start
        self.ended_at: float | None = None
        self.overlapped: Mark | None = None

    @property
    def name(self) -> tuple[str, str]:
        """The task it is an execution of."""
        return self.start.run, self.start.task

    def __repr__(self) -> str:
        mark = self.start
        end = f"{self.ended_at:.3f}" if self.ended_at else "no end"
        return f"attempt {mark.n} on {mark.agent} (pid {mark.pid}): {mark.at:.3f} to {end}"


class Ledger:
    """The directory that tasks write to, and what is in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "locks").mkdir(parents=True, exist_ok=True)

    @property
    def environ(self) -> dict[str, str]:
        """What an agent must have in its environment, for its tasks."""
        return {"CHAOS_LEDGER": str(self.directory)}

    def marks(self) -> list[Mark]:
        """All lines, in the order of writing."""
        file = self.directory / "ledger"
        if not file.exists():
            return []
        return [_mark(line) for line in file.read_text().splitlines()]

    def executions(self) -> list[Execution]:
        """All executions, in the order of their starts."""
        found: dict[tuple[str, str, int, int], Execution] = {}
        overlaps: dict[tuple[str, str, int, int], Mark] = {}
        for mark in self.marks():
            who = (mark.run, mark.task, mark.fence, mark.pid)
            if mark.what == "overlap":
                overlaps[who] = mark
            elif mark.what == "start":
                found[who] = Execution(mark)
                found[who].overlapped = overlaps.get(who)
            else:
                found[who].ended_at = mark.at
        return list(found.values())


def _mark(line: str) -> Mark:
    what, run, task, n, fence, pid, agent, key, at, *holder = line.split()
    # Run by hand, a task has neither attempt nor fence.
    number, token, process = (int(word) if word.isdigit() else 0 for word in (n, fence, pid))
    seconds = int(at) / 1e6
    return Mark(
        what, run, task, number, token, process, agent, key.strip('"'), seconds, tuple(holder)
    )


def build_worker(directory: Path) -> Path:
    """Compile `work.c`; the path of the program."""
    program = directory / "work"
    source = Path(__file__).with_name("work.c")
    compiler = need_tool("gcc")
    subprocess.run([compiler, "-O2", "-o", str(program), str(source)], check=True)
    return program


def printed(run: str, task: str, n: int, lines: int, stream: str) -> bytes:
    """What an attempt that came to its end has written."""
    numbers = range(lines) if stream == "stdout" else range(0, lines, 10)
    text = [f"{run}/{task}/{n} {i} {FILLING[: i * 7919 % 53]}\n" for i in numbers]
    return "".join(text).encode()


DROPPED = re.compile(rb"\[cdktr: (\d+) bytes dropped, [^\]]*\]\n")
"""What an agent stores in place of output for which it had no room."""


def with_gaps(expected: bytes, stored: bytes) -> bytes:
    """What is stored, its gaps filled with what must have been there: each as long as it says. A
    gap within a line begins on a line of its own, so the newline before it may be written or not:
    what follows tells."""
    gap = DROPPED.search(stored)
    if gap is None:
        return stored
    part, rest = stored[: gap.start()], stored[gap.end() :]
    filled = b""
    for before in (part, part.removesuffix(b"\n")):
        at = len(before) + int(gap[1])
        filled = expected[:at] + with_gaps(expected[at:], rest)
        if expected.startswith(before) and expected.startswith(filled):
            return filled
    return part + filled[len(part) :]


class Difference(NamedTuple):
    """How stored output differs from what was written, in lines."""

    lost: int = 0
    doubled: int = 0
    disordered: int = 0
    foreign: int = 0

    def __bool__(self) -> bool:
        return any(self)


def difference(expected: bytes, stored: bytes) -> Difference:
    """Lines lost, doubled, out of order, and lines that were never written."""
    if expected == stored:
        return Difference()
    place = {line: at for at, line in enumerate(expected.splitlines())}
    seen: dict[bytes, int] = {}
    disordered = foreign = 0
    newest = -1
    for line in stored.splitlines():
        if line not in place:
            foreign += 1
            continue
        seen[line] = seen.get(line, 0) + 1
        disordered += seen[line] == 1 and place[line] < newest
        newest = max(newest, place[line])
    lost = len(place) - len(seen)
    doubled = sum(seen.values()) - len(seen)
    if not (lost or doubled or disordered or foreign):
        foreign = 1  # the same lines, and yet not the same bytes
    return Difference(lost, doubled, disordered, foreign)

"""Finding and ending all processes of a task, by what /proc tells.

A task leads its own session and group. What it starts is found as its descendants, in its session,
or, when it became an orphan (then it is a child of ours: the supervisor is a subreaper), by the
task's variables in its environment. Nothing is remembered between two looks, so a process that
forks while it is being ended is found by the next one: look and signal until nobody is left.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Final, NamedTuple

GRACE_S: Final = 0.8
"""Between TERM and KILL for what an earlier supervisor left: nobody reads its output any more, and
it stands in the way of its next attempt."""


class Seen(NamedTuple):
    """A process as /proc/PID/stat shows it."""

    state: str
    ppid: int
    pgrp: int
    session: int


def look() -> dict[int, Seen]:
    """All processes that are not zombies."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            seen = look_at(int(name))
            if seen is not None and seen.state not in "ZX":
                found[int(name)] = seen
    return found


def look_at(pid: int) -> Seen | None:
    """One process; None when it is gone."""
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        data = os.read(fd, 1024)
    except OSError:
        return None
    finally:
        os.close(fd)
    # The name in parentheses may hold anything, parentheses too.
    fields = data[data.rfind(b")") + 2 :].split(None, 4)
    return Seen(fields[0].decode(), int(fields[1]), int(fields[2]), int(fields[3]))


def environment(pid: int) -> set[bytes]:
    """NAME=VALUE of the environment a process was started with; empty when it cannot be read."""
    try:
        fd = os.open(f"/proc/{pid}/environ", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return set()
    parts = []
    try:
        while part := os.read(fd, 1 << 16):
            parts.append(part)
    except OSError:
        pass  # it has just died
    finally:
        os.close(fd)
    return set(b"".join(parts).split(b"\0"))


def family(table: dict[int, Seen], roots: set[int]) -> set[int]:
    """The roots, all in their sessions and groups, and all descendants of these."""
    members = {
        pid
        for pid, seen in table.items()
        if pid in roots or seen.session in roots or seen.pgrp in roots
    }
    children: dict[int, list[int]] = {}
    for pid, seen in table.items():
        children.setdefault(seen.ppid, []).append(pid)
    waiting = [*members, *roots]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in members:
                members.add(child)
                waiting.append(child)
    return members


def send(pids: Iterable[int], number: int) -> None:
    """Signal all as if at once: stopped while it is given out, so that no shell sees its child
    die and goes on with its next command before its own turn has come."""
    each = list(pids)
    for step in (signal.SIGSTOP, number, signal.SIGCONT):
        for pid in each:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, step)


class Orphans:
    """Children of ours that we did not start: parts of tasks whose parents have ended."""

    def __init__(self) -> None:
        self._path = f"/proc/self/task/{os.getpid()}/children"
        try:
            # Kept open: reading it again from the start is one call, and it is done for each task.
            self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._fd = -1  # a kernel without it: look at everything

    def children(self) -> set[int]:
        """Our children, started or inherited, zombies included."""
        if self._fd < 0:
            me = os.getpid()
            return {pid for pid, seen in look().items() if seen.ppid == me}
        data = os.pread(self._fd, 1 << 16, 0)
        if len(data) == 1 << 16:  # more than fit: rare enough to look at everything
            me = os.getpid()
            return {pid for pid, seen in look().items() if seen.ppid == me}
        return {int(word) for word in data.split()}


def lineage(table: dict[int, Seen], pid: int) -> set[int]:
    """A process and all it comes from."""
    found = {pid}
    while (seen := table.get(pid)) is not None and seen.ppid > 0:
        pid = seen.ppid
        found.add(pid)
    return found


def started_at(pid: int) -> float:
    """When it was started, in seconds of CLOCK_BOOTTIME; for ever ago when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            data = file.read()
    except OSError:
        return 0.0
    return int(data[data.rfind(b")") + 2 :].split()[19]) / os.sysconf("SC_CLK_TCK")


def marked(mark: bytes) -> set[int]:
    """Live processes with `mark` in their environment, and their families; never ourselves or
    what we come from."""
    table = look()
    spared = lineage(table, os.getpid())
    roots = {pid for pid in table if pid not in spared and mark in environment(pid)}
    return family(table, roots) - spared if roots else set()


def sweep(mark: bytes, grace_s: float = GRACE_S) -> int:
    """End what an earlier supervisor left running and wait until it is gone. How many there
    were. Only while there is nothing else to do: it waits."""
    ended: set[int] = set()
    termed: set[int] = set()
    end = time.monotonic() + grace_s
    pause = 0.002
    while pids := marked(mark):
        ended |= pids
        if time.monotonic() >= end:
            send(pids, signal.SIGKILL)
        else:
            send(pids - termed, signal.SIGTERM)
            termed |= pids
        time.sleep(pause)
        pause = min(0.05, pause * 1.5)
    return len(ended)

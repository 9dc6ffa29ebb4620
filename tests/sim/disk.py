"""The disks of the simulated machines, in place of `os` in the modules that write files.

A file has what was written and what was synced of it: a process that dies loses nothing, a power
failure takes a random part of what was not synced. A disk can be full. Paths begin with the name
of their machine. Only what the agent's outbox, spool and shipper use is here; anything else asked
of it is an AttributeError, not a silent success.
"""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import cdktr_agent.outbox
import cdktr_agent.records
import cdktr_agent.shipper
import cdktr_agent.spool

ORDERLY = True
"""Does what was written to one segment of a file reach the disk before the next one?"""


class File:
    """What is in a file, and how much of it would outlast a power failure."""

    __slots__ = ("data", "linked", "safe")

    def __init__(self) -> None:
        self.data = bytearray()
        self.safe = 0
        self.linked = False  # would its name outlast one?


class Disk:
    """The files of one machine."""

    def __init__(self) -> None:
        self.files: dict[str, File] = {}
        self.full = False
        self.spare = 0  # bytes that go in although it is full

    def names(self, directory: str) -> list[str]:
        """File names in a directory."""
        return [path[len(directory) + 1 :] for path in self.files if path.startswith(directory)]

    def power_failure(self, dice: random.Random) -> None:
        """What was not synced is gone, or the beginning of it is not."""
        shortened: set[str] = set()
        for path, file in list(self.files.items()):
            base = path.rpartition(".")[0]
            if base in shortened or (not file.linked and dice.random() < 0.5):
                del self.files[path]
                if ORDERLY:
                    shortened.add(base)
                continue
            whole = len(file.data)
            cut = whole if dice.random() < 0.3 else dice.randint(min(file.safe, whole), whole)
            del file.data[cut:]
            file.safe = cut
            if cut < whole and ORDERLY:
                shortened.add(base)


class _Stat:
    def __init__(self, size: int) -> None:
        self.st_size = size


class SimulatedOs:
    """As much of `os` as those modules need, over the disks of `machines`."""

    O_RDONLY = os.O_RDONLY
    O_WRONLY = os.O_WRONLY
    O_RDWR = os.O_RDWR
    O_CREAT = os.O_CREAT
    O_TRUNC = os.O_TRUNC
    O_APPEND = os.O_APPEND
    O_CLOEXEC = os.O_CLOEXEC

    def __init__(self) -> None:
        self.machines: dict[str, Disk] = {}
        self._open: dict[int, tuple[File, Disk]] = {}
        self._next = 1000

    def reset(self) -> None:
        """New machines."""
        self.machines = {}
        self._open = {}

    def disk_of(self, path: str) -> Disk:
        return self.machines[path.partition("/")[0]]

    def open(self, path: str, flags: int, mode: int = 0o600) -> int:
        disk = self.disk_of(path)
        file = disk.files.get(path)
        if file is None:
            if not flags & self.O_CREAT:
                raise FileNotFoundError(errno.ENOENT, "no such file", path)
            if disk.full:
                raise OSError(errno.ENOSPC, "disk full", path)
            file = disk.files[path] = File()
        if flags & self.O_TRUNC:
            file.data.clear()
            file.safe = 0
        self._next += 1
        self._open[self._next] = (file, disk)
        return self._next

    def close(self, fd: int) -> None:
        del self._open[fd]

    def write(self, fd: int, data: bytes) -> int:
        file, disk = self._open[fd]
        if disk.full:
            disk.spare -= len(data)
        if disk.full and disk.spare < 0:
            if len(data) < 20 or len(file.data) % 2:
                raise OSError(errno.ENOSPC, "disk full")
            data = data[: len(data) // 2]  # the last block took some of it
        file.data += data
        return len(data)

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        return bytes(self._open[fd][0].data[offset : offset + size])

    def ftruncate(self, fd: int, size: int) -> None:
        file = self._open[fd][0]
        del file.data[size:]
        file.safe = min(file.safe, size)

    def fstat(self, fd: int) -> _Stat:
        return _Stat(len(self._open[fd][0].data))

    def fdatasync(self, fd: int) -> None:
        file = self._open[fd][0]
        file.safe = len(file.data)
        file.linked = True

    fsync = fdatasync

    def unlink(self, path: str) -> None:
        if self.disk_of(path).files.pop(path, None) is None:
            raise FileNotFoundError(errno.ENOENT, "no such file", path)

    def rename(self, source: str, target: str) -> None:
        files = self.disk_of(source).files
        files[target] = files.pop(source)


MODULES = (cdktr_agent.outbox, cdktr_agent.records, cdktr_agent.shipper, cdktr_agent.spool)


@contextmanager
def mounted(machines: SimulatedOs) -> Iterator[SimulatedOs]:
    """The modules write to simulated disks, and their files and windows are small."""
    small: list[tuple[Any, str, Any]] = [
        (cdktr_agent.outbox, "COMPACT", 1200),
        (cdktr_agent.spool, "SEGMENT", 300),
        (cdktr_agent.shipper, "WINDOW", 200),
    ]
    patches = [mock.patch.object(module, "os", machines) for module in MODULES]
    patches += [mock.patch.object(module, name, value) for module, name, value in small]
    for patch in patches:
        patch.start()
    try:
        yield machines
    finally:
        for patch in reversed(patches):
            patch.stop()

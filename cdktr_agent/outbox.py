"""Results until the principal has recorded them: a file that survives the death of both processes.

One JSON object a line: a result, or `{"ack": [tokens]}`. Appended before anything is announced, so
no result is announced that a kill -9 could take back. Not synced at once: what a power failure
takes is a result nobody has recorded, and its task is only run again. A principal that is away
for longer than `SYNC_S` makes that window long, so from then on the file is synced. On a full disk
results are kept in memory, told all the same, and written down when there is room.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

import msgspec

from cdktr_common.catalogue.values import TaskResult

SYNC_S: Final = 0.1
COMPACT: Final = 4 << 20
"""Size from which the file is written anew with what is still in it."""

_encode = msgspec.json.Encoder().encode


class _Line(TaskResult, frozen=True, kw_only=True):
    """Either kind of line."""

    token: str = ""
    state: str = ""  # type: ignore[assignment]
    ack: list[str] = []


class Outbox:
    """Results not yet acknowledged, oldest first. Times are the caller's."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.results: dict[str, TaskResult] = {}
        self._since: dict[str, float] = {}  # of those not yet synced
        self._behind = False  # does the file lack something for which there was no room?
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._size = self._load()

    def _load(self) -> int:
        """Read what an earlier owner left; a torn last line is cut off."""
        data = b""
        while part := os.pread(self._fd, 1 << 20, len(data)):
            data += part
        decoder = msgspec.json.Decoder(_Line)
        good = 0
        for line in data.splitlines(keepends=True):
            try:
                entry = decoder.decode(line) if line.endswith(b"\n") else None
            except (msgspec.DecodeError, UnicodeDecodeError):
                entry = None
            if entry is None:
                break  # torn when the writer died; nothing after it was announced
            good += len(line)
            if entry.token:
                fields = msgspec.structs.asdict(entry)
                del fields["ack"]
                self.results[entry.token] = TaskResult(**fields)
            for token in entry.ack:
                self.results.pop(token, None)
        os.ftruncate(self._fd, good)
        return good

    def add(self, results: Iterable[TaskResult], now: float) -> bool:
        """Append; in memory even when the disk is full (False)."""
        lines = []
        for result in results:
            self.results[result.token] = result
            self._since[result.token] = now
            lines.append(_encode(result) + b"\n")
        return self._append(b"".join(lines))

    def ack(self, tokens: Iterable[str]) -> None:
        """Forget what is recorded elsewhere."""
        known = [token for token in tokens if self.results.pop(token, None) is not None]
        if not known:
            return
        for token in known:
            self._since.pop(token, None)
        if self._size > COMPACT or self._behind:
            self._compact()
        else:
            self._append(_encode({"ack": known}) + b"\n")

    def _append(self, data: bytes) -> bool:
        if self._behind:
            return self._compact()
        try:
            written = os.write(self._fd, data)
        except OSError:
            written = -1
        if written == len(data):
            self._size += written
            return True
        with suppress(OSError):
            os.ftruncate(self._fd, self._size)  # no half line
        self._behind = True
        return False

    def _compact(self) -> bool:
        """Write the file anew with what is still in it. Without room the old one stays: it says
        all that was ever written down, and what is told twice does no harm."""
        data = b"".join([_encode(result) + b"\n" for result in self.results.values()])
        fresh = self._path + ".new"
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        try:
            fd = os.open(fresh, flags, 0o600)
        except OSError:
            return False
        try:
            if os.write(fd, data) != len(data):
                raise OSError(errno.ENOSPC, "no room for the outbox")
            os.fdatasync(fd)
            os.rename(fresh, self._path)
        except OSError:
            os.close(fd)
            with suppress(OSError):
                os.unlink(fresh)
            return False
        os.close(self._fd)
        self._fd, self._size = fd, len(data)
        self._behind = False
        return True

    def sync_due(self) -> float | None:
        """When `sync` has to be called, if nothing is acknowledged before."""
        for since in self._since.values():
            return since + SYNC_S
        return None

    def sync(self) -> None:
        """Make all results outlast the machine, as far as its disk lets us."""
        with suppress(OSError):
            os.fdatasync(self._fd)
        self._since.clear()

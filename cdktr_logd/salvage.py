"""An older history.duckdb, read as far as it can be, without changing a byte of it.

It is opened for reading under another name. With a log that is damaged, the longest beginning of
that log which opens is taken; then the file without its log; then nothing. Rows are read a few
thousand at a time by their numbers: what DuckDB refuses to read is counted and left out, the rest
is carried on. Knows the tables, not what becomes of the rows.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from cdktr_logd.partitions import Partition
from cdktr_logd.reader import QueryFault, Reader
from cdktr_logd.store import StoreDamaged, open_to_read

STEP: Final = 2048
"""Rows read at a time, and so lost at a time."""

_COLUMNS: Final = "pos, workflow, run, task, n, stream, off, size, line, ts, ended, text, bytes"

Rows = list[tuple[Any, ...]]


class Salvage:
    """What can be read of the file at `path`; `scratch` is a directory for copies of its log."""

    def __init__(self, path: Path, scratch: Path) -> None:
        self._log = path.with_name(path.name + ".wal")
        self._scratch = scratch
        self._file = scratch / "old.duckdb"
        self._copy = scratch / "old.duckdb.wal"
        self._reader: Reader | None = None
        self._names: set[str] = set()
        self.troubles: list[str] = []
        self.unread = 0
        scratch.mkdir(mode=0o700)
        if not path.exists():
            self.troubles.append(f"there is no {path.name}")
            return
        try:
            self._file.hardlink_to(path)  # a symbolic one would lead DuckDB to the log as well
        except OSError:
            shutil.copy(path, self._file)
        self._open_first(path)

    @property
    def readable(self) -> bool:
        """Can anything be read at all?"""
        return self._reader is not None

    def close(self) -> None:
        """Let go of it, and of the copies."""
        if self._reader is not None:
            self._reader.close()
        shutil.rmtree(self._scratch)

    def _open_first(self, path: Path) -> None:
        size = self._log.stat().st_size if self._log.exists() else 0
        if size:
            shutil.copy(self._log, self._copy)
        if self._opens():
            return
        fault = self.troubles.pop() if self.troubles else ""
        kept = self._longest(size)
        self._cut(kept)
        if self._opens():
            lost = (
                f"the log {self._log.name} is damaged somewhere up to byte {kept:,} of its "
                f"{size:,}: what is whole before that was read"
            )
            self.troubles.append(f"{lost} ({fault})")
            return
        self.troubles = [f"{path.name} cannot be opened: {fault}"]

    def _opens(self) -> bool:
        try:
            self._reader = open_to_read(self._file)
            names = self._reader.rows("SELECT table_name FROM duckdb_tables()", [])
        except (StoreDamaged, QueryFault) as fault:
            self.troubles.append(str(fault))
            self._reader = None
            return False
        self._names = {row[0] for row in names}
        return True

    def _cut(self, size: int) -> None:
        self._copy.unlink(missing_ok=True)
        if size:
            shutil.copy(self._log, self._copy)
            with self._copy.open("r+b") as file:
                file.truncate(size)

    def _longest(self, size: int) -> int:
        """Bytes of the longest beginning of the log with which the file opens."""
        good, bad = 0, size
        while bad - good > 1:
            middle = (good + bad) // 2
            self._cut(middle)
            if self._opens():
                good = middle
                assert self._reader is not None
                self._reader.close()
            else:
                self.troubles.pop()
                bad = middle
        return good

    # What is in it.

    def partitions(self) -> list[Partition]:
        """The partitions of the file, oldest first; a file of version 1 is one."""
        numbers = sorted(
            int(name.rpartition("_")[2]) for name in self._names if name.startswith("logstore_")
        )
        known = {}
        if "partition" in self._names:
            rows = self._rows("SELECT * FROM partition ORDER BY number", [])
            known = {row[0]: Partition(*row) for row in rows or []}
        now = time.time()
        made_up = [number for number in numbers if number not in known]
        if made_up:
            self.troubles.append("when its partitions began cannot be read: they count as new")
        return [known.get(number) or Partition(number, now, 0, 0, None) for number in numbers] or [
            Partition(1, now, 0, 0, None)
        ]

    def output(self, number: int) -> Iterator[Rows]:
        """The rows of `logstore` in a partition."""
        yield from self._table("logstore", number, _COLUMNS, "pos", None)

    def facts(self, number: int, before: int) -> Iterator[Rows]:
        """(seq, body) of the facts of a partition before a number."""
        yield from self._table("event", number, "seq, body", "seq", before)

    def marks(self, number: int) -> Rows:
        """The rows of `mark` in a partition."""
        if f"mark_{number}" not in self._names:
            return []
        return self._rows(f"SELECT * FROM mark_{number}", []) or []

    def fact(self, seq: int) -> str | None:
        """The body of one fact."""
        for name in sorted(self._names):
            if name == "event" or name.startswith("event_"):
                rows = self._rows(f"SELECT body FROM {name} WHERE seq = ?", [seq])
                if rows:
                    return str(rows[0][0])
        return None

    def newest_fact(self) -> int:
        """The number of the last fact in it."""
        names = [name for name in self._names if name == "event" or name.startswith("event_")]
        tops = [self._rows(f"SELECT max(seq) FROM {name}", []) for name in names]
        return max((rows[0][0] or 0 for rows in tops if rows), default=0)

    def _table(
        self, table: str, number: int, columns: str, key: str, before: int | None
    ) -> Iterator[Rows]:
        name = f"{table}_{number}" if f"{table}_{number}" in self._names else table
        if name not in self._names:
            return
        edges = self._rows(f"SELECT min({key}), max({key}), count(*) FROM {name}", [])
        if edges is None:
            self.troubles.append(f"{name} cannot be read at all")
            return
        low, high, count = edges[0]
        if not count:
            return
        high = high if before is None else min(high, before - 1)
        lost = 0
        sql = f"SELECT {columns} FROM {name} WHERE {key} >= ? AND {key} < ? ORDER BY {key}"
        for begin in range(low, high + 1, STEP):
            rows = self._rows(sql, [begin, min(begin + STEP, high + 1)])
            if rows is None:
                lost += min(STEP, high + 1 - begin)
            elif rows:
                yield rows
        if lost:
            self.troubles.append(f"about {lost:,} rows of {name} cannot be read")
            self.unread += lost

    def _rows(self, sql: str, parameters: list[object]) -> Rows | None:
        """None when it cannot be read; the file is opened again then, for a fault ends it."""
        if self._reader is None:
            return None
        try:
            return self._reader.rows(sql, parameters)
        except QueryFault:
            self._reader.close()
            self._reader = None
            if not self._opens():
                self.troubles.append("and it could not be opened a second time")
            return None

"""The database: the only place that knows DuckDB.

`commit` stores rows of all tables in one transaction, durable when it returns. Checkpoints happen
by our own decision only: an automatic one that meets a full disk would end the whole instance.
Every fault leaves here as one of four classes, so that nobody else needs to know DuckDB's. The
file is opened by its owner alone, under the lock of its directory, and never with plain I/O:
closing it would drop DuckDB's own lock.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import duckdb

from cdktr_logd.core import MARKS_KEPT, Mark, Row, StreamKey
from cdktr_logd.facts import FactRows

VERSION: Final = "1"
"""Version of the tables; a file of another version is not touched."""

WAL_MOST: Final = 128 << 20
"""Bytes of write-ahead log after which a checkpoint is due."""

_CONFIG: Final[dict[str, str | bool | int | float | list[str]]] = {
    "threads": 1,
    "memory_limit": "192MB",
    "wal_autocheckpoint": "1TB",
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allocator_background_threads": True,  # gives back what a burst needed
}

_LOOKUP: Final = """
SELECT run, task, n, stream, max(off + size), bool_or(ended), min(ts) FROM logstore
WHERE run IN (SELECT unnest(?::VARCHAR[])) GROUP BY run, task, n, stream
"""

_RECENT: Final = """
SELECT run, task, n, stream, max(off + size), bool_or(ended), min(ts) FROM logstore
WHERE pos > ? GROUP BY run, task, n, stream ORDER BY max(pos)
"""


class StoreFull(Exception):
    """The disk is full: nothing of the transaction was stored, the database works on."""


class StoreLost(Exception):
    """The database gave up and has to be opened again; the transaction may have been stored."""


class StoreDamaged(Exception):
    """The file cannot be opened or is not ours."""


class QueryFault(Exception):
    """A query was refused (a wrong pattern) or interrupted."""


class Reader:
    """One query at a time, for the query thread. Sees everything committed before it was made."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def rows(self, sql: str, parameters: Sequence[object]) -> list[tuple[Any, ...]]:
        """All rows. Raises QueryFault."""
        try:
            rows: list[tuple[Any, ...]] = self._connection.execute(sql, parameters).fetchall()
        except duckdb.Error as fault:
            raise QueryFault(str(fault).split("\n")[0][:500]) from None
        return rows

    def interrupt(self) -> None:
        """End the query that runs now; safe from another thread."""
        self._connection.interrupt()

    def close(self) -> None:
        self._connection.close()


class Store:
    """`history.duckdb` in `directory`, opened, its tables made when they were not there."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "history.duckdb"
        self._wal = directory / "history.duckdb.wal"
        self._connection: Any = None
        self.open()

    def open(self) -> None:
        """Open, replaying what was committed. Raises StoreDamaged, StoreFull."""
        self.close()
        try:
            self._connection = duckdb.connect(str(self.path), config=_CONFIG)
            self._make_tables()
            self._connection.execute("SET lock_configuration = true")
        except duckdb.Error as fault:
            self.close()
            if _is_full(fault):
                raise StoreFull(_first_line(fault)) from None
            raise StoreDamaged(f"{self.path}: {_first_line(fault)}") from None
        os.chmod(self.path, 0o600)

    def _make_tables(self) -> None:
        tables = self._connection.execute(
            "SELECT count(*) FROM information_schema.tables WHERE table_name = 'meta'"
        ).fetchall()
        if tables[0][0]:
            version = self._connection.execute("SELECT version FROM meta").fetchall()
            if version != [(VERSION,)]:
                found = version[0][0] if version else "none"
                raise StoreDamaged(f"{self.path}: tables of version {found}, not {VERSION}")
            return
        self._connection.begin()
        self._connection.execute(files("cdktr_logd").joinpath("schema.sql").read_text())
        self._connection.execute("CREATE TABLE meta AS SELECT ? AS version", [VERSION])
        self._connection.commit()
        self._connection.execute("CHECKPOINT")  # DDL is not to be replayed from the log

    def close(self) -> None:
        """Let go of the file. What was committed stays."""
        if self._connection is None:
            return
        try:
            self._connection.close()
        except duckdb.Error:
            pass  # a database that gave up cannot be closed well either
        self._connection = None

    @property
    def opened(self) -> bool:
        """Is it open? Not after a fault on a full disk: then `open` is to be tried again."""
        return self._connection is not None

    def commit(self, output: Sequence[Row], facts: Sequence[FactRows]) -> None:
        """Store all of it or nothing, durably. Raises StoreFull (nothing) or StoreLost."""
        try:
            self._connection.begin()
            self._append("logstore", output)
            self._append("event", [row for rows in facts for row in rows.events])
            self._append("workflow_run_status", [row for rows in facts for row in rows.runs])
            self._append("task_run_status", [row for rows in facts for row in rows.tasks])
            self._connection.commit()
        except duckdb.Error as fault:
            if isinstance(fault, duckdb.FatalException) or not self._rolled_back():
                raise StoreLost(_first_line(fault)) from None
            if _is_full(fault):
                raise StoreFull(_first_line(fault)) from None
            raise StoreLost(_first_line(fault)) from None

    def _append(self, table: str, rows: Sequence[Sequence[object]]) -> None:
        if rows:
            with self._connection.appender(table) as appender:
                appender.append_rows(rows)

    def _rolled_back(self) -> bool:
        try:
            self._connection.rollback()
        except duckdb.TransactionException:
            return True  # a commit that failed has ended the transaction itself
        except duckdb.Error:
            return False
        return True

    # What is stored: asked at the start and for streams that memory has forgotten.

    def heights(self) -> tuple[int, int]:
        """Position of the last row of output, seq of the last fact."""
        row = self._read(
            "SELECT (SELECT coalesce(max(pos), 0) FROM logstore),"
            " (SELECT coalesce(max(seq), 0) FROM event)"
        )[0]
        return row[0], row[1]

    def recent_marks(self) -> tuple[list[tuple[StreamKey, Mark]], float]:
        """Marks of the streams of the last rows, oldest first, and the youngest time of others."""
        pos, _ = self.heights()
        edge = max(0, pos - MARKS_KEPT)
        youngest = self._read("SELECT max(ts) FROM logstore WHERE pos <= ?", [edge])[0][0]
        return _marks(self._read(_RECENT, [edge])), youngest or 0.0

    def lookup(self, keys: Iterable[StreamKey]) -> list[tuple[StreamKey, Mark]]:
        """Marks of those of the streams that are stored."""
        wanted = set(keys)
        found = _marks(self._read(_LOOKUP, [sorted({key[0] for key in wanted})]))
        return [(key, mark) for key, mark in found if key in wanted]

    def fact(self, seq: int) -> str | None:
        """The body of one fact."""
        rows = self._read("SELECT body FROM event WHERE seq = ?", [seq])
        return rows[0][0] if rows else None

    def _read(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        try:
            rows: list[tuple[Any, ...]] = self._connection.execute(sql, parameters).fetchall()
        except duckdb.Error as fault:
            raise StoreLost(_first_line(fault)) from None
        return rows

    def reader(self) -> Reader:
        """A connection of its own for one query. Raises QueryFault."""
        if self._connection is None:
            raise QueryFault("the database cannot be opened now")
        try:
            return Reader(self._connection.cursor())
        except duckdb.Error as fault:
            raise QueryFault(_first_line(fault)) from None

    # Checkpoints.

    def wal_size(self) -> int:
        """Bytes that a checkpoint would put into place."""
        try:
            return self._wal.stat().st_size
        except OSError:
            return 0

    def checkpoint(self) -> bool:
        """Move the log into the file. False: not now (no room, or somebody reads). Raises
        StoreLost."""
        wal = self.wal_size()
        room = shutil.disk_usage(self.path.parent).free
        if room < 2 * wal + (16 << 20):
            return False
        try:
            self._connection.execute("CHECKPOINT")
        except duckdb.FatalException as fault:
            raise StoreLost(_first_line(fault)) from None
        except duckdb.Error:
            return False
        return True


def _marks(rows: Iterable[tuple[Any, ...]]) -> list[tuple[StreamKey, Mark]]:
    return [((row[0], row[1], row[2], row[3]), Mark(row[4], row[5], row[6])) for row in rows]


def _is_full(fault: Exception) -> bool:
    text = str(fault).lower()
    return "no space left" in text or "disk quota" in text or "file too large" in text


def _first_line(fault: Exception) -> str:
    return str(fault).split("\n")[0][:500]

"""The database: the only place that knows DuckDB.

`commit` stores rows of all tables in one transaction, durable when it returns. Checkpoints happen
by our own decision only: an automatic one that meets a full disk would end the whole instance.
Every fault leaves here as one of four classes, so that nobody else needs to know DuckDB's. The
file is opened by its owner alone, under the lock of its directory, and never with plain I/O:
closing it would drop DuckDB's own lock. A file that is shorter than `head` says, or gone, is
never taken for the history.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb

from cdktr_logd import partitions
from cdktr_logd.core import Row
from cdktr_logd.facts import FactRows
from cdktr_logd.head import Head, Heights, way_on
from cdktr_logd.partitions import Partition

VERSION: Final = "4"
"""Version of the tables. Those of version 1, without partitions, become the first partition; those
of version 2 get the columns they lack, those of 3 a view. A file of any other version is left as
it is."""

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


def open_to_read(path: Path) -> Reader:
    """A file that nobody owns, looked into without changing it. Raises StoreDamaged."""
    try:
        return Reader(duckdb.connect(str(path), read_only=True, config=_CONFIG))
    except duckdb.Error as fault:
        raise StoreDamaged(_first_line(fault)) from None


class Store:
    """`history.duckdb` in `directory`, opened, its tables made when they were not there."""

    def __init__(
        self, directory: Path, name: str = "history", first: Partition | None = None
    ) -> None:
        self.path = directory / f"{name}.duckdb"
        self._wal = directory / f"{name}.duckdb.wal"
        self._head = Head(directory) if name == "history" else None
        self._first = first or Partition(1, time.time(), 0, 0, None)
        self._connection: Any = None
        self._noted = Heights()
        self.partitions: list[Partition] = []
        self.open()

    def open(self) -> None:
        """Open, replaying what was committed. Raises StoreDamaged, StoreFull."""
        self.close()
        told = self._head.read() if self._head is not None else Heights()
        if not self.path.exists() and (told != Heights() or self._wal.exists()):
            raise StoreDamaged(f"{self.path} is missing. {self._way_on(shorter=True)}")
        try:
            self._connection = duckdb.connect(str(self.path), config=_CONFIG)
            self._make_tables()
            self._connection.execute("SET lock_configuration = true")
            self._noted = self.heights()
        except (duckdb.Error, StoreFull, StoreLost) as fault:
            self.close()
            if _is_full(fault):
                raise StoreFull(_first_line(fault)) from None
            raise StoreDamaged(f"{self.path}: {_first_line(fault)}. {self._way_on()}") from None
        except StoreDamaged:
            self.close()
            raise
        os.chmod(self.path, 0o600)
        if self._noted.pos < told.pos or self._noted.seq < told.seq:
            self.close()
            raise StoreDamaged(
                f"{self.path} is shorter than it was: {self._noted.pos} pieces of output and "
                f"{self._noted.seq} facts. {self._way_on(shorter=True)}"
            )

    def damage(self, fault: StoreLost) -> StoreDamaged:
        """What it means when it cannot even be read how far everything is stored."""
        return StoreDamaged(f"{self.path}: {fault}. {self._way_on()}")

    def _way_on(self, shorter: bool = False) -> str:
        return way_on(self.path, self._head, shorter)

    def _make_tables(self) -> None:
        names = {row[0] for row in self._all("SELECT table_name FROM duckdb_tables()")}
        if not names:
            number = self._first.number
            tables = [*partitions.begin(number), *partitions.views([number])]
            self.change([*tables, *partitions.create(VERSION)], self._first)
        elif "meta" not in names:
            raise StoreDamaged(f"{self.path}: not a history of cdktr-logd. {self._way_on()}")
        version = next((str(row[0]) for row in self._all("SELECT version FROM meta")), "none")
        if version != "1":
            self._know_partitions()
        if version == VERSION:
            return
        numbers = [part.number for part in self.partitions]
        texts = partitions.migrate(version, VERSION, numbers)
        if texts is None:
            raise StoreDamaged(
                f"{self.path}: tables of version {version}, not {VERSION}. {self._way_on()}"
            )
        self.change(texts, None if numbers else self._first)

    def _know_partitions(self) -> None:
        self.partitions = [
            Partition(*row)
            for row in self._all(
                "SELECT p.* FROM partition p JOIN duckdb_tables() t"
                " ON t.table_name = 'logstore_' || p.number ORDER BY number"
            )
        ]

    def _all(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = self._connection.execute(sql, parameters).fetchall()
        return rows

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
        part = self.partitions[-1].number
        try:
            self._connection.begin()
            self._append(f"logstore_{part}", output)
            self._append(f"event_{part}", [row for rows in facts for row in rows.events])
            self._append(
                f"workflow_run_status_{part}", [row for rows in facts for row in rows.runs]
            )
            self._append(f"task_run_status_{part}", [row for rows in facts for row in rows.tasks])
            self._connection.commit()
        except duckdb.Error as fault:
            raise self._gave_up(fault) from None
        self._note(output, facts)

    def _note(self, output: Sequence[Row], facts: Sequence[FactRows]) -> None:
        pos = output[-1].pos if output else self._noted.pos
        seqs = [int(str(rows.events[-1][0])) for rows in facts if rows.events]
        self._noted = Heights(pos, seqs[-1] if seqs else self._noted.seq)
        if self._head is not None:
            self._head.write(self._noted)

    def _gave_up(self, fault: duckdb.Error) -> StoreFull | StoreLost:
        """What a transaction that failed means; it is rolled back where that is possible."""
        fatal = isinstance(fault, duckdb.FatalException) or not self._rolled_back()
        kind = StoreFull if _is_full(fault) and not fatal else StoreLost
        return kind(_first_line(fault))

    # Partitions.

    def untouched(self) -> bool:
        """Has nothing been stored in the newest partition?"""
        newest = self.partitions[-1]
        return self._noted == Heights(newest.pos, newest.seq)

    def begin_partition(self, now: float) -> None:
        """Close the newest partition and begin the next. Nobody may be reading. Raises StoreFull
        (nothing was done) or StoreLost."""
        heights = self.heights()
        number = self.partitions[-1].number + 1
        self.add_partition(Partition(number, now, heights.pos, heights.seq, self.fact(heights.seq)))

    def add_partition(self, fresh: Partition) -> None:
        """Begin this one; as `begin_partition`."""
        numbers = [part.number for part in self.partitions] + [fresh.number]
        self.change([*partitions.begin(fresh.number), *partitions.views(numbers)], fresh)

    def drop_partition(self, number: int, kept: Sequence[Sequence[object]]) -> None:
        """Drop a closed partition, with `kept` as marks of streams that go on. Nobody may be
        reading. Raises StoreFull (nothing was done) or StoreLost."""
        numbers = [part.number for part in self.partitions if part.number != number]
        self.change([*partitions.views(numbers), *partitions.drop(number)], marks=kept)

    def change(
        self,
        texts: Iterable[str],
        partition: Partition | None = None,
        marks: Sequence[Sequence[object]] = (),
    ) -> None:
        """Change the tables, and checkpoint: such changes are not to be replayed from the log.
        Raises StoreFull (nothing was done) or StoreLost."""
        try:
            self._connection.begin()
            for text in texts:
                self._connection.execute(text)
            if partition is not None:
                self._append("partition", [partition])
            self._append(f"mark_{self.partitions[-1].number}" if marks else "", marks)
            self._connection.commit()
        except duckdb.Error as fault:
            raise self._gave_up(fault) from None
        try:
            self._connection.execute("CHECKPOINT")
        except duckdb.Error as fault:
            raise StoreLost(_first_line(fault)) from None
        self._know_partitions()

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

    # What is stored.

    def heights(self) -> Heights:
        """Position of the last row of output, seq of the last fact."""
        newest = self.partitions[-1]
        rows = self.read(
            f"SELECT (SELECT max(pos) FROM logstore_{newest.number}),"
            f" (SELECT max(seq) FROM event_{newest.number})"
        )
        pos, seq = rows[0]
        return Heights(newest.pos if pos is None else pos, newest.seq if seq is None else seq)

    def fact(self, seq: int) -> str | None:
        """The body of one fact."""
        rows = self.read("SELECT body FROM event WHERE seq = ?", [seq])
        kept = next((part.body for part in self.partitions if part.seq == seq), None)
        return rows[0][0] if rows else kept

    def read(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Rows for the owner's own needs. Raises StoreLost."""
        try:
            return self._all(sql, parameters)
        except duckdb.Error as fault:
            raise StoreLost(_first_line(fault)) from None

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


def _is_full(fault: Exception) -> bool:
    text = str(fault).lower()
    return "no space left" in text or "disk quota" in text or "file too large" in text


def _first_line(fault: Exception) -> str:
    return str(fault).split("\n")[0][:500].rstrip(".!")

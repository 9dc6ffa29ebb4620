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
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import duckdb

from cdktr_logd import opening, partitions
from cdktr_logd.core import Row
from cdktr_logd.facts import FactRows
from cdktr_logd.head import Head, Heights, way_on
from cdktr_logd.partitions import Partition
from cdktr_logd.reader import QueryFault, Reader, Session, first_line, is_full

VERSION: Final = "4"
"""Version of the tables. Those of version 1, without partitions, become the first partition; those
of version 2 get the columns they lack, those of 3 a view. A file of any other version is left as
it is."""

WAL_MOST: Final = 128 << 20
"""Bytes of write-ahead log after which a checkpoint is due."""

PATIENCE_S: Final = 3.0
"""How long storing waits for memory; queries are told at once to give theirs back."""

_STARVED: Final = (duckdb.OutOfMemoryException, MemoryError)

T = TypeVar("T")


class StoreFull(Exception):
    """The disk is full: nothing of the transaction was stored, the database works on."""


class StoreLost(Exception):
    """The database gave up and has to be opened again; the transaction may have been stored."""


class StoreDamaged(Exception):
    """The file cannot be opened or is not ours."""


def open_to_read(path: Path) -> Reader:
    """A file that nobody owns, looked into without changing it. Raises StoreDamaged."""
    try:
        return Reader(opening.connect(path, read_only=True))
    except duckdb.Error as fault:
        raise StoreDamaged(first_line(fault)) from None


class Store:
    """`history.duckdb` in `directory`, opened, its tables made when they were not there."""

    def __init__(
        self, directory: Path, name: str = "history", first: Partition | None = None
    ) -> None:
        self.path = directory / f"{name}.duckdb"
        self.files = directory / "query"
        self._wal = directory / f"{name}.duckdb.wal"
        self._head = Head(directory) if name == "history" else None
        self._first = first or Partition(1, time.time(), 0, 0, None)
        self._connection: Any = None
        self._noted = Heights()
        self._in_need = False
        self.starved: Callable[[], None] = lambda: None
        self.partitions: list[Partition] = []
        self.open()

    def open(self) -> None:
        """Open, replaying what was committed. Raises StoreDamaged, StoreFull."""
        self.close()
        told = self._head.read() if self._head is not None else Heights()
        if not self.path.exists() and (told != Heights() or self._wal.exists()):
            raise StoreDamaged(f"{self.path} is missing. {self._way_on(shorter=True)}")
        self.files.mkdir(mode=0o700, exist_ok=True)
        for left in self.files.iterdir():
            left.unlink()  # of a query whose end nobody saw
        try:
            self._connection = opening.connect(self.path, self.files)
            self._make_tables()
            opening.lock(self._connection)
            self._noted = self.heights()
        except opening.StillOpen as fault:
            self.close()
            raise StoreFull(str(fault)) from None
        except (duckdb.Error, StoreFull, StoreLost) as fault:
            self.close()
            if is_full(fault):
                raise StoreFull(first_line(fault)) from None
            raise StoreDamaged(f"{self.path}: {first_line(fault)}. {self._way_on()}") from None
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
        if self._in_need:
            self._in_need = not opening.set_memory(self._connection, opening.MEMORY)
        try:
            self._patiently(lambda: self._commit(output, facts))
        except (duckdb.Error, MemoryError) as fault:
            raise self._gave_up(fault) from None
        self._note(output, facts)

    def _commit(self, output: Sequence[Row], facts: Sequence[FactRows]) -> None:
        part = self.partitions[-1].number
        self._connection.begin()
        try:
            self._append(f"logstore_{part}", output)
            self._append(f"event_{part}", [row for rows in facts for row in rows.events])
            self._append(f"workflow_run_status_{part}", [row for one in facts for row in one.runs])
            self._append(f"task_run_status_{part}", [row for one in facts for row in one.tasks])
            self._connection.commit()
        except _STARVED:
            self._patiently(self._roll_back)
            raise

    def _patiently(self, step: Callable[[], T]) -> T:
        """Queries may hold the memory needed here: they are ended, and it is tried again."""
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                return step()
            except _STARVED:
                if time.monotonic() > until:
                    raise
            self.starved()
            self._in_need |= opening.set_memory(self._connection, opening.MEMORY_IN_NEED)
            time.sleep(0.01)

    def _note(self, output: Sequence[Row], facts: Sequence[FactRows]) -> None:
        pos = output[-1].pos if output else self._noted.pos
        seqs = [int(str(rows.events[-1][0])) for rows in facts if rows.events]
        self._noted = Heights(pos, seqs[-1] if seqs else self._noted.seq)
        if self._head is not None:
            self._head.write(self._noted)

    def _gave_up(self, fault: Exception) -> StoreFull | StoreLost:
        """What a transaction that failed means; it is rolled back where that is possible."""
        fatal = isinstance(fault, duckdb.FatalException) or not self._rolled_back()
        kind = StoreFull if is_full(fault) and not fatal else StoreLost
        return kind(first_line(fault))

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
            raise StoreLost(first_line(fault)) from None
        self._know_partitions()

    def _append(self, table: str, rows: Sequence[Sequence[object]]) -> None:
        if rows:
            with self._connection.appender(table) as appender:
                appender.append_rows(rows)

    def _roll_back(self) -> None:
        with suppress(duckdb.TransactionException):  # of a commit that failed there is nothing left
            self._connection.rollback()

    def _rolled_back(self) -> bool:
        try:
            self._roll_back()
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
            return self._patiently(lambda: self._all(sql, parameters))
        except (duckdb.Error, MemoryError) as fault:
            raise StoreLost(first_line(fault)) from None

    def reader(self) -> Reader:
        """A connection of its own for a search. Raises QueryFault."""
        return Reader(self._cursor())

    def session(self) -> Session:
        """A connection of its own for a query of somebody. Raises QueryFault."""
        return Session(self._cursor())

    def _cursor(self) -> Any:
        if self._connection is None:
            raise QueryFault("the database cannot be opened now")
        try:
            return self._connection.cursor()
        except duckdb.Error as fault:
            raise QueryFault(first_line(fault)) from None

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
            raise StoreLost(first_line(fault)) from None
        except duckdb.Error:
            return False
        return True

"""Connections that only read: for searches, and for queries that people write.

A `Session` is for one query of somebody: in a read-only transaction, on what was stored when it
began, with a bound on what sorting and grouping may hold. What its statement may be is judged
elsewhere (`allowed.py`); that nothing outside the database can be reached is the store's own
setting. Every fault leaves here as a QueryFault.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import duckdb

OPERATORS: Final = "64MB"
"""What sorting and grouping of one query may hold; more goes to a file of its own for the time."""

_FAULTS: Final = (duckdb.Error, MemoryError, ValueError, OverflowError, RuntimeError, ImportError)
"""What a query can end with: DuckDB's own, and what Python cannot make of a value."""


class QueryFault(Exception):
    """A query was refused or interrupted."""


class QueryStarved(QueryFault):
    """It needs more memory than there is."""


class QueryWrong(QueryFault):
    """It cannot be understood: the fault of who wrote it."""


class Statement(NamedTuple):
    """One statement as the parser has it. `tree` is that of a statement which only selects."""

    text: str
    kind: str
    tree: str | None
    parameters: bool


class Column(NamedTuple):
    """A column of what a query gives; `kind` is DuckDB's own object of its type."""

    name: str
    type: str
    kind: Any = None


class _Interruptible:
    """A connection that another thread may interrupt, also while it is being closed."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._closing = threading.Lock()
        self._closed = False

    def interrupt(self) -> None:
        """End what runs now; safe from another thread, and without harm when nothing runs."""
        with self._closing:
            if not self._closed:
                self._connection.interrupt()

    def close(self) -> None:
        """Let go of the database."""
        with self._closing:
            self._closed = True
        try:
            self._connection.close()
        except _FAULTS:
            pass  # a database that gave up cannot be closed well either


class Reader(_Interruptible):
    """One search at a time, for the search thread. Sees everything committed before it was made."""

    def rows(self, sql: str, parameters: Sequence[object]) -> list[tuple[Any, ...]]:
        """All rows. Raises QueryFault."""
        try:
            rows: list[tuple[Any, ...]] = self._connection.execute(sql, parameters).fetchall()
        except (duckdb.Error, MemoryError) as fault:
            raise QueryFault(first_line(fault)) from None
        return rows


class Session(_Interruptible):
    """See the module text."""

    def begin(self) -> None:
        """What is stored now is what this session sees."""
        self._run("BEGIN TRANSACTION READ ONLY")
        self._run(f"SET operator_memory_limit = '{OPERATORS}'")

    def statements(self, sql: str) -> list[Statement]:
        """What is written there. Raises QueryWrong."""
        try:
            return [self._statement(one) for one in self._connection.extract_statements(sql)]
        except _FAULTS as fault:
            raise _told(fault) from None

    def _statement(self, one: Any) -> Statement:
        tree: str | None = None
        if one.type == duckdb.StatementType.SELECT:
            tree = self._run("SELECT json_serialize_sql(?)", [one.query]).fetchone()[0]
        return Statement(one.query.strip(), one.type.name, tree, bool(one.named_parameters))

    def depth(self, sql: str) -> int:
        """How deep brackets are nested in it, as the lexer sees them. Raises QueryWrong."""
        try:
            tokens = duckdb.tokenize(sql)
        except _FAULTS as fault:
            raise _told(fault) from None
        data, most, deep = sql.encode(), 0, 0
        for at, kind in tokens:
            if kind == duckdb.token_type.operator:
                sign = data[at : at + 1]
                deep += (sign in (b"(", b"[", b"{")) - (sign in (b")", b"]", b"}"))
                most = max(most, deep)
        return most

    def nested(self, statement: Statement) -> str:
        """The text of a statement that selects, so that it can stand in brackets: without
        semicolon, and no comment swallows what follows."""
        text = statement.text.rstrip("; \t\r\n") + "\n"
        try:
            self._connection.extract_statements(f"SELECT * FROM ({text}) LIMIT 1")
        except _FAULTS:
            texts = "SELECT json_deserialize_sql(json_serialize_sql(?))"
            text = self._run(texts, [statement.text]).fetchone()[0]
        return str(text)

    def columns(self, nested: str) -> list[Column]:
        """What it gives. Raises QueryWrong when there is something in it that is not there."""
        try:
            self._run(f"SELECT * FROM ({nested}) LIMIT 0")
        except QueryWrong:
            self._run(nested)  # is wrong as well, and says where in the text of who wrote it
            raise
        return [Column(str(one[0]), str(one[1]), one[1]) for one in self._connection.description]

    def execute(self, sql: str) -> None:
        """Begin with it. Rows come with `fetch`, made as they are fetched where that is
        possible."""
        self._run(sql)

    def fetch(self, most: int) -> list[tuple[Any, ...]]:
        """The next rows; none: there are no more."""
        try:
            rows: list[tuple[Any, ...]] = self._connection.fetchmany(most)
        except _FAULTS as fault:
            raise _told(fault) from None
        return rows

    def write_parquet(self, sql: str, path: Path) -> int:
        """Put its rows into a file, in the one directory where that is allowed: how many."""
        target = str(path).replace("'", "''")
        copy = f"COPY ({sql}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
        try:
            return int(self._connection.execute(copy).fetchone()[0])
        except duckdb.IOException as fault:
            if "not support" in str(fault):  # a value that the format cannot hold
                raise QueryWrong(first_line(fault)) from None
            raise _told(fault) from None
        except _FAULTS as fault:
            raise _told(fault) from None

    def _run(self, sql: str, parameters: Sequence[object] = ()) -> Any:
        try:
            return self._connection.execute(sql, parameters)
        except _FAULTS as fault:
            raise _told(fault) from None


def _told(fault: Exception) -> QueryFault:
    if isinstance(fault, duckdb.OutOfMemoryException | MemoryError):
        return QueryStarved("it needs more memory than a query may have")
    if isinstance(fault, duckdb.InterruptException | duckdb.FatalException | duckdb.IOException):
        return QueryFault(first_line(fault))
    return QueryWrong(str(fault).split("\n\nPossible solutions")[0][:1500].rstrip())


def first_line(fault: Exception) -> str:
    """The beginning of what DuckDB says."""
    return str(fault).split("\n")[0][:500].rstrip(".!")


def is_full(fault: Exception) -> bool:
    """Is it for want of room on the disk?"""
    text = str(fault).lower()
    return "no space left" in text or "disk quota" in text or "file too large" in text

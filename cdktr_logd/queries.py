"""From a request to SQL, and from rows to a page. Pure: the query thread runs what is built here.

Pages are bounded in bytes as well as in number. Lines are matched by DuckDB (RE2, which cannot
be made to run for ever), chunk by chunk: `hits` says for each line of a chunk whether it fits, and
the chunk is cut down to the lines that do. A line that two chunks share is looked at in parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from cdktr_common.catalogue.logd import LogQuery, LogRead
from cdktr_common.catalogue.values import LogChunk
from cdktr_common.errors import ProtocolError
from cdktr_logd.core import OUTPUT, as_text, data_of, size_of, trimmed, with_data

PAGE_BYTES: Final = 1 << 20
"""A page stops growing here; it is over by one chunk at most."""

PAGE_ROWS: Final = 1000
FETCH: Final = 64
"""Rows taken from the database at a time: at most 1 MiB of output in memory."""


class Sql(NamedTuple):
    """A statement and its parameters."""

    text: str
    parameters: list[object]


# Output.

_COLUMNS: Final = "pos, workflow, run, task, n, stream, off, size, line, ts, ended, text, bytes"
_LINES: Final = r"coalesce(text, replace(CAST(bytes AS VARCHAR), '\x0A', chr(10)))"


def find_run(prefix: str) -> Sql:
    """At most three runs whose id begins so, of which there is output or a fact."""
    return Sql(
        "SELECT run FROM (SELECT run FROM logstore WHERE starts_with(run, ?)"
        " UNION SELECT run FROM workflow_run_status WHERE starts_with(run, ?))"
        " ORDER BY run LIMIT 3",
        [prefix, prefix],
    )


def last_run() -> Sql:
    """The newest run that no other run has called."""
    return Sql(
        "SELECT run FROM workflow_run_status WHERE state = 'PENDING' AND coalesce(parent, '') = ''"
        " ORDER BY seq DESC LIMIT 1",
        [],
    )


def find_workflow(name: str) -> Sql:
    """Workflows that have this id or had this name when a run of them began."""
    return Sql(
        "SELECT DISTINCT workflow FROM workflow_run_status WHERE workflow = ? OR name = ?"
        " ORDER BY workflow LIMIT 3",
        [name, name],
    )


def chosen_workflow(name: str, rows: Sequence[tuple[Any, ...]]) -> str:
    """The id that is meant; what nobody knows is taken as it is. Raises ProtocolError."""
    ids = [str(row[0]) for row in rows]
    if name in ids or not ids:
        return name
    if len(ids) > 1:
        raise ProtocolError("ambiguous", f"several workflows are called '{name}'", ids)
    return ids[0]


def is_pattern(wanted: str) -> bool:
    """Is it a pattern, or one name?"""
    return any(sign in wanted for sign in "*?[")


def chosen_run(prefix: str, rows: Sequence[tuple[Any, ...]]) -> str:
    """The run that is meant; what nobody knows is taken as it is. Raises ProtocolError."""
    runs = [row[0] for row in rows]
    if prefix in runs or not runs:
        return prefix
    if len(runs) > 1:
        raise ProtocolError("ambiguous", f"several runs begin with '{prefix}'", runs)
    return str(runs[0])


def check_query(query: LogQuery) -> None:
    """Refuse numbers out of range. Raises ProtocolError."""
    for name in ("limit", "tail"):
        value = getattr(query, name)
        if value is not None and not 1 <= value <= 1_000_000:
            raise ProtocolError("bad_field", f"log.query: {name} is {value}")
    for name in ("after", "before"):
        if (getattr(query, name) or 0) < 0:
            raise ProtocolError("bad_field", f"log.query: {name} is {getattr(query, name)}")
    for name in ("workflow", "run", "task", "stream"):
        refuse_empty("log.query", name, getattr(query, name))


def refuse_empty(request: str, name: str, wanted: str | None) -> None:
    """Nothing is called by no name: who asks for it has left something out. Raises bad_field."""
    if wanted == "":
        raise ProtocolError("bad_field", f"{request}: {name} is empty; without it all are meant")


def chunks_sql(query: LogQuery, run: str | None, edge: int, backwards: bool) -> Sql:
    """The next chunks that fit, after `edge` (before it when backwards)."""
    matches, parameters = _line_test(query)
    lines = f"string_split({_LINES}, chr(10))"
    hits = f"list_transform({lines}, lambda x: {matches})" if matches else "NULL"
    wheres = ["pos < ?" if backwards else "pos > ?"]
    where_parameters: list[object] = [edge]
    for column, value in (
        ("workflow", query.workflow), ("run", run), ("task", query.task), ("n", query.n),
        ("stream", query.stream),
    ):  # fmt: skip
        if value is not None:
            wheres.append(f"{column} = ?")
            where_parameters.append(value)
    if query.stream is None:
        wheres.append(f"stream IN {OUTPUT}")  # files only when they are asked for by name
    if query.since_ts is not None:
        wheres.append("ts >= ?")
        where_parameters.append(query.since_ts)
    if query.until_ts is not None:
        wheres.append("ts < ?")
        where_parameters.append(query.until_ts)
    if matches:
        wheres.append(f"len(list_filter({lines}, lambda x: {matches})) > 0")
        where_parameters += parameters
    order = "DESC" if backwards else "ASC"
    return Sql(
        f"SELECT {_COLUMNS}, {hits} FROM logstore WHERE {' AND '.join(wheres)}"
        f" ORDER BY pos {order} LIMIT {FETCH}",
        [*parameters, *where_parameters],
    )


def _line_test(query: LogQuery) -> tuple[str, list[object]]:
    tests: list[str] = []
    parameters: list[object] = []
    if query.text:
        tests.append("contains(lower(x), lower(CAST(? AS VARCHAR)))")
        parameters.append(query.text)
    if query.regex:
        tests.append("regexp_matches(x, CAST(? AS VARCHAR))")
        parameters.append(query.regex)
    return " AND ".join(tests), parameters


def chunk_of(row: Sequence[Any]) -> LogChunk:
    """A row of `_COLUMNS` as a chunk."""
    text, b64 = (row[11], None) if row[12] is None else as_text(row[12])
    return LogChunk(
        workflow=row[1], run=row[2], task=row[3], n=row[4], stream=row[5], offset=row[6],
        line=row[8], ts=row[9], end=row[10], text=text, b64=b64,
    )  # fmt: skip


def cut(chunk: LogChunk, hits: Sequence[bool] | None) -> list[LogChunk]:
    """The chunk cut down to the lines that fit; lines that follow one another stay together."""
    if hits is None:
        return [chunk]
    parts: list[LogChunk] = []
    offset, begin, begin_line = 0, -1, 0
    data = data_of(chunk)
    for number, line in enumerate(data.split(b"\n")):
        if hits[number] and begin < 0:
            begin, begin_line = offset, number
        elif not hits[number] and begin >= 0:
            parts.append(_part(chunk, data, begin, offset, begin_line))
            begin = -1
        offset += len(line) + 1
    if begin >= 0:
        parts.append(_part(chunk, data, begin, len(data), begin_line))
    return [part for part in parts if part.text or part.b64]


def _part(chunk: LogChunk, data: bytes, begin: int, end: int, line: int) -> LogChunk:
    part = with_data(chunk, data[begin:end], chunk.offset + begin, chunk.line + line)
    return part if end == len(data) else msgspec.structs.replace(part, end=False)


def lines_in(chunk: LogChunk) -> int:
    """How many lines a chunk shows: one that has no newline yet counts."""
    data = data_of(chunk)
    return data.count(b"\n") + (1 if data and not data.endswith(b"\n") else 0)


def last_lines(chunk: LogChunk, most: int) -> LogChunk:
    """The chunk without all but its last `most` lines."""
    data = data_of(chunk)
    at = len(data) - 1 if data.endswith(b"\n") else len(data)
    for _ in range(most):
        at = data.rfind(b"\n", 0, at)
        if at < 0:
            return chunk
    past = at + 1
    line = chunk.line + data.count(b"\n", 0, past)
    return with_data(chunk, data[past:], chunk.offset + past, line)


class Page:
    """Chunks gathered until they are enough; `next` is where the following page begins."""

    def __init__(self, limit: int, lines: int | None = None) -> None:
        self.chunks: list[LogChunk] = []
        self._room = PAGE_BYTES
        self._limit = limit
        self._lines = lines

    def full(self) -> bool:
        if self._lines is not None:
            return self._lines <= 0 or self._room <= 0
        return self._room <= 0 or len(self.chunks) >= self._limit

    def add(self, parts: Iterable[LogChunk]) -> None:
        """In reading order, unless the page counts lines: then the newest first."""
        listed = list(parts)
        for part in reversed(listed) if self._lines is not None else listed:
            kept = part
            if self._lines is not None:
                if self._lines <= 0:
                    return
                count = lines_in(part)
                kept = last_lines(part, self._lines) if count > self._lines else part
                self._lines -= count
            self.chunks.append(kept)
            self._room -= wire_size(kept)


def wire_size(chunk: LogChunk) -> int:
    """About how many bytes of a reply a chunk takes."""
    return 200 + len(chunk.b64 or "") + (0 if chunk.text is None else size_of(chunk))


# One stream.


def latest_attempt(read: LogRead, run: str) -> Sql:
    """The newest attempt of a task that has output in this stream."""
    return Sql(
        "SELECT max(n) FROM logstore WHERE run = ? AND task = ? AND stream = ?",
        [run, read.task, read.stream],
    )


def read_sql(read: LogRead, run: str, n: int, offset: int, pos: int) -> Sql:
    """The next chunks of one stream that have something at or after `offset`; they are at or
    after row `pos`, which spares looking at older ones."""
    return Sql(
        f"SELECT {_COLUMNS} FROM logstore"
        f" WHERE pos >= ? AND run = ? AND task = ? AND n = ? AND stream = ?"
        f" AND (off + size > ? OR (off + size = ? AND ended))"
        f" ORDER BY pos LIMIT {FETCH}",
        [pos, run, read.task, n, read.stream, offset, offset],
    )


def check_read(read: LogRead) -> None:
    """Refuse numbers out of range. Raises ProtocolError."""
    if read.offset < 0 or read.limit < 1:
        raise ProtocolError("bad_field", f"log.read: offset {read.offset}, limit {read.limit}")


def stream_part(chunk: LogChunk, offset: int) -> LogChunk | None:
    """What of a chunk of a stream lies at or after `offset`."""
    return trimmed(chunk, offset) if chunk.offset < offset else chunk

"""How far streams are stored, asked of the database: at the start, for streams that memory has
forgotten, and for those that go on while a partition is dropped. Knows SQL, and marks as the core
has them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from cdktr_logd.core import MARKS_KEPT, NEW, Mark, StreamKey
from cdktr_logd.store import Store

SLICE: Final = 300_000
"""Rows whose streams are looked at in one go: bounds the memory that this takes."""

_STREAMS: Final = """
SELECT run, task, n, stream, max(off) AS off, bool_or(ended) AS ended, min(ts) AS ts FROM (
    SELECT run, task, n, stream, off + size AS off, ended, ts FROM logstore{part} WHERE {which}
    UNION ALL SELECT run, task, n, stream, off, ended, ts FROM mark{part} WHERE {which}
) GROUP BY run, task, n, stream
"""

_RECENT: Final = """
SELECT run, task, n, stream, max(off + size), bool_or(ended), min(ts) FROM logstore
WHERE pos > ? GROUP BY run, task, n, stream ORDER BY max(pos)
"""

Marked = tuple[StreamKey, Mark]


def recent_marks(store: Store) -> tuple[list[Marked], float]:
    """Marks of the streams of the last rows, oldest first, and the youngest time of others."""
    edge = max(0, store.heights().pos - MARKS_KEPT)
    older = "SELECT max(ts) FROM logstore WHERE pos <= ?"
    youngest = store.read(f"SELECT greatest(({older}), (SELECT max(ts) FROM mark))", [edge])[0][0]
    return _marks(store.read(_RECENT, [edge])), youngest or 0.0


def last_moved(store: Store, most: int) -> list[tuple[str, str, str, int]]:
    """(workflow, run, task, newest position) of the tasks that wrote last, oldest first."""
    edge = max(0, store.heights().pos - most)
    return [
        (row[0], row[1], row[2], row[3])
        for row in store.read(
            "SELECT workflow, run, task, max(pos) FROM logstore WHERE pos > ?"
            " GROUP BY workflow, run, task ORDER BY max(pos)",
            [edge],
        )
    ]


def lookup(store: Store, keys: Iterable[StreamKey]) -> list[Marked]:
    """Marks of these streams; of those that are not stored, that nothing is."""
    wanted = set(keys)
    runs = sorted({key[0] for key in wanted})
    which = "run IN (SELECT unnest(?::VARCHAR[]))"
    rows = store.read(_STREAMS.format(part="", which=which), [runs, runs])
    found = {key: mark for key, mark in _marks(rows) if key in wanted}
    return [(key, found.get(key, NEW)) for key in wanted]


def unended(store: Store, number: int) -> list[tuple[Any, ...]]:
    """Rows for `mark`: the streams with rows in this partition that go on. Looked at in slices:
    all streams of a partition at once might not fit into memory."""
    count = store.read(f"SELECT count(*) FROM logstore_{number}")[0][0]
    slices = 1 + count // SLICE
    which = f"hash(run) % {slices} = ?"
    sql = f"SELECT * FROM ({_STREAMS.format(part=f'_{number}', which=which)}) WHERE NOT ended"
    rows = [row for piece in range(slices) for row in store.read(sql, [piece, piece])]
    ended = {key for key, mark in lookup(store, [row[:4] for row in rows]) if mark.ended}
    return [row for row in rows if row[:4] not in ended]


def _marks(rows: Iterable[tuple[Any, ...]]) -> list[Marked]:
    return [((row[0], row[1], row[2], row[3]), Mark(row[4], row[5], row[6])) for row in rows]

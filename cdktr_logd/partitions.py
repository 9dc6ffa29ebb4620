"""History in partitions: which there are, when the next begins, when the oldest is dropped. Pure.

A partition is one table of each kind, named by its number. Only the newest is written. It is
closed when the next begins, and so all of its rows are older than the beginning of the next: by
that it is dropped, whole, never by rows. With a retention of 0 there is one partition for ever.

A partition remembers how far everything was stored when it began (`pos`, `seq` and the body of
that fact), so that numbers go on although no row may be left. Knows SQL texts and times, no
database and no clock.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Final, NamedTuple

PARTS: Final = 8
"""Partitions that a full retention time is cut into: a row is kept longer by one part at most."""

CHECK_MOST_S: Final = 60.0
CHECK_LEAST_S: Final = 0.2

TABLES: Final = ("logstore", "event", "workflow_run_status", "task_run_status", "mark")

_TABLE: Final = re.compile(r"^CREATE TABLE (\w+) \(.*?\);\n", re.DOTALL | re.MULTILINE)

_ADDED: Final = {
    "workflow_run_status": (
        "queued BOOLEAN", "parent VARCHAR", "retry_of VARCHAR", "output VARCHAR",
    ),
    "task_run_status": (
        "retry_ts DOUBLE", "made INTEGER", "calls VARCHAR", "outputs VARCHAR", "result VARCHAR",
    ),
}  # fmt: skip
"""The columns that version 3 has and version 2 had not; they are the last ones."""

_META: Final = (
    "CREATE TABLE meta AS SELECT '{version}' AS version;"
    "CREATE TABLE partition"
    " (number INTEGER, begun_ts DOUBLE, pos BIGINT, seq BIGINT, body VARCHAR)"
)


class Partition(NamedTuple):
    """One row of `partition`."""

    number: int
    begun_ts: float
    pos: int
    seq: int
    body: str | None


class Retention(NamedTuple):
    """How long history is kept; 0 seconds: for ever."""

    seconds: float

    @property
    def check_s(self) -> float:
        """How often to look."""
        return max(CHECK_LEAST_S, min(CHECK_MOST_S, self.seconds / PARTS / 4))

    def full(self, newest: Partition, empty: bool, now: float) -> bool:
        """Is it time to begin the next? Not while there is nothing in this one."""
        return bool(self.seconds) and not empty and now - newest.begun_ts > self.seconds / PARTS

    def expired(self, partitions: Sequence[Partition], now: float) -> Partition | None:
        """The oldest, when all of its rows are too old."""
        if not self.seconds or len(partitions) < 2:
            return None
        return partitions[0] if now - partitions[1].begun_ts > self.seconds else None


def create(version: str) -> list[str]:
    """What makes an empty database, but for its partitions."""
    return [*_META.format(version=version).split(";"), *_views_on_top()]


def migrate(found: str, version: str, numbers: Sequence[int]) -> list[str] | None:
    """What makes tables of an older version those of today; None for an unknown one. Those of
    version 1 had no partitions and become the first. New columns stay empty in old rows."""
    if found not in ("1", "2", "3"):
        return None
    texts: list[str] = []
    if found == "1":
        numbers = [1]
        marks = next(text for text in begin(1) if "mark_1" in text)
        renames = [f"ALTER TABLE {table} RENAME TO {table}_1" for table in TABLES[:-1]]
        texts = [_META.split(";")[1], *renames, marks]
    for number in numbers if found != "3" else ():  # version 4 has one more view
        for table, columns in _ADDED.items():
            texts += [f"ALTER TABLE {table}_{number} ADD COLUMN {column}" for column in columns]
    meta = f"UPDATE meta SET version = '{version}'"
    return [*texts, *views(numbers), *_views_on_top(), meta]


def begin(number: int) -> list[str]:
    """What makes the tables of a partition."""
    texts = _TABLE.finditer(_schema())
    return [text[0].replace(f"TABLE {text[1]} ", f"TABLE {text[1]}_{number} ", 1) for text in texts]


def drop(number: int) -> list[str]:
    """What drops them."""
    return [f"DROP TABLE {table}_{number}" for table in TABLES]


def views(numbers: Sequence[int]) -> list[str]:
    """What shows these partitions as one. A view over one table costs nothing."""
    return [
        f"CREATE OR REPLACE VIEW {table} AS "
        + " UNION ALL ".join(f"SELECT * FROM {table}_{number}" for number in numbers)
        for table in TABLES
    ]


def _schema() -> str:
    return files("cdktr_logd").joinpath("schema.sql").read_text()


def _views_on_top() -> list[str]:
    text = _TABLE.sub("", _schema())
    bare = "\n".join(line for line in text.split("\n") if not line.startswith("--"))
    parts = [part.strip() for part in bare.split(";") if part.strip()]
    return [part.replace("CREATE ", "CREATE OR REPLACE ", 1) for part in parts]

"""History in partitions: numbers go on, what is dropped is dropped whole, streams that go on are
known, and a file of the older version is taken over."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cdktr_logd import core, partitions
from cdktr_logd.facts import FactRows
from cdktr_logd.head import Heights
from cdktr_logd.lookback import lookup, recent_marks, unended
from cdktr_logd.partitions import Partition, Retention
from cdktr_logd.store import Store, StoreDamaged
from tests.unit.logd.test_core import chunk


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.close()


def put(store: Store, data: bytes, *, offset: int = 0, end: bool = False, **key: Any) -> None:
    marks = core.Marks()
    piece = chunk(offset, data, end=end, **key)
    name = (piece.run, piece.task, piece.n, piece.stream)
    marks.learn([(name, core.Mark(offset, False, 1.0))])
    plan = core.Plan(marks, store.heights().pos)
    plan.add([piece])
    seq = store.heights().seq + 1
    fact = FactRows([(seq, 1.0, "event.fired", "event/", "", f'{{"seq":{seq}}}')], [], [])
    store.commit(plan.rows, [fact])


def drop_oldest(store: Store) -> None:
    number = store.partitions[0].number
    store.drop_partition(number, unended(store, number))


def key(run: str) -> core.StreamKey:
    return (run, "t", 1, "stdout")


def runs(store: Store) -> list[str]:
    return [row[0] for row in store.read("SELECT run FROM logstore ORDER BY pos")]


def test_partitions_come_and_go_and_numbers_go_on(store: Store, tmp_path: Path) -> None:
    put(store, b"one", run="r1")
    store.begin_partition(100.0)
    put(store, b"two", run="r2")
    assert runs(store) == ["r1", "r2"]
    drop_oldest(store)
    assert runs(store) == ["r2"]
    assert not (tmp_path / "history.duckdb.wal").exists()
    store.begin_partition(200.0)
    drop_oldest(store)
    assert runs(store) == []
    assert store.heights() == Heights(2, 2)
    assert store.fact(2) == '{"seq":2}'
    assert store.untouched()
    store.open()
    assert store.heights() == Heights(2, 2)
    put(store, b"three", run="r3")
    assert store.read("SELECT pos FROM logstore") == [(3,)]
    assert store.read("SELECT seq FROM event") == [(3,)]
    assert [part.number for part in store.partitions] == [3]


def test_streams_that_go_on_keep_their_marks(store: Store) -> None:
    put(store, b"half", run="on")
    put(store, b"whole", run="over", end=True)
    put(store, b"first part", run="later")
    for round_ in range(3):  # carried on again and again
        store.begin_partition(100.0 * round_)
        if round_ == 0:
            put(store, b"its end", offset=10, end=True, run="later")
        drop_oldest(store)
    assert [row[0] for row in store.read("SELECT run FROM mark")] == ["on"]
    found = dict(lookup(store, [key("on"), key("over"), key("later")]))
    assert found == {
        key("on"): core.Mark(4, False, 2.0),
        key("over"): core.NEW,
        key("later"): core.NEW,
    }
    marks = core.Marks()
    marks.load(*recent_marks(store))
    again = chunk(0, b"half", run="on")
    assert marks.unknown([again, chunk(4, b"more", run="on")]) == {key("on")}


def test_the_space_of_what_was_dropped_is_used_again(store: Store, tmp_path: Path) -> None:
    sizes = []
    for round_ in range(6):
        for i in range(20):
            put(store, os.urandom(12_000), run=f"r{round_}-{i}")
        store.begin_partition(float(round_))
        if len(store.partitions) > 3:
            drop_oldest(store)
        sizes.append((tmp_path / "history.duckdb").stat().st_size)
    assert sizes[-1] <= sizes[2] * 1.5


def test_when_partitions_begin_and_end() -> None:
    keep = Retention(800.0)
    first, second = Partition(1, 0.0, 0, 0, None), Partition(2, 150.0, 9, 9, None)
    assert not keep.full(first, False, 99.0)
    assert keep.full(first, False, 101.0)
    assert not keep.full(first, True, 101.0)
    assert keep.expired([first, second], 949.0) is None
    assert keep.expired([first, second], 951.0) == first
    assert keep.expired([second], 1e9) is None
    for_ever = Retention(0.0)
    assert not for_ever.full(first, False, 1e9)
    assert for_ever.expired([first, second], 1e9) is None
    assert 0 < Retention(1.0).check_s < 1.0
    assert Retention(86400.0 * 365).check_s == partitions.CHECK_MOST_S


SCHEMA_2 = Path(__file__).with_name("schema_2.sql").read_text()
OLD_TABLES = re.sub(r"CREATE TABLE mark .*?;", "", SCHEMA_2, flags=re.DOTALL)

MAKE_OLD = """
import duckdb, os, sys
path, schema = sys.argv[1:]
connection = duckdb.connect(path)
connection.execute(schema)
connection.execute("CREATE TABLE meta AS SELECT '1' AS version")
connection.execute("CHECKPOINT")
connection.execute("SET wal_autocheckpoint = '1TB'")
connection.execute("INSERT INTO logstore SELECT i, 'w', 'old' || i, 't', 1, 'stdout', 0, 3, 0, 1.0,"
    " true, 'abc', NULL FROM range(1, 4) t(i)")
connection.execute("INSERT INTO event VALUES (1, 1.0, 'event.fired', 'event/', '', '{}')")
os._exit(0)  # as if killed: the log is still there
"""


def test_a_file_of_version_1_becomes_the_first_partition(tmp_path: Path) -> None:
    path = str(tmp_path / "history.duckdb")
    subprocess.run([sys.executable, "-c", MAKE_OLD, path, OLD_TABLES], check=True, timeout=60)
    assert (tmp_path / "history.duckdb.wal").exists()
    store = Store(tmp_path)
    try:
        assert runs(store) == ["old1", "old2", "old3"]
        assert store.heights() == Heights(3, 1)
        put(store, b"new", run="new")
        assert store.read("SELECT count(*) FROM output") == [(4,)]
        store.begin_partition(1.0)
        drop_oldest(store)
        assert runs(store) == []
        assert store.read("SELECT count(*) FROM runs") == [(0,)]
    finally:
        store.close()


MAKE_2 = """
import duckdb, sys
path, schema = sys.argv[1:]
tables, views = schema.split("CREATE MACRO")
connection = duckdb.connect(path)
for number in (1, 2):
    for text in tables.split("CREATE TABLE ")[1:]:
        name = text.split()[0]
        connection.execute("CREATE TABLE " + text.replace(name, f"{name}_{number}", 1))
for text in tables.split("CREATE TABLE ")[1:]:
    name = text.split()[0]
    connection.execute(
        f"CREATE VIEW {name} AS SELECT * FROM {name}_1 UNION ALL SELECT * FROM {name}_2"
    )
connection.execute("CREATE MACRO" + views)
connection.execute("CREATE TABLE meta AS SELECT '2' AS version")
connection.execute("CREATE TABLE partition"
    " (number INTEGER, begun_ts DOUBLE, pos BIGINT, seq BIGINT, body VARCHAR)")
connection.execute("INSERT INTO partition VALUES (1, 1.0, 0, 0, NULL), (2, 2.0, 0, 2, '{}')")
connection.execute("INSERT INTO workflow_run_status_1 VALUES"
    " (1, 1.0, 'w', 'r1', 'PENDING', '', NULL, 1, NULL, '')")
connection.execute("INSERT INTO task_run_status_1 VALUES (2, 2.0, 'w', 'r1', 't', 1, 'RUNNING',"
    " 'a', NULL, '', NULL, NULL, NULL, NULL, NULL)")
connection.execute("INSERT INTO task_run_status_2 VALUES (3, 3.0, 'w', 'r1', 't', 1, 'COMPLETED',"
    " 'a', 0, '', 2.0, 3.0, NULL, 0, 0)")
connection.execute("INSERT INTO workflow_run_status_2 VALUES"
    " (4, 4.0, 'w', 'r1', 'COMPLETED', '', NULL, NULL, 0, '')")
connection.close()
"""


def test_a_file_of_version_2_gets_the_new_columns_and_views(tmp_path: Path) -> None:
    path = str(tmp_path / "history.duckdb")
    subprocess.run([sys.executable, "-c", MAKE_2, path, SCHEMA_2], check=True, timeout=60)
    run = "SELECT run, state, tasks, done, code, queued, parent, output FROM runs"
    task = "SELECT task, state, n, code, made, calls, outputs, result FROM tasks"
    for _ in range(2):  # the second time it is of today
        store = Store(tmp_path)
        try:
            assert [part.number for part in store.partitions] == [1, 2]
            assert store.read(run) == [("r1", "COMPLETED", 1, 1, 0, False, "", None)]
            assert store.read(task) == [("t", "COMPLETED", 1, 0, None, "", None, None)]
            put(store, b"new", run="new")
        finally:
            store.close()
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    columns = (
        "SELECT table_name, column_name, data_type FROM duckdb_columns()"
        " WHERE table_name NOT LIKE '%\\_2' ESCAPE '\\' ORDER BY table_name, column_index"
    )
    old, new = Store(tmp_path), Store(fresh)
    try:
        assert old.read(columns) == new.read(columns)
    finally:
        old.close()
        new.close()


def test_a_file_of_another_version_is_not_touched(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.change(["DROP TABLE meta", "CREATE TABLE meta AS SELECT '9' AS version"])
    store.close()
    before = (tmp_path / "history.duckdb").read_bytes()
    with pytest.raises(StoreDamaged, match="version 9, not 4"):
        Store(tmp_path)
    assert (tmp_path / "history.duckdb").read_bytes() == before

"""Chunks cut down to lines, pages with bounds, and the SQL on a real database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdktr_common.catalogue.logd import HistoryList, HistoryPage, LogPage, LogQuery, LogRead
from cdktr_common.catalogue.values import LogChunk
from cdktr_common.errors import ProtocolError
from cdktr_logd import core, queries, search
from cdktr_logd.facts import FactRows, fact_rows
from cdktr_logd.store import Store
from tests.unit.logd.test_core import chunk


@given(
    st.lists(st.sampled_from([b"a", b"b", b"\n", b"\xff"]), max_size=40).map(b"".join), st.data()
)
@settings(deadline=None)
def test_a_chunk_is_cut_to_the_lines_that_fit(data: bytes, choice: st.DataObject) -> None:
    lines = data.split(b"\n")
    hits = [choice.draw(st.booleans()) for _ in lines]
    parts = queries.cut(chunk(100, data, line=7, end=True), hits)
    shown = {part.line - 7: part for part in parts}
    kept = b"".join(core.data_of(part) for part in parts)
    expected = [line + b"\n" for line in lines[:-1]] + [lines[-1]]
    assert kept == b"".join(line for line, hit in zip(expected, hits, strict=True) if hit)
    for number, part in shown.items():
        assert part.offset - 100 == len(b"".join(expected[:number]))
        assert core.data_of(part) == data[part.offset - 100 :][: core.size_of(part)]


@given(
    st.lists(st.sampled_from([b"a", b"\n", b"xy"]), max_size=30).map(b"".join), st.integers(1, 9)
)
def test_the_last_lines_of_a_chunk(data: bytes, most: int) -> None:
    cut = queries.last_lines(chunk(50, data, line=3), most)
    expected = b"".join(data.splitlines(keepends=True)[-most:])
    assert core.data_of(cut) == expected
    assert cut.offset == 50 + len(data) - len(expected)
    assert cut.line == 3 + data[: len(data) - len(expected)].count(b"\n")


# On a real database.

LINES = [f"line {i:03d} {'ERROR' if i % 10 == 0 else 'fine'}\n" for i in range(300)]


class Asker:
    """Asks the query thread and waits for its answer."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._search = search.Search(lambda: None)

    def ask(self, request: Any, expected: Any) -> Any:
        answer = self._search._answer(request, self.store.reader(), self.store.heights().pos)
        assert isinstance(answer, expected)
        return answer

    def stop(self) -> None:
        self._search.stop()


@pytest.fixture
def asker(tmp_path: Path) -> Iterator[Asker]:
    store = Store(tmp_path)
    asker = Asker(store)
    yield asker
    asker.stop()
    store.close()


def store_output(store: Store, chunks: list[LogChunk]) -> None:
    plan = core.Plan(core.Marks(), store.heights().pos)
    plan.add(chunks)
    store.commit(plan.rows, [])


def lines_of(page: LogPage) -> list[str]:
    return [line for part in page.chunks for line in core.data_of(part).decode().splitlines()]


@pytest.fixture
def lines(asker: Asker) -> Asker:
    chunks, offset = [], 0
    for number, line in enumerate(LINES):
        chunks.append(
            chunk(offset, line.encode(), line=number, run="abcdefghij", ts=1000.0 + number)
        )
        offset += len(line)
    store_output(asker.store, chunks)
    store_output(asker.store, [chunk(0, b"other\n", run="abczzzzzzz", task="u", workflow="v")])
    return asker


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"text": "error"}, lambda i, line: "ERROR" in line),
        ({"regex": "line .[05]7 "}, lambda i, line: re.search("line .[05]7 ", line)),
        ({"text": "FINE", "regex": "0 fine$|9 fine$"}, lambda i, line: line[7] == "9"),
        ({"since_ts": 1100.0, "until_ts": 1110.0}, lambda i, line: 100 <= i < 110),
        ({"task": "t", "stream": "stdout", "n": 1}, lambda i, line: True),
        ({"stream": "stderr"}, lambda i, line: False),
    ],
)
def test_what_is_asked_for_comes_in_pages(lines: Asker, fields: Any, expected: Any) -> None:
    found, after, pages = list[str](), 0, 0
    while True:
        query = LogQuery(workflow="w", limit=7, after=after, **fields)
        page = lines.ask(query, LogPage)
        found += lines_of(page)
        pages += 1
        if page.next is None:
            break
        after = page.next
    assert found == [line.rstrip("\n") for i, line in enumerate(LINES) if expected(i, line)]
    assert page.last == 301
    assert lines.ask(LogQuery(after=page.last), LogPage).chunks == []


def test_the_last_lines_come_oldest_first(lines: Asker) -> None:
    page = lines.ask(LogQuery(run="abcdefghij", tail=5), LogPage)
    assert lines_of(page) == [line.rstrip("\n") for line in LINES[-5:]]
    page = lines.ask(LogQuery(run="abcdefghij", text="error", tail=2), LogPage)
    assert lines_of(page) == ["line 280 ERROR", "line 290 ERROR"]


@pytest.mark.parametrize("fields", [{}, {"text": "error"}, {"since_ts": 1100.0}])
def test_pages_go_back_to_the_beginning(lines: Asker, fields: Any) -> None:
    found: list[str] = []
    before: int | None = 1 << 53
    while before is not None:
        query = LogQuery(run="abcdefghij", limit=7, before=before, **fields)
        page = lines.ask(query, LogPage)
        found, before = lines_of(page) + found, page.next
        assert page.last == 301
    assert found == lines_of(lines.ask(LogQuery(run="abcdefghij", limit=1000, **fields), LogPage))


def test_a_run_is_found_by_its_beginning(lines: Asker) -> None:
    assert lines_of(lines.ask(LogQuery(run="abcz"), LogPage)) == ["other"]
    assert lines.ask(LogQuery(run="nobody"), LogPage).chunks == []
    with pytest.raises(ProtocolError) as refusal:
        lines.ask(LogQuery(run="abc"), LogPage)
    assert refusal.value.code == "ambiguous"
    assert refusal.value.near == ["abcdefghij", "abczzzzzzz"]


@pytest.mark.parametrize("limit", [1, 100, 1 << 18])
@pytest.mark.parametrize("begin", [0, 5, 700])
def test_a_stream_is_read_from_any_offset(lines: Asker, limit: int, begin: int) -> None:
    data, offset = b"", begin
    while True:
        read = LogRead(run="abcdefghij", task="t", offset=offset, limit=limit)
        page = lines.ask(read, LogPage)
        data += b"".join(core.data_of(part) for part in page.chunks)
        if page.next is None:
            break
        assert page.next > offset
        offset = page.next
    assert data == "".join(LINES).encode()[begin:]
    assert page.last == begin + len(data)


def test_the_latest_attempt_is_read_unless_one_is_named(asker: Asker) -> None:
    store_output(asker.store, [chunk(0, b"first"), chunk(0, b"second", n=2)])
    assert lines_of(asker.ask(LogRead(run="r", task="t"), LogPage)) == ["second"]
    assert lines_of(asker.ask(LogRead(run="r", task="t", n=1), LogPage)) == ["first"]
    assert asker.ask(LogRead(run="r", task="none"), LogPage).chunks == []


def test_bytes_are_searched_line_by_line_too(asker: Asker) -> None:
    store_output(asker.store, [chunk(0, b"\xff one\n\xfe two\nthree \\x0A\n\xfd TWO", end=True)])
    page = asker.ask(LogQuery(text="two"), LogPage)
    assert [(core.data_of(c), c.offset, c.line) for c in page.chunks] == [
        (b"\xfe two\n", 6, 1),
        (b"\xfd TWO", 23, 3),
    ]


def test_a_page_is_bounded_in_bytes(asker: Asker) -> None:
    data = b"x" * 16000
    store_output(asker.store, [chunk(i * 16000, data) for i in range(200)])
    page = asker.ask(LogQuery(limit=1000), LogPage)
    assert sum(core.size_of(part) for part in page.chunks) <= queries.PAGE_BYTES + 16384
    assert page.next is not None
    tail = asker.ask(LogQuery(tail=1000), LogPage)
    assert sum(core.size_of(part) for part in tail.chunks) <= queries.PAGE_BYTES + 16384
    assert tail.chunks[-1].offset == 199 * 16000


@pytest.mark.parametrize(
    "request_",
    [
        LogQuery(limit=0), LogQuery(tail=0), LogQuery(after=-1), LogQuery(before=-1),
        LogRead(run="r", task="t", offset=-1), LogRead(run="r", task="t", limit=0),
        HistoryList(table="runs", limit=0), HistoryList(table="runs", workflow=""),
        HistoryList(table="runs", run=""), HistoryList(table="runs", state=""),
        HistoryList(table="runs", event=""), HistoryList(table="runs", agent=""),
        HistoryList(table="events", kind=""), LogQuery(workflow=""), LogQuery(run=""),
        LogQuery(task=""), HistoryList(table="artifacts", run="r", state="x"),
    ],
)  # fmt: skip
def test_what_means_nothing_is_refused(asker: Asker, request_: Any) -> None:
    with pytest.raises(ProtocolError) as refusal:
        asker.ask(request_, LogPage)
    assert refusal.value.code == "bad_field"


def test_artifacts_are_asked_for_by_run(asker: Asker) -> None:
    with pytest.raises(ProtocolError, match=r"artifacts are asked for by run$"):
        asker.ask(HistoryList(table="artifacts"), HistoryPage)


# History.


def store_facts(store: Store, *facts: dict[str, Any]) -> None:
    raws = [
        msgspec.Raw(msgspec.json.encode({"seq": i, "ts": 100.0 + i, **fact}))
        for i, fact in enumerate(facts, 1)
    ]
    rows: FactRows = fact_rows(0, raws)[0]
    store.commit([], [rows])


def test_runs_and_workflows_are_named_here_as_everywhere(asker: Asker) -> None:
    with pytest.raises(ProtocolError, match="there are no runs yet"):
        asker.ask(HistoryList(table="runs", run="last"), HistoryPage)
    a = {"type": "run.created", "workflow": "etl", "run": "r1"}
    b = {"type": "run.created", "workflow": "bkp", "run": "r2"}
    store_facts(
        asker.store,
        {**a, "plan": {"name": "Nightly load", "tasks": []}},
        {**b, "plan": {"name": "etl", "tasks": []}},
        {**b, "run": "r3", "parent": "r2/a", "plan": {"name": "Twice", "tasks": []}},
        {**a, "run": "r4", "parent": "r2/b", "plan": {"name": "Twice", "tasks": []}},
    )
    store_output(asker.store, [chunk(0, b"loaded\n", run="r1", workflow="etl")])

    def runs(**fields: Any) -> list[str]:
        page = asker.ask(HistoryList(table="runs", **fields), HistoryPage)
        return [row[page.columns.index("run")] for row in page.rows]

    assert runs(run="last") == ["r2"]
    assert runs(workflow="Nightly load") == ["r4", "r1"]
    assert runs(workflow="etl") == ["r4", "r1"]  # an id goes before a name
    assert runs(workflow="et*") == ["r4", "r1"] and runs(workflow="nobody") == []
    events = asker.ask(HistoryList(table="events", workflow="Nightly load"), HistoryPage)
    assert len(events.rows) == 2
    assert lines_of(asker.ask(LogQuery(workflow="Nightly load"), LogPage)) == ["loaded"]
    with pytest.raises(ProtocolError, match="several workflows are called 'Twice'") as fault:
        runs(workflow="Twice")
    assert (fault.value.code, fault.value.near) == ("ambiguous", ["bkp", "etl"])


def test_what_is_current_is_a_view(asker: Asker) -> None:
    a = {"workflow": "etl", "run": "r1"}
    store_facts(
        asker.store,
        {"type": "run.created", **a, "plan": {"tasks": [{}, {}]}},
        {"type": "task.assigned", **a, "task": "a", "n": 1, "agent": "box1"},
        {"type": "task.crashed", **a, "task": "a", "n": 1, "agent": "box1", "reason": "died"},
        {"type": "task.assigned", **a, "task": "a", "n": 2, "agent": "box2"},
        {"type": "task.ended", **a, "task": "a", "n": 2, "agent": "box2", "state": "FAILED",
         "code": 3, "started_ts": 104.2, "ended_ts": 104.8, "stdout_bytes": 9},
        {"type": "task.skipped", **a, "task": "b", "because": "a"},
        {"type": "run.ended", **a, "state": "FAILED", "code": 3},
        {"type": "run.created", "workflow": "x", "run": "r2", "plan": {"tasks": [{}]}},
        {"type": "task.assigned", "workflow": "x", "run": "r2", "task": "a", "n": 1, "agent": "q"},
        {"type": "task.released", "workflow": "x", "run": "r2", "task": "a", "n": 1},
        {"type": "run.created", "workflow": "x", "run": "r3", "plan": {"tasks": []}},
    )  # fmt: skip

    def rows(table: Any, **fields: Any) -> list[dict[str, Any]]:
        page = asker.ask(HistoryList(table=table, **fields), HistoryPage)
        return [dict(zip(page.columns, row, strict=True)) for row in page.rows]

    assert [(r["run"], r["state"], r["done"], r["failed"]) for r in rows("runs")] == [
        ("r3", "PENDING", 0, 0),
        ("r2", "RUNNING", 0, 0),
        ("r1", "FAILED", 2, 1),
    ]
    (run,) = rows("runs", state="FAILED")
    assert (run["code"], run["created_ts"], run["started_ts"], run["ended_ts"]) == (
        3,
        101,
        102,
        107,
    )
    assert [(r["task"], r["state"], r["n"], r["code"]) for r in rows("tasks", run="r1")] == [
        ("b", "SKIPPED", 0, None),
        ("a", "FAILED", 2, 3),
    ]
    assert rows("tasks", workflow="x")[0]["state"] == "PENDING"
    attempts = rows("attempts", run="r1")
    assert [(r["n"], r["state"], r["agent"], r["fence"]) for r in attempts] == [
        (2, "FAILED", "box2", 4),
        (1, "CRASHED", "box1", 2),
    ]
    assert attempts[0]["stdout_bytes"] == 9
    assert [r["type"] for r in rows("events", run="r2")] == [
        "task.released", "task.assigned", "run.created",
    ]  # fmt: skip


def test_history_comes_in_pages_newest_first(asker: Asker) -> None:
    store_facts(asker.store, *({"type": "event.fired", "event": str(i)} for i in range(25)))
    seen, before = list[int](), None
    while True:
        page = asker.ask(HistoryList(table="events", limit=10, before=before), HistoryPage)
        seen += [row[0] for row in page.rows]
        if page.next is None:
            break
        before = page.next
    assert seen == list(range(25, 0, -1))


# Artifacts.


@pytest.fixture
def files(lines: Asker) -> Asker:
    whole = {"run": "abcdefghij", "stream": "artifact/dist/a.bin"}
    part = {"run": "abcdefghij", "stream": "artifact/b", "n": 2}
    store_output(
        lines.store,
        [chunk(0, b"\xff" * 20_000, **whole), chunk(20_000, b"1\n", end=True, **whole),
         chunk(0, b"error\n", **part)],
    )  # fmt: skip
    return lines


def test_files_are_listed_by_run(files: Asker) -> None:
    page = files.ask(HistoryList(table="artifacts", run="abcd"), HistoryPage)
    rows = [dict(zip(page.columns, row, strict=True)) for row in page.rows]
    assert [(row["path"], row["n"], row["bytes"], row["whole"]) for row in rows] == [
        ("b", 2, 6, False), ("dist/a.bin", 1, 20_002, True),
    ]  # fmt: skip
    first = files.ask(HistoryList(table="artifacts", run="abcd", limit=1), HistoryPage)
    rest = HistoryList(table="artifacts", run="abcd", limit=1, before=first.next)
    assert first.rows + files.ask(rest, HistoryPage).rows == page.rows
    assert files.ask(HistoryList(table="artifacts", run="abczzzzzzz"), HistoryPage).rows == []
    with pytest.raises(ProtocolError, match="not asked for by state"):
        files.ask(HistoryList(table="artifacts", run="abcd", state="x"), HistoryPage)


def test_files_are_no_output_unless_asked_for_by_name(files: Asker) -> None:
    assert len(lines_of(files.ask(LogQuery(run="abcdefghij", limit=1000), LogPage))) == len(LINES)
    hits = lines_of(files.ask(LogQuery(text="error", tail=1000), LogPage))
    assert len(hits) == 30
    assert lines_of(files.ask(LogQuery(stream="artifact/b"), LogPage)) == ["error"]
    read = LogRead(run="abcdefghij", task="t", stream="artifact/dist/a.bin", offset=19_999)
    page = files.ask(read, LogPage)
    assert b"".join(map(core.data_of, page.chunks)) == b"\xff1\n"


@pytest.mark.parametrize(
    ("table", "fields", "expected"),
    [
        ("runs", {"workflow": "etl-*"}, ["r2", "r1"]),
        ("runs", {"workflow": "etl-?"}, ["r2", "r1"]),
        ("runs", {"workflow": "etl"}, []),
        ("runs", {"states": ["FAILED", "PENDING"]}, ["r3", "r1"]),
        ("runs", {"state": "FAILED", "states": ["PENDING"]}, []),
        ("runs", {"event": "landed"}, ["r2"]),
        ("runs", {"agent": "box1"}, ["r2", "r1"]),
        ("runs", {"agent": "box1", "workflow": "*-a", "states": ["FAILED"]}, ["r1"]),
        ("tasks", {"agent": "box2"}, ["r1"]),
        ("tasks", {"event": "land*"}, ["r2"]),
        ("attempts", {"agent": "box1"}, ["r2", "r1"]),
        ("attempts", {"states": ["CRASHED"]}, ["r1"]),
        ("events", {"kind": "run.*", "workflow": "etl-*"}, ["r2", "r1", "r1"]),
        ("events", {"kind": "run.ended"}, ["r1"]),
    ],
)
def test_history_is_asked_for_by_any_of_it(
    asker: Asker, table: Any, fields: Any, expected: list[str]
) -> None:
    a, b = {"workflow": "etl-a", "run": "r1"}, {"workflow": "etl-b", "run": "r2"}
    store_facts(
        asker.store,
        {"type": "run.created", **a, "plan": {"tasks": [{}]}},
        {"type": "task.assigned", **a, "task": "a", "n": 1, "agent": "box1"},
        {"type": "task.crashed", **a, "task": "a", "n": 1, "agent": "box1", "reason": "died"},
        {"type": "task.assigned", **a, "task": "a", "n": 2, "agent": "box2"},
        {"type": "task.ended", **a, "task": "a", "n": 2, "agent": "box2", "state": "FAILED"},
        {"type": "run.ended", **a, "state": "FAILED", "code": 3},
        {"type": "run.created", **b, "event": "landed", "plan": {"tasks": [{}]}},
        {"type": "task.assigned", **b, "task": "a", "n": 1, "agent": "box1"},
        {"type": "run.created", "workflow": "x", "run": "r3", "plan": {"tasks": [{}]}},
    )
    page = asker.ask(HistoryList(table=table, **fields), HistoryPage)
    if table == "events":
        at = page.columns.index("body")
        runs = [msgspec.json.decode(row[at])["run"] for row in page.rows]
    else:
        runs = [row[page.columns.index("run")] for row in page.rows]
    assert runs == expected


def test_what_a_table_does_not_know_it_is_not_asked_for(asker: Asker) -> None:
    for table, fields in (("events", {"agent": "a"}), ("runs", {"kind": "x"}),
                          ("ticks", {"event": "e"}), ("artifacts", {"states": ["x"]})):  # fmt: skip
        with pytest.raises(ProtocolError) as refusal:
            asker.ask(HistoryList(table=table, run="abcdefghij", **fields), HistoryPage)
        assert refusal.value.code == "bad_field"

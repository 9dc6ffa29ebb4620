"""Whatever is sent in whatever order, every byte of a stream becomes a row once."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdktr_common.catalogue.values import LogChunk
from cdktr_common.errors import ProtocolError
from cdktr_logd import core


def chunk(offset: int, data: bytes, *, line: int = 0, end: bool = False, **key: object) -> LogChunk:
    text, b64 = core.as_text(data)
    fields = {"workflow": "w", "run": "r", "task": "t", "n": 1, "stream": "stdout", "ts": 2.0}
    return LogChunk(offset=offset, line=line, text=text, b64=b64, end=end, **(fields | key))  # type: ignore[arg-type]


def row_bytes(row: core.Row) -> bytes:
    assert (row.text is None) != (row.bytes is None)
    return row.text.encode() if row.text is not None else row.bytes or b""


def joined(rows: list[core.Row]) -> bytes:
    """The stream that rows make; fails when they overlap, leave a gap or count lines wrong."""
    data = b""
    for row in rows:
        assert row.off == len(data)
        assert row.line == data.count(b"\n")
        assert row.size == len(row_bytes(row)) <= core.ROW_MAX
        data += row_bytes(row)
    return data


def stored(marks: core.Marks, chunks: list[LogChunk], pos: int = 0) -> list[core.Row]:
    plan = core.Plan(marks, pos)
    plan.add(chunks)
    plan.commit()
    return plan.rows


contents = st.lists(
    st.sampled_from([b"a", b"\n", "é".encode(), b"\xff", b"line\n", "€".encode()]), max_size=60
).map(b"".join)


@st.composite
def sendings(draw: st.DrawFn) -> tuple[bytes, list[list[LogChunk]]]:
    """A stream, and requests with any pieces of it in any order, at last the whole in order."""
    data = draw(contents)
    size = len(data)
    piece = st.tuples(st.integers(0, size), st.integers(0, size)).map(sorted)
    requests = [
        [
            chunk(a, data[a:b], line=data.count(b"\n", 0, a), end=b == size and draw(st.booleans()))
            for a, b in pieces
        ]
        for pieces in draw(st.lists(st.lists(piece, max_size=6), max_size=8))
    ]
    return data, [*requests, [chunk(0, data, end=True)]]


@given(sendings())
@settings(max_examples=300, deadline=None)
def test_any_sending_stores_each_byte_once_and_in_order(
    sending: tuple[bytes, list[list[LogChunk]]],
) -> None:
    data, requests = sending
    marks, rows, pos = core.Marks(), list[core.Row](), 0
    for request in requests:
        plan = core.Plan(marks, pos)
        touched = plan.add(request)
        told = plan.marks_of(touched)
        plan.commit()
        rows += plan.rows
        pos = plan.pos
        assert not told or told[0].offset == len(joined(rows))
    assert joined(rows) == data
    assert [row.pos for row in rows] == list(range(1, len(rows) + 1))
    assert sum(row.ended for row in rows) == 1
    assert rows[-1].ended


sizes = st.integers(core.ROW_MAX - 5, core.CHUNK_MAX)


@given(st.binary(min_size=1, max_size=50), sizes, st.booleans())
@settings(max_examples=60, deadline=None)
def test_large_chunks_become_rows_of_bounded_size(piece: bytes, size: int, end: bool) -> None:
    data = (piece * size)[:size]
    rows = stored(core.Marks(), [chunk(0, data, end=end)])
    assert joined(rows) == data
    assert [row.ended for row in rows] == [False] * (len(rows) - 1) + [end]


@given(st.text(min_size=1, max_size=20), sizes)
@settings(max_examples=60, deadline=None)
def test_text_is_never_cut_inside_a_character(piece: str, size: int) -> None:
    data = (piece * size).encode()[:size].decode(errors="ignore").encode()
    rows = stored(core.Marks(), [chunk(0, data)])
    assert joined(rows) == data
    assert all(row.text is not None for row in rows)


def test_rows_are_cut_at_newlines() -> None:
    line = b"x" * 99 + b"\n"
    rows = stored(core.Marks(), [chunk(0, line * 600, line=0)])
    assert all(row_bytes(row).endswith(b"\n") for row in rows)


def test_a_plan_that_is_thrown_away_leaves_no_trace() -> None:
    marks = core.Marks()
    core.Plan(marks, 0).add([chunk(0, b"lost\n")])
    assert joined(stored(marks, [chunk(0, b"kept\n")])) == b"kept\n"


def test_a_gap_is_told_with_the_offset_that_is_wanted() -> None:
    plan = core.Plan(core.Marks(), 0)
    touched = plan.add([chunk(0, b"abc"), chunk(7, b"later")])
    assert [mark.offset for mark in plan.marks_of(touched)] == [3]
    assert plan.gaps == 1


def test_streams_and_attempts_are_apart() -> None:
    rows = stored(
        core.Marks(), [chunk(0, b"1"), chunk(0, b"2", n=2), chunk(0, b"3", stream="stderr")]
    )
    assert [row_bytes(row) for row in rows] == [b"1", b"2", b"3"]


def test_what_memory_has_forgotten_is_looked_up() -> None:
    marks = core.Marks(most=2)
    stored(marks, [chunk(0, b"x", task=name, ts=10.0) for name in "abc"])
    assert len(marks) == 2
    # The forgotten stream began at 10.0: what begins later is surely new, the rest is asked for.
    old, new, rest = (
        chunk(0, b"x", task="a", ts=10.0),
        chunk(0, b"x", task="d", ts=10.5),
        chunk(1, b"x", task="e", ts=99.0),
    )
    assert marks.exhausted(("r", "c", 1, "stdout"), 1)
    assert not marks.exhausted(("r", "c", 1, "stdout"), 0)
    assert not marks.exhausted(("r", "a", 1, "stdout"), 9)
    assert marks.unknown([old, new, rest]) == {("r", "a", 1, "stdout"), ("r", "e", 1, "stdout")}
    marks.learn([(("r", "a", 1, "stdout"), core.Mark(1, False, 10.0))])
    assert stored(marks, [old]) == []


def test_commits_come_at_a_bounded_rate_and_a_few_sooner() -> None:
    pace, now = core.Pace(10.0, 3), 100.0
    assert [pace.wait(now) for _ in range(3)] == [0.0, 0.0, 0.0]
    commits = 0
    while now < 110.0:
        now += pace.wait(now)
        commits += 1
    assert 99 <= commits <= 102
    assert max(pace.wait(now) for _ in range(1000)) <= 0.1
    assert pace.wait(now + 60.0) == 0.0


def test_what_cannot_be_stored_is_refused() -> None:
    good = chunk(0, b"ok")
    for wrong, code in (
        ({"text": None}, "bad_field"),
        ({"b64": "AAAA"}, "bad_field"),
        ({"text": None, "b64": "not base64!"}, "bad_field"),
        ({"offset": -1}, "bad_field"),
        ({"line": -1}, "bad_field"),
        ({"n": 0}, "bad_field"),
        ({"run": ""}, "bad_field"),
        ({"task": "x" * 600}, "bad_field"),
        ({"stream": "stdin"}, "bad_field"),
        ({"stream": "artifact/"}, "bad_field"),
        ({"stream": "artifact/" + "x" * 600}, "bad_field"),
        ({"text": "x" * (core.CHUNK_MAX + 1)}, "too_large"),
        ({"text": None, "b64": b64encode(b"x" * (core.CHUNK_MAX + 1)).decode()}, "too_large"),
    ):
        fields = {name: getattr(good, name) for name in good.__struct_fields__} | wrong
        with pytest.raises(ProtocolError) as refusal:
            core.check_chunk(LogChunk(**fields))
        assert refusal.value.code == code


@st.composite
def senders(draw: st.DrawFn) -> list[tuple[str, float, list[tuple[int, int]]]]:
    """Streams of agents whose clocks step by hours, and pieces of each in any order, repeated; a
    sender keeps the time of what it sends again."""
    streams = []
    clock = 100_000.0
    for number in range(draw(st.integers(1, 6))):
        clock += draw(st.sampled_from([0.0, 0.5, 10.0, 3600.0, -3600.0, -86400.0, 1e9]))
        piece = st.tuples(st.integers(0, 9), st.integers(0, 9)).map(
            lambda ends: (min(ends), max(ends))
        )
        streams.append((f"r{number}", clock, draw(st.lists(piece, min_size=1, max_size=4))))
    return streams


@given(senders(), st.integers(1, 3), st.data())
@settings(max_examples=300, deadline=None)
def test_no_clock_makes_an_old_stream_look_new_or_a_new_one_old(
    streams: list[tuple[str, float, list[tuple[int, int]]]], most: int, choice: st.DataObject
) -> None:
    """Memory holds few marks, forgets by restarts, and the rest is known by lookup only."""
    whole = b"0123456789"
    rows: list[core.Row] = []
    marks = core.Marks(most)

    def known(runs: set[str]) -> list[tuple[core.StreamKey, core.Mark]]:
        found = []
        for run in sorted(runs):
            mine = [row for row in rows if row.run == run]
            if mine:
                first = min(row.ts for row in mine)
                mark = core.Mark(len(joined(mine)), any(row.ended for row in mine), first)
                found.append(((run, "t", 1, "stdout"), mark))
        return found

    def restart() -> None:
        edge = max(0, len(rows) - most)
        recent = known({row.run for row in rows[edge:]})
        marks.load(recent, max((row.ts for row in rows[:edge]), default=0.0))

    def send(run: str, ts: float, begin: int, end: int) -> None:
        piece = chunk(begin, whole[begin:end], end=end == 10, run=run, ts=ts)
        marks.learn(known({key[0] for key in marks.unknown([piece])}))
        plan = core.Plan(marks, len(rows))
        plan.add([piece])
        plan.commit()
        rows.extend(plan.rows)

    pieces = [(run, ts, *piece) for run, ts, pieces in streams for piece in pieces]
    for piece in choice.draw(st.permutations(pieces * 2)):
        send(*piece)
        if choice.draw(st.integers(0, 5)) == 0:
            restart()
    for run, ts, _ in streams:
        for _ in range(2):
            send(run, ts, 0, 10)
    for run, _, _ in streams:
        assert joined([row for row in rows if row.run == run]) == whole

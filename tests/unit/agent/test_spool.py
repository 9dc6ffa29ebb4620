"""Output cut into chunks and kept in files: every byte, in place, whatever the reads were like."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdktr_agent import records as recorded
from cdktr_agent.chunks import MOST, Chunker
from cdktr_agent.records import CLOSE, CONTROL, END, NAME, NEXT, Record
from cdktr_agent.spool import Budget, Spool

pieces = st.lists(
    st.one_of(
        st.binary(max_size=50),
        st.text(max_size=30).map(str.encode),
        st.sampled_from([b"\n", b"x" * MOST, "é".encode() * 40_000, b"line\n" * 20_000]),
    ),
    max_size=12,
)


@given(pieces, st.sets(st.integers(0, 11)))
def test_chunks_put_together_are_what_was_read(parts: list[bytes], quiet: set[int]) -> None:
    chunker = Chunker()
    chunks = []
    for index, part in enumerate(parts):
        if part:
            chunks += chunker.feed(part)
        if index in quiet:
            chunks += chunker.flush(last=False)
        assert len(chunker.rest) < MOST
    chunks += chunker.flush(last=True)
    whole = b"".join(parts)
    assert b"".join(data for _, _, data in chunks) == whole
    at = 0
    for offset, line, data in chunks:
        assert offset == at
        assert line == whole[:offset].count(b"\n")
        assert 0 < len(data) <= MOST
        at += len(data)


def test_a_chunk_ends_with_its_line_when_it_has_one() -> None:
    chunker = Chunker()
    assert chunker.feed(b"one\ntwo\nthr") == [(0, 0, b"one\ntwo\n")]
    assert chunker.feed(b"ee\n") == [(8, 2, b"three\n")]


@given(st.text(alphabet="aé€😀", min_size=1, max_size=9))
def test_no_cut_inside_a_character(text: str) -> None:
    chunker = Chunker()
    chunks = chunker.feed(text.encode() * MOST) + chunker.flush(last=False)
    for _, _, data in chunks:
        data.decode()


def test_the_beginning_of_a_character_waits_once() -> None:
    chunker = Chunker()
    chunker.feed("ab€".encode()[:-1])
    assert chunker.flush(last=False) == [(0, 0, b"ab")]
    assert chunker.flush(last=False) == [(2, 0, "€".encode()[:-1])]


def records(directory: Path, name: str) -> list[Record]:
    fd = os.open(directory / name, os.O_RDONLY)
    try:
        found = recorded.read_header(fd)
        assert found is not None
        position, read = found[1], []
        while part := list(recorded.read_records(fd, position, 1 << 17)):
            read += part
            position = part[-1].stop
        return read
    finally:
        os.close(fd)


def bytes_of(read: list[Record], stream: int) -> bytes:
    return b"".join(record.data for record in read if record.stream == stream)


def opened(directory: Path, limit: int = 1 << 30) -> Spool:
    made = Spool(str(directory), "s", Budget(limit), set())
    made.begin("etl", "r", "t", 1)
    return made


def test_a_silent_task_has_no_file(tmp_path: Path) -> None:
    made = opened(tmp_path)
    assert made.close(1.0)
    assert list(tmp_path.iterdir()) == []
    assert made.sizes == (0, 0)


def test_a_file_tells_all_and_its_end(tmp_path: Path) -> None:
    made = opened(tmp_path)
    assert made.write(0, b"one\ntw", 1.0)
    assert not made.write(1, b"error\n", 2.0)
    assert made.close(3.0)
    read = records(tmp_path, "s.0")
    assert bytes_of(read, 0) == b"one\ntw"
    assert bytes_of(read, 1) == b"error\n"
    ends = [(r.stream, r.offset, r.line) for r in read if r.flags == END]
    assert ends == [(0, 6, 1), (1, 6, 1)]
    assert read[-1].stream == CONTROL
    assert read[-1].flags == CLOSE
    assert made.sizes == (6, 6)


def test_a_long_output_goes_on_in_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cdktr_agent.spool.SEGMENT", 100_000)
    made = opened(tmp_path)
    blob = os.urandom(1 << 20)
    for at in range(0, len(blob), 5000):
        made.write(0, blob[at : at + 5000], 1.0)
    made.close(2.0)
    count = len(list(tmp_path.iterdir()))
    assert count > 5
    parts = [records(tmp_path, f"s.{i}") for i in range(count)]
    assert b"".join(bytes_of(part, 0) for part in parts) == blob
    assert all(part[-1].flags == NEXT for part in parts[:-1])
    assert parts[-1][-1].flags == CLOSE


def test_what_has_no_room_is_counted_in_the_stream(tmp_path: Path) -> None:
    made = opened(tmp_path, limit=1000)
    made.write(0, b"first\nhalf", 1.0)
    made.write(0, b"x" * 2000 + b"\n", 1.0)
    made.write(0, b"lost\n" * 10, 1.0)
    made.close(2.0)
    data = bytes_of(records(tmp_path, "s.0"), 0)
    assert data.endswith(b"x\n[cdktr: 50 bytes dropped, no room]\n")
    assert made.dropped == 50
    assert made.sizes == (len(data), 0)


def test_a_full_disk_is_a_gap_that_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = opened(tmp_path)
    made.write(0, b"before\n", 1.0)
    real = os.write

    def full(fd: int, data: bytes) -> int:
        real(fd, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    made.write(0, b"lost one\n", 1.0)
    made.write(0, b"lost two\nand half", 1.0)
    assert not made.close(1.0)
    monkeypatch.setattr(os, "write", real)
    assert made.close(2.0)
    read = records(tmp_path, "s.0")
    assert bytes_of(read, 0) == b"before\n[cdktr: 26 bytes dropped, no room]\n"
    assert made.dropped == 26, "the bytes of the task, not those of the line about them"
    assert read[-1].flags == CLOSE


def test_what_fits_after_a_gap_waits_for_the_line_that_tells_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = opened(tmp_path)
    made.write(0, b"before\n", 1.0)
    real = os.write
    room = 0

    def tight(fd: int, data: bytes) -> int:
        if len(data) > room:
            raise OSError(28, "No space left on device")
        return real(fd, data)

    monkeypatch.setattr(os, "write", tight)
    made.write(0, b"a long line that is lost\n", 1.0)
    room = 50  # for a short line, not for the one about the gap
    made.write(0, b"short\n", 1.0)
    room = 10_000
    made.write(0, b"after\n", 1.0)
    made.close(2.0)
    text = bytes_of(records(tmp_path, "s.0"), 0)
    assert text == b"before\n[cdktr: 31 bytes dropped, no room]\nafter\n"


@given(st.integers(0, 400))
def test_a_torn_file_is_finished_where_it_is_whole(cut: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        made = opened(directory)
        for number in range(4):
            made.write(number % 2, b"line %d\n" % number, 1.0)
        file = directory / "s.0"
        whole = file.read_bytes()
        before = records(directory, "s.0")
        file.write_bytes(whole[:cut])
        header = whole.index(b"\n") + 1
        readable = recorded.finish(str(file), 9.0)
        assert readable == (cut >= header)
        if readable:
            kept = [record for record in before if record.stop <= cut]
            after = records(directory, "s.0")
            assert after[: len(kept)] == kept
            ends = {record.stream: record.offset for record in after if record.flags == END}
            assert ends == {
                stream: len(bytes_of(kept, stream)) for stream in (0, 1) if bytes_of(kept, stream)
            }
            assert after[-1].flags == CLOSE
            assert recorded.finish(str(file), 9.0)  # again: nothing is added
            assert records(directory, "s.0") == after


def test_a_damaged_record_ends_the_reading(tmp_path: Path) -> None:
    made = opened(tmp_path)
    made.write(0, b"first\n", 1.0)
    made.write(0, b"second\n", 1.0)
    file = tmp_path / "s.0"
    data = bytearray(file.read_bytes())
    data[-3] ^= 1
    file.write_bytes(data)
    assert bytes_of(records(tmp_path, "s.0"), 0) == b"first\n"


def test_a_stream_by_name_is_named_in_each_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cdktr_agent.spool.SEGMENT", 1000)
    made = opened(tmp_path)
    for name in ("artifact/a", "artifact/b"):
        assert made.put(name, b"x" * 700 + b"\nhalf", 1.0, last=False)
        assert made.put(name, b" line\n" + b"y" * 700, 1.0, last=True)
    made.close(2.0)
    assert made.sizes == (0, 0)
    files = [records(tmp_path, f"s.{i}") for i in range(len(list(tmp_path.iterdir())))]
    assert len(files) > 1
    ends = []
    for read in files:
        named: dict[int, bytes] = {}
        for record in read:
            if record.stream == CONTROL:
                continue
            if record.flags == NAME:
                named[record.stream] = record.data
            else:
                assert record.stream in named
            if record.flags == END:
                ends.append((named[record.stream], record.offset, record.line))
    assert ends == [(b"artifact/a", 1411, 2), (b"artifact/b", 1411, 2)]


def test_an_artifact_without_room_has_no_end(tmp_path: Path) -> None:
    made = opened(tmp_path, limit=1000)
    assert made.put("artifact/a", b"x" * 2000 + b"\n", 1.0, last=False)
    assert made.full
    read = records(tmp_path, "s.0")
    assert not [record for record in read if record.flags == END]
    made.close(2.0)
    assert recorded.finish(str(tmp_path / "s.0"), 3.0)
    assert records(tmp_path, "s.0")[-1].flags == CLOSE


def test_a_dead_supervisors_artifact_is_not_called_whole(tmp_path: Path) -> None:
    made = opened(tmp_path)
    made.write(0, b"one\n", 1.0)
    made.put("artifact/a", b"half\n", 1.0, last=False)
    assert recorded.finish(str(tmp_path / "s.0"), 3.0)
    ends = [record.stream for record in records(tmp_path, "s.0") if record.flags == END]
    assert ends == [0]

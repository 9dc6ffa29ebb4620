"""Output that is published live: fewer messages, and the same to read."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from cdktr_common.catalogue.values import LogChunk
from cdktr_logd.core import CHUNK_MAX, data_of, size_of
from cdktr_logd.joining import APART_S, Placed, joined

PIECES = st.lists(
    st.tuples(
        st.sampled_from(["r1", "r2"]),
        st.sampled_from(["a", "b"]),
        st.sampled_from(["stdout", "stderr"]),
        st.sampled_from([b"", b"x\n", b"\xc3\xa9", b"\xff", b"long" * 9000]),
        st.sampled_from([0.0, 0.01, 1.0, -1.0]),
        st.booleans(),
    ),
    max_size=40,
)


def pieces(drawn: Iterable[tuple[str, str, str, bytes, float, bool]]) -> list[Placed]:
    """Chunks as one commit stores them: each stream without a gap and until its end."""
    offsets: dict[tuple[str, str, str], int] = {}
    ended: set[tuple[str, str, str]] = set()
    made: list[Placed] = []
    ts = 1000.0
    for run, task, stream, data, later, end in drawn:
        key = (run, task, stream)
        if key in ended:
            continue
        ts += later
        offset = offsets.get(key, 0)
        chunk = LogChunk(
            workflow="w", run=run, task=task, n=1, stream=stream, offset=offset, ts=ts, end=end,
            **of(data),
        )  # fmt: skip
        offsets[key] = offset + len(data)
        if end:
            ended.add(key)
        made.append((len(made) + 1, chunk))
    return made


def of(data: bytes) -> dict[str, str]:
    return {"b64": "/w=="} if data == b"\xff" else {"text": data.decode()}


@given(PIECES)
def test_what_is_joined_reads_as_its_pieces_did(drawn: list[tuple[str, ...]]) -> None:
    stored = pieces(drawn)  # type: ignore[arg-type]
    live = list(joined(stored))
    for run in ("r1", "r2"):
        bytes_in = [
            (c.task, c.stream, c.offset + at) for _, c in stored if c.run == run
            for at in range(size_of(c))
        ]  # fmt: skip
        bytes_out = [
            (c.task, c.stream, c.offset + at) for _, c in live if c.run == run
            for at in range(size_of(c))
        ]  # fmt: skip
        assert bytes_out == bytes_in, "order of a run is kept"
        assert b"".join(data_of(c) for _, c in live if c.run == run) == b"".join(
            data_of(c) for _, c in stored if c.run == run
        )
        numbers = [pos for pos, c in live if c.run == run]
        assert numbers == sorted(set(numbers))
        assert numbers[-1:] == [pos for pos, c in stored if c.run == run][-1:]
    assert {(c.run, c.task, c.stream) for _, c in live if c.end} == {
        (c.run, c.task, c.stream) for _, c in stored if c.end
    }
    for _, chunk in live:
        assert size_of(chunk) <= CHUNK_MAX
        inside = [
            c for _, c in stored
            if (c.run, c.task, c.stream) == (chunk.run, chunk.task, chunk.stream)
            and chunk.offset <= c.offset and c.offset + size_of(c) <= chunk.offset + size_of(chunk)
            and size_of(c)
        ]  # fmt: skip
        assert all(0 <= c.ts - chunk.ts <= APART_S for c in inside)


def test_lines_of_one_commit_are_one_message() -> None:
    stored = pieces(("r1", "a", "stdout", b"x\n", 0.0, n == 99) for n in range(100))
    [(pos, chunk)] = joined(stored)
    assert (pos, chunk.text, chunk.end) == (100, "x\n" * 100, True)

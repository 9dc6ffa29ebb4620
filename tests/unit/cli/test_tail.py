"""Output put together from chunks in any order, doubled, overlapping."""

from __future__ import annotations

import base64

from hypothesis import given
from hypothesis import strategies as st

from cdktr_cli.tail import Tail
from cdktr_common.catalogue.values import LogChunk


def chunk(data: bytes, offset: int, end: bool = False) -> LogChunk:
    return LogChunk(
        workflow="run", run="r", task="run", n=1, stream="stdout", offset=offset, ts=0.0,
        b64=base64.b64encode(data).decode(), end=end,
    )  # fmt: skip


def test_text_and_bytes() -> None:
    tail = Tail()
    text = LogChunk(
        workflow="run", run="r", task="run", n=1, stream="stdout", offset=0, ts=0.0, text="é\n"
    )
    assert tail.take(text) == "é\n".encode()
    assert tail.take(chunk(b"\xff", 3)) == b"\xff"


def test_a_gap_is_refused_and_an_overlap_cut() -> None:
    tail = Tail()
    assert tail.take(chunk(b"abc", 0)) == b"abc"
    assert tail.take(chunk(b"gh", 6)) is None
    assert tail.take(chunk(b"bcdef", 1)) == b"def"
    assert tail.take(chunk(b"abc", 0)) == b""
    assert not tail.ended
    assert tail.take(chunk(b"", 6, end=True)) == b""
    assert tail.ended


@given(st.data(), st.binary(max_size=200))
def test_any_chunks_that_cover_the_stream_give_it_back(data: st.DataObject, whole: bytes) -> None:
    """Live chunks come in any order; each gap is closed by asking from `offset` on."""
    tail, got = Tail(), b""
    spans = data.draw(
        st.lists(st.tuples(st.integers(0, len(whole)), st.integers(0, len(whole))), max_size=20)
    )
    for a, b in spans:
        begin, end = min(a, b), max(a, b)
        new = tail.take(chunk(whole[begin:end], begin))
        if new is None:
            new = tail.take(chunk(whole[tail.offset :], tail.offset))
        got += new or b""
    got += tail.take(chunk(whole[tail.offset :], tail.offset, end=True)) or b""
    assert got == whole
    assert tail.ended

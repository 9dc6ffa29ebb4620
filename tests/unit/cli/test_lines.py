"""Lines of a pipe: read from a descriptor, made into requests, and how far they came in words."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdktr_cli.how_far import HowFar
from cdktr_cli.line_input import Input
from cdktr_cli.lines import BadLine, Maker, dumps

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text() | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def lines_of(chunks: list[bytes], longest: int = 100) -> list[tuple[int, bytes | None]]:
    reader, writer = os.pipe()
    found = []
    lines = Input(reader, longest)
    for chunk in [*chunks, b""]:
        if chunk:
            os.write(writer, chunk)
        else:
            os.close(writer)
        lines.read()
        while (line := lines.take()) is not None:
            found.append(line)
    assert lines.over
    os.close(reader)
    return found


@given(st.binary(min_size=0, max_size=300), st.lists(st.integers(1, 50), max_size=10))
def test_lines_are_the_same_however_they_come(text: bytes, cuts: list[int]) -> None:
    chunks, rest = [], text
    for cut in cuts:
        chunks.append(rest[:cut])
        rest = rest[cut:]
    chunks = [chunk for chunk in [*chunks, rest] if chunk]
    expected = [
        (number, None if len(line) > 20 else line.strip())
        for number, line in enumerate(text.split(b"\n"), 1)
        if len(line) > 20 or line.strip()
    ]
    assert lines_of(chunks, 20) == expected


@given(VALUES, st.integers(1, 10**6), st.sampled_from([None, "nightly"]))
def test_a_line_is_the_payload_of_what_the_command_line_names(
    value: Any, number: int, key: str | None
) -> None:
    said = {"type": "event.fire", "event": "hit", "params": {"a": "1"}}
    made = Maker(said, key).request(number, dumps(value).encode(), "r")
    keys = {"key": f"nightly/{number}"} if key else {}
    assert json.loads(made.body) == {**said, "id": "r", "payload": value, **keys}
    assert (made.keyed, made.event) == (key is not None, True)


@given(
    st.dictionaries(
        st.sampled_from(["payload", "key", "id", "type", "params", "due", "at_ts"]), VALUES
    ),
    st.sampled_from(["event", "workflow"]),
    st.sampled_from([None, "nightly"]),
)
def test_a_line_that_names_its_event_is_passed_on_whole(
    rest: dict[str, Any], kind: str, key: str | None
) -> None:
    rest.pop("type", None)
    line = {**rest, kind: "x"}
    made = Maker(None, key).request(7, dumps(line).encode(), "r")
    own = rest.get("key")
    expected = {**line, "id": "r", "type": "event.fire" if kind == "event" else "run.start"}
    if own is None and key is not None:
        expected["key"] = "nightly/7"
    assert json.loads(made.body) == expected
    assert made.keyed == (own is not None or key is not None)


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        (b"{", "bad_message", "not JSON: expecting property name"),
        (b'{"event":}', "bad_message", "not JSON: expecting value at column 10"),
        (b"\xff", "bad_message", "not UTF-8 at byte 0"),
        (b"[" * 100_000, "bad_message", "nested too deeply"),
        (b'{"event":"a","payload":NaN}', "bad_message", "NaN is no JSON value"),
        (b'{"event":"a","payload":1e999}', "bad_message", "too large"),
        (b'{"event":"a","payload":"\\ud800"}', "bad_message", "half of a surrogate pair"),
        (b"[1]", "bad_field", 'not an object with "event" or "workflow": [1]'),
        (b'{"payload":1}', "bad_field", 'a line says either "event" or "workflow"'),
        (b'{"event":"a","workflow":"b"}', "bad_field", 'either "event" or "workflow"'),
        (b'{"event":"a","type":"run.cancel"}', "bad_field", 'its "type" is not event.fire'),
    ],
)
def test_what_is_wrong_with_a_line_is_told(line: bytes, code: str, said: str) -> None:
    with pytest.raises(BadLine) as refused:
        Maker(None, None).request(3, line, "r")
    assert refused.value.code == code
    assert said in refused.value.detail


def test_how_far_it_came() -> None:
    far = HowFar()
    far.ended(1, 0, refused=False)
    far.ended(4, 3, refused=True)
    far.ended(2, 2, refused=True)
    assert far.code == 2
    assert far.told("ended", []) == "ended, at line 4: 1 line taken, 2 refused"
    assert far.told("ended", [3, 5], [6, 7]) == (
        "ended, at line 7: 3 lines taken, 2 refused, the runs of 2 of them go on, no answer to 2 "
        "(lines 3 to 5), which may have been taken"
    )
    assert far.told("ended", [1_000], keyed=True).endswith(
        "no answer to 1 (line 1,000), which may have been taken: with the same keys again, nothing "
        "starts twice"
    )


def test_why_lines_are_sent_again_is_told_once() -> None:
    far = HowFar()
    assert [far.note("busy"), far.note("busy"), far.news(), far.news()] == [
        None, None, "busy; trying again", "",
    ]  # fmt: skip

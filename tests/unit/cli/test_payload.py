"""Payloads: carried as written, refused with the position of the fault."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdktr_cli import payload

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON, st.sampled_from([None, 2]), st.booleans())
def test_json_comes_out_on_one_line_and_means_the_same(
    value: object, indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    try:
        body = text.encode()
    except UnicodeEncodeError:
        return  # a lone surrogate cannot be typed
    sent = payload.check(body, "x")
    assert b"\n" not in sent
    assert json.loads(sent) == value


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"a":', "expecting value at line 1 column 6"),
        ("{'a': 1}", "line 1 column 2"),
        ('{\n "a": 1\n "b": 2}', "line 3 column 2"),
        ("", "expecting value at line 1 column 1"),
        ('"a\0b"', "invalid control character at line 1 column 3"),
        ("\ufeff{}", "it begins with a byte order mark at line 1 column 1"),
        ("1 2", "extra data at line 1 column 3"),
        ("NaN", "NaN is no JSON value"),
        ("[1, -Infinity]", "-Infinity is no JSON value"),
        ("[1e999]", "the number 1e999 is too large"),
        (f"[-{'1' * 400}]", "the number -11111111111111111111111… is too large"),
        ("1" * 9000, "the number 111111111111111111111111… is too large"),
        ("[" * 100_000, "nested too deeply"),
        ('"\\ud800"', r"not Unicode: \\ud800 is half of a surrogate pair at line 1 column 2"),
        ('[1,\n"a\\uDC00"]', r"\\uDC00 is half of a surrogate pair at line 2 column 3"),
        ('"\\ud83d\\u0041"', "half of a surrogate pair"),
    ],
)
def test_a_fault_is_told_with_its_position(text: str, says: str) -> None:
    with pytest.raises(payload.BadPayload, match=says):
        payload.check(text.encode(), "stdin")


def test_whole_characters_may_be_escaped() -> None:
    text = rb'["\ud83d\ude00", "\\ud800", "\u00e9"]'
    assert payload.check(text, "x") == text


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(payload.BadPayload, match="not UTF-8 at byte 1"):
        payload.check(b'"\xff"', "x")


def test_the_limit_is_told_with_a_way_out() -> None:
    assert payload.check(b'"' + b"a" * (payload.LIMIT - 2) + b'"', "x")
    with pytest.raises(payload.BadPayload, match="larger than 256 KiB"):
        payload.check(b'"' + b"a" * (payload.LIMIT - 1) + b'"', "x")


def test_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "p.json"
    file.write_text('{"a":\n 1.50}\n')
    assert payload.read(f"@{file}") == b'{"a":  1.50} '
    with pytest.raises(payload.BadPayload, match="No such file"):
        payload.read(f"@{tmp_path}/none.json")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"[1]\n")))
    assert payload.read("-") == b"[1] "
    assert payload.read("12345678901234567890.10") == b"12345678901234567890.10"

"""What a task may write for others, and what is said of what it may not."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdktr_agent import outputs

keys = st.from_regex(re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,8}", re.ASCII), fullmatch=True)
values = st.text(alphabet=st.characters(exclude_characters="\n\0", exclude_categories=["Cs"]))
json_texts = st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | json_texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(json_texts, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(keys, values))
def test_lines(wanted: dict[str, str]) -> None:
    text = "".join(f"{key}={value}\n" for key, value in wanted.items())
    assert outputs.parse(text.encode()) == wanted


@given(st.dictionaries(keys, json_values), st.sampled_from([None, 2]))
def test_an_object(wanted: dict[str, Any], indent: int | None) -> None:
    assert outputs.parse(("\n " + json.dumps(wanted, indent=indent)).encode()) == wanted


@given(st.binary(max_size=300))
def test_anything_is_understood_or_refused(data: bytes) -> None:
    try:
        found = outputs.parse(data)
    except outputs.BadOutput as fault:
        assert "CDKTR_OUTPUT" in str(fault)
    else:
        assert all(key.isidentifier() for key in found)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"a=1\nno pair\n", "line 2: no key=value: 'no pair'"),
        (b"\n1a=1", "line 2: no key like a variable's name: '1a'"),
        (b"a = 1", "no key like a variable's name: 'a '"),
        (b"a=1\nb=\xff", "line 2: not UTF-8"),
        (b'{"a": 1,\n"b": }', "line 2: not a JSON object"),
        (b'{"a": 1', "not a JSON object"),
        (b'{"a b": 1}', "no key like a variable's name: 'a b'"),
        (b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}", "deeper than 32"),
        (b'{"a": ' + b"[" * 20000, "CDKTR_OUTPUT lies deeper than 32 levels"),
        (b'{"a": 1\n', "line 1: not a JSON object"),
        (b"a=1\nb=x\0y", "line 2: a NUL, which no variable can hold"),
        (b'{"a": [{"b": "x\\u0000"}]}', "'a' has a NUL in it"),
        (b'{"a": {"x\\u0000": 1}}', "'a' has a NUL in it"),
        (b"a=" + b"x" * 70_000, "more than 65536 bytes"),
    ],
)
def test_what_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(outputs.BadOutput, match=re.escape(said)):
        outputs.parse(data)


def test_the_last_value_counts_and_blank_lines_do_not() -> None:
    assert outputs.parse(b"a=1\n\n  \na==2 \n") == {"a": "=2 "}
    assert outputs.parse(b"") == {}


def test_promised_outputs() -> None:
    assert outputs.missing(["a"], {"a": None}) == ""
    assert outputs.missing(["a", "b", "c"], {"b": 1}) == "did not write to CDKTR_OUTPUT: a, c"


@pytest.mark.parametrize(
    ("data", "number"),
    [(b"50", 50.0), (b"33.5%\n", 33.5), (b"-3", 0.0), (b"1e9", 100.0), (b"nan", None),
     (b"", None), (b"half", None), (b"12 of 20", 12.0)],
)  # fmt: skip
def test_progress(data: bytes, number: float | None) -> None:
    assert outputs.progress(data) == number

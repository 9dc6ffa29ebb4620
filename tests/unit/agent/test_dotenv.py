"""Files of variables: what is understood, and that nothing else is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdktr_agent.dotenv import BadLine, parse

TEXT = b"""\xef\xbb\xbf# a file
A=1
export B = two words   # and a comment
 C='single $X \\n "quoted" # no comment'
D="double \\"quoted\\" \\n\\ttext \\$X"  # comment
E=
F="over
two lines"
G=a#b
H=x # don't
A=2\r
"""


def test_what_there_may_be() -> None:
    assert parse(TEXT) == {
        "A": "2",
        "B": "two words",
        "C": 'single $X \\n "quoted" # no comment',
        "D": 'double "quoted" \n\ttext $X',
        "E": "",
        "F": "over\ntwo lines",
        "G": "a#b",
        "H": "x",
    }


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"A=1\nwhat", "line 2: no NAME=value"),
        (b"1A=x", "line 1: no NAME=value"),
        (b"A='x", "line 1: a quote that is not closed"),
        (b'A="x\nB=1', "line 1: a quote that is not closed"),
        (b"A=it's", "line 1: a quote inside the value of A"),
        (b"A='x' y", "line 1: text after the closing quote of A"),
        (b'\nA="\\q"', "line 2: \\q means nothing"),
        (b"A=\n\xff", "line 2: not UTF-8"),
        (b"A=\0", "line 1: a NUL"),
        (b"x" * (1 << 20) + b"x", "more than"),
    ],
)
def test_what_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(BadLine, match=re.escape(said)):
        parse(data)


@given(st.dictionaries(st.sampled_from("ABCDE"), st.text().filter(lambda x: "\0" not in x)))
def test_quoted_values_are_what_they_were(wanted: dict[str, str]) -> None:
    wanted = {name: value.replace("\r\n", "\n") for name, value in wanted.items()}
    quoted = {
        name: value.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "\\r")
        for name, value in wanted.items()
    }
    text = "".join(f'{name}="{value}"\n' for name, value in quoted.items())
    assert parse(text.encode("utf-8", "ignore")) == {
        name: value.encode("utf-8", "ignore").decode() for name, value in wanted.items()
    }


@given(st.binary(max_size=200))
def test_anything_is_understood_or_refused(data: bytes) -> None:
    try:
        parse(data)
    except BadLine:
        pass

"""Lengths of time, read and written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdktr_common.durations import seconds, spell


@pytest.mark.parametrize(
    ("text", "value"),
    [("90", 90), ("1.5s", 1.5), ("250ms", 0.25), ("10m", 600), ("1h30m", 5400), ("2d", 172800),
     ("1w", 604800), (" 5S ", 5), ("0", 0)],
)  # fmt: skip
def test_what_people_write_is_read(text: str, value: float) -> None:
    assert seconds(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "x", "10 m", "5y", "m", "1.2.3", "-3", "1m30", "3ss"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"10m|empty"):
        seconds(text)


@pytest.mark.parametrize(
    ("span", "text"),
    [(None, ""), (-1, "0 ms"), (0.0123, "12 ms"), (0.9996, "1.00 s"), (1.2, "1.20 s"),
     (59.996, "1m00s"), (123, "2m03s"), (18060, "5h01m"), (90000, "1d01h")],
)  # fmt: skip
def test_lengths_for_a_table(span: float | None, text: str) -> None:
    assert spell(span) == text


@given(st.floats(min_value=0, max_value=1e7))
def test_no_length_is_longer_than_a_narrow_column(span: float) -> None:
    assert 1 <= len(spell(span)) <= 8

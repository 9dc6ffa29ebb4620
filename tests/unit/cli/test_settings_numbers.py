"""Numbers in settings: no number, no end, or too large is said in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdktr_common.settings import SettingsError, load


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("10m", "'10m' is not a number of seconds"),
        ("nan", "lost_after_s is nan"),
        ("inf", "lost_after_s is inf, and at most"),
        ("1e300", "at most"),
        ("-1", "at least 0.5 is needed"),
    ],
)
def test_a_number_that_cannot_be_is_said(value: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="CDKTR_LOST_AFTER_S") as fault:
        load(environ={"CDKTR_LOST_AFTER_S": value}, directory=tmp_path)
    assert said in str(fault.value)


def test_a_whole_number_is_asked_for_where_only_one_will_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="'two' is not a whole number"):
        load(environ={"CDKTR_MAX_EXECUTORS": "two"}, directory=tmp_path)

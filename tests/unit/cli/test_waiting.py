"""The exit code that tells how runs ended."""

from __future__ import annotations

import pytest

from cdktr_cli.waiting import exit_code, first_failure
from cdktr_common.catalogue.values import RunRow, RunState


@pytest.mark.parametrize(
    ("state", "code", "exits"),
    [
        ("COMPLETED", 0, 0),
        ("COMPLETED", None, 0),
        ("FAILED", 7, 7),
        ("FAILED", 124, 124),
        ("FAILED", 137, 137),
        ("FAILED", None, 125),
        ("FAILED", 0, 125),
        ("CANCELLED", 130, 130),
        ("CANCELLED", None, 130),
        ("CANCELLED", 3, 3),
    ],
)
def test_of_one_run(state: RunState, code: int | None, exits: int) -> None:
    run = RunRow(run="r", workflow="w", state=state, created_ts=1.0, tasks=1, code=code)
    assert exit_code(run) == exits


@pytest.mark.parametrize(("codes", "exits"), [([], 0), ([0], 0), ([0, 7, 3], 7), ([130, 0], 130)])
def test_of_several_the_first_that_is_not_zero(codes: list[int], exits: int) -> None:
    assert first_failure(codes) == exits

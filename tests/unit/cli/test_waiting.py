"""The exit code that tells how runs ended."""

from __future__ import annotations

import pytest

from cdktr_cli.waiting import exit_code, first_failure, whole
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
    assert exit_code(state, code) == exits


def test_a_run_from_the_wire_is_made_whole() -> None:
    row = {"run": "r", "workflow": "w", "state": "FAILED", "created_ts": 1, "tasks": 1}
    run = RunRow(run="r", workflow="w", state="FAILED", created_ts=1.0, tasks=1)
    assert whole([row]) == [run]


@pytest.mark.parametrize(("codes", "exits"), [([], 0), ([0], 0), ([0, 7, 3], 7), ([130, 0], 130)])
def test_of_several_the_first_that_is_not_zero(codes: list[int], exits: int) -> None:
    assert first_failure(codes) == exits

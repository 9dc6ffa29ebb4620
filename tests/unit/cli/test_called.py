"""The calls of a task, from facts to times and sentences."""

from __future__ import annotations

from typing import Any

from cdktr_cli import called

RUN = {"run": "k3f9", "workflow": "etl", "created": "2026-01-31T12:03:00.000Z"}
NOON = 1769860800.0  # 2026-01-31T12:00:00Z


def fact(kind: str, after: float, **fields: Any) -> dict[str, Any]:
    return {"type": f"task.{kind}", "run": "k3f9", "task": "a", "ts": NOON + after, **fields}


def task(state: str, **fields: Any) -> dict[str, Any]:
    return {"task": "a", "state": state, "calls": "last", "attempts": [], **fields}


def told(row: dict[str, Any], *facts: dict[str, Any]) -> list[str]:
    return [line.text for line in called.tell(RUN, [row], facts)]


def test_one_call_is_no_story_but_has_its_times() -> None:
    row = task("COMPLETED")
    assert told(row, fact("called", 1, calls="last"), fact("ended", 3, state="COMPLETED")) == []
    assert row["started"] == "2026-01-31T12:00:01.000Z"
    assert row["ended"] == "2026-01-31T12:00:03.000Z"


def test_every_run_that_was_called_is_named_and_how_it_ended() -> None:
    first = fact("called", 1, calls="one"), fact(
        "retrying", 2, n=1, code=5, reason="run one failed: bad: it is", delay_s=0.0
    )  # fmt: skip
    second = fact("called", 2, n=2, calls="two"), fact(
        "retrying", 5, n=2, code=130, reason="run two was cancelled", delay_s=9.0,
        retry_ts=NOON + 14,
    )  # fmt: skip
    lines = [
        "call 1: run one failed with 5 after 1.0 s (bad: it is); tried again",
        "call 2: run two failed with 130 after 3.0 s (run two was cancelled); again at 12:00:14",
    ]
    waiting = task("PENDING")
    assert told(waiting, *first, *second, {**fact("called", 0), "run": "another"}) == lines
    assert "ended" not in waiting
    third = fact("called", 14, n=3, calls="last")
    assert told(task("RUNNING"), *first, *second, third) == [
        *lines, "call 3: run last began 12:00:14, runs",
    ]  # fmt: skip
    for end, said in (
        ({"state": "COMPLETED"}, "completed in 2.0 s"),
        ({"state": "FAILED", "code": 5, "reason": "run last failed"}, "failed with 5 after 2.0 s"),
        ({"state": "CANCELLED", "reason": "enough"}, "cancelled after 2.0 s (enough)"),
    ):
        row = task(str(end["state"]))
        assert told(row, *first, *second, third, fact("ended", 16, **end))[2] == (
            f"call 3: run last {said}"
        )
        assert row["ended"] == "2026-01-31T12:00:16.000Z"


def test_only_calls_that_were_waited_for_are_asked_about() -> None:
    assert called.has_called([{"task": "b"}, task("RUNNING")])
    assert not called.has_called([{"task": "b"}, task("COMPLETED", reused=True)])

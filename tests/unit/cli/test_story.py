"""The story of a failover, from rows and facts to sentences."""

from __future__ import annotations

from typing import Any

import pytest

from cdktr_cli import story
from cdktr_cli.ctl import lost, why
from cdktr_common.catalogue.values import AgentRow, CauseCode
from cdktr_common.durations import rough

RUN = {"run": "k3f9", "workflow": "etl", "created": "2026-01-31T12:03:00.000Z"}


def moment(clock: str) -> str:
    return f"2026-01-31T{clock}.000Z"


def attempt(n: int, state: str, begin: str, end: str | None, **fields: Any) -> dict[str, Any]:
    row = {"n": n, "state": state, "agent": f"box{n}", "reason": "", "code": None, "started": None}
    return {**row, "assigned": moment(begin), "ended": end and moment(end), **fields}


def task(state: str, *attempts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"task": "a", "state": state, "reason": "", "attempts": list(attempts), **fields}


def told(row: dict[str, Any], *facts: dict[str, Any]) -> list[str]:
    return [line.text for line in story.tell(RUN, [row], facts)]


LOST = attempt(
    1, "CRASHED", "12:03:01", "12:03:42", started=moment("12:03:01"), reason="not heard of for 30 s"
)
FIRST = "attempt 1 on box1: began 12:03:01, lost after 41 s (not heard of for 30 s)"


def fact(kind: str, ts: float, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "run": "k3f9", "task": "a", "ts": ts, **fields}


def test_one_attempt_that_ended_by_itself_is_no_story() -> None:
    row = task("COMPLETED", attempt(1, "COMPLETED", "12:03:01", "12:03:02"))
    assert not story.interesting([row, task("PENDING"), {**row, "attempts": None}])
    assert told(row) == []


def test_lost_queued_again_and_a_result_that_came_too_late() -> None:
    row = task("COMPLETED", LOST, attempt(2, "COMPLETED", "12:03:43", "12:03:46", code=0))
    ts = 1769861102.0  # 12:05:02
    assert story.interesting([row])
    assert told(
        row,
        fact("task.assigned", 1.0, token="t1", n=1),
        fact("task.stale", ts, token="t1", state="COMPLETED", agent="box1"),
        fact("task.stale", ts + 1, token="t1", state="COMPLETED", agent="box1"),
        fact("task.stale", ts + 86400, token="older", state="FAILED"),
        {**fact("task.stale", ts, token="t1"), "run": "other"},
    ) == [
        f"{FIRST}; queued again",
        "attempt 2 on box2: completed in 3.0 s",
        "a result of attempt 1 (COMPLETED, box1) came at 12:05:02, too late: it changed nothing",
        "a result of an older attempt (FAILED) came at 2026-02-01T12:05:02Z, too late: "
        "it changed nothing",
    ]  # fmt: skip


def test_held_and_let_go_on() -> None:
    crash = fact("task.crashed", 5.0, n=1, held=True)
    held = task("PENDING", LOST, held=True)
    assert told(held, crash) == [f"{FIRST}; held: cdktr-ctl continue k3f9 a lets it run again"]
    copy = {**held, "task": "g[0]"}
    assert told(copy, {**crash, "task": "g[0]"})[0].endswith("k3f9 'g[0]' lets it run again")
    assert told(task("PENDING", LOST), crash) == [f"{FIRST}; held, then let go on; waits"]
    again = task("RUNNING", LOST, attempt(2, "RUNNING", "12:06:00", None))
    unheld = fact("task.unheld", 1769861102.0)
    assert told(again, crash, unheld) == [
        f"{FIRST}; held",
        "somebody let it go on at 12:05:02",
        "attempt 2 on box2: given out 12:06:00, runs",
    ]


@pytest.mark.parametrize(
    ("row", "last"),
    [
        (task("PENDING", LOST), f"{FIRST}; queued again, waits"),
        (task("FAILED", LOST, reason="too bad"), f"{FIRST}; so the task is FAILED (too bad)"),
        (task("FAILED", LOST, reason=f"agent lost: {LOST['reason']}", code=125, losses=3),
         f"{FIRST}; so the task is FAILED with 125, lost 3 times"),
        (task("CANCELLED", LOST, reason=LOST["reason"]), f"{FIRST}; so the task is CANCELLED"),
        (task("PENDING", attempt(1, "RELEASED", "12:03:01", "12:03:13", reason="drained")),
         "attempt 1 on box1: given out 12:03:01, handed back after 12 s (drained); queued again, "
         "waits"),
        (task("FAILED", LOST, attempt(2, "FAILED", "12:04:00", "12:06:03", code=7)),
         "attempt 2 on box2: failed with 7 after 2m03s"),
        (task("CANCELLED", LOST,
              attempt(2, "CANCELLED", "12:04:00", "12:05:00", reason="cancelled")),
         "attempt 2 on box2: cancelled after 1m00s"),
    ],
)  # fmt: skip
def test_how_it_ended(row: dict[str, Any], last: str) -> None:
    assert told(row)[-1] == last


def test_the_name_of_a_task_stands_once() -> None:
    lines = [story.Line(name, None, None, text) for name, text in (("a", "1"), ("a", "2"))]
    assert list(story.render([*lines, story.Line("long", None, None, "3")])) == [
        "a     1", "      2", "long  3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("span", "said"),
    [(None, "?"), (0.4, "400 ms"), (3.21, "3.2 s"), (9.96, "10 s"), (41.2, "41 s"),
     (59.7, "1m00s"), (123.0, "2m03s")],
)  # fmt: skip
def test_lengths_of_time_in_a_sentence(span: float | None, said: str) -> None:
    assert rough(span) == said


def test_every_cause_has_its_own_exit_code_which_is_in_the_help() -> None:
    from typing import get_args

    assert set(why.EXITS) == set(get_args(CauseCode))
    codes = [code for code in why.EXITS.values() if code]
    taken = {*range(1, 6), *range(69, 79), *range(124, 142), why.OTHER}
    assert len(set(codes)) == len(codes) == len(why.EXITS) - 2
    assert not taken & set(codes)
    for name, code in why.EXITS.items():
        assert f"{code} {name} " in why.usage or code == 0


def test_a_cause_on_a_line() -> None:
    cause = {"task": "load", "text": "waits for \x1b[2J", "code": "waits_for", "since": None}
    assert why.line(cause) == "load waits for \\x1b[2J"
    ended = {"task": "", "text": "the run has ended: FAILED", "code": "ended"}
    assert why.line({**ended, "since": moment("12:00:00")}) == (
        "the run has ended: FAILED (2026-01-31T12:00:00Z)"
    )


def test_of_many_tasks_with_the_same_cause_the_first_few_are_shown() -> None:
    slots = [{"code": "no_slot", "task": f"t{n}", "text": "waits"} for n in range(50)]
    shown = list(why.lines([{"code": "held", "task": "h", "text": "is held"}, *slots]))
    assert shown[:2] == ["h is held", "t0 waits"]
    assert shown[10:] == ["t9 waits", "and at least 40 more tasks likewise (no_slot)"]


def test_what_was_given_up_and_what_became_of_it() -> None:
    crash = {"type": "task.crashed", "run": "k3", "workflow": "w", "n": 1}
    facts = [
        {**crash, "task": "a", "token": "ta"},
        {**crash, "task": "b", "token": "tb", "held": True},
        {**crash, "task": "c", "token": "tc", "requeued": False},
        {"type": "task.ended", "run": "k3", "workflow": "w", "task": "c", "state": "FAILED"},
        {**crash, "task": "d", "token": "of another agent"},
    ]
    rows = lost.given_up(facts, {"ta", "tb", "tc"})
    assert [(row["task"], row["now"]) for row in rows] == [
        ("a", "queued again"), ("b", "held"), ("c", "FAILED"),
    ]  # fmt: skip


def test_what_it_means_to_call_an_agent_lost() -> None:
    said = lost.meaning(AgentRow(agent="box1", state="silent", running=1, host="desk"))
    assert said.startswith("box1 on desk is silent, with 1 attempt. To call it lost is your word")
    assert "two copies" in said

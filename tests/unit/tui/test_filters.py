"""What people type to see some of the rows."""

from __future__ import annotations

import fnmatch
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.principal import RunList
from cdktr_common.catalogue.values import RunMark, RunRow, WorkflowRow
from cdktr_tui.model import filters, orders, terms
from cdktr_tui.model.terms import Fault
from cdktr_tui.terminal.patience import Patience

NOW = 1_000_000.0


def row(run: str = "k3f9", **fields: Any) -> RunRow:
    told = {"workflow": "etl-a", "state": "RUNNING", "created_ts": NOW - 60, "tasks": 3} | fields
    return RunRow(run=run, **told)


def fits(text: str, on: tuple[str, ...] = (), **fields: Any) -> bool:
    return filters.of_runs(text, NOW).fits(row(**fields), on)


@pytest.mark.parametrize(
    ("text", "true"),
    [
        ("", True), ("   ", True), ("state:running", True), ("state:failed", False),
        ("state:failed,running", True), ("!state:failed", True), ("state:ACTIVE", True),
        ("wf:etl-*", True), ("wf:etl", False), ("workflow:etl-a", True), ("wf:x,etl-?", True),
        ("wf:Nightly", True), ("event:new-*", True), ("!event:other", True), ("agent:db-1", True),
        ("agent:db-2", False), ("!agent:db-2", True), ("since:2m", True), ("since:30s", False),
        ("until:30s", True), ("run:k3", True), ("run:k4", False), ("run:k*9", True), ("DISK", True),
        ('"disk is full"', True), ('"full disk"', False), ("!disk", False), ("/k[0-9]f/", True),
        ("/^etl/", False), ("!/k4/", True), ('state:running disk "is" wf:etl-*', True),
        ("state:running nothing", False), ('"still typed', False), ("a://b", False),
    ],
)  # fmt: skip
def test_a_row_fits_when_all_words_are_true_of_it(text: str, true: bool) -> None:
    told = {"name": "Nightly", "event": "new-file", "reason": "disk is full"}
    assert fits(text, ("db-1",), **told) is true


@pytest.mark.parametrize(
    ("text", "what", "at"),
    [
        ("x state:bad", "no state bad", 2), ("state:faild", "did you mean failed", 0),
        ("stat:failed", "did you mean state:", 0), ("wf:", "wf: wants a value", 3),
        ("since:soon", "since: is 24h", 0), ("ab /[/", "unterminated", 3),
        ("zzz:1", "there are state: wf:", 0), ("x /[[a]/", "write \\[ for a bracket", 2),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(text: str, what: str, at: int) -> None:
    with pytest.raises(Fault) as told:
        filters.of_runs(text, NOW)
    assert what in told.value.what and told.value.at == at


def test_an_expression_that_takes_for_ever_is_given_up_and_told() -> None:
    for made in (
        filters.of_runs("/(b|b)*c/", NOW, Patience),
        filters.of_runs("!/(b|b)*c/", NOW, Patience),
    ):
        began = time.thread_time()
        for _ in range(1000):
            made.fits(row(reason="b" * 60))
        assert made.late and time.thread_time() - began < 2
    assert not filters.of_runs("/b.*b/ x", NOW, Patience).late


def test_a_queued_run_is_not_merely_pending() -> None:
    assert fits("state:queued", state="PENDING", queued=True)
    assert not fits("state:queued", state="PENDING")
    assert filters.of_runs("state:queued", NOW).asked["states"] == ["PENDING"]


def test_what_others_can_do_of_it_is_asked_of_them() -> None:
    asked = filters.of_runs("state:failed wf:etl-* since:1h agent:a event:e x !y", NOW).asked
    assert RunList(**asked) == RunList(
        states=["FAILED"], workflow="etl-*", since_ts=NOW - 3600, agent="a", event="e"
    )
    assert filters.of_runs("!wf:etl wf:a,b !state:failed", NOW).asked == {}
    assert filters.of_runs("state:ended state:failed,running", NOW).asked["states"] == ["FAILED"]


@given(
    st.lists(st.sampled_from(["etl-*", "etl-a", "w?", "[ab]*", "x"]), min_size=1, max_size=3),
    st.sampled_from(["etl-a", "etl", "w1", "a", "bc", "x"]),
)
def test_patterns_are_those_of_the_principal(values: list[str], workflow: str) -> None:
    wanted = any(fnmatch.fnmatchcase(workflow, value) for value in values)
    assert fits(f"wf:{','.join(values)}", workflow=workflow) is wanted


@given(st.text(alphabet='abc:/"! ,*[\\', max_size=20))
def test_whatever_is_typed_is_a_filter_or_a_fault_with_a_place(text: str) -> None:
    try:
        filters.of_runs(text, NOW).fits(row())
    except Fault as fault:
        assert 0 <= fault.at <= len(text)


def test_facts_are_found_by_type_object_and_text() -> None:
    ended = f.TaskEnded(
        seq=4, ts=NOW - 5, workflow="etl-a", run="k3f9", task="load", state="FAILED", agent="db-1",
        reason="disk full",
    )  # fmt: skip
    fired = f.EventFired(seq=5, ts=NOW, event="new-file", workflows=["etl-a", "b"])

    def shown(text: str) -> list[int]:
        wanted = filters.of_events(text, NOW)
        return [fact.seq for fact in (ended, fired) if wanted.fits(fact)]

    assert shown("type:task.*") == shown("type:task") == shown("type:task.ended") == [4]
    assert shown("wf:etl-*") == [4, 5] and shown("agent:db-*") == [4] and shown("event:new*") == [5]
    assert shown("task:load run:k3f9 full") == [4] and shown("!disk since:1s") == [5]
    asked = filters.of_events("type:task.ended run:k3f9 wf:etl agent:a event:e", NOW).asked
    assert asked == {"kind": "task.ended", "run": "k3f9", "workflow": "etl"}
    assert filters.of_events("wf:etl type:event since:1s", NOW).asked == {
        "kind": "event.*", "since_ts": NOW - 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ["etl", "old"]), ("state:paused", ["old"]), ("!state:paused", ["etl"]),
        ("state:cron", ["etl"]), ("state:event,never", ["old"]), ("state:failed", ["etl"]),
        ("wf:e*", ["etl"]), ("event:new-file", ["old"]), ("nightly", ["etl"]), ("file:*.yaml", []),
    ],
)  # fmt: skip
def test_workflows_are_found_by_how_they_stand_and_what_starts_them(
    text: str, shown: list[str]
) -> None:
    failed = RunMark(run="r", state="FAILED", created_ts=1.0)
    rows = [
        WorkflowRow(workflow="etl", schedule="0 3 * * *", last=[failed], description="Nightly"),
        WorkflowRow(workflow="old", events=["new-*", "new-file"], paused=True),
    ]
    wanted = filters.of_workflows(text)
    assert [row.workflow for row in rows if wanted.fits(row)] == shown


def test_words_are_completed() -> None:
    states = {"state": tuple(filters.WORDS), "wf": ("etl", "etl-b", "x")}
    assert terms.keys("a st", filters.OF_RUNS, states) == ["a state:"]
    assert terms.keys("!state:fa", filters.OF_RUNS, states) == ["!state:failed"]
    assert terms.keys("workflow:et", filters.OF_RUNS, states) == [
        "workflow:etl",
        "workflow:etl-b",
    ]
    assert terms.keys("", filters.OF_RUNS, states) == []


def test_orders_keep_the_newest_first_among_equals() -> None:
    rows = [
        row("c", seq=3, state="COMPLETED", started_ts=NOW - 50, ended_ts=NOW - 10),
        row("b", seq=2, state="FAILED"),
        row("a", seq=1, state="RUNNING", started_ts=NOW - 90),
    ]
    assert orders.of_runs(rows, "start", True, NOW) == ["c", "b", "a"]
    assert orders.of_runs(rows, "state", False, NOW) == ["b", "a", "c"]
    assert orders.of_runs(rows, "dur", True, NOW) == ["a", "c", "b"]
    assert orders.of_runs(rows, "workflow", False, NOW) == ["c", "b", "a"]
    assert all(
        sorted(orders.of_runs(rows, key, True, NOW)) == ["a", "b", "c"] for key in orders.KEYS
    )

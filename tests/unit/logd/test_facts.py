"""Every fact of the catalogue becomes rows; none is lost, none is counted twice."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from cdktr_common.catalogue import FACTS
from cdktr_common.errors import ProtocolError
from cdktr_logd.facts import FactHead, fact_rows, topic_of


def raws(*facts: dict[str, Any]) -> list[msgspec.Raw]:
    return [msgspec.Raw(json.dumps({"ts": 1.5, **fact}).encode()) for fact in facts]


@pytest.mark.parametrize("kind", FACTS, ids=lambda kind: kind.__name__)
def test_a_fact_is_kept_whole_on_its_topic(kind: Any) -> None:
    rows, last = fact_rows(0, [msgspec.Raw(kind.example.encode())])
    fact = msgspec.json.decode(kind.example, type=kind)
    assert rows.events == [
        (fact.seq, fact.ts, kind.__struct_config__.tag, fact.topic(),
         getattr(fact, "run", ""), kind.example)
    ]  # fmt: skip
    assert last == fact.seq


def test_states_of_runs_and_tasks_become_rows_of_their_own() -> None:
    of_run = {"workflow": "etl", "run": "r"}
    of_task = {**of_run, "task": "a", "n": 1}
    rows, _ = fact_rows(
        0,
        raws(
            {"type": "run.created", "seq": 1, **of_run, "plan": {"name": "N", "tasks": [{}, {}]}},
            {"type": "task.assigned", "seq": 2, **of_task, "agent": "box"},
            {"type": "task.crashed", "seq": 3, **of_task, "requeued": False},
            {"type": "task.ended", "seq": 4, **of_task, "state": "FAILED", "code": 7},
            {"type": "task.skipped", "seq": 5, **of_run, "task": "b", "because": "a"},
            {"type": "run.ended", "seq": 6, **of_run, "state": "FAILED", "code": 7},
        ),
    )
    assert [(row[0], row[4], row[7], row[8]) for row in rows.runs] == [
        (1, "PENDING", 2, None),
        (6, "FAILED", None, 7),
    ]
    assert [(row[0], row[4], row[6], row[9]) for row in rows.tasks] == [
        (2, "a", "RUNNING", ""),
        (3, "a", "CRASHED", ""),
        (4, "a", "FAILED", ""),
        (5, "b", "SKIPPED", "a"),
    ]


def test_what_a_run_takes_over_is_completed_when_it_is_created() -> None:
    (created,) = raws(
        {
            "type": "run.created", "seq": 7, "workflow": "etl", "run": "r2", "queued": True,
            "retry_of": "r1", "parent": "r0/call", "plan": {"tasks": [{}, {}]},
            "reused": {"a": {"outputs": {"rows": 3}, "result": "x"}, "g": {"items": [1, 2]}},
        }
    )  # fmt: skip
    rows, _ = fact_rows(0, [created])
    assert [row[10:] for row in rows.runs] == [(True, "r0/call", "r1", None)]
    (row,) = rows.tasks
    assert (row[4], row[5], row[6], row[8]) == ("a", 0, "COMPLETED", 0)
    assert row[9] == "taken over from r1"
    assert row[-2:] == ('{"rows": 3}', "x")


def test_facts_stored_before_are_left_out() -> None:
    rows, last = fact_rows(2, raws(*({"type": "x.y", "seq": seq} for seq in (1, 2, 3, 4))))
    assert [row[0] for row in rows.events] == [3, 4]
    assert last == 4


def test_a_kind_of_tomorrow_is_kept() -> None:
    rows, _ = fact_rows(0, raws({"type": "lease.sold", "seq": 1, "price": [1]}))
    assert rows.events[0][2:4] == ("lease.sold", "lease/")
    assert topic_of(FactHead(type="run.paused", seq=1, workflow="w")) == "run/w/"


@pytest.mark.parametrize("body", ['{"seq":1}', '{"type":"a.b"}', '{"type":"a.b","seq":"1"}', "[]"])
def test_what_is_no_fact_is_refused(body: str) -> None:
    with pytest.raises(ProtocolError):
        fact_rows(0, [msgspec.Raw(body.encode())])


def test_facts_out_of_order_are_refused() -> None:
    with pytest.raises(ProtocolError):
        fact_rows(0, raws({"type": "a.b", "seq": 3}, {"type": "a.b", "seq": 2}))

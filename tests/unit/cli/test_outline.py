"""Groups with their copies, what is folded, and what a row says beyond its fields."""

from __future__ import annotations

from typing import Any

import pytest

from cdktr_cli import history, outline
from cdktr_common.catalogue.plan import Group, TaskPlan


def row(task: str, state: str = "COMPLETED", group: str = "", **fields: Any) -> dict[str, Any]:
    return {"task": task, "state": state, "group": group, "reason": "", **fields}


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [outline.name(one) for one in rows]


def test_copies_stand_below_their_group() -> None:
    rows = [
        row("list"), row("load"), row("report"), row("load[0].a", group="load"),
        row("load[1].a", "FAILED", group="load"), row("load[0].b", group="load"),
        row("load[0].b[0]", group="load[0].b"), row("odd", group="unknown"),
    ]  # fmt: skip
    arranged = outline.arranged(rows)
    assert names(arranged) == [
        "list", "load", "  load[0].a", "  load[1].a", "  load[0].b", "    load[0].b[0]",
        "report", "odd",
    ]  # fmt: skip
    assert arranged[1]["copies"] == {"COMPLETED": 2, "FAILED": 1}
    assert outline.remark(arranged[1], 0.0) == "2 COMPLETED, 1 FAILED"


def test_a_group_runs_as_long_as_its_copies() -> None:
    def times(start: str, end: str | None) -> dict[str, Any]:
        return {"attempts": [{"n": 1, "started": start, "ended": end}]}

    rows = [
        row("g"), row("g[0]", group="g"), row("g[1]", group="g", **times("03", "05")),
        row("g[0].a", group="g[0]", **times("02", "04")), row("h", "RUNNING"),
        row("h[0]", group="h", **times("01", "02")), row("e"),
    ]  # fmt: skip
    by_task = {one["task"]: one for one in outline.arranged(rows)}
    assert (by_task["g"]["started"], by_task["g"]["ended"]) == ("02", "05")
    assert (by_task["g[0]"]["started"], by_task["g[0]"]["ended"]) == ("02", "04")
    assert by_task["h"]["started"] == "01"
    assert "ended" not in by_task["h"]
    assert "started" not in by_task["e"]


def test_a_long_group_is_folded_to_what_matters() -> None:
    copies = [row(f"g[{i}]", group="g") for i in range(100)]
    for i in (7, 93):
        copies[i]["state"] = "FAILED"
    copies[50]["state"] = "RUNNING"
    below = [row("g[50].x", group="g[50]"), row("g[90].x", group="g[90]")]
    arranged = outline.arranged([row("g", "RUNNING"), *copies, *below, row("z", "PENDING")])
    folded = outline.folded(arranged)
    assert names(folded) == [
        "g", "  g[0]", "  g[1]", "  g[2]", "  g[3]", "  g[4]", "  g[7]", "  g[50]", "    g[50].x",
        "  g[93]", "  … 92 more of g", "z",
    ]  # fmt: skip
    assert folded[-2]["state"] == "92 COMPLETED"
    assert outline.folded(arranged, 100) == arranged


def test_nothing_is_folded_without_need() -> None:
    arranged = outline.arranged([row("g"), *(row(f"g[{i}]", group="g") for i in range(12))])
    assert outline.folded(arranged) == arranged


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": "RUNNING", "progress": 40.4}, "RUNNING 40%"),
        ({"state": "COMPLETED", "progress": 99.0}, "COMPLETED"),
        ({"state": "PENDING", "held": True}, "PENDING, held"),
        ({"state": "COMPLETED", "reused": True}, "COMPLETED, reused"),
        ({"state": "FAILED", "tolerated": True}, "FAILED, tolerated"),
        ({"state": "FAILED", "handled": True}, "FAILED, handled"),
        ({"state": "PENDING", "retry": "2026-01-31T12:00:00.000Z"}, "PENDING, retry"),
        ({"state": "RUNNING", "retry": "2026-01-31T12:00:00.000Z"}, "RUNNING"),
    ],
)
def test_a_state_and_what_is_special_about_it(fields: dict[str, Any], words: str) -> None:
    assert outline.state(fields) == words


def test_when_the_next_attempt_comes() -> None:
    waits = row("a", "PENDING", reason="exit 75", retry="1970-01-01T00:01:00.000Z")
    assert outline.remark(waits, 48.0) == "exit 75; next attempt in 12 s"
    assert outline.remark(waits, 61.0) == "exit 75; next attempt is due"
    assert outline.remark(row("a", calls="p81x"), 0.0) == "is run p81x"


def test_what_a_task_gave_is_shortened() -> None:
    assert outline.given(row("a", outputs={"rows": 3, "file": "a.csv"})) == "rows=3, file=a.csv"
    assert outline.given(row("a", outputs={"x": [1, {"y": None}]})) == 'x=[1,{"y":null}]'
    assert outline.given(row("a", result="one\ntwo")) == "one…"
    assert outline.given(row("a", result="x" * 50)) == "x" * 39 + "…"
    assert outline.given(row("a")) == ""


def test_handled_and_tolerated_failures_are_known_from_the_plan() -> None:
    plan = [
        TaskPlan(id="a", command="false"),
        TaskPlan(id="mend", noop=True, depends=["a"], rules={"a": "failure"}),
        TaskPlan(id="b", command="false"),
        TaskPlan(id="unused", noop=True, depends=["b"], rules={"b": "failure"}),
        TaskPlan(id="c", command="false", tolerated=[3]),
        TaskPlan(
            id="g",
            group=Group(
                tasks=[
                    TaskPlan(id="x", command="false", tolerated=True),
                    TaskPlan(id="y", noop=True, depends=["x"], rules={"x": "failure"}),
                ]
            ),
        ),
    ]
    rows = [
        row("a", "FAILED"), row("mend"), row("b", "FAILED"), row("unused", "SKIPPED"),
        row("c", "FAILED", code=3), row("g", "FAILED"), row("g[0].x", "FAILED"), row("g[0].y"),
        row("g[1].x", "FAILED"), row("g[1].y", "SKIPPED"),
    ]  # fmt: skip
    outline.annotate(plan, rows)
    assert [one["task"] for one in rows if one.get("handled")] == ["a", "g[0].x"]
    assert [one["task"] for one in rows if one.get("tolerated")] == ["c", "g[0].x", "g[1].x"]


def test_the_group_of_a_recorded_task_is_in_its_id() -> None:
    groups = {"g", "g[0].h", "p"}
    assert history._group("g[0].h[2].x", groups) == "g[0].h"
    assert history._group("g[10]", groups) == "g"
    assert history._group("p.one", groups) == "p"
    assert history._group("q.one", groups) == ""
    assert history._group("g", groups) == ""

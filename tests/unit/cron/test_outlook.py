"""Hours ahead: durations and instants make queues and lateness."""

from __future__ import annotations

import pytest

from cdktr_common.catalogue.plan import Group, Plan, TaskPlan
from cdktr_cron.commands.forecast import shape
from cdktr_cron.outlook import Outlook, Shape, Work

MINUTE = Shape([Work(60.0)])


def outlook(shape: Shape, slots: int, *dues: float) -> Outlook:
    made = Outlook({"w": shape}, slots, 0.0, 7200.0, 2)
    made.run((due, "w") for due in dues)
    return made


def test_runs_at_the_same_time_wait_for_slots() -> None:
    made = outlook(MINUTE, 1, *[10.0] * 10)
    first, second = made.buckets
    assert (first.runs, first.waiting, first.late_s) == (10, 9, 540.0)
    assert first.busy == pytest.approx(600 / 3600) and second.busy == 0
    assert sorted(made.lateness) == [60.0 * n for n in range(10)]
    twice = outlook(MINUTE, 2, *[10.0] * 10).buckets[0]
    assert (twice.waiting, twice.late_s) == (8, 240.0)


def test_tasks_wait_for_those_before_them_and_need_their_slots() -> None:
    chain = Shape([Work(60.0), Work(60.0), Work(60.0, [0, 1], slots=2)])
    made = outlook(chain, 2, 0.0, 0.0)
    assert made.buckets[0].busy == pytest.approx(2 * 4 * 60 / (2 * 3600))
    assert made.lateness == [0.0, 60.0]
    assert outlook(Shape([Work(9.0, slots=5)]), 2, 0.0).lateness == [0.0]  # as many as there are


def test_a_workflow_waits_for_itself_or_is_skipped() -> None:
    waits = outlook(Shape([Work(100.0)], limit=1), 9, 0.0, 50.0)
    assert sorted(waits.lateness) == [0.0, 50.0]
    skips = outlook(Shape([Work(100.0)], limit=1, skip=True), 9, 0.0, 50.0, 100.0)
    assert (skips.buckets[0].skipped, skips.lateness) == (1, [0.0, 0.0])


def test_work_goes_over_the_edge_of_a_part() -> None:
    made = outlook(Shape([Work(1800.0)]), 1, 3000.0)
    assert [part.busy for part in made.buckets] == pytest.approx([600 / 3600, 1200 / 3600])


def test_a_run_is_shaped_by_its_plan_and_a_past_run() -> None:
    plan = Plan(workflow="w", max_active_runs=2, overlap="skip", tasks=[
        TaskPlan(id="last", command="x", depends=["each", "gone"]),
        TaskPlan(id="each", group=Group(tasks=[TaskPlan(id="a", command="x")], each=[1, 2])),
        TaskPlan(id="first", command="x", slots=3),
        TaskPlan(id="nothing", noop=True, depends=["first"]),
    ])  # fmt: skip
    took = {"first": 5.0, "each": 9.0, "each[0]": 4.0, "each[1]": 7.0, "last": 1.0}
    made = shape(plan, took, 60.0)
    assert (made.limit, made.skip) == (2, True)
    assert made.tasks == [
        Work(4.0, []), Work(7.0, []), Work(5.0, [], 3), Work(1.0, [0, 1]), Work(0.0, [2], 0),
    ]  # fmt: skip
    alone = Plan(workflow="w", tasks=[TaskPlan(id="a", command="x")])
    assert shape(alone, {}, 60.0).tasks == [Work(60.0, [])]
    assert shape(alone, {}, 60.0, {"skip"})[1:] == (1, True)

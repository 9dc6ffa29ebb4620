"""Who gets what when tasks are not all alike: priority, slots, exclusive, what agents can do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdktr_common.catalogue.values import Plan, Step, TaskPlan
from tests.unit.principal.world import World


def tasks(*made: TaskPlan, **fields: Any) -> Plan:
    return Plan(workflow="w", tasks=list(made), **fields)


def task(name: str, **fields: Any) -> TaskPlan:
    fields.setdefault("argv", ["true"])
    return TaskPlan(id=name, **fields)


def names(batch: list[Any]) -> str:
    return " ".join(spec.task for spec in batch)


def done(world: World, agent: str, token: str) -> None:
    """An attempt has ended and its agent asks for nothing yet."""
    world.core.session.fetches.pop(agent, None)
    world.report(agent, token)


def test_the_highest_priority_goes_first_and_then_who_was_ready_first() -> None:
    world = World()
    world.start(
        tasks(task("a"), task("b", priority=5), task("c", priority=9), task("d", priority=5))
    )
    world.hello("x", slots=8)
    assert names(world.fetch("x", free=8)) == "c b d a"


def test_a_batch_takes_no_more_slots_than_are_free() -> None:
    world = World()
    world.start(tasks(task("a", slots=2), task("b"), task("c", slots=2), task("d")))
    world.hello("x", slots=4, tasks_v=1)
    batch = world.fetch("x", free=4)
    assert names(batch) == "a b", "c lacks a slot, and what is behind it waits with it"
    assert [spec.slots for spec in batch] == [2, 1]
    done(world, "x", batch[1].token)
    assert names(world.fetch("x", free=2)) == "c"


def test_a_task_wider_than_an_agent_keeps_nobody() -> None:
    world = World()
    run = world.start(tasks(task("a", slots=5), task("b"), task("c")))
    world.hello("x", slots=4, tasks_v=1)
    assert names(world.fetch("x")) == "b c"
    world.hello("y", slots=8, tasks_v=1)
    assert names(world.fetch("y", free=8)) == "a"
    assert world.states(run) == "a:RUNNING b:RUNNING c:RUNNING"


def test_a_wide_task_is_not_passed_for_ever_by_narrow_ones() -> None:
    world = World()
    world.hello("x", slots=4, tasks_v=1)
    world.start(tasks(*(task(f"a{i}") for i in range(4))))
    held = [spec.token for spec in world.fetch("x", free=4)]
    wide = world.start(tasks(task("wide", slots=3)))
    for n in range(3):
        world.start(tasks(task(f"late{n}")))
        done(world, "x", held.pop())
        given = world.fetch("x", free=4 - len(held))
        assert names(given) == ("" if n < 2 else "wide late0"[:4])
    assert world.states(wide) == "wide:RUNNING"


def test_slots_that_became_free_since_an_agent_asked_count() -> None:
    world = World()
    world.hello("x", slots=4, tasks_v=1)
    world.start(tasks(task("a")))
    (first,) = world.fetch("x", free=1)
    assert world.fetch("x", free=3) == []
    run = world.start(tasks(task("wide", slots=4)))
    world.report("x", first.token)
    assert world.states(run) == "wide:RUNNING", "its fetch said 3, and waits"


def test_one_agent_at_most_idles_for_a_wide_task() -> None:
    world = World()
    for name in ("x", "y"):
        world.hello(name, slots=2, tasks_v=1)
        world.start(tasks(task("first"), task("second")))
        assert len(world.fetch(name, free=2)) == 2
    world.start(tasks(task("wide", slots=2), task("b"), task("c")))
    first, _ = world.core.state.held["x"]
    done(world, "x", first)
    assert world.fetch("x", free=1) == [], "x is kept for it"
    first, _ = world.core.state.held["y"]
    done(world, "y", first)
    assert names(world.fetch("y", free=1)) == "b"


def test_an_exclusive_task_is_alone_on_its_agent() -> None:
    world = World()
    world.hello("x", slots=3, tasks_v=1)
    world.start(tasks(task("a")))
    (first,) = world.fetch("x", free=1)
    world.start(tasks(task("b", exclusive=True), task("c")))
    assert world.fetch("x", free=2) == []
    done(world, "x", first.token)
    (alone,) = world.fetch("x", free=3)
    assert (alone.task, alone.slots) == ("b", 3)
    assert world.fetch("x", free=9) == [], "whatever it asks for beside it"
    done(world, "x", alone.token)
    assert names(world.fetch("x", free=3)) == "c"


def test_an_exclusive_task_is_not_passed_for_ever_by_others() -> None:
    world = World()
    world.hello("x", slots=2, tasks_v=1)
    world.start(tasks(task("a"), task("b")))
    held = [spec.token for spec in world.fetch("x", free=2)]
    world.start(tasks(task("alone", exclusive=True)))
    for n in range(2):
        world.start(tasks(task(f"late{n}")))
        done(world, "x", held.pop())
        assert names(world.fetch("x", free=2 - len(held))) == ("" if n == 0 else "alone")


NEW: list[dict[str, Any]] = [
    {"argv": None, "script": "true"}, {"shell": ["sh", "-c"], "argv": None, "command": "true"},
    {"files": {"a": "b"}},
    {"pre": [Step(argv=["true"])]}, {"post": [Step(argv=["true"])]}, {"outputs": ["rows"]},
    {"capture": True}, {"artifacts": ["*"]}, {"slots": 2}, {"exclusive": True},
    {"stop_signal": "INT"}, {"stop_grace_s": 1.0}, {"dotenv": [".env"]},
]  # fmt: skip


@pytest.mark.parametrize("fields", NEW, ids=lambda fields: next(iter(fields)))
def test_an_old_agent_gets_only_what_it_understands(fields: dict[str, Any]) -> None:
    world = World()
    world.start(tasks(task("plain"), task("new", **fields), task("urgent", priority=3)))
    world.hello("old")
    assert names(world.fetch("old")) == "urgent plain"
    world.hello("new", tasks_v=1)
    assert names(world.fetch("new")) == "new"


def test_a_run_that_stays_together_begins_where_its_widest_task_fits() -> None:
    world = World()
    world.start(tasks(task("a"), task("b", slots=4, depends=["a"]), placement="together"))
    world.hello("small", slots=2, tasks_v=1)
    assert world.fetch("small", free=2) == []
    world.hello("large", slots=4, tasks_v=1)
    assert names(world.fetch("large", free=4)) == "a"


@st.composite
def streams(draw: st.DrawFn) -> list[tuple[int, int, bool]]:
    return draw(
        st.lists(
            st.tuples(st.integers(0, 2), st.integers(1, 4), st.sampled_from([False] * 4 + [True])),
            min_size=1,
            max_size=25,
        )
    )


@settings(max_examples=80, deadline=None)
@given(streams(), st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), max_size=60))
def test_slots_are_never_exceeded_and_everything_gets_its_turn(
    wanted: list[tuple[int, int, bool]], steps: list[tuple[int, int]]
) -> None:
    world = World()
    size = {"x": 4, "y": 2, "z": 1}
    for name, slots in size.items():
        world.hello(name, slots=slots, tasks_v=1)
    for i, (priority, slots, exclusive) in enumerate(wanted):
        world.start(tasks(task(f"t{i}", priority=priority, slots=slots, exclusive=exclusive)))
    steps += [(i % 3, 0) for i in range(20 * len(wanted))]
    for which, pick in steps:
        name = list(size)[which]
        held = world.core.state.held.get(name, {})
        if held and pick % 2 == 0:
            world.report(name, list(held)[pick % len(held)])
        held = world.core.state.held.get(name, {})
        used = sum(each.attempts[-1].slots for each in held.values())
        if used < size[name]:
            world.fetch(name, free=size[name] - used)
        held = world.core.state.held.get(name, {})
        assert sum(each.attempts[-1].slots for each in held.values()) <= size[name]
        assert len(held) == 1 or not any(each.plan.exclusive for each in held.values())
    assert {run.state for run in world.core.state.runs.values()} == {"COMPLETED"}

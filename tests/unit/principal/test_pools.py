"""Pools are never exceeded, whatever happens, and nobody waits for one for ever."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cdktr_common.catalogue.facts import TaskAssigned
from cdktr_common.catalogue.values import Group, Plan, TaskPlan
from cdktr_common.settings import Pool
from cdktr_principal.decisions.pools import Pools, in_use
from tests.unit.principal.world import World

SET: dict[str, int | Pool] = {
    "db": 3,
    "shut": 0,
    "api": Pool(limit=2, rate=3, per_s=10.0),
    "mail": Pool(rate=2, per_s=5.0),
}


def one(name: str, workflow: str = "w", **pools: int) -> Plan:
    task = TaskPlan(id=name, argv=["true"], pools=pools)
    return Plan(workflow=workflow, tasks=[task])


def given_out(world: World, free: int = 9) -> str:
    world.core.session.fetches.clear()
    given = " ".join(spec.task for spec in world.fetch("x", free=free))
    world.core.session.fetches.clear()
    return given


def world_with(pools: dict[str, int | Pool] | None = None) -> World:
    world = World(pools=pools or {})
    world.hello("x", slots=9)
    return world


def end(world: World, name: str) -> None:
    held = world.core.state.held["x"]
    token = next(token for token, task in held.items() if task.plan.id == name)
    world.core.session.fetches.clear()
    world.report("x", token)


def test_a_pool_nobody_has_set_is_a_lock_across_workflows() -> None:
    world = world_with()
    world.start(one("a", "one", lock=1))
    world.start(one("b", "two", lock=1))
    world.start(one("c", "two", other=1))
    assert given_out(world) == "a c"
    end(world, "a")
    assert given_out(world) == "b"


def test_a_task_takes_as_much_as_it_says() -> None:
    world = world_with(SET)
    for name, amount in (("a", 2), ("b", 1), ("c", 1)):
        world.start(one(name, db=amount))
    assert given_out(world) == "a b"


def test_all_of_its_pools_or_none() -> None:
    world = world_with(SET)
    world.start(one("a", lock=1))
    assert given_out(world) == "a"
    world.start(one("b", lock=1, db=3))
    world.start(one("c", db=3))
    assert given_out(world) == "c", "b holds nothing of db while it waits for the lock"


def test_who_wants_much_is_not_passed_for_ever_by_who_wants_little() -> None:
    world = world_with(SET)
    world.start(one("a", db=1))
    world.start(one("b", db=1))
    assert given_out(world) == "a b"
    world.start(one("much", db=3))
    world.start(one("late", db=1))
    assert given_out(world) == ""
    end(world, "a")
    assert given_out(world) == ""
    end(world, "b")
    assert given_out(world) == "much"


def test_what_can_never_be_had_keeps_nobody_waiting() -> None:
    world = world_with(SET)
    world.start(one("a", db=4))
    world.start(one("b", shut=1))
    world.start(one("c", db=1))
    assert given_out(world) == "c"


def test_a_rate_lets_begin_so_many_within_its_period_and_tells_when_to_look_again() -> None:
    world = world_with(SET)
    for name in "abcd":
        world.start(one(name, mail=1))
    assert given_out(world, free=1) == "a"
    world.pass_time(2.0)
    assert given_out(world) == "b"
    assert world.core.session.alarm == 5.0
    world.pass_time(2.9)
    assert given_out(world) == ""
    world.pass_time(0.1)
    assert given_out(world) == "c"
    world.pass_time(2.0)
    assert given_out(world) == "d"


def test_a_rate_holds_over_a_restart() -> None:
    world = world_with(SET)
    for name in "abc":
        world.start(one(name, mail=1))
    assert given_out(world) == "a b"
    end(world, "a")
    world.pass_time(1.0)
    world.restart()
    world.hello("x", slots=9, running=list(world.core.state.tokens))
    world.pass_time(3.9)
    assert given_out(world) == ""
    world.pass_time(0.11)
    assert given_out(world) == "c"


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["start", "start", "fetch", "fetch", "end", "pass", "crash", "restart"]),
        st.sampled_from(["x", "y"]),
        st.integers(0, 9),
        st.dictionaries(st.sampled_from(["db", "api", "mail", "lock"]), st.integers(1, 3)),
    ),
    max_size=80,
)


@settings(max_examples=100, deadline=None)
@given(STEPS)
def test_pools_are_never_exceeded(steps: list[tuple[str, str, int, dict[str, int]]]) -> None:
    world = World(pools=SET, lost_after_s=60.0)
    for agent in ("x", "y"):
        world.hello(agent, tasks_v=1)
    began: dict[str, list[tuple[float, int]]] = {name: [] for name in SET}
    seen = 0
    for step, agent, pick, pools in steps:
        happen(world, step, agent, pick, pools)
        for fact in world.facts[seen:]:
            if isinstance(fact, TaskAssigned):
                plan = world.core.state.task(fact.run, fact.task).plan
                for name, amount in plan.pools.items():
                    began.setdefault(name, []).append((world.clock, amount))
        seen = len(world.facts)
        check(world, began)


def happen(world: World, step: str, agent: str, pick: int, pools: dict[str, int]) -> None:
    """One thing of many."""
    held = list(world.core.state.held.get(agent, {}))
    if step == "start":
        plan = one(f"t{world.core.state.seq}", **pools)
        if pick == 0:
            plan = Plan(workflow="g", placement="together", tasks=[
                TaskPlan(id="g", group=Group(tasks=plan.tasks, each=[1, 2, 3], concurrency=2))
            ])  # fmt: skip
        world.start(plan)
    elif step == "fetch":
        world.fetch(agent, free=1 + pick)
    elif step == "pass":
        world.pass_time(pick * 1.7)
    elif step == "restart":
        world.restart()
        for name in ("x", "y"):
            world.hello(name, tasks_v=1, running=list(world.core.state.held.get(name, {})))
    elif held and step == "end":
        world.report(agent, held[pick % len(held)])
    elif held:
        world.report(agent, held[pick % len(held)], "CRASHED", loss=True)


def check(world: World, began: dict[str, list[tuple[float, int]]]) -> None:
    """Neither limit is exceeded."""
    pools = Pools(SET)
    for name, used in in_use(world.core.state).items():
        limit = pools.pool(name).limit
        assert limit is None or used <= limit
    for name, starts in began.items():
        pool = pools.pool(name)
        if pool.rate is not None:
            recent: Any = [n for clock, n in starts if clock > world.clock - pool.per_s + 1e-6]
            assert sum(recent) <= pool.rate

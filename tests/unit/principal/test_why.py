"""Why a task does not run: each cause, in the words that people get."""

from __future__ import annotations

from typing import Any

from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import Call, Group, Plan, Retry, TaskPlan
from cdktr_common.settings import Pool
from cdktr_principal.requests import queries, why
from tests.unit.principal.world import World

POOLS: dict[str, int | Pool] = {
    "db": 2, "shut": 0, "api": Pool(rate=1, per_s=10.0), "few": Pool(limit=1, rate=1, per_s=5.0),
}  # fmt: skip


def task(name: str, **fields: Any) -> TaskPlan:
    if not fields.keys() & {"group", "call", "noop"}:
        fields.setdefault("argv", ["true"])
    return TaskPlan(id=name, **fields)


def tasks(*made: TaskPlan, **fields: Any) -> Plan:
    fields.setdefault("workflow", "w")
    return Plan(tasks=list(made), **fields)


def told(world: World, run: str, name: str | None = None) -> str:
    causes = why.explain(world.core, world.core.state.runs[run], name, world.at())
    return "\n".join(f"{c.code}: {c.task} {c.text}".replace("  ", " ") for c in causes)


def test_a_pool_and_who_uses_it() -> None:
    world = World(pools=POOLS)
    world.hello("x")
    first = world.start(tasks(task("a", pools={"db": 2})))
    world.fetch("x", free=1)
    second = world.start(tasks(task("b", pools={"db": 2})))
    assert told(world, second) == f"pool: b waits for 2 of pool db: 2 of 2 are used by {first}/a"
    world.core.session.fetches.clear()
    world.report("x", next(iter(world.core.state.held["x"])))
    one = world.start(tasks(task("c", pools={"db": 1})))
    world.fetch("x", free=1)
    assert told(world, one) == f"pool: c waits for pool db: 2 of 2 are used by {second}/b"


def test_a_pool_behind_somebody_who_wants_more() -> None:
    world = World(pools=POOLS)
    world.hello("x")
    world.start(tasks(task("a", pools={"db": 1})))
    world.fetch("x", free=1)
    second = world.start(tasks(task("b", pools={"db": 2})))
    third = world.start(tasks(task("c", pools={"db": 1})))
    assert world.fetch("x", free=3) == []
    assert told(world, third) == (
        f"pool: c waits for pool db behind {second}/b, which is first in line for it"
    )


def test_a_pool_that_can_never_give_so_much_and_a_rate() -> None:
    world = World(pools=POOLS)
    world.hello("x")
    names = {"a": {"db": 3}, "b": {"shut": 1}, "c": {"api": 1}, "d": {"api": 1}, "e": {"api": 2}}
    runs = {name: world.start(tasks(task(name, pools=pools))) for name, pools in names.items()}
    world.fetch("x")
    world.pass_time(2.0)
    assert told(world, runs["a"]) == "pool: a asks for 3 of pool db, which has 2"
    assert told(world, runs["b"]) == "pool: b waits for pool shut, which is set to 0"
    assert told(world, runs["d"]) == (
        "pool: d waits for pool api: 1 may begin in 10 s, again in 8.0 s"
    )
    assert told(world, runs["e"]) == "pool: e asks for 2 of pool api, which has 1 in 10 s"


def test_too_wide_and_too_old() -> None:
    world = World()
    world.hello("x", slots=2, version="0.1.0")
    run = world.start(tasks(task("a", script="true", argv=None), task("b", slots=3)))
    assert told(world, run).splitlines() == [
        "old_agent: a waits for a newer agent: what it says is not understood by x (0.1.0)",
        "old_agent: b waits for a newer agent: what it says is not understood by x (0.1.0)",
    ]
    world.hello("y", slots=2, tasks_v=1)
    assert told(world, run, "b") == "no_agent: b waits for an agent with 3 slots: y has 2"


def test_slots_that_are_taken_and_an_agent_that_is_kept() -> None:
    world = World()
    world.hello("x", slots=2, tasks_v=1)
    world.start(tasks(task("a")))
    world.fetch("x", free=1)
    wide = world.start(tasks(task("b", slots=2)))
    alone = world.start(tasks(task("c", exclusive=True)))
    late = world.start(tasks(task("d")))
    assert world.fetch("x", free=1) == []
    assert told(world, wide) == (
        "no_slot: b waits for 2 slots of one agent: x has 1 of 2 taken; x is kept for it"
    )
    assert told(world, alone) == "no_slot: c waits for an agent to itself: x has 1 of 2 taken"
    assert told(world, late) == (
        f"no_slot: d waits behind {wide}/b, which needs more slots: x is kept for it"
    )


def test_a_container_and_nobody_who_runs_any() -> None:
    world = World()
    world.hello("x", labels=["gpu"], tasks_v=1)
    run = world.start(tasks(task("a", labels=["container"])))
    assert told(world, run) == (
        "no_label: a asks for a container, and no agent has a container runtime (label container): "
        "--strip-image runs it as a plain process"
    )


def listed(world: World, run: str) -> p.TaskPage:
    """The tasks of a run."""
    state = world.core.state
    return queries.task_list(state, world.core.session, state.runs[run], p.TaskList(run=run))


def test_a_retry_and_when_it_comes() -> None:
    world = World()
    world.hello("x", tasks_v=1)
    run = world.start(tasks(task("a", retry=Retry(limit=2, delay_s=30.0))))
    (spec,) = world.fetch("x")
    world.report("x", spec.token, "FAILED", code=75, reason="no answer")
    world.pass_time(10.0)
    assert told(world, run) == (
        "retry: a is tried again in 20 s: attempt 1 failed with 75 (no answer), 2 more may follow"
    )
    row = listed(world, run)
    assert row.tasks[0].retry_ts == 1e9 + 30.0


def test_a_run_that_is_queued() -> None:
    world = World()
    limited = tasks(task("a"), max_active_runs=1)
    first = world.start(limited)
    second, third = world.start(limited), world.start(limited)
    assert (
        told(world, second) == f"queued: the run waits for runs of w to end: {first} (1 at a time)"
    )
    assert told(world, third, "a") == (
        f"queued: a waits for runs of w to end: {first} (1 at a time), after 1 more that wait"
    )
    assert queries.run_row(world.core.state.runs[second]).queued


def test_groups_copies_and_concurrency() -> None:
    world = World()
    world.hello("x", tasks_v=1)
    group = Group(tasks=[TaskPlan(id="", argv=["true"])], each=["p", "q", "r"], concurrency=1)
    run = world.start(tasks(task("g", group=group)))
    (spec,) = world.fetch("x")
    assert spec.task == "g[0]"
    assert told(world, run, "g") == (
        "group: g waits for its copies: 0 of 3 are over, then g[0], g[1], g[2]"
    )
    assert told(world, run, "g[2]") == (
        "concurrency: g[2] waits for other copies of g to end: 1 at a time"
    )
    rows = listed(world, run)
    assert [row.group for row in rows.tasks] == ["", "g", "g", "g"]


def test_a_call() -> None:
    world = World()
    inner = tasks(task("b"), workflow="inner")
    run = world.start(tasks(task("a", call=Call(plan=inner))))
    child = world.core.state.runs[run].tasks[0].calls
    assert told(world, run) == (
        f"call: a is run {child} of inner, which waits itself: cdktr-ctl why {child}"
    )
    assert queries.run_row(world.core.state.runs[child]).parent == f"{run}/a"


def test_a_condition_and_the_end_of_the_run() -> None:
    world = World()
    world.hello("x", tasks_v=1)
    run = world.start(
        tasks(
            task("a"),
            task("b", depends=["a"], cond="tasks.a.code == 0"),
            task("finally", phase="finally"),
        )
    )
    world.fetch("x")
    assert told(world, run, "b") == (
        "waits_for: b waits for a (running on x for 0 s); then it depends on tasks.a.code == 0"
    )
    assert told(world, run, "finally") == "waits_for: finally waits for the end of the run: a, b"


def test_progress_is_of_the_last_beat() -> None:
    world = World()
    world.hello("x")
    run = world.start(tasks(task("a")))
    (spec,) = world.fetch("x")

    def row() -> Any:
        return listed(world, run).tasks[0]

    assert row().progress is None
    world.core.session.progress["x"] = {spec.token: 130.0}
    assert row().progress == 100.0
    world.report("x", spec.token, outputs={"n": 1}, result="r")
    assert (row().progress, row().outputs, row().result) == (None, {"n": 1}, "r")


def test_large_outputs_make_a_page_short() -> None:
    world = World()
    world.hello("x", slots=100)
    run = world.start(tasks(*(task(f"t{n}") for n in range(60))))
    for spec in world.fetch("x", free=100):
        world.report("x", spec.token, result="x" * 60_000)
    page = listed(world, run)
    assert page.next is not None and 10 < page.next < 30

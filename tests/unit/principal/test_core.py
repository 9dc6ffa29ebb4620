"""Decisions of the principal, one sentence a test. `World.turn` checks the invariants each time."""

from __future__ import annotations

import pytest

from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.facts import WorkflowLoaded
from cdktr_common.catalogue.values import Plan, TaskPlan
from cdktr_common.codec import encode
from cdktr_common.errors import ProtocolError
from cdktr_principal.decisions import agents, events, triggers
from cdktr_principal.store.snapshot import take
from tests.unit.principal.world import World, plan


def test_a_chain_runs_in_order_and_completes() -> None:
    world = World()
    run = world.start(plan("a", "b<a", "c<b"))
    world.hello("x")
    for name in "abc":
        (task,) = world.fetch("x")
        assert task.task == name
        assert world.report("x", task.token).ack == [task.token]
    assert world.run_state(run) == "COMPLETED"


def test_a_failure_skips_what_depends_on_it_and_nothing_else() -> None:
    world = World()
    run = world.start(plan("a", "b<a", "c<b", "d", "e<d"))
    world.hello("x")
    tasks = {task.task: task for task in world.fetch("x")}
    world.report("x", tasks["a"].token, "FAILED", code=7)
    assert world.states(run) == "a:FAILED b:SKIPPED c:SKIPPED d:RUNNING e:PENDING"
    world.report("x", tasks["d"].token)
    (last,) = world.fetch("x")
    world.report("x", last.token)
    assert world.run_state(run) == "FAILED"
    assert world.core.state.runs[run].code == 7


def test_independent_tasks_spread_over_waiting_agents() -> None:
    world = World()
    for name in ("x", "y"):
        world.hello(name)
        assert world.fetch(name, free=10) == []
    request = p.RunStart(plan=plan("a", "b", "c", "d"))
    triggers.run_start(world.core, None, request, world.at())
    batches = world.turn()
    assert sorted(len(batch.tasks) for batch in batches) == [2, 2]


def test_a_run_placed_together_stays_on_its_first_agent() -> None:
    world = World()
    for name in ("x", "y"):
        world.hello(name)
    world.start(plan("a", "b", "c", "d", placement="together"))
    assert [task.task for task in world.fetch("y", free=1)] == ["a"]
    assert world.fetch("x", free=4) == []
    assert [task.task for task in world.fetch("y", free=4)] == ["b", "c", "d"]


def test_labels_decide_where_a_task_may_run() -> None:
    world = World()
    task = TaskPlan(id="a", argv=["true"], labels=["gpu"])
    world.start(Plan(workflow="w", tasks=[task]))
    world.hello("x")
    world.hello("y", labels=["gpu", "big"])
    assert world.fetch("x") == []
    assert [task.task for task in world.fetch("y")] == ["a"]


def test_the_same_fetch_again_gets_the_same_batch() -> None:
    world = World()
    world.start(plan("a", "b"))
    world.hello("x")
    first = world.fetch("x", free=1, request_id="f1")
    again = world.fetch("x", free=1, request_id="f1")
    assert [task.token for task in again] == [task.token for task in first]
    assert [task.task for task in world.fetch("x", free=1, request_id="f2")] == ["b"]


def test_the_same_key_is_the_same_run() -> None:
    world = World()
    what = plan("a")
    first = world.start(what, key="k", payload={"n": 1})
    assert world.start(what, key="k", payload={"n": 1}) == first
    with pytest.raises(ProtocolError) as refused:
        world.start(what, key="k", payload={"n": 2})
    assert refused.value.code == "conflict"
    assert len(world.core.state.runs) == 1


def test_a_result_of_an_attempt_that_is_not_current_changes_nothing() -> None:
    world = World()
    run = world.start(plan("a"))
    world.hello("x")
    (task,) = world.fetch("x")
    world.hello("x", boot="b2")
    assert world.states(run) == "a:PENDING"
    assert world.report("x", task.token).drop == [task.token]
    assert world.states(run) == "a:PENDING"
    assert "task.stale" in world.kinds(run)


def test_a_result_told_twice_is_acknowledged_twice_and_recorded_once() -> None:
    world = World()
    run = world.start(plan("a"))
    world.hello("x")
    (task,) = world.fetch("x")
    for _ in range(2):
        assert world.report("x", task.token).ack == [task.token]
    assert world.kinds(run).count("task.ended") == 1


def test_three_losses_fail_a_task_saying_so() -> None:
    world = World()
    run = world.start(plan("a"))
    for n in range(1, 4):
        world.hello("x", boot=f"b{n}")
        (task,) = world.fetch("x")
        assert task.n == n
    world.hello("x", boot="b4")
    assert world.run_state(run) == "FAILED"
    lost = world.core.state.runs[run].tasks[0]
    assert "agent lost 3 times" in lost.reason
    assert [attempt.state for attempt in lost.attempts] == ["CRASHED"] * 3
    assert world.core.state.runs[run].code == 125


def test_what_the_same_supervisor_does_not_have_never_reached_it() -> None:
    world = World()
    run = world.start(plan("a"))
    world.hello("x")
    world.fetch("x")
    world.hello("x")
    assert world.states(run) == "a:PENDING"
    (task,) = world.fetch("x")
    assert task.n == 1, "an attempt that never began is no attempt"


def test_resync_sorts_every_token() -> None:
    world = World()
    world.start(plan("a", "b", "c"))
    world.hello("x")
    a, b, c = (task.token for task in world.fetch("x"))
    world.report("x", b)
    reply = world.hello("x", running=[a, "gone/t/1/1-0"], outbox=[b, c])
    assert reply.adopt == [a]
    assert reply.drop == ["gone/t/1/1-0"]
    assert reply.ack == [b]
    assert world.report("x", c).ack == [c]


def test_a_lease_ends_only_after_all_of_it() -> None:
    world = World(lost_after_s=30)
    run = world.start(plan("a"))
    world.hello("x")
    (task,) = world.fetch("x")
    world.pass_time(20)
    world.beat("x", [task.token])
    world.pass_time(34)
    assert world.states(run) == "a:RUNNING"
    world.pass_time(2)
    assert world.states(run) == "a:PENDING"
    assert world.kinds(run)[-1] == "task.crashed"


def agent_state(world: World) -> str:
    return world.core.state.agents["x"].state


def test_silence_is_shown_and_ends_nothing() -> None:
    world = World()
    run = world.start(plan("a"))
    world.hello("x")
    world.fetch("x")
    world.pass_time(8)
    assert agent_state(world) == "silent"
    assert world.states(run) == "a:RUNNING"
    world.beat("x", [])
    assert agent_state(world) == "ready"


def test_a_cancel_ends_what_waits_and_orders_the_end_of_what_runs() -> None:
    world = World()
    run = world.start(plan("a", "b<a", "c"))
    world.hello("x")
    tasks = {task.task: task.token for task in world.fetch("x", free=1)}
    assert world.beat("x", list(tasks.values()), wait_s=60) is None
    world.core.run_cancel(world.core.state.runs[run], "enough", world.at())
    (orders,) = world.turn()
    assert orders.cancel == [tasks["a"]]
    assert world.states(run) == "a:RUNNING b:CANCELLED c:CANCELLED"
    world.report("x", tasks["a"], "CANCELLED", code=143)
    assert world.run_state(run) == "CANCELLED"
    assert world.core.state.runs[run].code == 130


def test_work_handed_back_is_no_loss() -> None:
    world = World()
    run = world.start(plan("a"))
    world.hello("x")
    for _ in range(4):
        (task,) = world.fetch("x")
        assert task.n == 1
        world.report("x", task.token, "RELEASED")
    assert world.core.state.runs[run].tasks[0].losses == 0
    (task,) = world.fetch("x")
    world.report("x", task.token, "CRASHED", loss=False, started_ts=1.0)
    (task,) = world.fetch("x")
    assert task.n == 2


def test_a_name_belongs_to_one_living_agent() -> None:
    world = World()
    world.hello("x")
    with pytest.raises(ProtocolError) as refused:
        world.hello("x", aid="another")
    assert refused.value.code == "conflict"


def test_after_a_restart_agents_are_asked_to_say_hello() -> None:
    world = World()
    world.start(plan("a"))
    world.hello("x")
    (task,) = world.fetch("x")
    world.core.session.greeted.clear()
    beat = p.AgentBeat(agent="x", boot="b1", running=[task.token], wait_s=5)
    orders = agents.beat(world.core, None, beat, world.at())
    assert orders is not None and orders.hello  # type: ignore[attr-defined]
    assert orders.drop == []  # type: ignore[attr-defined]


def test_an_event_starts_every_workflow_that_listens() -> None:
    world = World()
    for name in ("one", "two", "deaf"):
        world.core.emit(
            WorkflowLoaded, "workflow/", world.at(), workflow=name, hash="h",
            plan=plan("a", workflow=name, events=["e"] if name != "deaf" else []),
        )  # fmt: skip
    reply = events.event_fire(world.core, None, p.EventFire(event="e", key="k"), world.at())
    assert [run.workflow for run in reply.runs] == ["one", "two"]  # type: ignore[attr-defined]
    again = events.event_fire(world.core, None, p.EventFire(event="e", key="k"), world.at())
    assert again.runs == reply.runs and again.duplicate  # type: ignore[attr-defined]


def test_a_name_that_two_workflows_have_is_refused_with_their_ids() -> None:
    world = World()
    for name in ("one", "two"):
        world.core.emit(
            WorkflowLoaded, "workflow/", world.at(), workflow=name, hash="h",
            plan=plan("a", workflow=name, name="same"),
        )  # fmt: skip
    with pytest.raises(ProtocolError) as refused:
        triggers.find_workflow(world.core, "same")
    assert refused.value.code == "ambiguous" and refused.value.near == ["one", "two"]
    with pytest.raises(ProtocolError) as unknown:
        triggers.find_workflow(world.core, "oen")
    assert unknown.value.code == "not_found" and unknown.value.near == ["one"]


def test_agents_that_are_gone_are_forgotten_when_there_are_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cdktr_principal.state.roster.AGENTS", 3)
    world = World(lost_after_s=10.0)
    for name in "abc":
        world.hello(name)
    task = TaskPlan(id="t", argv=["true"], on_principal_lost="finish")
    run = world.start(Plan(workflow="w", tasks=[task]))
    world.fetch("a")
    world.pass_time(100)
    for name in "de":
        world.hello(name)
    assert list(world.core.state.agents) == ["a", "d", "e"], "a still holds a task"
    assert world.states(run) == "t:RUNNING"
    assert encode(world.refolded()) == encode(take(world.core.state))

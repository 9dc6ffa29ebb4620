"""What an old connection delivers late is not believed, and what was promised to an agent holds
under a principal with other settings."""

from __future__ import annotations

import pytest

from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import Plan, TaskPlan
from cdktr_common.errors import ProtocolError
from cdktr_principal.decisions import assigning
from tests.unit.principal.world import World, plan


def test_a_hello_from_before_a_fetch_does_not_disown_what_it_brought() -> None:
    world = World()
    run = world.start(plan("a"))
    world.hello("x", sent_s=10.0)
    (task,) = world.fetch("x", sent_s=11.0)
    with pytest.raises(ProtocolError, match="has come before"):
        world.hello("x", sent_s=10.5)
    world.restart()  # nothing is left that could compare two hellos
    assert world.hello("x", sent_s=10.5).adopt == []
    assert world.states(run) == "a:RUNNING", "the batch may be running there"
    world.hello("x", sent_s=12.0, running=[task.token])
    assert world.report("x", task.token).ack == [task.token]


def test_a_hello_after_the_fetch_says_that_the_batch_never_came() -> None:
    world = World()
    run = world.start(plan("a"))
    world.hello("x", sent_s=10.0)
    world.fetch("x", sent_s=11.0)
    world.hello("x", sent_s=11.5)
    assert world.states(run) == "a:PENDING"


def test_a_fetch_that_was_overtaken_gets_nothing() -> None:
    world = World()
    world.hello("x", sent_s=10.0)
    world.fetch("x", sent_s=12.0)
    world.start(plan("a", "b"))
    with pytest.raises(ProtocolError, match="has come before"):
        world.fetch("x", sent_s=11.0)
    world.hello("x", sent_s=13.0)
    with pytest.raises(ProtocolError, match="has come before"):
        world.fetch("x", sent_s=12.5)
    assert len(world.fetch("x", sent_s=13.0)) == 2


def test_a_supervisor_that_was_followed_by_another_has_nothing_more_to_say() -> None:
    world = World()
    run = world.start(plan("a"))
    world.hello("x", "b1")
    world.hello("x", "b2")
    (task,) = world.fetch("x")
    for restart in (False, True):
        if restart:
            world.restart()
        with pytest.raises(ProtocolError, match="newer supervisor"):
            world.hello("x", "b1")
        assert world.states(run) == "a:RUNNING"
    world.hello("x", "b2", running=[task.token])
    assert world.report("x", task.token).ack == [task.token]


def test_a_batch_asked_for_again_lacks_what_was_given_up_since() -> None:
    world = World(lost_after_s=10.0)
    world.start(plan("a"))
    world.hello("x")
    (task,) = world.fetch("x", request_id="7")
    assert [spec.token for spec in world.fetch("x", request_id="7")] == [task.token]
    world.core.crash(
        world.core.state.tokens[task.token], world.core.state.tokens[task.token].attempts[-1],
        "silence", "not heard of", world.at(),
    )  # fmt: skip
    again = p.TaskFetch(agent="x", boot="b1", free=4, id="7")
    reply = assigning.task_fetch(world.core, None, again, world.at())
    assert isinstance(reply, p.TaskBatch) and reply.tasks == []


def test_a_lease_is_what_the_agent_was_told_whatever_a_later_principal_is_set_to() -> None:
    world = World(lost_after_s=600.0)
    run = world.start(plan("a"))
    world.hello("x")
    (task,) = world.fetch("x")
    assert task.lost_after_s == 600.0
    world.core.timing.lost_after_s = 5.0
    world.restart()
    world.hello("x", running=[task.token])
    world.pass_time(550)
    assert world.states(run) == "a:RUNNING"
    world.pass_time(60)
    assert world.states(run) == "a:PENDING"


def test_what_is_handed_back_twice_is_told_once() -> None:
    world = World()
    run = world.start(plan("a"))
    world.hello("x")
    (task,) = world.fetch("x")
    world.report("x", task.token, "RELEASED")
    assert world.report("x", task.token, "RELEASED").drop == [task.token]
    assert "task.stale" not in world.kinds(run)


def test_a_result_counts_only_from_the_agent_that_holds_the_token() -> None:
    world = World()
    run = world.start(plan("a"))
    world.hello("x")
    world.hello("y")
    (task,) = world.fetch("x")
    assert world.report("y", task.token).drop == [task.token]
    assert world.states(run) == "a:RUNNING"


def test_a_hello_again_that_was_overtaken_is_refused() -> None:
    world = World()
    world.hello("x", sent_s=10.0)
    world.fetch("x", sent_s=12.0)
    with pytest.raises(ProtocolError, match="has come before"):
        world.hello("x", sent_s=10.0)


def test_the_same_fetch_twice_is_one_fetch() -> None:
    world = World()
    world.hello("x")
    for _ in range(2):
        assert world.fetch("x", request_id="7") == []
    world.start(plan("a"))
    (answer,) = world.late
    assert [spec.task for spec in answer.tasks] == ["a"]


def test_a_short_lease_is_not_half_gone_before_the_task_is_given_out() -> None:
    world = World()
    world.hello("x")
    world.fetch("x")
    world.pass_time(3)
    short = TaskPlan(id="short", argv=["true"], lost_after_s=4.0)
    run = world.start(Plan(workflow="w", tasks=[short]))
    (answer,) = world.late
    assert answer.tasks == [] and world.states(run) == "short:PENDING"
    assert [spec.task for spec in world.fetch("x")] == ["short"]


def test_a_beat_is_answered_in_time_for_the_shortest_lease() -> None:
    world = World()
    short = TaskPlan(id="short", argv=["true"], lost_after_s=4.0)
    world.start(Plan(workflow="w", tasks=[short]))
    world.hello("x")
    (task,) = world.fetch("x")
    assert world.beat("x", [task.token], wait_s=2.0) is None
    assert world.pass_time(0.4) == []
    assert len(world.pass_time(0.2)) == 1

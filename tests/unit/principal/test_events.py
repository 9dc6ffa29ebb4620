"""Events: conditions, windows, pauses, what is for later, and the ends of runs."""

from __future__ import annotations

from typing import Any

import pytest

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import Listener, Param, Plan, TaskPlan
from cdktr_common.codec import encode
from cdktr_common.errors import ProtocolError
from cdktr_principal.decisions import deferred, events, pauses, triggers, windows
from cdktr_principal.decisions.chains import MAX_CHAIN, MAX_FOLLOWERS
from cdktr_principal.decisions.core import Moment
from cdktr_principal.store.snapshot import restore, take
from tests.unit.principal.world import World

NOOP = [TaskPlan(id="t", noop=True)]


def load(world: World, workflow: str, *listeners: Listener, **fields: Any) -> Plan:
    """A workflow of one task that is done at once comes into force."""
    fields.setdefault("tasks", NOOP)
    plan = Plan(workflow=workflow, listeners=list(listeners), **fields)
    windows.before_change(world.core, workflow, plan, world.at())
    world.core.emit(
        f.WorkflowLoaded, "workflow/", world.at(), workflow=workflow, hash="h", plan=plan
    )
    world.turn()
    return plan


def fire(world: World, event: str = "e", payload: Any = None, **fields: Any) -> p.RunStarted:
    request = p.EventFire(event=event, payload=payload, **fields)
    reply = events.event_fire(world.core, None, request, world.at())
    world.turn()
    same_everywhere(world)
    assert isinstance(reply, p.RunStarted)
    return reply


def same_everywhere(world: World) -> None:
    """The facts, and a snapshot, give the very state that there is."""
    live = encode(take(world.core.state))
    assert encode(world.refolded()) == live
    assert encode(take(restore(take(world.core.state)))) == live


def payloads(world: World, workflow: str = "w") -> list[Any]:
    runs = world.core.state.runs.values()
    return [run.payload for run in runs if run.workflow == workflow]


def last(world: World, kind: type[Any]) -> Any:
    return next(fact for fact in reversed(world.facts) if isinstance(fact, kind))


def test_conditions_speak_of_name_and_payload() -> None:
    world = World()
    load(world, "big", Listener(event="file.*", cond="event.payload.size > 100"))
    load(world, "csv", Listener(event="file.*", cond='event.name.endsWith(".csv")'))
    load(world, "wrong", Listener(event="file.*", cond="event.payload.nothing > 1"))
    reply = fire(world, "file.csv", {"size": 7})
    assert [run.workflow for run in reply.runs] == ["csv"] and reply.listeners == 3
    assert reply.passed["big"] == "if is false: event.payload.size > 100"
    assert reply.passed["wrong"].startswith("if: ")
    assert last(world, f.EventFired).passed == reply.passed
    assert fire(world, "other").listeners == 0


def test_a_workflow_is_started_once_by_the_first_listener_that_takes_the_event() -> None:
    world = World()
    never = Listener(event="*", cond="false")
    load(world, "w", never, Listener(event="a*"), Listener(event="*", batch_s=9))
    load(world, "names", Listener(event="*", batch_s=9), events=["a"])
    assert [run.workflow for run in fire(world, "a").runs] == ["names", "w"]
    assert [(held.workflow, held.listener) for held in fire(world, "b").held] == [
        ("names", 0), ("w", 2)
    ]  # fmt: skip


def test_paused_workflows_are_passed_over_and_windows_that_end_then_start_nothing() -> None:
    world = World()
    load(world, "w", Listener(event="e"))
    load(world, "d", Listener(event="e", debounce_s=5))
    fire(world, "e", 1)
    pauses.pause(world.core, None, p.WorkflowPause(), world.at())
    assert fire(world, "e", 2).passed == {"w": "paused", "d": "paused"}
    world.pass_time(6)
    assert last(world, f.EventDropped).reason == "paused"
    pauses.resume(world.core, None, p.WorkflowResume(), world.at())
    world.pass_time(60)
    assert payloads(world, "w") == [1] and payloads(world, "d") == []


def test_a_debounce_starts_one_run_after_the_last_event_with_its_payload() -> None:
    world = World()
    load(world, "w", Listener(event="*", debounce_s=5))
    for n in range(4):
        held = fire(world, f"e{n}", n).held
        assert [each.due_ts for each in held] == [world.at().ts + 5]
        world.pass_time(4)
    assert payloads(world) == []
    world.pass_time(1)
    assert payloads(world) == [3]
    run = next(iter(world.core.state.runs.values()))
    assert run.event == "e3" and last(world, f.RunCreated).listener == 0
    world.pass_time(100)
    assert payloads(world) == [3]


def test_a_debounce_that_never_rests_ends_all_the_same() -> None:
    world = World()
    load(world, "w", Listener(event="e", debounce_s=5))
    for n in range(26):
        fire(world, "e", n)
        world.pass_time(4)
    assert payloads(world) == [12, 25]


def test_a_throttle_starts_a_run_at_once_and_then_none_for_a_while() -> None:
    world = World()
    load(world, "w", Listener(event="e", throttle_s=10))
    assert fire(world, "e", 1).runs
    world.pass_time(6)
    assert fire(world, "e", 2).passed == {"w": "throttled until 2001-09-09T01:46:50Z"}
    world.restart()
    assert not fire(world, "e", 3).runs
    world.pass_time(4)
    assert fire(world, "e", 4).runs
    assert payloads(world) == [1, 4]


def test_a_batch_ends_by_number_or_by_time() -> None:
    world = World()
    load(world, "w", Listener(event="e", batch_s=10, batch_size=3))
    first, second, third, fourth = (fire(world, "e", n) for n in range(4))
    assert first.held == second.held and not first.runs
    assert third.runs and not third.held and fourth.held
    assert last(world, f.EventFired).runs == []
    world.pass_time(9)
    assert payloads(world) == [[0, 1, 2]]
    world.pass_time(1)
    assert payloads(world) == [[0, 1, 2], [3]]


def test_a_batch_never_has_more_than_a_payload_may() -> None:
    world = World()
    load(world, "w", Listener(event="e", batch_s=10))
    for n in range(5):
        fire(world, "e", str(n) * 100_000)
    assert [len(each) for each in payloads(world)] == [2, 2]
    world.pass_time(10)
    assert [len(each) for each in payloads(world)] == [2, 2, 1]
    load(world, "many", Listener(event="m", batch_s=10))
    for n in range(1001):
        events.event_fire(world.core, None, p.EventFire(event="m", payload=n), world.at())
    world.turn()
    assert payloads(world, "many") == [list(range(1000))]


@pytest.mark.parametrize("window", [{"debounce_s": 20.0}, {"batch_s": 20.0}])
def test_windows_outlive_a_restart(window: dict[str, float]) -> None:
    world = World()
    load(world, "w", Listener(event="e", **window))
    fire(world, "e", 1)
    world.pass_time(15)
    world.restart()
    world.pass_time(4)
    assert not payloads(world)
    world.pass_time(1)
    assert len(payloads(world)) == 1
    fire(world, "e", 2)
    world.clock += 1000
    world.restart()
    assert len(payloads(world)) == 2, "it came due while nobody was there"


def test_changed_listeners_end_their_windows_with_what_they_have() -> None:
    world = World()
    listener = Listener(event="e", batch_s=10)
    load(world, "w", listener)
    fire(world, "e", 1)
    load(world, "w", listener, description="other tasks, same listeners")
    assert payloads(world) == []
    load(world, "w", Listener(event="e", batch_s=99))
    assert payloads(world) == [[1]]
    fire(world, "e", 2)
    world.pass_time(98)
    assert len(payloads(world)) == 1
    windows.before_change(world.core, "w", None, world.at())
    world.core.emit(f.WorkflowRemoved, "workflow/", world.at(), workflow="w")
    world.turn()
    assert last(world, f.EventDropped).reason == "the workflow was removed"
    assert len(payloads(world)) == 1 and not world.core.state.windows.open


def test_params_that_one_workflow_refuses_are_no_matter_of_the_others() -> None:
    world = World()
    load(world, "a", events=["e"], params={"n": Param(type="integer")})
    load(world, "b", events=["e"], params={"n": Param(enum=["x", "y"])})
    told = fire(world, "e", params={"n": "x"})
    assert [ref.workflow for ref in told.runs] == ["b"]
    assert told.passed == {"a": "param n must be a whole number, not 'x'"}
    told = fire(world, "e", params={"n": 5})
    assert [ref.workflow for ref in told.runs] == ["a"] and list(told.passed) == ["b"]
    before = len(world.facts)
    with pytest.raises(ProtocolError, match="param n"):
        fire(world, "e", params={"n": "neither"})
    assert len(world.facts) == before


def test_params_go_through_windows_and_are_looked_at_again_at_their_end() -> None:
    world = World()
    listener = Listener(event="e", debounce_s=5)
    load(world, "w", listener, params={"a": Param()})
    with pytest.raises(ProtocolError, match="unknown param 'b'"):
        fire(world, "e", params={"b": 1})
    fire(world, "e", params={"a": "x"})
    world.pass_time(5)
    assert last(world, f.RunCreated).params == {"a": "x"}
    fire(world, "e", params={"a": "x"})
    load(world, "w", listener, params={"a": Param(type="integer")})
    world.pass_time(5)
    assert "param a must be a whole number" in last(world, f.EventDropped).reason


def test_an_event_that_comes_again_is_told_of_the_window_it_is_in_now() -> None:
    world = World()
    load(world, "w", Listener(event="e", batch_s=10, batch_size=2))
    held = fire(world, "e", 1, key="k").held
    again = fire(world, "e", 1, key="k")
    assert again.duplicate and again.held == held
    fire(world, "e", 2, key="l")
    again = fire(world, "e", 1, key="k")
    assert again.duplicate and again.listeners == 1 and not again.held and not again.runs
    world.pass_time(1)
    fire(world, "e", 3)
    assert not fire(world, "e", 1, key="k").held


# Later


def test_what_is_deferred_is_fired_when_it_is_due_and_once() -> None:
    world = World()
    load(world, "w", events=["e"])
    reply = fire(world, "e", 1, delay_s=60, key="k")
    assert reply.deferred and reply.due_ts == world.at().ts + 60 and not reply.runs
    again = fire(world, "e", 1, delay_s=60, key="k")
    assert again.duplicate and again.deferred == reply.deferred and again.due_ts == reply.due_ts
    with pytest.raises(ProtocolError, match="was used with another"):
        fire(world, "e", 1, delay_s=61, key="k")
    assert world.core.session.alarm == world.clock + 60
    world.pass_time(59)
    assert not payloads(world)
    world.restart()
    world.pass_time(1)
    assert payloads(world) == [1]
    fired = last(world, f.EventFired)
    assert fired.deferred == reply.deferred and fired.key == "k"
    assert fire(world, "e", 1, delay_s=60, key="k").runs[0].run == fired.runs[0]
    assert payloads(world) == [1] and not world.core.state.deferred.waiting


def test_a_key_counts_for_as_long_as_what_it_is_of_is_deferred() -> None:
    world = World()
    first = fire(world, "e", 1, delay_s=40 * 86_400, key="k")
    world.pass_time(39 * 86_400)
    fire(world, "other", key="makes the old ones forgotten")
    assert "k" not in world.core.state.keys
    assert fire(world, "e", 1, delay_s=40 * 86_400, key="k").deferred == first.deferred


def test_the_key_of_what_was_taken_back_says_so() -> None:
    world = World()
    first = fire(world, "e", delay_s=40 * 86_400, key="k")
    world.pass_time(39 * 86_400)
    fire(world, "other", key="makes the old ones forgotten")
    taken_back = p.EventCancel(deferred=first.deferred, reason="not now")
    deferred.cancel(world.core, None, taken_back, world.at())
    for _ in range(2):
        again = fire(world, "e", delay_s=40 * 86_400, key="k")
        assert again.duplicate and again.deferred == first.deferred
        assert (again.dropped, again.due_ts) == ("not now", None)
        world.restart()
    with pytest.raises(ProtocolError, match="was used with another"):
        fire(world, "e", delay_s=5, key="k")


def start(world: World, **fields: Any) -> p.RunStarted:
    reply = triggers.run_start(world.core, None, p.RunStart(**fields), world.at())
    world.turn()
    same_everywhere(world)
    assert isinstance(reply, p.RunStarted)
    return reply


def test_a_workflow_is_started_later_by_the_plan_in_force_then() -> None:
    world = World()
    load(world, "w", params={"a": Param()})
    with pytest.raises(ProtocolError, match="unknown param"):
        start(world, workflow="w", delay_s=5, params={"b": 1})
    first = start(world, workflow="w", at_ts=world.at().ts + 5, params={"a": "x"}, payload=7)
    second = start(world, workflow="w", delay_s=6, key="k")
    load(world, "w", params={"a": Param(), "c": Param(default="y")})
    world.pass_time(5)
    created = last(world, f.RunCreated)
    assert created.deferred == first.deferred and created.params == {"a": "x", "c": "y"}
    assert created.payload == 7
    world.core.emit(f.WorkflowRemoved, "workflow/", world.at(), workflow="w")
    world.pass_time(1)
    dropped = last(world, f.EventDropped)
    assert dropped.deferred == second.deferred and dropped.reason == "no workflow 'w'"
    load(world, "w")
    assert start(world, workflow="w", delay_s=6, key="k").dropped == "no workflow 'w'"


def test_what_cannot_be_deferred_is_refused_and_what_is_due_happens_now() -> None:
    world = World()
    load(world, "w", events=["e"])
    for fields in (
        {"delay_s": -1.0},
        {"delay_s": 4e7},
        {"at_ts": 1e12},
        {"at_ts": 1.0, "delay_s": 1},
    ):
        with pytest.raises(ProtocolError) as refused:
            fire(world, "e", **fields)
        assert refused.value.code == "bad_field"
    with pytest.raises(ProtocolError, match="a workflow by its name"):
        start(world, plan=Plan(workflow="x", tasks=NOOP), delay_s=5)
    assert fire(world, "e", at_ts=1.0).runs and start(world, workflow="w", at_ts=1.0).runs
    with pytest.raises(ProtocolError, match="ends of runs"):
        fire(world, "run.completed")


def test_only_so_much_is_deferred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deferred, "MAX_DEFERRED", 2)
    world = World()
    names = [fire(world, f"e{n}", delay_s=60 - n).deferred for n in range(2)]
    with pytest.raises(ProtocolError) as refused:
        fire(world, "e", delay_s=60)
    assert refused.value.code == "busy"
    waiting = deferred.pending(world.core, p.EventPending(limit=1))
    assert isinstance(waiting, p.EventWaiting)
    assert [row.event for row in waiting.deferred] == ["e1"] and waiting.total == 2
    cancel = p.EventCancel(deferred=names[0], reason="not now")
    taken = deferred.cancel(world.core, None, cancel, world.at())
    world.turn()
    assert taken == deferred.cancel(world.core, None, cancel, world.at())
    assert last(world, f.EventDropped).reason == "not now"
    with pytest.raises(ProtocolError, match="nothing is deferred as 'x'"):
        deferred.cancel(world.core, None, p.EventCancel(deferred="x"), world.at())
    with pytest.raises(ProtocolError, match="nothing is deferred as ''"):
        deferred.cancel(world.core, None, p.EventCancel(deferred=""), world.at())
    world.pass_time(100)
    assert last(world, f.EventFired).event == "e1"
    same_everywhere(world)


class Stepped(World):
    """A machine whose time of day is set."""

    step = 0.0

    def at(self) -> Moment:
        at = super().at()
        return Moment(at.ts + self.step, at.clock, at.fresh)


@pytest.mark.parametrize("step", [-7200.0, 7200.0])
def test_windows_are_lengths_and_what_is_for_later_is_a_time_of_day(step: float) -> None:
    world = Stepped()
    for name, window in (("d", "debounce_s"), ("b", "batch_s"), ("t", "throttle_s")):
        load(world, name, Listener(event="e", **{window: 10.0}))
    fire(world, "e", 1)
    fire(world, "later", delay_s=3600)
    world.step = step
    world.pass_time(9)
    assert not payloads(world, "d") and not payloads(world, "b")
    assert bool(world.core.state.deferred.waiting) == (step < 0)
    world.pass_time(1)
    assert payloads(world, "d") == [1] and payloads(world, "b") == [[1]]
    fire(world, "e", 2)
    assert payloads(world, "t") == [1, 2], "it has not to wait until the clock is there again"
    world.restart()
    world.pass_time(10)
    assert payloads(world, "d") == [1, 2]
    world.pass_time(3600 - step)
    assert not world.core.state.deferred.waiting


def test_nothing_comes_of_time_while_the_disk_is_full() -> None:
    world = World()
    load(world, "w", Listener(event="e", debounce_s=5))
    fire(world, "e", 1)
    fire(world, "e", 2, delay_s=3)
    world.core.disk_full = True
    world.core.session.alarm = None
    world.pass_time(50)
    assert not payloads(world) and world.core.session.alarm is None
    world.core.disk_full = False
    world.pass_time(0)
    assert payloads(world) == [1]
    world.pass_time(5)
    assert payloads(world) == [1, 2]


def test_the_answer_to_the_same_again_says_the_same() -> None:
    world = World()
    load(world, "d", Listener(event="e", debounce_s=5))
    load(world, "c", Listener(event="e", cond="false"))
    load(world, "w", events=["e"])
    first = fire(world, "e", key="k")
    again = fire(world, "e", key="k")
    assert again == p.RunStarted(**{**_fields(first), "duplicate": True})
    assert again.listeners == 3 and again.held and again.passed


def _fields(reply: p.RunStarted) -> dict[str, Any]:
    return {name: getattr(reply, name) for name in ("runs", "listeners", "held", "passed")}


# Ends of runs


def test_workflows_follow_one_another_by_the_ends_of_their_runs() -> None:
    world = World()
    cond = 'event.payload.workflow == "first"'
    load(world, "then", Listener(event="run.completed", cond=cond))
    load(world, "first", output={"rows": "{{ 40 + 2 }}"})
    load(world, "deaf", Listener(event="*"))
    run = start(world, workflow="first").runs[0].run
    fired = last(world, f.EventFired)
    assert (fired.event, fired.cause, fired.chain) == ("run.completed", run, 0)
    assert sum(isinstance(fact, f.EventFired) for fact in world.facts) == 1
    first, then = world.core.state.runs.values()
    assert then.workflow == "then" and then.chain == 1 and then.event == "run.completed"
    assert then.payload == {
        "run": run, "workflow": "first", "name": "first", "state": "COMPLETED", "code": 0,
        "reason": "", "event": None, "output": {"rows": 42}, "chain": 0, "parent": "",
    }  # fmt: skip
    assert first.chain == 0
    same_everywhere(world)


def test_without_anybody_who_listens_an_end_is_no_event() -> None:
    world = World()
    load(world, "w", Listener(event="*"))
    start(world, workflow="w")
    assert not any(isinstance(fact, f.EventFired) for fact in world.facts)


def test_failed_and_cancelled_runs_have_their_own_names() -> None:
    world = World()
    load(world, "alarm", Listener(event="run.[fc]*", cond='event.name != "run.completed"'))
    world.hello("x")
    run = world.start(Plan(workflow="bad", tasks=[TaskPlan(id="t", argv=["false"])]))
    world.report("x", world.fetch("x")[0].token, "FAILED", code=7)
    run = world.start(Plan(workflow="slow", tasks=[TaskPlan(id="t", argv=["x"])]))
    world.core.run_cancel(world.core.state.runs[run], "enough", world.at())
    world.turn()
    told = [(each["workflow"], each["state"], each["code"]) for each in payloads(world, "alarm")]
    assert told == [("bad", "FAILED", 7), ("slow", "CANCELLED", 130)]


def test_a_loop_of_workflows_ends_and_says_so() -> None:
    world = World()
    load(world, "a", Listener(event="run.completed", cond='event.payload.workflow == "b"'))
    load(world, "b", Listener(event="run.completed", cond='event.payload.workflow == "a"'))
    start(world, workflow="a")
    chains = [run.chain for run in world.core.state.runs.values()]
    assert chains == list(range(MAX_CHAIN))
    passed = last(world, f.EventFired).passed
    assert passed["a"] == "the chain of events is 16 runs long: … > a > b > a > b > a"
    assert passed["b"].startswith("if is false: ")
    same_everywhere(world)


def test_workflows_that_all_follow_on_any_run_do_not_multiply_without_end() -> None:
    world = World()
    for name in "abc":
        load(world, name, Listener(event="run.completed"))
    run = start(world, workflow="a").runs[0].run
    created = [fact for fact in world.facts if isinstance(fact, f.RunCreated)]
    assert MAX_FOLLOWERS <= len(created) - 1 < MAX_FOLLOWERS + 3
    passed = last(world, f.EventFired).passed
    assert passed == dict.fromkeys("abc", f"1,000 runs have followed on run {run}")
    world.restart()
    start(world, workflow="a")
    assert sum(isinstance(fact, f.RunCreated) for fact in world.facts) == 2 * len(created)


@pytest.mark.parametrize("window", [{"batch_s": 1.0}, {"batch_size": 1}, {"debounce_s": 1.0}])
def test_a_loop_through_windows_ends_too(window: dict[str, Any]) -> None:
    world = World()
    load(world, "a", Listener(event="run.*", **window))
    start(world, workflow="a")
    for _ in range(40):
        world.pass_time(1)
        world.restart()
    assert len(world.core.state.runs) == MAX_CHAIN
    assert "16 runs long" in last(world, f.EventFired).passed["a"]
    same_everywhere(world)

"""Stories of what the supervisor decides, under a clock of their own."""

from __future__ import annotations

from typing import TypeVar

from cdktr_agent import local
from cdktr_agent.custody import (
    HOLD_S,
    RELEASE_S,
    Custody,
    Discard,
    Forget,
    Instruction,
    Keep,
    Stop,
    Tell,
)
from cdktr_common.catalogue.values import ResultState, RunContext, TaskResult, TaskSpec

T = TypeVar("T")


def spec(token: str, lease_s: float = 600.0, **fields: object) -> TaskSpec:
    fields = {"lost_after_s": lease_s, "argv": ["true"], **fields}
    return TaskSpec(token=token, run="r", task=token, n=1, fence=1, **fields)  # type: ignore[arg-type]


def result(token: str, state: ResultState = "COMPLETED") -> TaskResult:
    return TaskResult(token=token, state=state, code=0)


def custody(slots: int = 2, grace_s: float = 5.0) -> Custody:
    made = Custody("b1")
    made.obey(local.Attach(slots, "/", 1 << 30, grace_s), 0.0)
    made.decide(0.0)
    return made


def give(made: Custody, *specs: TaskSpec, asked_at: float, now: float | None = None) -> list[str]:
    """The tokens that are started."""
    now = asked_at if now is None else now
    made.obey(local.Run(list(specs), {"r": RunContext(workflow="w")}, asked_at), now)
    return [held.spec.token for held in made.starts(now)]


def of(instructions: list[Instruction], kind: type[T]) -> list[T]:
    return [each for each in instructions if isinstance(each, kind)]


def told(instructions: list[Instruction]) -> list[TaskResult]:
    messages = [each.message for each in of(instructions, Tell)]
    return [r for each in messages if isinstance(each, local.Ended) for r in each.results]


def test_as_many_run_as_there_are_slots() -> None:
    made = custody(slots=2)
    assert give(made, spec("a"), spec("b"), spec("c"), asked_at=1.0) == ["a", "b"]
    assert list(made.starts(1.1)) == []
    made.freed("a")
    assert [held.spec.token for held in made.starts(1.1)] == ["c"]
    assert give(made, spec("a"), asked_at=1.2) == [], "said twice"


def test_a_result_is_written_down_before_it_is_told_and_kept_until_it_is_acknowledged() -> None:
    made = custody()
    give(made, spec("a"), asked_at=1.0)
    made.freed("a")
    made.over("a", result("a"), 2.0)
    done = made.decide(2.0)
    assert [type(each) for each in done] == [Keep, Tell]
    assert told(done) == [result("a")]
    assert give(made, spec("a"), asked_at=2.1) == [], "said again before it was acknowledged"
    made.obey(local.Ack(["a", "unknown"]), 3.0)
    assert of(made.decide(3.0), Forget) == [Forget(["a"])]
    assert made.idle
    assert made.results == {}


def test_results_are_told_together_while_others_wait() -> None:
    made = custody(slots=1)
    give(made, spec("a"), spec("b"), asked_at=1.0)
    made.freed("a")
    made.over("a", result("a"), 1.1)
    assert told(made.decide(1.1)) == []
    assert made.due() <= 1.1 + HOLD_S
    assert told(made.decide(1.1 + HOLD_S)) == [result("a")]


def test_what_waits_too_long_is_handed_back() -> None:
    made = custody(slots=1)
    give(made, spec("a"), spec("b"), asked_at=1.0)
    done = made.decide(1.0 + RELEASE_S)
    assert of(done, Discard) == [Discard("b")]
    assert [each.state for each in told(done)] == ["RELEASED"]


def test_nothing_is_alive_at_the_deadline() -> None:
    made = custody(grace_s=5.0)
    give(made, spec("long", 600.0), spec("short", 2.0), asked_at=10.0)
    assert made.due() == 11.5
    assert of(made.decide(11.49), Stop) == []
    assert of(made.decide(11.5), Stop) == [Stop("short", "lease", 12.0)]
    assert of(made.decide(11.6), Stop) == [], "once"
    assert made.due() == 605.0
    assert of(made.decide(605.0), Stop) == [Stop("long", "lease", 610.0)]


def test_a_lease_counts_from_when_the_beat_was_sent_and_never_backwards() -> None:
    made = custody()
    give(made, spec("a", 2.0), asked_at=10.0)
    made.obey(local.Renew(["a"], 11.0), 11.4)
    made.obey(local.Renew(["a"], 10.5), 11.4)  # an answer that took its time
    assert of(made.decide(12.4), Stop) == []
    assert of(made.decide(12.5), Stop) == [Stop("a", "lease", 13.0)]
    made.obey(local.Renew(["a"], 5.0), 12.6)
    assert of(made.decide(12.6), Stop) == []


def test_a_task_that_is_to_finish_has_no_deadline() -> None:
    made = custody()
    give(made, spec("a", 2.0, on_principal_lost="finish"), asked_at=10.0)
    assert made.decide(10_000.0) == []
    made.obey(local.End(["a"], "cancel"), 10_000.0)
    assert of(made.decide(10_000.0), Stop) == [Stop("a", "cancel", 10_005.0)]


def test_what_was_read_late_is_not_started() -> None:
    made = custody()
    assert give(made, spec("a", 2.0), asked_at=10.0, now=70.0) == []
    done = made.decide(70.0)
    assert of(done, Discard) == [Discard("a")]
    assert [each.state for each in told(done)] == ["RELEASED"]


def test_a_stop_never_reaches_over_the_deadline() -> None:
    made = custody(grace_s=5.0)
    give(made, spec("a", 20.0, timeout_s=8.0), spec("b", 10.0), asked_at=10.0)
    made.obey(local.End(["b"], "cancel"), 17.0)
    assert of(made.decide(17.0), Stop) == [Stop("b", "cancel", 20.0)]
    assert of(made.decide(18.0), Stop)[0] == Stop("a", "timeout", 23.0)


def test_no_room_means_a_pause_and_the_same_order() -> None:
    made = custody(slots=2)
    give(made, spec("a", timeout_s=1.0), asked_at=1.0)
    made.no_room("a", 1.0)
    assert list(made.starts(1.05)) == []
    assert made.due() <= 1.1
    assert [held.spec.token for held in made.starts(1.1)] == ["a"]
    assert of(made.decide(2.05), Stop) == [], "its time-out counts from its real start"
    assert of(made.decide(2.1), Stop)[0].why == "timeout"


def test_what_waits_is_dropped_cancelled_and_released_without_a_process() -> None:
    made = custody(slots=1)
    give(made, spec("a"), *(spec(t) for t in "bcd"), asked_at=1.0)
    made.obey(local.End(["b"], "cancel"), 1.0)
    made.obey(local.End(["c"], "drop"), 1.0)
    made.obey(local.Release(), 1.0)
    done = made.decide(1.0)
    assert [(each.token, each.state) for each in told(done)] == [
        ("b", "CANCELLED"),
        ("d", "RELEASED"),
    ]
    ended = [each.message for each in of(done, Tell)]
    assert [each.dropped for each in ended if isinstance(each, local.Ended)] == [["c"]]


def test_told_to_leave_it_ends_what_runs_first() -> None:
    made = custody(slots=1)
    give(made, spec("a"), spec("b"), asked_at=1.0)
    made.obey(local.Quit(), 2.0)
    done = made.decide(2.0)
    assert of(done, Stop) == [Stop("a", "drain", 7.0)]
    assert made.quitting
    assert not made.idle
    made.freed("a")
    made.over("a", result("a", "CRASHED"), 3.0)
    made.decide(3.0)
    assert made.idle


def test_another_network_process_is_told_all() -> None:
    made = Custody("b1", [result("old")], "0.1.0")
    made.obey(local.Attach(2, "/", 1, 5.0), 0.0)
    give(made, spec("a", 30.0), spec("f", on_principal_lost="finish"), asked_at=1.0)
    made.decide(1.0)
    made.obey(local.Attach(2, "/", 1, 5.0), 2.0)
    state = of(made.decide(2.0), Tell)[-1].message
    assert isinstance(state, local.State)
    assert state.results == [result("old")]
    assert [(each.token, each.until, each.lost_after_s) for each in state.held] == [
        ("a", 31.0, 30.0),
        ("f", None, 600.0),
    ]
    made.obey(local.Pulse(7.5), 8.0)
    assert of(made.decide(8.0), Tell) == [Tell(local.Alive(7.5))]


def test_slots_are_counted_as_tasks_ask_for_them() -> None:
    made = custody(slots=4)
    specs = [spec("a", slots=3), spec("b", slots=2), spec("c")]
    assert give(made, *specs, asked_at=1.0) == ["a"]  # in their order: c does not overtake b
    assert made.due() > 1.0  # and nothing is to be done before a slot is free
    made.freed("a")
    made.over("a", result("a"), 1.1)
    assert [held.spec.token for held in made.starts(1.1)] == ["b", "c"]
    made.no_room("c", 1.1)
    assert list(made.starts(1.1)) == []
    assert [held.spec.token for held in made.starts(2.0)] == ["c"]


def test_one_that_asks_for_more_than_there_is_gets_all() -> None:
    made = custody(slots=2)
    assert give(made, spec("a"), spec("b", slots=9), asked_at=1.0) == ["a"]
    made.freed("a")
    made.over("a", result("a"), 1.1)
    assert [held.spec.token for held in made.starts(1.1)] == ["b"]
    made.freed("b")
    made.over("b", result("b"), 1.2)
    assert give(made, spec("c"), spec("d"), asked_at=1.3) == ["c", "d"]


def test_a_grace_of_its_own() -> None:
    made = custody(grace_s=5.0)
    own = [spec("a", stop_grace_s=20.0, timeout_s=10.0), spec("b", 30.0, stop_grace_s=1.0)]
    give(made, *own, asked_at=0.0)
    made.obey(local.End(["a"], "cancel"), 1.0)
    assert of(made.decide(1.0), Stop) == [Stop("a", "cancel", 21.0)]
    assert of(made.decide(10.0), Stop) == [Stop("a", "timeout", 30.0)]
    assert of(made.decide(28.9), Stop) == []
    assert of(made.decide(29.0), Stop) == [Stop("b", "lease", 30.0)]

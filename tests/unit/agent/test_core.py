"""Stories of the network process's core: what it hears, and what it then wants done."""

from __future__ import annotations

from typing import TypeVar

import pytest

from cdktr_agent import local
from cdktr_agent.appetite import MOST_AHEAD
from cdktr_agent.core import Core
from cdktr_agent.instructions import Complain, Identity, Instruction, Leave, Serve
from cdktr_common.catalogue import Request
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import ResultState, RunContext, TaskResult, TaskSpec


def new_core(slots: int = 2) -> Core:
    return Core(Identity("a1", "aid", slots, [], "host", "0.1.0", 1))


def spec(token: str) -> TaskSpec:
    return TaskSpec(token=token, run="r", task=token, n=1, fence=1, argv=["true"])


def hold(token: str, until: float | None = 610.0) -> local.Hold:
    return local.Hold(token, "r", token, 1, 1, 600.0, until)


def result(token: str, state: ResultState = "COMPLETED", took: float = 0.001) -> TaskResult:
    started = None if state == "RELEASED" else 100.0
    ended = None if state == "RELEASED" else 100.0 + took
    return TaskResult(token=token, state=state, code=0, started_ts=started, ended_ts=ended)


T = TypeVar("T")


def only(instructions: list[Instruction], kind: type) -> list[Instruction]:
    return [each for each in instructions if isinstance(each, kind)]


def one(instructions: list[Instruction], kind: type[T]) -> T:
    found = [each for each in instructions if isinstance(each, kind)]
    assert len(found) == 1, instructions
    return found[0]


class Agent:
    """A core with what it has asked, so that a story can answer."""

    def __init__(self, slots: int = 2) -> None:
        self.core = new_core(slots)
        self.last: list[Instruction] = []
        self.now = 10.0

    def decide(self) -> list[Instruction]:
        self.last = self.core.decide(self.now)
        return self.last

    def answer(self, request: Request, reply: object, asked_at: float = 10.0) -> None:
        self.core.answered(request, reply, asked_at, self.now)

    def welcomed(self, held: tuple[str, ...] = (), boot: str = "b1") -> list[Instruction]:
        self.core.supervisor_state(local.State(boot, [hold(token) for token in held], [], []))
        hello = one(self.decide(), p.AgentHello)
        self.answer(hello, p.AgentWelcome(epoch=1, adopt=list(held)))
        return self.decide()

    def given(self, *tokens: str) -> list[Instruction]:
        """The open fetch is answered with these."""
        fetch = p.TaskFetch(agent="a1", boot="b1", free=1)
        batch = p.TaskBatch(
            epoch=1, tasks=[spec(t) for t in tokens], runs={"r": RunContext(workflow="w")}
        )
        self.answer(fetch, batch)
        return self.decide()


def test_nothing_is_asked_before_there_is_a_supervisor() -> None:
    assert new_core().decide(10.0) == []


def test_hello_tells_everything_and_only_then_is_work_asked_for() -> None:
    agent = Agent()
    agent.core.supervisor_state(local.State("b1", [hold("t2"), hold("t1")], [result("t3")], []))
    hello = one(agent.decide(), p.AgentHello)
    assert (hello.boot, hello.running, hello.outbox) == ("b1", ["t1", "t2"], ["t3"])
    assert agent.decide() == []
    agent.answer(hello, p.AgentWelcome(epoch=4, adopt=["t1"], drop=["t2"], ack=["t3"]))
    done = agent.decide()
    assert one(done, Serve).first
    assert one(done, local.Ack).tokens == ["t3"]
    assert one(done, local.End) == local.End(["t2"], "drop")
    assert one(done, p.AgentBeat).running == ["t1", "t2"]
    assert only(done, p.TaskReport) == []
    assert only(done, p.TaskFetch) == []  # both slots are taken until the dropped one is gone
    agent.core.ended(local.Ended([], ["t2"]))
    assert one(agent.decide(), p.TaskFetch).free == 1


def test_a_result_is_told_before_room_and_kept_until_it_is_recorded() -> None:
    agent = Agent(slots=1)
    agent.welcomed()
    run = one(agent.given("t1"), local.Run)
    assert (run.tasks[0].token, run.asked_at) == ("t1", 10.0)
    agent.core.ended(local.Ended([result("t1")]))
    done = agent.decide()
    kinds = [type(each) for each in done]
    assert kinds.index(p.TaskReport) < kinds.index(p.TaskFetch)
    report = one(done, p.TaskReport)
    assert agent.decide() == []
    agent.answer(report, p.TaskReported(ack=["t1"], epoch=1))
    assert one(agent.decide(), local.Ack).tokens == ["t1"]
    assert agent.core.results == {}


def test_a_refused_report_is_told_again() -> None:
    agent = Agent(slots=1)
    agent.welcomed()
    agent.given("t1")
    agent.core.ended(local.Ended([result("t1")]))
    report = one(agent.decide(), p.TaskReport)
    agent.core.refused(report, "disk_full", "no room")
    assert one(agent.decide(), Complain)
    assert agent.decide() == []
    agent.core.resume()
    assert one(agent.decide(), p.TaskReport).results == report.results


def test_another_epoch_means_hello_with_all_tokens() -> None:
    agent = Agent()
    agent.welcomed()
    agent.given("t1")
    agent.core.ended(local.Ended([result("t1")]))
    report = one(agent.decide(), p.TaskReport)
    agent.answer(report, p.TaskReported(ack=["t1"], epoch=2))
    hello = one(agent.decide(), p.AgentHello)
    assert hello.outbox == []
    agent.answer(hello, p.AgentWelcome(epoch=2))
    assert one(agent.decide(), p.TaskFetch)


def test_unknown_agent_means_hello() -> None:
    agent = Agent()
    beat = one(agent.welcomed(("t1",)), p.AgentBeat)
    agent.core.refused(beat, "unknown_agent", "who?")
    assert one(agent.decide(), p.AgentHello).running == ["t1"]


def test_leases_are_renewed_from_when_the_beat_was_sent() -> None:
    agent = Agent()
    beat = one(agent.welcomed(("t1", "t2")), p.AgentBeat)
    orders = p.AgentOrders(epoch=1, drop=["t2"])
    agent.now = 51.0
    agent.answer(beat, orders, asked_at=50.0)
    done = agent.decide()
    assert one(done, local.Renew) == local.Renew(["t1"], 50.0)
    assert one(done, local.End) == local.End(["t2"], "drop")
    assert one(done, p.AgentBeat)


def test_a_cancel_is_passed_on_only_for_what_is_held() -> None:
    agent = Agent()
    beat = one(agent.welcomed(("t1",)), p.AgentBeat)
    agent.answer(beat, p.AgentOrders(epoch=1, cancel=["t1", "over"]))
    assert one(agent.decide(), local.End) == local.End(["t1"], "cancel")


def test_a_lost_supervisor_takes_its_tokens_along_but_not_the_results() -> None:
    agent = Agent()
    agent.welcomed(("t1", "t2"))
    agent.core.ended(local.Ended([result("t1")]))
    agent.decide()
    agent.core.supervisor_gone()
    assert agent.decide() == []
    agent.core.supervisor_state(local.State("b2", [], [result("t1")], []))
    hello = one(agent.decide(), p.AgentHello)
    assert (hello.boot, hello.running, hello.outbox) == ("b2", [], ["t1"])


def test_what_was_fetched_for_a_supervisor_that_is_gone_is_not_for_the_next_one() -> None:
    agent = Agent()
    agent.welcomed()
    agent.core.supervisor_gone()
    agent.core.supervisor_state(local.State("b2", [], [], []))
    given = agent.given("t1")
    assert only(given, local.Run) == []
    assert one(given, p.AgentHello).running == []


def test_it_holds_more_than_its_slots_only_while_tasks_are_short() -> None:
    agent = Agent(slots=2)
    done = agent.welcomed()
    assert one(done, p.TaskFetch).free == 2
    agent.given("t1", "t2")
    agent.core.ended(local.Ended([result("t1", took=0.001)]))
    fetch = one(agent.decide(), p.TaskFetch)
    assert fetch.free > 50
    agent.given(*(f"m{i}" for i in range(fetch.free)))
    assert len(agent.core.watch.held) == 2 + agent.core.appetite.ahead
    # One that took long, or one taken in vain, is reason enough to hold nothing.
    agent.core.ended(local.Ended([result("m0", took=60.0)]))
    assert agent.core.appetite.ahead == 0
    assert only(agent.decide(), p.TaskFetch) == []


def test_what_came_back_unstarted_sets_the_judgement_back() -> None:
    agent = Agent()
    agent.welcomed()
    agent.given("t1", "t2")
    agent.core.ended(local.Ended([result("t1")]))
    assert agent.core.appetite.ahead > 0
    agent.core.ended(local.Ended([result("t2", "RELEASED")]))
    assert agent.core.appetite.ahead == 0


def test_there_is_a_limit_to_what_is_held() -> None:
    agent = Agent(slots=64)
    agent.core.appetite.took_s = 0.0001
    assert agent.core.appetite.ahead == MOST_AHEAD


def test_new_work_is_asked_for_before_all_is_done() -> None:
    agent = Agent(slots=2)
    agent.welcomed()
    agent.core.appetite.took_s = 0.001
    agent.given(*(f"t{i}" for i in range(2 + agent.core.appetite.ahead)))
    half = agent.core.appetite.ahead // 2
    ended = [result(f"t{i}") for i in range(half + 2)]
    agent.core.ended(local.Ended(ended[:1]))
    assert only(agent.decide(), p.TaskFetch) == []
    agent.core.ended(local.Ended(ended[1:]))
    assert one(agent.decide(), p.TaskFetch).free > 0


def test_a_fetch_never_waits_for_a_lease() -> None:
    agent = Agent()
    agent.core.supervisor_state(local.State("b1", [], [], []))
    hello = one(agent.decide(), p.AgentHello)
    agent.answer(hello, p.AgentWelcome(epoch=1, lost_after_s=2.0))
    assert one(agent.decide(), p.TaskFetch).wait_s == 0.5


def test_draining_hands_back_what_was_not_started_and_says_bye_last() -> None:
    agent = Agent(slots=1)
    agent.welcomed()
    agent.given("t1", "t2")
    agent.core.drain()
    assert one(agent.decide(), local.Release)
    assert one(agent.given("t3"), local.Release)  # from the fetch that was still open
    agent.core.ended(local.Ended([result("t2", "RELEASED"), result("t3", "RELEASED")]))
    report = one(agent.decide(), p.TaskReport)
    agent.core.ended(local.Ended([result("t1")]))
    last = one(agent.decide(), p.TaskReport)
    agent.answer(report, p.TaskReported(ack=["t2", "t3"], epoch=1))
    assert only(agent.decide(), p.AgentBye) == []
    agent.answer(last, p.TaskReported(ack=["t1"], epoch=1))
    bye = one(agent.decide(), p.AgentBye)
    agent.answer(bye, p.AgentGone())
    assert one(agent.decide(), Leave) == Leave()
    assert agent.decide() == []


def test_a_batch_that_comes_after_the_farewell_is_not_run() -> None:
    agent = Agent(slots=2)
    agent.welcomed()
    agent.given("t1")
    agent.core.drain()
    agent.decide()
    agent.core.ended(local.Ended([result("t1")]))
    report = one(agent.decide(), p.TaskReport)
    agent.answer(report, p.TaskReported(ack=["t1"], epoch=1))
    assert one(agent.decide(), p.AgentBye)
    assert agent.given("t2") == []
    assert agent.core.watch.held == {}


def test_told_to_stop_it_ends_what_runs() -> None:
    agent = Agent()
    agent.welcomed(("t1",))
    agent.core.drain()
    agent.decide()
    agent.core.stop()
    assert one(agent.decide(), local.End) == local.End(["t1"], "drain")


def test_an_operator_may_drain_and_undo_it() -> None:
    agent = Agent()
    beat = one(agent.welcomed(("t1",)), p.AgentBeat)
    agent.answer(p.TaskFetch(agent="a1", boot="b1", free=1), p.TaskBatch(epoch=1))
    agent.answer(beat, p.AgentOrders(epoch=1, drain=True))
    agent.now += 0.1  # orders may come one after the other; beats do not flood
    done = agent.decide()
    assert one(done, local.Release)
    assert only(done, p.TaskFetch) == []
    agent.answer(one(done, p.AgentBeat), p.AgentOrders(epoch=1))
    assert one(agent.decide(), p.TaskFetch)


@pytest.mark.parametrize("code", ["conflict", "version", "denied"])
def test_a_principal_that_will_not_have_us(code: str) -> None:
    agent = Agent()
    agent.core.supervisor_state(local.State("b1", [], [], []))
    agent.core.refused(one(agent.decide(), p.AgentHello), code, "no")
    assert one(agent.decide(), Leave) == Leave(code, "no")


def test_work_taken_in_vain_is_left_to_others_for_a_while() -> None:
    agent = Agent(slots=1)
    agent.welcomed()
    agent.given("t1")
    agent.core.ended(local.Ended([result("t1", "RELEASED")]))
    assert only(agent.decide(), p.TaskFetch) == []
    agent.now += 1.0
    assert one(agent.decide(), p.TaskFetch)

"""What a task gave, how far it is, and how much room it takes: told as the principal is to hear."""

from __future__ import annotations

from cdktr_agent import local
from cdktr_agent.reports import LARGEST, MOST, Reports
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import RunContext, TaskResult, TaskSpec
from cdktr_common.codec import encode
from cdktr_common.sockets import MAX_REQUEST
from tests.unit.agent.test_core import Agent, one, only, result


def test_reports_stay_below_what_a_server_takes() -> None:
    reports = Reports("a1")
    for i in range(40):
        gave = {"a": "\x01" * 65_000} if i % 2 else {}
        token = f"t{i}"
        reports.results[token] = TaskResult(
            token=token, state="COMPLETED", outputs=gave, result="\x02" * 65_000
        )
    sent = reports.next("b1")
    assert [r.token for each in sent for r in each.results] == list(reports.results)
    assert all(len(encode(each)) < MAX_REQUEST - LARGEST for each in sent)
    assert reports.next("b1") == []
    reports.close(sent[0])
    assert reports.next("b1") == sent[:1]
    assert reports.forget(["t0", "unknown"]) == [local.Ack(["t0"])]


def test_many_small_results_go_together() -> None:
    reports = Reports("a1")
    reports.results.update((f"t{i}", result(f"t{i}")) for i in range(MOST + 1))
    assert [len(each.results) for each in reports.next("b1")] == [MOST, 1]


def test_a_hello_tells_what_the_supervisor_understands() -> None:
    for version in (0, 1):
        agent = Agent()
        agent.core.supervisor_state(local.State("b1", [], [], [], tasks_v=version))
        assert one(agent.decide(), p.AgentHello).tasks_v == version


def test_progress_is_told_with_the_next_beat_and_only_of_what_is_held() -> None:
    agent = Agent()
    agent.welcomed(("t1", "t2"))
    beat = one([each for each in agent.last if isinstance(each, p.AgentBeat)], p.AgentBeat)
    agent.core.progressed(local.Progress({"t1": 20.0, "t2": 5.0}))
    agent.core.progressed(local.Progress({"t1": 40.0}))
    assert only(agent.decide(), p.AgentBeat) == []  # nobody is woken for it
    agent.answer(beat, p.AgentOrders(epoch=1))
    agent.now += 1
    agent.core.ended(local.Ended([result("t2")]))
    assert one(agent.decide(), p.AgentBeat).progress == {"t1": 40.0}


def test_work_is_asked_for_by_free_slots() -> None:
    agent = Agent(slots=4)
    fetch = one(agent.welcomed(), p.TaskFetch)
    assert fetch.free == 4
    spec = TaskSpec(token="t1", run="r", task="t1", n=1, fence=1, argv=["true"], slots=3)
    runs = {"r": RunContext(workflow="w")}
    agent.answer(fetch, p.TaskBatch(epoch=1, tasks=[spec], runs=runs))
    assert one(agent.decide(), p.TaskFetch).free == 1
    agent.core.ended(local.Ended([result("t1", took=60.0)]))
    agent.core.supervisor_gone()
    assert agent.core.watch.slots == 0

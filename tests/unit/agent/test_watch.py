"""Stories of a network process and a supervisor that does not answer."""

from __future__ import annotations

from cdktr_agent import local
from cdktr_agent.instructions import EndTrees
from cdktr_agent.watch import PULSE_S, STUCK_S, Watch
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import RunContext, TaskSpec
from tests.unit.agent.test_core import Agent, hold, one, only, spec


def later(agent: Agent, seconds: float) -> list[object]:
    """Time passes, in turns of half a second."""
    done: list[object] = []
    end = agent.now + seconds
    while agent.now < end:
        agent.now = min(end, agent.now + 0.5)
        done += agent.decide()
    return done


def stuck_agent(*tokens: str) -> Agent:
    """Its supervisor has been asked and not answered; the beat says so."""
    agent = Agent()
    agent.welcomed(tokens)
    agent.core.heard(agent.now)
    done = later(agent, PULSE_S + STUCK_S + 1)
    assert len([each for each in done if isinstance(each, local.Pulse)]) == 1, "nothing piles up"
    beat = [each for each in done if isinstance(each, p.AgentBeat)][-1]
    assert beat.stuck
    agent.answer(beat, p.AgentOrders(epoch=1), asked_at=agent.now)
    return agent


def test_a_supervisor_that_answers_is_asked_again() -> None:
    agent = Agent()
    agent.welcomed()
    for _ in range(5):
        agent.core.heard(agent.now)
        done = later(agent, PULSE_S)
        assert len([each for each in done if isinstance(each, local.Pulse)]) == 1
    assert not agent.core.watch.stuck(agent.now)


def test_stuck_it_renews_nothing_fetches_nothing_and_gives_back_what_comes() -> None:
    agent = stuck_agent("t1")
    until = agent.core.watch.held["t1"].until
    done = later(agent, 1.0)
    assert only(done, local.Renew) == []  # type: ignore[arg-type]
    assert only(done, p.TaskFetch) == []  # type: ignore[arg-type]
    assert agent.core.watch.held["t1"].until == until
    agent.given("t2")
    assert agent.core.results["t2"].state == "RELEASED"
    assert "t2" not in agent.core.watch.held
    agent.core.heard(agent.now)
    beat = one(agent.decide(), p.AgentBeat)
    assert not beat.stuck, "said at once"


def test_a_renewal_that_was_on_its_way_waits_until_it_is_read() -> None:
    agent = Agent()
    beat = one(agent.welcomed(("t1",)), p.AgentBeat)
    agent.core.heard(agent.now)
    sent_at = agent.now
    later(agent, PULSE_S + STUCK_S + 1)
    agent.answer(beat, p.AgentOrders(epoch=1), asked_at=sent_at)
    assert only(agent.decide(), local.Renew) == []
    agent.core.heard(agent.now)
    assert one(agent.decide(), local.Renew) == local.Renew(["t1"], sent_at)


def test_at_the_deadline_the_trees_are_ended_whoever_is_awake() -> None:
    agent = Agent()
    state = local.State("b1", [hold("t1", 12.0), hold("t2", None), hold("t3", 14.0)], [], [])
    agent.core.supervisor_state(state)
    assert only(agent.decide(), EndTrees) == []
    assert agent.core.due() <= 12.0
    agent.now = 12.0
    trees = one(agent.decide(), EndTrees)
    assert [each.token for each in trees.holds] == ["t1"]
    assert not trees.all
    assert only(agent.decide(), EndTrees) == [], "once"
    agent.now = 13.0
    agent.core.ended(local.Ended([], ["t2"]))
    agent.now = 14.0
    trees = one(agent.decide(), EndTrees)
    assert [each.token for each in trees.holds] == ["t3"]
    assert trees.all, "nothing else is held"


def test_what_a_dead_supervisor_held_is_watched_until_its_successor_has_swept() -> None:
    agent = Agent()
    agent.core.supervisor_state(local.State("b1", [hold("t1", 12.0)], [], []))
    agent.core.supervisor_gone()
    agent.now = 12.0
    assert [each.token for each in one(agent.decide(), EndTrees).holds] == ["t1"]
    agent.core.supervisor_state(local.State("b2", [hold("t2", 20.0)], [], []))
    agent.core.supervisor_gone()
    agent.core.supervisor_state(local.State("b3", [], [], []))
    agent.now = 30.0
    assert only(agent.decide(), EndTrees) == []


def test_own_sleep_is_no_silence_of_the_other() -> None:
    watch = Watch()
    watch.asked(1.0)
    assert not watch.turn(61.0)
    assert not watch.stuck(61.0)
    for at in (61.5, 62.0, 62.5, 63.0, 63.5, 64.0):
        watch.turn(at)
    assert watch.stuck(64.0)


def test_one_that_never_told_its_state_is_never_greeted_for() -> None:
    agent = Agent()
    agent.core.attaching("b0", agent.now)
    done = later(agent, STUCK_S + 1)
    beat = one(done, p.AgentBeat)  # type: ignore[arg-type]
    assert (beat.boot, beat.stuck, beat.running) == ("b0", True, [])
    agent.answer(beat, p.AgentOrders(epoch=1, hello=True))
    assert only(later(agent, 2.0), p.AgentHello) == []  # type: ignore[arg-type]


def test_a_lease_of_which_little_is_left_is_proved_first() -> None:
    agent = Agent()
    agent.welcomed()
    fetch = p.TaskFetch(agent="a1", boot="b1", free=2)
    short = [spec("t1"), spec("t2"), spec("t3")]
    short[0] = TaskSpec(
        token="t1", run="r", task="t1", n=1, fence=1, argv=["true"], lost_after_s=4.0
    )
    batch = p.TaskBatch(epoch=1, tasks=short, runs={"r": RunContext(workflow="w")})
    agent.now = 12.0
    agent.answer(fetch, batch, asked_at=10.0)
    done = agent.decide()
    assert [each.token for each in one(done, local.Run).tasks] == ["t2", "t3"]
    beat = one(done, p.AgentBeat)
    assert (beat.running, beat.wait_s) == (["t1", "t2", "t3"], 0.0)
    agent.now = 12.1
    agent.answer(beat, p.AgentOrders(epoch=1), asked_at=12.0)
    run = one(agent.decide(), local.Run)
    assert (run.tasks[0].token, run.asked_at) == ("t1", 12.0)


def test_what_was_not_proved_is_ended_here() -> None:
    agent = Agent()
    agent.welcomed()
    fetch = p.TaskFetch(agent="a1", boot="b1", free=2)
    batch = p.TaskBatch(epoch=1, tasks=[spec(t) for t in ("a", "b", "c", "d")])
    agent.now = 500.0
    agent.answer(fetch, batch, asked_at=10.0)
    beat = one(agent.decide(), p.AgentBeat)
    agent.answer(beat, p.AgentOrders(epoch=1, drop=["a"], cancel=["b"]), asked_at=0.0)
    assert only(agent.decide(), local.End) == []
    assert agent.core.results["b"].state == "CANCELLED"
    assert "a" not in agent.core.results


def test_beats_are_as_frequent_as_the_shortest_lease_needs() -> None:
    agent = Agent()
    first = one(agent.welcomed(), p.AgentBeat)
    assert first.wait_s == 2.0
    fetch = p.TaskFetch(agent="a1", boot="b1", free=2)
    short = TaskSpec(token="t1", run="r", task="t1", n=1, fence=1, argv=["true"], lost_after_s=2.0)
    agent.answer(fetch, p.TaskBatch(epoch=1, tasks=[short]), asked_at=10.0)
    beat = one(agent.decide(), p.AgentBeat)
    assert (beat.running, beat.wait_s) == (["t1"], 0.0), "the open one does not tell of it"
    agent.answer(beat, p.AgentOrders(epoch=1))
    agent.now += 0.1
    assert one(agent.decide(), p.AgentBeat).wait_s == 0.5

"""Listings give what fits, whole and in order; counts are what a look at everything would count."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import AgentLoad, Plan, RunRow, TaskPlan
from cdktr_common.codec import encode
from cdktr_common.errors import ProtocolError
from cdktr_principal.decisions import agents, deferred, pauses, triggers
from cdktr_principal.decisions.session import CPU_KEPT, Session
from cdktr_principal.folder import Scan
from cdktr_principal.requests import queries
from cdktr_principal.requests.agents import agent_detail, agent_list
from cdktr_principal.requests.counts import counts
from cdktr_principal.state import state as state_module
from cdktr_principal.state.failures import Failures
from cdktr_principal.store import snapshot
from tests.unit.principal.test_fold import AGENTS, LABELS, STEPS, drive, plans
from tests.unit.principal.world import World, plan

NAMES = ("etl-a", "etl-b", "load", "w")
"""The last is what plans of the fold tests are called."""


def populated(what: list[Plan], steps: list[tuple[str, str, int]]) -> World:
    """A world in which much has happened, in four workflows."""
    world = World(lost_after_s=200.0)
    for agent in AGENTS:
        world.hello(agent, labels=LABELS[agent], tasks_v=1)
    runs = [world.start(each) for each in what]
    for name in NAMES[:3]:
        world.clock += 10.0
        runs.append(world.start(plan("a", "b<a", workflow=name, max_active_runs=1)))
        runs.append(world.start(plan("a", workflow=name, max_active_runs=1)))
    drive(world, runs, steps)
    return world


def rows(world: World, **asked: Any) -> list[RunRow]:
    return queries.run_list(world.core.state, p.RunList(limit=1000, **asked)).runs


def fits(world: World, row: RunRow, asked: dict[str, Any]) -> bool:
    """The same question, asked of a row and word by word."""
    run = world.core.state.runs[row.run]
    there = {attempt.agent for task in run.tasks for attempt in task.attempts}
    return all((
        row.state in asked.get("states", [row.state]),
        fnmatchcase(row.workflow, asked.get("workflow", "*")),
        row.created_ts >= asked.get("since_ts", 0.0),
        row.created_ts < asked.get("until_ts", 1e12),
        "agent" not in asked or asked["agent"] in there,
    ))  # fmt: skip


ASKED = st.fixed_dictionaries({}, optional={
    "states": st.lists(st.sampled_from(["PENDING", "RUNNING", "FAILED", "COMPLETED"]), min_size=1),
    "workflow": st.sampled_from(["etl-*", "w", "?oad", "[!e]*"]),
    "since_ts": st.sampled_from([1e9, 1e9 + 15, 1e9 + 100]),
    "until_ts": st.sampled_from([1e9 + 15, 1e9 + 100]),
    "agent": st.sampled_from(["x", "y"]),
})  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(plans(), min_size=1, max_size=3), STEPS, ASKED, st.integers(1, 3))
def test_runs_that_fit_are_listed_whatever_the_pages(
    what: list[Plan], steps: list[tuple[str, str, int]], asked: dict[str, Any], size: int
) -> None:
    world = populated(what, steps)
    wanted = [row.run for row in rows(world) if fits(world, row, asked)]
    found: list[RunRow] = []
    more = True
    while more:
        before = found[-1].seq if found else None
        page = queries.run_list(
            world.core.state, p.RunList(limit=size, before=before, **asked)
        )  # fmt: skip
        found += page.runs
        more = page.more
        assert page.seq == world.core.state.seq and page.epoch == 1
    assert [row.run for row in found] == wanted


@settings(max_examples=60, deadline=None)
@given(st.lists(plans(), min_size=1, max_size=3), STEPS)
def test_counts_are_what_a_look_at_everything_counts(
    what: list[Plan], steps: list[tuple[str, str, int]]
) -> None:
    world = populated(what, steps)
    told = counts(world.core.state, 1e9 + world.clock)
    listed = rows(world)
    shown = agent_list(world.core.state, world.core.session).agents
    tasks = [task for run in world.core.state.runs.values() for task in run.tasks]
    attempts = [attempt for task in tasks for attempt in task.attempts]
    assert told == {
        "runs_pending": sum(row.state == "PENDING" and not row.queued for row in listed),
        "runs_queued": sum(row.queued and row.ended_ts is None for row in listed),
        "runs_running": sum(row.state == "RUNNING" for row in listed),
        "tasks_ready": sum(task.queue is not None for task in tasks),
        "tasks_running": sum(attempt.state == "RUNNING" for attempt in attempts),
        "slots": sum(row.slots for row in shown if row.state != "gone"),
        "slots_busy": sum(row.busy for row in shown if row.state != "gone"),
        **{f"agents_{state}": sum(row.state == state for row in shown)
           for state in ("ready", "silent", "draining", "gone")},
        "failed_day": sum(row.state == "FAILED" for row in listed),
        "paused": 0,
    }  # fmt: skip
    for row in shown:
        here = [a for a in attempts if a.agent == row.agent and a.state == "RUNNING"]
        assert (row.running, row.busy) == (len(here), sum(a.slots for a in here))


def test_failures_of_yesterday_are_not_of_the_last_day() -> None:
    world = World()
    world.hello("x")
    world.start(plan("a"))
    [spec] = world.fetch("x")
    world.report("x", spec.token, "FAILED")
    assert counts(world.core.state, 1e9 + 86_000)["failed_day"] == 1
    assert counts(world.core.state, 1e9 + 87_000)["failed_day"] == 0


def test_failures_of_runs_that_are_forgotten_count_still_also_after_a_restart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(state_module, "RECENT_RUNS", 2)
    world = World()
    world.hello("x")
    for ended in ("FAILED", "FAILED", "COMPLETED", "COMPLETED", "COMPLETED"):
        world.start(plan("a"))
        [spec] = world.fetch("x")
        world.report("x", spec.token, ended)
    assert not rows(world, states=["FAILED"])
    assert counts(world.core.state, 1e9 + 60)["failed_day"] == 2
    image = msgspec.json.decode(encode(snapshot.take(world.core.state)), type=snapshot.Image)
    assert counts(snapshot.restore(image), 1e9 + 60)["failed_day"] == 2


def test_a_snapshot_of_before_failures_were_counted_has_those_of_its_runs() -> None:
    world = World()
    world.hello("x")
    world.start(plan("a"))
    [spec] = world.fetch("x")
    world.report("x", spec.token, "FAILED")
    older = msgspec.to_builtins(snapshot.take(world.core.state))
    del older["failed"]
    state = snapshot.restore(msgspec.convert(older, snapshot.Image))
    assert counts(state, 1e9 + 60)["failed_day"] == 1


@given(st.lists(st.floats(-1e5, 4e5), min_size=1, max_size=50))
def test_failures_are_counted_by_the_minute_and_stay_few_whatever_the_clock_does(
    steps: list[float],
) -> None:
    counted, ts = Failures(), 1e9
    for step in steps:
        ts += step
        counted.add(ts)
        assert 1 <= counted.of_last_day(ts) <= len(steps)
    for minute in range(10_000):
        counted.add(ts + minute * 60)
    assert counted.of_last_day(ts + 9_999 * 60) >= 1441 and len(counted.minutes) <= 2881


@pytest.mark.parametrize(
    "asked",
    [
        p.RunList(limit=0), p.RunList(limit=-1), p.RunList(workflow=""), p.RunList(event=""),
        p.RunList(agent=""), p.WorkflowList(limit=-1), p.WorkflowList(workflow=""),
        p.TaskList(run="last", limit=0), p.ScheduleList(limit=0), p.EventPending(limit=0),
        p.RunShow(run=""),
    ],
)  # fmt: skip
def test_a_question_that_means_nothing_is_refused(asked: Any) -> None:
    world = World()
    state, session = world.core.state, world.core.session
    run = state.runs[world.start(plan("a"))]
    answers: dict[type, Callable[[], object]] = {
        p.RunList: lambda: queries.run_list(state, asked),
        p.WorkflowList: lambda: queries.workflow_list(state, session, asked),
        p.TaskList: lambda: queries.task_list(state, session, run, asked),
        p.ScheduleList: lambda: queries.schedule_list(state, session, asked),
        p.EventPending: lambda: deferred.pending(world.core, asked),
        p.RunShow: lambda: queries.find_run(state, asked.run),
    }
    with pytest.raises(ProtocolError) as fault:
        answers[type(asked)]()
    assert fault.value.code == ("not_found" if isinstance(asked, p.RunShow) else "bad_field")


def test_no_workflow_has_no_name() -> None:
    world = defined("etl")
    with pytest.raises(ProtocolError, match="no workflow ''"):
        queries.find_workflow(world.core.state, "")


def test_a_run_that_is_gone_is_refused_with_what_is_remembered() -> None:
    with pytest.raises(ProtocolError, match="all that go on are, and the newest 0 that ended"):
        queries.find_run(World().core.state, "k3f9")


# Workflows


def defined(*names: str) -> World:
    """A world with these workflows in force."""
    world = World()
    loaded = [(name, f"{name}.yaml", "h", plan("a", workflow=name)) for name in names]
    scan = Scan(loaded, [], [], 0, {}, frozenset(names), [])
    triggers.definitions_changed(world.core, scan, world.at())
    world.turn()
    return world


def listed(world: World, **asked: Any) -> p.WorkflowPage:
    return queries.workflow_list(
        world.core.state, world.core.session, p.WorkflowList(**asked)
    )  # fmt: skip


def test_workflows_come_in_pages_and_by_pattern() -> None:
    world = defined("b", "a", "etl-2", "etl-1", "c")
    page = listed(world, limit=2)
    assert [row.workflow for row in page.workflows] == ["a", "b"] and page.next == "b"
    page = listed(world, limit=3, after="b")
    assert [row.workflow for row in page.workflows] == ["c", "etl-1", "etl-2"]
    assert page.next is None and page.seq == world.core.state.seq
    assert [row.workflow for row in listed(world, workflow="etl-*").workflows] == ["etl-1", "etl-2"]
    assert [row.workflow for row in listed(world, workflow="c").workflows] == ["c"]
    assert len(listed(world).workflows) == 5


def test_a_workflow_shows_its_last_runs_oldest_first_and_how_many_go_on() -> None:
    world = defined("a", "b")
    world.hello("x", slots=2)
    runs = [world.start(plan("t", workflow="a", max_active_runs=4)) for _ in range(5)]
    for spec in world.fetch("x", free=2):
        world.report("x", spec.token, "FAILED" if spec.run == runs[0] else "COMPLETED")
    world.fetch("x", free=1)
    a, b = listed(world, last=3).workflows
    assert [mark.run for mark in a.last] == runs[2:] and b.last == []
    assert [mark.state for mark in listed(world, last=9).workflows[0].last] == [
        "FAILED", "COMPLETED", "RUNNING", "PENDING", "PENDING",
    ]  # fmt: skip
    assert (a.running, a.queued, b.running) == (1, 0, 0)
    assert listed(world).workflows[0].last == []
    assert len(listed(world, last=10**9).workflows[0].last) == 5


def test_all_are_paused_or_those_that_there_are() -> None:
    world = defined("a", "b")
    for workflow, paused in (("a", 1), (None, 2)):
        pauses.pause(world.core, None, p.WorkflowPause(workflow=workflow), world.at())
        world.turn()
        assert counts(world.core.state, 1e9)["paused"] == paused


# Agents


def test_an_agent_shows_what_it_holds_and_in_how_many_slots() -> None:
    world = World()
    world.hello("x", slots=4, tasks_v=1)
    wide = TaskPlan(id="wide", argv=["true"], slots=3, name="Wide")
    run = world.start(Plan(workflow="w", tasks=[wide]))
    world.fetch("x", free=4)
    world.clock += 5.0
    world.start(plan("a", workflow="v"))
    world.fetch("x", free=1)
    detail = agent_detail(world.core.state, world.core.session, "x")
    assert [(each.workflow, each.task, each.n, each.slots) for each in detail.tasks] == [
        ("w", "wide", 1, 3), ("v", "a", 1, 1),
    ]  # fmt: skip
    first = detail.tasks[0]
    assert (first.run, first.name, first.since_ts) == (run, "Wide", 1e9)
    assert (detail.agent.running, detail.agent.busy) == (2, 4)
    assert detail.seq == world.core.state.seq
    with pytest.raises(ProtocolError):
        agent_detail(world.core.state, world.core.session, "nobody")


def test_samples_of_an_agent_are_the_newest_and_end_when_it_falls_silent() -> None:
    session = Session()
    for number in range(CPU_KEPT + 10):
        session.hear("x", number * 5.0, 1e9, AgentLoad(cpu_pct=float(number)))
        session.sample(number * 5.0 + 1.0)
    assert session.cpu_of("x", 3) == [67.0, 68.0, 69.0]
    assert len(session.cpu_of("x", 10**6)) == CPU_KEPT
    session.sample(1e6)
    assert session.cpu_of("x", 1) == [69.0]
    assert session.cpu_of("x", 0) == session.cpu_of("y", 9) == []
    session.forget("x")
    assert session.cpu_of("x", 9) == []


def test_a_list_of_agents_has_samples_when_they_are_asked_for() -> None:
    world = World()
    world.hello("x")
    load = p.AgentBeat(agent="x", boot="b1", load=AgentLoad(cpu_pct=7.5))
    agents.beat(world.core, None, load, world.at())
    world.core.session.sample(world.clock)
    state, session = world.core.state, world.core.session
    assert agent_list(state, session).agents[0].cpu == []
    assert agent_list(state, session, 60).agents[0].cpu == [7.5]


def test_the_last_runs_of_a_workflow_are_told_when_others_have_pushed_them_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(state_module, "RECENT_RUNS", 2)
    world = defined("rare", "often")
    world.hello("x")
    for workflow in ("rare", "rare", "often", "often", "often"):
        world.start(plan("a", workflow=workflow))
        [spec] = world.fetch("x")
        world.report("x", spec.token, "FAILED" if workflow == "rare" else "COMPLETED")
    image = msgspec.json.decode(encode(snapshot.take(world.core.state)), type=snapshot.Image)
    for state in (world.core.state, snapshot.restore(image)):
        page = queries.workflow_list(state, world.core.session, p.WorkflowList(last=3))
        marks = {row.workflow: [mark.state for mark in row.last] for row in page.workflows}
        assert marks == {"rare": ["FAILED"] * 2, "often": ["COMPLETED"] * 3}

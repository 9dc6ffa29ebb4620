"""Random workflows with random results, against what the language promises of them.

The promise is a page of recursion over the plan: it knows no order, no agent and no clock. Whatever
the order in which things happen, every task must end as it says, be run as often as it says, never
before what it depends on is over, and never beside more copies than it may.
"""

from __future__ import annotations

import random
import zlib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import Group, Plan, Retry, TaskPlan
from cdktr_common.codec import encode
from cdktr_principal.decisions import triggers
from cdktr_principal.state import copies
from cdktr_principal.state.lifecycle import HOOK_OF
from cdktr_principal.state.records import FINAL, Run
from cdktr_principal.store.snapshot import restore, take
from tests.unit.principal.world import World

MET = {"failure": {"FAILED", "tolerated"}, "always": {*FINAL, "tolerated"}}


WELL = -1
"""A seed by which nothing fails."""


def code_of(seed: int, task: str, n: int) -> int:
    """What attempt `n` of a task exits with: mostly 0."""
    return 0 if seed == WELL else (0, 0, 0, 1, 3)[zlib.crc32(f"{seed}/{task}/{n}".encode()) % 5]


class Promise:
    """How a run of a plan ends: `states` and `attempts` of its tasks, by id."""

    def __init__(self, plan: Plan, seed: int) -> None:
        self.seed = seed
        self.states: dict[str, str] = {}
        self.attempts: dict[str, int] = {}
        main = [task for task in plan.tasks if not task.phase]
        self.tasks(main)
        self.state = "FAILED" if self.unhandled(main) else "COMPLETED"
        for task in plan.tasks:
            if task.phase:
                wanted = task.phase in ("finally", HOOK_OF[self.state])
                self.one(task) if wanted else self.skip(task)
        hooks = [task for task in plan.tasks if task.phase]
        if any(self.failed(hook) for hook in hooks):
            self.state = "FAILED"

    def tasks(self, tasks: list[TaskPlan]) -> None:
        for task in tasks:  # each is listed after what it depends on
            if all(self.met(task, name) for name in task.depends) and task.cond != "1 > 2":
                self.one(task)
            else:
                self.skip(task)

    def met(self, task: TaskPlan, name: str) -> bool:
        rule = task.rules.get(name, "success")
        if rule in MET:
            return self.states[name] in MET[rule]
        return self.states[name] == "COMPLETED" or self.states[name] == "tolerated"

    def skip(self, task: TaskPlan) -> None:
        self.states[task.id], self.attempts[task.id] = "SKIPPED", 0

    def one(self, task: TaskPlan) -> None:
        self.attempts[task.id] = 0
        if task.noop:
            self.states[task.id] = "COMPLETED"
        elif task.group is not None:
            self.states[task.id] = "FAILED" if self.copies(task) else "COMPLETED"
        else:
            limit = task.retry.limit if task.retry else 0
            code = 1
            while code and self.attempts[task.id] <= limit:
                self.attempts[task.id] += 1
                code = code_of(self.seed, task.id, self.attempts[task.id])
            self.states[task.id] = "FAILED" if code else "COMPLETED"
        if self.states[task.id] == "FAILED" and task.tolerated:
            self.states[task.id] = "tolerated"

    def copies(self, task: TaskPlan) -> bool:
        """Has one of them failed?"""
        assert task.group is not None
        failed = False
        for index in range(len(task.group.each)):
            body = copies.plans(task, index)
            self.tasks(body)
            failed = self.unhandled(body) or failed
        return failed

    def failed(self, task: TaskPlan) -> bool:
        return self.states[task.id] == "FAILED"

    def unhandled(self, tasks: list[TaskPlan]) -> bool:
        handled = {
            name
            for task in tasks
            for name in task.depends
            if task.rules.get(name) == "failure" and self.states[task.id] != "SKIPPED"
        }
        return any(self.failed(task) and task.id not in handled for task in tasks)


@st.composite
def bodies(draw: st.DrawFn, deep: int, most: int) -> list[TaskPlan]:
    made: list[TaskPlan] = []
    for i in range(draw(st.integers(1, most))):
        depends = sorted(draw(st.sets(st.integers(0, i - 1), max_size=2))) if i else []
        names = [f"t{j}" for j in depends]
        rules = {name: draw(st.sampled_from(["success", "failure", "always"])) for name in names}
        fields: dict[str, Any] = {"depends": names}
        fields["rules"] = {name: rule for name, rule in rules.items() if rule != "success"}
        fields["cond"] = draw(st.sampled_from(["", "", "", "1 < 2", "1 > 2"]))
        fields["tolerated"] = draw(st.sampled_from([False, False, False, True]))
        kind = draw(st.sampled_from(["run", "run", "run", "noop", "group"]))
        if kind == "group" and deep:
            fields["group"] = Group(
                tasks=draw(bodies(deep - 1, 2)),
                each=list(range(draw(st.integers(0, 3)))),
                concurrency=draw(st.integers(0, 2)),
            )
        elif kind == "noop":
            fields["noop"] = True
        else:
            fields["argv"] = ["x"]
            limit = draw(st.integers(0, 2))
            fields["retry"] = Retry(limit=limit, delay_s=draw(st.sampled_from([0.0, 5.0])))
        made.append(TaskPlan(id=f"t{i}", **fields))
    return made


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    names = draw(st.sets(st.sampled_from([*HOOK_OF.values(), "finally"])))
    hooks = [TaskPlan(id=name, argv=["x"], phase=name) for name in sorted(names)]  # type: ignore[arg-type]
    return Plan(workflow="w", tasks=[*draw(bodies(2, 6)), *hooks])


def check_limits(run: Run) -> None:
    for task in run.tasks:
        if task.copies is not None and task.plan.group is not None and task.plan.group.concurrency:
            busy = {
                each.copy for each in run.tasks if each.group is task and each.state == "RUNNING"
            }
            assert len(busy) <= task.plan.group.concurrency


def drive(world: World, run: Run, seed: int) -> None:
    chance = random.Random(seed)
    world.core.session.fetches.clear()
    held: list[Any] = []
    for _ in range(2000):
        run = world.core.state.runs[run.id]
        if run.ended_ts is not None and not held:
            return
        what = chance.choice(["fetch", "fetch", "report", "report", "report", "time", "restart"])
        if what == "fetch":
            world.beat("x", [spec.token for spec in held])
            held += world.fetch("x", chance.randint(1, 4))
            world.core.session.fetches.clear()
            check_limits(run)
        elif what == "report" and held:
            spec = held.pop(chance.randrange(len(held)))
            code = code_of(seed, spec.task, tries(run, spec.task))
            world.report("x", spec.token, "FAILED" if code else "COMPLETED", code=code)
        elif what == "time":
            world.pass_time(3)
        elif what == "restart" and chance.random() < 0.2:
            world.restart()
            world.hello("x", slots=8, tasks_v=1, running=[spec.token for spec in held])
    raise AssertionError(f"it never ends: {world.states(run.id)}")


def tries(run: Run, task: str) -> int:
    return sum(each.state in ("FAILED", "RUNNING") for each in run.by_id[task].attempts)


@settings(max_examples=200, deadline=None)
@given(plans(), st.integers(0, 1 << 30))
def test_every_task_ends_as_the_language_promises(plan: Plan, seed: int) -> None:
    world = World()
    world.hello("x", slots=8, tasks_v=1)
    run = world.core.state.runs[world.start(plan)]
    drive(world, run, seed)
    run = world.core.state.runs[run.id]
    promise = Promise(plan, seed)
    shown = {task.plan.id: "tolerated" if task.tolerated else task.state for task in run.tasks}
    assert shown == promise.states
    assert {task.plan.id: len(task.attempts) for task in run.tasks} == promise.attempts
    assert run.state == promise.state
    live = encode(take(world.core.state))
    assert encode(world.refolded()) == live
    assert encode(take(restore(take(world.core.state)))) == live


@settings(max_examples=150, deadline=None)
@given(plans(), st.integers(0, 1 << 30))
def test_a_failed_run_that_is_repeated_without_a_failure_ends_as_if_there_had_been_none(
    plan: Plan, seed: int
) -> None:
    world = World()
    world.hello("x", slots=8, tasks_v=1)
    first = world.core.state.runs[world.start(plan)]
    drive(world, first, seed)
    first = world.core.state.runs[first.id]
    if first.state == "COMPLETED":
        return
    reply = triggers.run_retry(world.core, first, p.RunRetry(run=first.id), world.at())
    world.turn()
    again = world.core.state.runs[reply.runs[0].run]  # type: ignore[attr-defined]
    drive(world, again, WELL)
    again = world.core.state.runs[again.id]
    assert {task.plan.id: task.state for task in again.tasks} == Promise(plan, WELL).states
    assert again.state == "COMPLETED"
    reused = [task.plan.id for task in again.tasks if task.reused]
    assert all(first.by_id[name].state == "COMPLETED" for name in reused)
    assert encode(world.refolded()) == encode(take(world.core.state))

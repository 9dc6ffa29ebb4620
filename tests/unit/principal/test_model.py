"""The principal's core against a model of a hundred lines that knows only what the user is
promised: which task may run, whose result counts, what a lost agent means, when a run is over."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import Plan, TaskPlan
from cdktr_common.codec import encode
from cdktr_principal.decisions import operators
from cdktr_principal.store.snapshot import take
from tests.unit.principal.world import World

AGENTS = ("x", "y")
LEASE_S = 100.0
FINAL = ("COMPLETED", "FAILED", "CANCELLED", "SKIPPED")


class ModelTask:
    """A task as the user thinks of it."""

    def __init__(self, plan: TaskPlan) -> None:
        self.plan = plan
        self.state = "PENDING"
        self.held = False
        self.losses = 0
        self.token = ""
        self.agent = ""


class ModelRun:
    """A run as the user thinks of it."""

    def __init__(self, plan: Plan) -> None:
        self.tasks = {task.id: ModelTask(task) for task in plan.tasks}
        self.cancelling = False

    def ready(self, task: ModelTask) -> bool:
        done = all(self.tasks[name].state == "COMPLETED" for name in task.plan.depends)
        return task.state == "PENDING" and not task.held and done

    def end(self, task: ModelTask, state: str) -> None:
        task.state, task.token, task.held = state, "", False
        if state != "COMPLETED":
            for other in self.tasks.values():
                if task.plan.id in other.plan.depends and other.state == "PENDING":
                    self.end(other, "SKIPPED")

    def back(self, task: ModelTask) -> None:
        task.state, task.token = "PENDING", ""
        if self.cancelling:
            self.end(task, "CANCELLED")

    def lose(self, task: ModelTask) -> None:
        task.losses += 1
        self.back(task)
        policy = task.plan.on_agent_lost
        if task.state == "PENDING":
            task.held = policy == "hold"
            if policy == "fail" or (policy == "rerun" and task.losses >= task.plan.max_losses):
                self.end(task, "FAILED")

    @property
    def state(self) -> str:
        states = [task.state for task in self.tasks.values()]
        if any(state not in FINAL for state in states):
            return ""
        if self.cancelling and "CANCELLED" in states:
            return "CANCELLED"
        return "FAILED" if "FAILED" in states else "COMPLETED"


PLANS = st.lists(
    st.tuples(
        st.sets(st.integers(0, 2), max_size=2),
        st.sampled_from(["rerun", "rerun", "fail", "hold"]),
        st.sampled_from(["stop", "stop", "finish"]),
        st.integers(1, 3),
    ),
    min_size=1,
    max_size=4,
)


class PrincipalAndModel(RuleBasedStateMachine):
    """See the module text."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(lost_after_s=LEASE_S)
        self.runs: dict[str, ModelRun] = {}
        self.old: list[tuple[str, str]] = []
        self.drained: set[str] = set()
        self.boots = 0
        for agent in AGENTS:
            self.world.hello(agent)

    def given(self, agent: str | None = None) -> list[tuple[ModelRun, ModelTask]]:
        """What runs, on that agent or anywhere."""
        return [
            (run, task)
            for run in self.runs.values()
            for task in run.tasks.values()
            if task.token and agent in (None, task.agent)
        ]

    def tokens(self, agent: str) -> list[str]:
        return [task.token for _, task in self.given(agent)]

    def hello(self, agent: str, *running: str) -> None:
        self.world.hello(agent, boot=self.world.boots[agent], running=list(running))

    @rule(tasks=PLANS)
    def start(self, tasks: list[tuple[set[int], str, str, int]]) -> None:
        plan = Plan(
            workflow="w",
            tasks=[
                TaskPlan(
                    id=f"t{i}", argv=["x"], depends=[f"t{d}" for d in sorted(depends) if d < i],
                    on_agent_lost=lost, on_principal_lost=alone,  # type: ignore[arg-type]
                    max_losses=most,
                )
                for i, (depends, lost, alone, most) in enumerate(tasks)
            ],
        )  # fmt: skip
        self.runs[self.world.start(plan)] = ModelRun(plan)

    @rule(agent=st.sampled_from(AGENTS), free=st.integers(1, 4))
    def fetch(self, agent: str, free: int) -> None:
        ready = {
            (run_id, task.plan.id): (run, task)
            for run_id, run in self.runs.items()
            for task in run.tasks.values()
            if run.ready(task)
        }
        risky = [
            task for _, task in self.given(agent) if 0 < task.losses == task.plan.max_losses - 1
        ]
        got = self.world.fetch(agent, free)
        for spec in got:
            _, task = ready.pop((spec.run, spec.task))
            task.state, task.token, task.agent = "RUNNING", spec.token, agent
            if 0 < task.losses == task.plan.max_losses - 1:
                risky.append(task)
        assert len(risky) <= 1 or not got, "two on their last chance are neighbours"
        if agent in self.drained:
            assert not got
        elif len(got) < free:
            left = [task for _, task in ready.values()]
            assert all(0 < task.losses == task.plan.max_losses - 1 for task in left) and (
                risky or not left
            ), "a ready task was not given"
        if not got:
            self.hello(agent, *self.tokens(agent))  # it does not wait any longer

    @precondition(lambda self: self.given())
    @rule(
        data=st.data(),
        state=st.sampled_from(["COMPLETED", "COMPLETED", "FAILED", "RELEASED", "CRASHED"]),
    )
    def report(self, data: st.DataObject, state: str) -> None:
        run, task = data.draw(st.sampled_from(self.given()))
        token, agent = task.token, task.agent
        self.old.append((agent, token))
        answer = self.world.report(agent, token, state, loss=state == "CRASHED")
        assert answer.ack == [token]
        if state == "CRASHED":
            run.lose(task)
        elif state == "RELEASED":
            run.back(task)
        else:
            run.end(task, state)

    @precondition(lambda self: self.old)
    @rule(data=st.data())
    def report_late(self, data: st.DataObject) -> None:
        agent, token = data.draw(st.sampled_from(self.old))
        self.world.report(agent, token, "CANCELLED")

    @rule(agent=st.sampled_from(AGENTS))
    def new_supervisor(self, agent: str) -> None:
        self.boots += 1
        self.lose_all(agent)
        self.world.hello(agent, boot=f"n{self.boots}")

    @rule(agent=st.sampled_from(AGENTS))
    def lost(self, agent: str) -> None:
        kept = self.tokens(agent)
        self.lose_all(agent)
        request = p.AgentLost(agent=agent, force=True)
        operators.lost(self.world.core, None, request, self.world.at())
        self.world.turn()
        self.hello(agent, *kept)

    def lose_all(self, agent: str) -> None:
        for run, task in self.given(agent):
            self.old.append((agent, task.token))
            run.lose(task)

    @rule()
    def leases_end(self) -> None:
        for run, task in self.given():
            if task.plan.on_principal_lost != "finish":
                self.old.append((task.agent, task.token))
                run.lose(task)
        self.world.pass_time(LEASE_S + 20)
        for agent in AGENTS:
            self.hello(agent, *self.tokens(agent))

    @rule()
    def restart(self) -> None:
        self.world.restart()
        for agent in AGENTS:
            self.hello(agent, *self.tokens(agent))

    @rule(agent=st.sampled_from(AGENTS), on=st.booleans())
    def drain(self, agent: str, on: bool) -> None:
        core, at = self.world.core, self.world.at()
        if on:
            operators.drain(core, None, p.AgentDrain(agent=agent), at)
            self.drained.add(agent)
        else:
            operators.undrain(core, None, p.AgentUndrain(agent=agent), at)
            self.drained.discard(agent)
        self.world.turn()

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.runs)))
        run = self.runs[name]
        self.world.core.run_cancel(self.world.core.state.runs[name], "", self.world.at())
        self.world.turn()
        if not run.state:
            run.cancelling = True
            for task in run.tasks.values():
                if task.state == "PENDING":
                    run.end(task, "CANCELLED")

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def go_on(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.runs)))
        core = self.world.core
        operators.unhold(core, core.state.runs[name], None, self.world.at())
        self.world.turn()
        for task in self.runs[name].tasks.values():
            task.held = False

    @invariant()
    def the_same(self) -> None:
        state = self.world.core.state
        for name, run in self.runs.items():
            real = state.runs[name]
            for task in run.tasks.values():
                found = real.by_id[task.plan.id]
                assert (found.state, found.held, found.losses) == (
                    task.state, task.held, task.losses
                ), f"{name}/{task.plan.id}"  # fmt: skip
                if task.token:
                    assert found.attempts[-1].token == task.token
            assert (real.state if real.ended_ts is not None else "") == run.state
        assert sorted(state.tokens) == sorted(task.token for _, task in self.given())

    def teardown(self) -> None:
        assert encode(self.world.refolded()) == encode(take(self.world.core.state))


TestPrincipalAndModel = PrincipalAndModel.TestCase
TestPrincipalAndModel.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)

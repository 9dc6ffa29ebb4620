"""The journal holds facts only: folding them gives the live state, whatever has happened."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cdktr_common.catalogue.values import Plan, TaskPlan
from cdktr_common.codec import encode
from cdktr_principal.state.records import FINAL
from cdktr_principal.store.snapshot import restore, take
from tests.unit.principal.world import World

AGENTS = ("x", "y", "z")


DEMANDS: list[dict[str, Any]] = [
    {}, {}, {}, {"slots": 3}, {"exclusive": True}, {"priority": 5}, {"pools": {"lock": 1}},
]  # fmt: skip


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """A random DAG of up to seven tasks, some with a label, some that need more than a slot."""
    tasks = []
    for i in range(draw(st.integers(1, 7))):
        depends = draw(st.sets(st.integers(0, i - 1), max_size=3)) if i else set()
        labels = draw(st.sampled_from([[], [], [], ["gpu"]]))
        tasks.append(
            TaskPlan(
                id=f"t{i}",
                argv=["true"],
                depends=[f"t{j}" for j in sorted(depends)],
                labels=labels,
                max_losses=draw(st.integers(1, 3)),
                **draw(st.sampled_from(DEMANDS)),
            )
        )
    together = draw(st.booleans())
    return Plan(workflow="w", tasks=tasks, placement="together" if together else "spread")


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["fetch", "fetch", "report", "report", "fail", "release", "crash", "reboot", "cancel",
             "again", "beat", "wait", "bye", "stale"]
        ),
        st.sampled_from(AGENTS),
        st.integers(0, 5),
    ),
    max_size=60,
)  # fmt: skip


def drive(world: World, runs: list[str], steps: list[tuple[str, str, int]]) -> None:
    """Let things happen; each turn checks the invariants."""
    old: list[str] = []
    for step, agent, pick in steps:
        held = list(world.core.state.held.get(agent, {}))
        token = held[pick % len(held)] if held else None
        if step == "fetch":
            world.fetch(agent, free=1 + pick)
        elif step == "reboot":
            world.hello(agent, boot=f"b{world.core.state.seq}", labels=LABELS[agent], tasks_v=1)
        elif step == "again":
            world.hello(
                agent, boot=world.boots[agent], running=held[:pick], labels=LABELS[agent], tasks_v=1
            )
        elif step == "cancel":
            run = world.core.state.runs.get(runs[pick % len(runs)])
            if run is not None:
                world.core.run_cancel(run, "enough", world.at())
                world.turn()
        elif step == "wait":
            world.pass_time(pick * 100)
        elif step == "beat":
            world.beat(agent, held)
        elif step == "stale" and old:
            world.report(agent, old[pick % len(old)])
        elif token is not None and step in RESULTS:
            old.append(token)
            state, fields = RESULTS[step]
            world.report(agent, token, state, **fields)


LABELS = {"x": ["gpu"], "y": [], "z": []}
RESULTS: dict[str, tuple[str, dict[str, object]]] = {
    "report": ("COMPLETED", {}),
    "fail": ("FAILED", {"code": 3}),
    "release": ("RELEASED", {}),
    "crash": ("CRASHED", {"loss": True}),
}


def finish(world: World) -> None:
    """Let everything end well from here."""
    for agent in AGENTS:
        world.hello(agent, boot="last", labels=LABELS[agent], tasks_v=1)
    for _ in range(200):
        for agent in AGENTS:
            world.fetch(agent, free=10)
        held = [
            (agent, token) for agent, tokens in world.core.state.held.items() for token in tokens
        ]
        if not held:
            return
        for agent, token in held:
            world.report(agent, token)


@settings(max_examples=150, deadline=None)
@given(st.lists(plans(), min_size=1, max_size=3), STEPS)
def test_facts_give_the_live_state_and_every_run_ends(
    what: list[Plan], steps: list[tuple[str, str, int]]
) -> None:
    world = World(lost_after_s=200.0)
    for agent in AGENTS:
        world.hello(agent, labels=LABELS[agent], tasks_v=1)
    runs = [world.start(plan) for plan in what]
    drive(world, runs, steps)
    live = encode(take(world.core.state))
    assert encode(world.refolded()) == live
    assert encode(take(restore(take(world.core.state)))) == live
    finish(world)
    assert all(world.run_state(run) in FINAL for run in runs)
    joins = world.core.state.runs.values()
    assert all(task.state in FINAL for run in joins for task in run.tasks)


@settings(max_examples=50, deadline=None)
@given(st.lists(plans(), min_size=1, max_size=2), STEPS, st.integers(0, 200))
def test_a_snapshot_anywhere_and_the_facts_after_it_give_the_same(
    what: list[Plan], steps: list[tuple[str, str, int]], cut: int
) -> None:
    from cdktr_principal.state.state import State

    world = World(lost_after_s=200.0)
    for agent in AGENTS:
        world.hello(agent, labels=LABELS[agent], tasks_v=1)
    drive(world, [world.start(plan) for plan in what], steps)
    before, after = world.facts[:cut], world.facts[cut:]
    state = State()
    for fact in before:
        state.apply(fact, fact.topic())
    state = restore(take(state))
    for fact in after:
        state.apply(fact, fact.topic())
    assert encode(take(state)) == encode(take(world.core.state))

"""A run that repeats another in part and has to wait begins nothing before it is its turn."""

from __future__ import annotations

from typing import Any

import pytest

from cdktr_common.catalogue import principal as p
from cdktr_common.codec import encode
from cdktr_principal.decisions import triggers
from cdktr_principal.state import lifecycle
from cdktr_principal.state.records import FINAL, Task
from cdktr_principal.state.state import State
from cdktr_principal.store.snapshot import take
from tests.unit.principal.world import World, plan


def waiting(check: bool = True) -> tuple[World, str, str]:
    """One run is in work; the repetition of an earlier one, in which `a` was COMPLETED, waits."""
    world = World()
    if not check:
        world.turn = lambda: _turn(world)  # type: ignore[method-assign]
    world.hello("x")
    what = plan("a", "b<a", max_active_runs=1)
    first = world.start(what)
    [spec] = world.fetch("x")
    world.report("x", spec.token)
    [spec] = world.fetch("x")
    world.report("x", spec.token, "FAILED")
    second = world.start(what)
    run = world.core.state.runs[first]
    triggers.run_retry(world.core, run, p.RunRetry(run=first), world.at())
    world.turn()
    return world, second, list(world.core.state.runs)[-1]


def _turn(world: World) -> list[Any]:
    from cdktr_principal.decisions import assigning

    assigning.settle(world.core, world.at())
    world.facts += world.core.facts
    world.core.facts = []
    answers, world.core.answers = world.core.answers, []
    return [answer for _, answer in answers]


def end(world: World) -> None:
    for _ in range(6):
        for spec in world.fetch("x"):
            world.report("x", spec.token)


def test_what_follows_on_a_reused_task_waits_for_the_run_to_be_admitted() -> None:
    world, second, again = waiting()
    assert world.core.state.runs[again].queued
    assert {spec.run for spec in world.fetch("x")} == {second}
    assert world.states(again) == "a:COMPLETED b:PENDING"
    for token in list(world.core.state.held["x"]):
        world.report("x", token)
    end(world)
    assert world.run_state(again) == "COMPLETED"
    kinds = world.kinds(again)
    assert kinds.index("run.admitted") < kinds.index("task.assigned")


def test_one_that_is_cancelled_while_it_waits_ends() -> None:
    world, _, again = waiting()
    world.core.run_cancel(world.core.state.runs[again], "enough", world.at())
    world.turn()
    assert world.run_state(again) == "CANCELLED"


def test_a_journal_in_which_it_began_too_early_still_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    def early(state: State, task: Task) -> None:
        """As it was before 0.5."""
        if task.state == "PENDING":
            state.enqueue(task)

    with monkeypatch.context() as before:
        before.setattr(lifecycle, "turn_of", early)
        world, _, again = waiting(check=False)
        assert world.core.state.runs[again].queued
        end(world)
        assert all(run.state in FINAL for run in world.core.state.runs.values())
        meant = encode(take(world.core.state))
        assert "task.assigned" in world.kinds(again)
        assert "run.admitted" not in world.kinds(again), "it was over before its turn"
    folded = world.refolded()
    folded.ready_order = world.core.state.ready_order
    assert encode(folded) == meant

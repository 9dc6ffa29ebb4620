"""Pools, priorities and slots with real processes."""

from __future__ import annotations

from cdktr_common.catalogue.values import Plan, TaskPlan
from tests.integration.harness import Env


def test_a_pool_and_a_rate_hold_across_runs(env: Env) -> None:
    (env.directory / "cdktr.config.yaml").write_text(
        "pools: {api: {limit: 2, rate: 3, per_s: 0.5}}\n"
    )
    env.principal()
    env.agent(slots=8)
    task = TaskPlan(id="a", command="true", pools={"api": 1})
    runs = [env.submit(Plan(workflow=f"w{n}", tasks=[task])) for n in range(10)]
    assert {env.wait(run).state for run in runs} == {"COMPLETED"}
    attempts = [env.tasks(run)["a"].attempts[0] for run in runs]
    began = sorted(attempt.assigned_ts for attempt in attempts)
    spans = [later - first for first, later in zip(began, began[3:], strict=False)]
    # Times are of another clock than the one that counts, and read once a turn.
    assert min(spans) > 0.49
    assert began[-1] - began[0] < 3.0, "ten at three in half a second take a second and a half"
    for attempt in attempts:  # by two clocks: the end is the agent's word, a little early
        beside = [
            other
            for other in attempts
            if other.assigned_ts <= attempt.assigned_ts
            and (other.ended_ts or 0) > attempt.assigned_ts
        ]
        assert len(beside) <= 2

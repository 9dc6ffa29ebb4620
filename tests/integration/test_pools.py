"""Pools, priorities and slots with real processes."""

from __future__ import annotations

from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import Plan, TaskPlan
from tests.integration.harness import Env, wait_until


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


def test_why_names_who_holds_a_pool(env: Env) -> None:
    env.principal()
    env.agent()
    holds = TaskPlan(id="a", command="sleep 60", pools={"lock": 1})
    first = env.submit(Plan(workflow="w", tasks=[holds]))
    wait_until(lambda: env.tasks(first)["a"].state == "RUNNING")
    second = env.submit(Plan(workflow="w", tasks=[TaskPlan(id="b", noop=True), holds]))
    why = env.command("cdktr-ctl", "why", second)
    assert why.stdout == f"a waits for pool lock: 1 of 1 are used by {first}/a\n"
    assert why.returncode == 24
    env.client().ask(p.RunCancel(run=first), p.RunStatus)
    wait_until(lambda: env.tasks(second)["a"].state == "RUNNING")


def test_slots_and_exclusive_are_never_exceeded_on_an_agent(env: Env) -> None:
    env.principal()
    env.agent(slots=4)
    book = env.directory / "book"
    note = f'echo "$CDKTR_TASK_ID $1" >> {book}'
    script = f"""set -- begin; {note}; sleep 0.05; set -- end; {note}"""
    wide = {"slots": 3}, {}, {"exclusive": True}, {"slots": 2}, {}, {"priority": 9, "slots": 4}
    tasks = [
        TaskPlan(id=f"t{n}", command=f"{script}; true", **wide[n % len(wide)])  # type: ignore[arg-type]
        for n in range(24)
    ]
    run = env.submit(Plan(workflow="w", tasks=tasks))
    assert env.wait(run).state == "COMPLETED"
    takes = {task.id: 4 if task.exclusive else task.slots for task in tasks}
    running: set[str] = set()
    most = 0
    for line in book.read_text().splitlines():
        name, what = line.split()
        (running.add if what == "begin" else running.remove)(name)
        used = sum(takes[each] for each in running)
        assert used <= 4, f"{running} at {line}"
        most = max(most, len(running))
    assert most > 1
    assert not running

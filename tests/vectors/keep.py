"""Keep what this version says and writes, for the versions to come: at each release once,

    python -m tests.vectors.keep 0.2.0

copies the vectors to `tests/vectors/0.2.0/`, has a real principal write a journal in which every
kind of fact stands, and notes what that journal means. What was kept is never changed again.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import msgspec

from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import (
    Call,
    Group,
    Plan,
    Retry,
    ScheduleRef,
    TaskPlan,
    TaskResult,
    TaskSpec,
    Tick,
)
from tests.integration.harness import Env, environment, wait_until

HERE = Path(__file__).parent


class Played:
    """An agent played by hand: what it says is all that the principal knows of it."""

    def __init__(self, env: Env) -> None:
        self.client = env.client()
        self.boot = ""

    def hello(self, boot: str) -> None:
        self.boot = boot
        hello = p.AgentHello(agent="box2", aid="a2", boot=boot, slots=9, labels=["gpu"])
        self.client.ask(hello, p.AgentWelcome)

    def fetch(self, free: int = 1) -> list[TaskSpec]:
        ask = p.TaskFetch(agent="box2", boot=self.boot, free=free, wait_s=10)
        return self.client.ask(ask, p.TaskBatch, wait_s=10).tasks

    def report(self, token: str, state: Any, code: int | None = None, **fields: Any) -> None:
        result = TaskResult(token=token, state=state, code=code, **fields)
        ask = p.TaskReport(agent="box2", boot=self.boot, results=[result])
        self.client.ask(ask, p.TaskReported)


def with_a_real_agent(env: Env) -> None:
    """An event and its run, a failure, a cancel; a file that is broken and one that goes away."""
    tasks = "tasks: {a: {command: echo a}, b: {command: echo b, depends: a}}"
    env.workflow("etl", f"{{name: Nightly, events: [new-file], placement: together, {tasks}}}\n")
    env.workflow("broken", "tasks: {a: {comand: x}}\n")
    env.workflow("gone", "tasks: {a: {command: x}}\n")
    env.workflow("timed", "{cron: 0 3 * * *, tasks: {a: {command: x}}}\n")
    env.principal()
    client = env.client()
    agent = env.agent("box1")
    fire = p.EventFire(event="new-file", payload={"a": 1}, key="monday")
    env.wait(client.ask(fire, p.RunStarted).runs[0].run)
    (env.workflows / "gone.yaml").unlink()
    client.ask(p.WorkflowReload(), p.WorkflowReloaded)
    after = TaskPlan(id="after", command="true", depends=["bad"])
    env.wait(
        env.submit(Plan(workflow="fails", tasks=[TaskPlan(id="bad", command="exit 7"), after]))
    )
    slow = env.run("exec sleep 60", "true")
    wait_until(lambda: env.tasks(slow)["t0"].state == "RUNNING")
    client.ask(p.RunCancel(run=slow, reason="wrong day"), p.RunStatus)
    env.wait(slow)
    assert agent.stop() == 0


def with_decisions(env: Env) -> None:
    """A condition, a retry, a group, a call, a run that waits for another, and a run's end."""
    agent = env.agent("box1")
    inner = Plan(workflow="inner", tasks=[TaskPlan(id="i", command="true")])
    tasks = [
        TaskPlan(id="c", command="true", cond="1 < 2"),
        TaskPlan(id="r", command="exit 3", retry=Retry(limit=1)),
        TaskPlan(id="g", group=Group(tasks=[TaskPlan(id="", command="true")], each=[1, 2])),
        TaskPlan(id="w", call=Call(plan=inner)),
        TaskPlan(id="f", command="true", phase="finally"),
    ]
    plan = Plan(workflow="decides", tasks=tasks, max_active_runs=1)
    for run in [env.submit(plan), env.submit(plan)]:
        env.wait(run)
    assert agent.stop() == 0


def with_time(env: Env) -> None:
    """An instant that is fired and one that is missed, a pause, a schedule that ends, and an event
    for later that is taken back."""
    client = env.client()
    ask = p.ScheduleList(workflow="timed")
    row = client.ask(ask, p.SchedulePage).schedules[0]
    now = row.since_ts
    ticks = [
        Tick(workflow="timed", schedule=row.schedule, act=act, after_ts=after, due_ts=due)
        for act, after, due in (("missed", now, now + 1), ("fire", now + 1, now + 2))
    ]  # fmt: skip
    fired = client.ask(p.TickReport(ticks=ticks), p.TickReported).results[-1].run
    client.ask(p.RunCancel(run=fired), p.RunStatus)
    client.ask(p.WorkflowPause(workflow="timed", reason="to see"), p.WorkflowPage)
    (env.workflows / "timed.yaml").unlink()
    client.ask(p.WorkflowReload(), p.WorkflowReloaded)
    later = p.EventFire(event="new-file", delay_s=3600, source="keep", key="tomorrow")
    name = client.ask(later, p.RunStarted).deferred
    client.ask(p.EventCancel(deferred=name, reason="not now"), p.EventWaiting)
    closed = ScheduleRef(workflow="timed", schedule=row.schedule)
    client.ask(p.TickReport(closed=[closed]), p.TickReported)


def with_a_played_agent(env: Env) -> None:
    """Losses, a held task, a late result, something handed back, a drain."""
    box = Played(env)
    box.hello("1")
    held = TaskPlan(id="h", argv=["true"], on_agent_lost="hold")
    run = env.submit(
        Plan(workflow="lost", tasks=[TaskPlan(id="x", argv=["true"], labels=["gpu"]), held])
    )
    tokens = {spec.task: spec.token for spec in box.fetch(2)}
    box.hello("2")
    box.client.ask(p.TaskContinue(run=run), p.TaskContinued)
    again = {spec.task: spec.token for spec in box.fetch(2)}
    box.report(tokens["x"], "FAILED", 7)
    box.report(again["x"], "COMPLETED", 0, started_ts=1e9, ended_ts=1e9 + 1)
    box.report(again["h"], "RELEASED", started_ts=1e9, ended_ts=1e9 + 1, reason="drained")
    box.client.ask(p.AgentDrain(agent="box2", reason="kernel update"), p.AgentStatus)
    box.client.ask(p.AgentUndrain(agent="box2"), p.AgentStatus)


def work_that_goes_on(env: Env) -> None:
    """After a restart: a run of which something is done, runs and waits."""
    box = Played(env)
    box.hello("2")
    box.report(box.fetch()[0].token, "COMPLETED", 0)
    tasks = [TaskPlan(id=name, argv=["true"]) for name in "xyz"]
    env.submit(Plan(workflow="open", tasks=tasks, env={"A": "b"}), key="k3", payload=[1])
    box.report(box.fetch()[0].token, "COMPLETED", 0)
    box.fetch()


def meaning(env: Env) -> dict[str, Any]:
    """What the principal answers about all of it."""
    client = env.client()
    runs = client.ask(p.RunList(limit=100), p.RunPage).runs
    agents = client.ask(p.AgentList(), p.AgentPage).agents
    shown = {
        "runs": runs,
        "tasks": {run.run: list(env.tasks(run.run).values()) for run in runs},
        "workflows": client.ask(p.WorkflowList(), p.WorkflowPage).workflows,
        "agents": [agent.agent for agent in agents],
    }
    return dict(msgspec.to_builtins(shown))


def keep(target: Path) -> None:
    """Write all that is kept of this version."""
    target.mkdir()
    for file in HERE.glob("*.json"):
        shutil.copy(file, target)
    with environment() as env:
        with_a_real_agent(env)
        with_decisions(env)
        with_time(env)
        with_a_played_agent(env)
        assert env.procs[0].stop() == 0  # writes a snapshot and begins a segment
        principal = env.principal()
        work_that_goes_on(env)
        (target / "state.json").write_text(json.dumps(meaning(env), indent=1) + "\n")
        principal.kill()
        shutil.copytree(env.home / "principal" / "journal", target / "journal")


if __name__ == "__main__":
    keep(HERE / sys.argv[1])

"""What seldom happens, made to happen: a result for an attempt that is no longer the current one,
and a workflow file that goes away while one of its runs goes on."""

from __future__ import annotations

from typing import Any

import msgspec

from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import Plan, TaskPlan, TaskResult
from tests.integration.harness import Env


def facts(env: Env) -> list[dict[str, Any]]:
    page = env.client().ask(p.EventList(limit=1000), p.EventPage)
    return [msgspec.json.decode(fact) for fact in page.events]


def test_a_result_of_an_older_attempt_changes_nothing(env: Env) -> None:
    """An agent's supervisor is started anew, so its attempt is lost; the old one still reports."""
    env.principal()
    client = env.client()

    def hello(boot: str) -> None:
        agent = p.AgentHello(agent="twice", aid="twice", boot=boot, slots=1)
        client.ask(agent, p.AgentWelcome)

    def fetch(boot: str) -> str:
        ask = p.TaskFetch(agent="twice", boot=boot, free=1, wait_s=10)
        return client.ask(ask, p.TaskBatch, wait_s=10).tasks[0].token

    def report(boot: str, token: str, code: int) -> p.TaskReported:
        state: Any = "FAILED" if code else "COMPLETED"
        result = TaskResult(token=token, state=state, code=code)
        ask = p.TaskReport(agent="twice", boot=boot, results=[result])
        return client.ask(ask, p.TaskReported)

    hello("1")
    run = env.submit(Plan(workflow="stale", tasks=[TaskPlan(id="t", argv=["true"])]))
    old = fetch("1")
    hello("2")
    new = fetch("2")
    assert new != old
    late = report("2", old, 7)
    assert (late.ack, late.drop) == ([], [old])
    assert report("2", new, 0).ack == [new]
    assert env.wait(run).state == "COMPLETED"
    states = [attempt.state for attempt in env.tasks(run)["t"].attempts]
    assert states == ["CRASHED", "COMPLETED"]
    stale = [fact for fact in facts(env) if fact["type"] == "task.stale"]
    assert [fact["token"] for fact in stale] == [old]


def test_a_workflow_goes_and_its_run_goes_on(env: Env) -> None:
    env.workflow("etl", "tasks:\n  a: {command: echo a}\n  b: {command: echo b, depends: a}\n")
    env.principal()
    run = env.client().ask(p.RunStart(workflow="etl"), p.RunStarted).runs[0].run
    (env.workflows / "etl.yaml").unlink()
    reloaded = env.client().ask(p.WorkflowReload(), p.WorkflowReloaded)
    assert reloaded.removed == ["etl"]
    env.agent()
    assert env.wait(run).state == "COMPLETED"
    removed = [fact["workflow"] for fact in facts(env) if fact["type"] == "workflow.removed"]
    assert removed == ["etl"]

"""Events against a real principal that is killed: what waits, and what is for later, comes once."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from cdktr_common.catalogue import principal as p
from tests.integration.harness import Env, wait_until

FILES = """
events:
  - {event: "file.*", if: event.payload.n < 1000, batch: {size: 4, window: 1h}}
tasks: {a: {command: "true"}}
"""
QUIET = """
events: [{event: quiet, debounce: 1s}]
tasks: {a: {command: "true"}}
"""
AFTER = """
events: [{event: "run.*", if: event.payload.workflow == "quiet"}]
tasks: {a: {command: "true"}}
"""


def facts(env: Env, kind: str) -> list[dict[str, Any]]:
    page = env.client().ask(p.EventList(limit=1000, topic="event/"), p.EventPage)
    found = [msgspec.json.decode(fact) for fact in page.events]
    return [fact for fact in found if fact["type"] == kind]


def payloads(env: Env, workflow: str) -> list[Any]:
    client = env.client()
    runs = client.ask(p.RunList(workflow=workflow, limit=100), p.RunPage).runs
    return [client.ask(p.RunShow(run=run.run), p.RunDetail).payload for run in reversed(runs)]


def fire(env: Env, event: str, payload: Any = None, **fields: Any) -> p.RunStarted:
    return env.client().ask(p.EventFire(event=event, payload=payload, **fields), p.RunStarted)


def test_every_event_comes_once_however_often_the_principal_is_killed(env: Env) -> None:
    """Each is fired, the principal is killed, and it is fired again with its key."""
    for name, text in (("files", FILES), ("quiet", QUIET), ("after", AFTER)):
        env.workflow(name, text)
    principal = env.principal()
    due_ts = time.time() + 3
    for n in range(6):
        for _ in range(2):
            fire(env, f"file.{n}", {"n": n}, key=f"f{n}")
            late = fire(env, "file.late", {"n": 100 + n}, key=f"l{n}", at_ts=due_ts)
            assert late.deferred and late.due_ts == due_ts
            fire(env, "quiet", n, key=f"q{n}")
            if n % 2:
                principal.kill()
                principal = env.principal()
    env.agent()
    waiting = p.EventPending()
    wait_until(lambda: not env.client().ask(waiting, p.EventWaiting).total)
    wait_until(lambda: len(payloads(env, "files")) == 3 and payloads(env, "quiet"))
    told = sorted(each["n"] for batch in payloads(env, "files") for each in batch)
    assert told == [*range(6), *range(100, 106)]
    assert payloads(env, "quiet")[-1] == 5
    assert len(facts(env, "event.deferred")) == 6
    wait_until(lambda: len(payloads(env, "after")) == len(payloads(env, "quiet")))


def test_what_is_deferred_is_shown_taken_back_and_told_why(env: Env) -> None:
    env.workflow("files", FILES)
    env.principal()
    client = env.client()
    later = client.ask(p.RunStart(workflow="files", delay_s=3600, key="k"), p.RunStarted)
    other = fire(env, "file.x", {"n": 1}, delay_s=60, source="a test")
    rows = client.ask(p.EventPending(), p.EventWaiting)
    assert [row.deferred for row in rows.deferred] == [other.deferred, later.deferred]
    assert rows.deferred[0].source == "a test" and rows.deferred[1].workflow == "files"
    for row in rows.deferred:
        cancel = p.EventCancel(deferred=row.deferred[:6], reason="not needed")
        assert client.ask(cancel, p.EventWaiting).deferred == [row]
    assert client.ask(p.EventPending(), p.EventWaiting).total == 0
    dropped = [fact["deferred"] for fact in facts(env, "event.dropped")]
    assert dropped == [other.deferred, later.deferred]
    passed = fire(env, "file.y", {"n": 5000})
    assert passed.passed == {"files": "if is false: event.payload.n < 1000"}
    assert passed.listeners == 1 and not passed.held
    held = fire(env, "file.z", {"n": 7}).held
    (window,) = client.ask(p.EventPending(), p.EventWaiting).windows
    assert (window.workflow, window.event, window.count) == ("files", "file.z", 1)
    assert window.due_ts == held[0].due_ts == window.first_ts + 3600

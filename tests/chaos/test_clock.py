"""The clock of the host is set an hour forth and back while tasks run: only the times for people
move. libfaketime gives principal, logd and agent a wall clock that is read from a file."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import Plan, TaskPlan
from tests.chaos.ledger import Ledger
from tests.chaos.test_networks import started
from tests.chaos.watch import Facts
from tests.integration.harness import Env, wait_until

HOUR = 3600


class Clock:
    """The wall clock of an environment."""

    def __init__(self, env: Env, library: str) -> None:
        self._file = env.directory / "clock"
        self.step(0)
        env.environ |= {
            "LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1", "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }  # fmt: skip

    def step(self, seconds: int) -> None:
        """So far from the real one, from now on."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}\n")
        fresh.rename(self._file)


@pytest.fixture
def clock(env: Env, need: Callable[[str], str]) -> Clock:
    need("faketime")
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    assert found, "faketime is installed without its library"
    return Clock(env, str(found[0]))


def test_no_lease_timeout_or_heartbeat_moves_with_the_clock(
    env: Env, clock: Clock, ledger: Ledger, worker: Path
) -> None:
    env.set(lost_after_s=4, agent_beat_s=0.3, agent_heartbeat_timeout_ms=1500, lease_grace_s=1)
    env.environ |= ledger.environ
    env.everything(slots=3)
    facts = Facts(env.client)
    words = [str(worker), "-", "10"]
    tasks = [
        TaskPlan(id="long", argv=[*words, "7000", "0"]),
        TaskPlan(id="patient", argv=[*words, "3000", "0"], timeout_s=30),
        TaskPlan(id="late", argv=[*words, "60000", "0"], timeout_s=5),
    ]
    run = env.submit(Plan(workflow="clock", tasks=tasks))
    wait_until(lambda: all(started(ledger, task.id) for task in tasks), what="all to run")
    began = time.monotonic()
    for step in (HOUR, -HOUR, 0):
        clock.step(step)
        before = facts.seq
        env.run("true")  # a fact of the new time
        wait_until(lambda before=before: facts.seq > before, 5, "it to be recorded")  # type: ignore[misc]
        threadless_pause(0.7)
    wait_until(lambda: env.tasks(run)["late"].state == "FAILED", 10, "the time-out")
    assert 4.5 < time.monotonic() - began < 7
    assert env.wait(run).state == "FAILED"
    rows = env.tasks(run)
    assert {name: row.state for name, row in rows.items()} == {
        "long": "COMPLETED", "patient": "COMPLETED", "late": "FAILED",
    }  # fmt: skip
    assert rows["late"].code == 124
    assert all(len(row.attempts) == 1 for row in rows.values())
    assert len(ledger.executions()) == 3
    facts.stop()
    times = [fact["ts"] for fact in facts.facts]
    assert max(times) - min(times) > 1.9 * HOUR, "the clock was never set"
    assert not [fact for fact in facts.facts if fact["type"] == "agent.changed"]
    page = env.client().ask(p.AgentList(), p.AgentPage)
    assert [row.state for row in page.agents] == ["ready"]


def threadless_pause(seconds: float) -> None:
    """Some beats are to be made with the clock as it is: nothing tells when."""
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > end, seconds + 1)

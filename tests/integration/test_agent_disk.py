"""The disk of an agent is full: tasks go on, what is missing is said, results arrive as ever."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import Plan, TaskPlan
from tests.integration.harness import Env, wait_until
from tests.integration.test_agent_tasks import output


@pytest.fixture
def disk(env: Env) -> Iterator[Path]:
    """A disk of 512 KiB for all an agent keeps."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    directory = env.home / "agent" / "a1"
    directory.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "none", directory], check=True)
    yield directory
    subprocess.run(["umount", "-l", directory], check=True)


def test_a_full_disk_under_an_agent(env: Env, disk: Path) -> None:
    env.principal()
    agent = env.agent("a1", slots=2)  # no logd: nothing leaves the spool
    noisy = env.run("seq 1000000; echo end")
    assert env.wait(noisy).state == "COMPLETED"
    assert "bytes of output dropped" in env.tasks(noisy)["t0"].attempts[0].reason
    filler = disk / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (4096, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue
    silent = env.run(*["true"] * 20, "echo lost")
    row = env.wait(silent)
    assert (row.state, row.failed) == ("COMPLETED", 0)
    assert "5 bytes of output dropped" in env.tasks(silent)["t20"].attempts[0].reason
    plan = Plan(workflow="paid", tasks=[TaskPlan(id="t", command="wc -c <$CDKTR_PAYLOAD_FILE")])
    paid = env.submit(plan, payload={"a": "b" * 200_000})
    log = disk / "supervisor.log"
    client = env.client()

    def handed_back() -> bool:
        facts = client.ask(p.EventList(limit=1000), p.EventPage).events
        return any(b"task.released" in bytes(fact) for fact in facts)

    wait_until(handed_back, what="it to be handed back: there is no room for its payload")
    filler.unlink()
    env.logd()
    assert env.wait(paid).state == "COMPLETED"
    told = output(env, noisy, "t0")
    assert b"bytes dropped, no room]" in told
    wait_until(lambda: not list((disk / "spool").iterdir()), what="the spool to be empty")
    ballast = disk / "ballast"
    wait_until(lambda: ballast.stat().st_size, what="room for output again")
    last = env.run("seq 1000; echo end")
    assert env.wait(last).state == "COMPLETED"
    assert output(env, last, "t0").endswith(b"\n1000\nend\n")
    assert agent.popen.poll() is None, log.read_text()

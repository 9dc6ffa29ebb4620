"""CDKTR itself: `cdktr start principal --with-agent` with its defaults (synced journal, tokens,
outbox, captured output), asked by one persistent client. State is in a temporary CDKTR_HOME."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench.common import Peer, Task, main
from bench.system import System
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import Plan, TaskPlan
from cdktr_common.client import Client


def plan_of(tasks: list[Task]) -> Plan:
    """The same tasks as a plan of ours."""
    return Plan(
        workflow="bench",
        tasks=[
            TaskPlan(id=f"t{i}", argv=argv, depends=[f"t{d}" for d in deps])
            for i, (argv, deps) in enumerate(tasks)
        ],
    )


def run_plan(client: Client, plan: Plan) -> None:
    """Start a run and wait for its end."""
    run = client.ask(p.RunStart(plan=plan), p.RunStarted, timeout_s=30).runs[0].run
    while True:
        row = client.ask(p.RunWait(run=run, wait_s=30), p.RunStatus, wait_s=30).run
        if row.ended_ts is not None:
            assert row.state == "COMPLETED", row
            return


class Cdktr(Peer):
    """The adapter of W1 to W4."""

    def start(self, slots: int) -> None:
        self.system = System(
            self.directory, "principal", "--with-agent", "--max-executors", str(slots)
        )
        self.client = Client(self.system.endpoint, timeout_s=30)

    def run(self, tasks: list[Task]) -> None:
        run_plan(self.client, plan_of(tasks))

    def stop(self) -> None:
        self.client.close()
        self.system.stop()


if __name__ == "__main__":
    main(Cdktr)

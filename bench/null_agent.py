"""An executor without processes, for W7: it speaks agent.hello, task.fetch and task.report, and
calls every task it is given done. What is left is the principal's decisions and journal."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import zmq

sys.path.insert(0, str(Path(__file__).parents[1]))
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import TaskResult
from cdktr_common.client import Answer, Channel

FREE = 256
WAIT_S = 20.0


class NullAgent:
    """One fetch is always open; results of a batch leave before the next one is asked for."""

    def __init__(self, endpoint: str) -> None:
        self.channel = Channel(zmq.Context(), endpoint)
        hello = p.AgentHello(agent="null", aid="null", boot=str(time.time_ns()), slots=FREE)
        self.who: dict[str, Any] = {"agent": hello.agent, "boot": hello.boot}
        self.channel.ask(hello, self.welcomed)
        self.beat_due = time.monotonic() + 2

    def welcomed(self, _: Answer) -> None:
        self.fetch()
        print("ready", flush=True)

    def fetch(self) -> None:
        request = p.TaskFetch(**self.who, free=FREE, wait_s=WAIT_S)
        self.channel.ask(request, self.fetched, resend_s=WAIT_S + 5)

    def fetched(self, batch: Answer) -> None:
        if isinstance(batch, p.TaskBatch) and batch.tasks:
            now = time.time()
            results = [
                TaskResult(
                    token=task.token, state="COMPLETED", code=0, started_ts=now, ended_ts=now
                )
                for task in batch.tasks
            ]
            self.channel.ask(p.TaskReport(**self.who, results=results), lambda answer: None)
        self.fetch()

    def run(self) -> None:
        while True:
            self.channel.socket.poll(500)
            self.channel.pump()
            self.channel.resend()
            if time.monotonic() > self.beat_due:
                self.beat_due = time.monotonic() + 2
                self.channel.ask(p.AgentBeat(**self.who), lambda answer: None)


if __name__ == "__main__":
    NullAgent(sys.argv[1]).run()

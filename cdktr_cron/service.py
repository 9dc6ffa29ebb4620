"""cdktr-cron at work: asks for the schedules, waits for their instants, tells what became of them.

It keeps nothing that the principal does not know.
"""

from __future__ import annotations

import signal
from typing import Final

import zmq

from cdktr_common import cli
from cdktr_common.catalogue.common import Hello, Welcome
from cdktr_common.cli import Log
from cdktr_common.client import Answer, Channel
from cdktr_common.loop import Loop

PROGRAM: Final = "cdktr-cron"


class Cron:
    """The whole program but its start. `run` returns when it was told to stop."""

    def __init__(self, endpoint: str, log: Log) -> None:
        self._log = log
        self._endpoint = endpoint
        self._loop = Loop()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._channel = Channel(self._context, endpoint)

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        loop = self._loop
        loop.on_signals((signal.SIGTERM, signal.SIGINT), lambda _: loop.stop())
        loop.watch(self._channel.socket, self._channel.pump)
        loop.every(1.0, self._channel.resend)
        self._channel.ask(Hello(program=PROGRAM), self._welcomed, 1.0)
        loop.run()
        self._channel.close()
        self._context.term()

    def _welcomed(self, answer: Answer) -> None:
        if isinstance(answer, Welcome):
            cli.ready(PROGRAM, [self._endpoint])

"""A logd of a test: killed, started again, asked, sent output to."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from cdktr_common.catalogue.common import Ping, Pong
from cdktr_common.client import Client
from tests.integration.harness import Env, Proc
from tests.integration.recording import Journal, Sender


class Logd:
    """A logd that can be killed and started again, and its clients."""

    def __init__(self, env: Env, stack: ExitStack) -> None:
        self._env = env
        self._stack = stack
        self.endpoint = f"ipc://{env.home}/run/logd.sock"
        self.directory = env.home / "logd"
        self.proc: Proc = env.logd()

    def client(self) -> Client:
        return self._stack.enter_context(Client(self.endpoint, timeout_s=20))

    def sender(self, data: bytes, **options: int) -> Sender:
        sender = Sender(self.endpoint, data, **options)
        self._stack.callback(sender.close)
        return sender

    def journal(self, facts: list[dict[str, Any]], epoch: int = 1) -> Journal:
        journal = Journal(f"ipc://{self._env.home}/run/principal.sock", facts, epoch)
        self._stack.callback(journal.close)
        return journal

    def again(self) -> None:
        """kill -9, and a new one."""
        self.proc.kill()
        self.proc = self._env.logd()

    def counts(self) -> dict[str, int]:
        return self.client().ask(Ping(), Pong).counts

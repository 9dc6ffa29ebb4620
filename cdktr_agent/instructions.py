"""What the core wants done, besides sending messages; and who the agent is."""

from __future__ import annotations

import msgspec

from cdktr_agent import local
from cdktr_common.catalogue import Request
from cdktr_common.catalogue.principal import AgentHello


class Serve(msgspec.Struct, frozen=True):
    """The principal knows us now; the endpoints it told."""

    endpoints: dict[str, list[str]]
    first: bool


class Complain(msgspec.Struct, frozen=True):
    """Something an operator should read."""

    text: str


class Leave(msgspec.Struct, frozen=True):
    """Nothing is left to do: end with this exit code. `code` is one of the error table."""

    code: str = ""
    detail: str = ""


class EndTrees(msgspec.Struct, frozen=True):
    """Their leases are over: KILL all that is alive of these, whoever owns them. `all`: nothing
    else is held, so whatever the supervisor has as children is theirs."""

    holds: list[local.Hold]
    all: bool


Instruction = Request | local.ToSupervisor | Serve | Complain | Leave | EndTrees


class Identity(msgspec.Struct, frozen=True):
    """Who we are, as told in every hello."""

    agent: str
    aid: str
    slots: int
    labels: list[str]
    host: str
    version: str
    protocol: int

    def hello(self, boot: str, running: list[str], outbox: list[str], tasks_v: int) -> AgentHello:
        """The introduction of that supervisor."""
        return AgentHello(
            agent=self.agent,
            aid=self.aid,
            boot=boot,
            slots=self.slots,
            labels=self.labels,
            host=self.host,
            version=self.version,
            protocol=self.protocol,
            running=running,
            outbox=outbox,
            tasks_v=tasks_v,
        )

"""What the core wants done, besides sending messages; and who the agent is."""

from __future__ import annotations

import msgspec

from cdktr_agent import local
from cdktr_common.catalogue import Request


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


Instruction = Request | local.ToSupervisor | Serve | Complain | Leave


class Identity(msgspec.Struct, frozen=True):
    """Who we are, as told in every hello."""

    agent: str
    aid: str
    slots: int
    labels: list[str]
    host: str
    version: str
    protocol: int

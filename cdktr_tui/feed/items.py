"""What a feed gives: one class a kind of news. Pure values; they do not know who made them."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from cdktr_common.catalogue.base import Fact
from cdktr_common.catalogue.values import AgentRow, LogChunk

LinkState = Literal["connecting", "up", "lost", "refused"]


class Link(msgspec.Struct, frozen=True, kw_only=True, tag="link"):
    """How it stands with the principal. `refused`: it answers and will not have us (`detail` says
    why). `lost`: it was up and nothing was heard of it for a while; `at` is when anything was heard
    last. `logd`: is the recorder known? `logd_at`: when it was heard last, if it is silent now."""

    state: LinkState
    detail: str = ""
    at: float | None = None
    latency_s: float | None = None
    version: str = ""
    epoch: int = 0
    logd: bool = False
    logd_at: float | None = None


class Told(msgspec.Struct, frozen=True, kw_only=True, tag="told"):
    """A fact, after all facts before it on the same topic that were followed."""

    fact: Fact


class Output(msgspec.Struct, frozen=True, kw_only=True, tag="output"):
    """A piece of output that was stored just now; `seq` as of `log.live`. There may be gaps and
    doubles: offsets tell."""

    seq: int
    chunk: LogChunk


class Counted(msgspec.Struct, frozen=True, kw_only=True, tag="counted"):
    """The principal's counts, as of `stream.stat`."""

    counts: dict[str, int]
    ts: float = 0.0


class Loads(msgspec.Struct, frozen=True, kw_only=True, tag="loads"):
    """Agents that were heard of."""

    agents: list[AgentRow]


class Gap(msgspec.Struct, frozen=True, kw_only=True, tag="gap"):
    """`missed` facts of a topic were not told: `healed`, they have been asked for and follow; else
    what was folded from that topic has to be asked for anew."""

    topic: str
    missed: int
    healed: bool


class Answered(msgspec.Struct, frozen=True, kw_only=True, tag="answered"):
    """The answer to request number `number`: a reply, or an error with its code. `took_s` is since
    it was asked."""

    number: int
    reply: Any
    took_s: float = 0.0


Item = Link | Told | Output | Counted | Loads | Gap | Answered

"""What can go wrong in a campaign, how often, and the plan that a seed makes of it.

A plan is made before anything runs: which fault, on whom, when, for how long. One target has one
fault at a time; several targets may have one at once. It knows no processes.
"""

from __future__ import annotations

import random
from typing import NamedTuple

from tests.chaos.cluster import AGENTS, PROXIED

DIRECT = tuple(agent for agent in AGENTS if agent != PROXIED)

SHORT = (0.2, 1.8)
LONG = (5.5, 8.0)
"""Shorter and longer than the lease of 4 s with its grace of 1 s."""


class Kind(NamedTuple):
    """A kind of fault. `settle_s`: how long its target is left alone afterwards. `whole`: the
    stated exception, under which a task may run twice at a time."""

    weight: int
    targets: tuple[str, ...]
    length: tuple[float, float]
    apart: bool = False
    whole: bool = False
    settle_s: float = 1.2


PRINCIPAL, LOGD, FRONT = ("principal",), ("logd",), ("front",)

KINDS: dict[str, Kind] = {
    "principal killed": Kind(9, PRINCIPAL, (0.0, 1.5)),
    "principal killed, away longer than the lease": Kind(1, PRINCIPAL, LONG, settle_s=4.0),
    "principal frozen": Kind(3, PRINCIPAL, SHORT),
    "principal frozen longer than the lease": Kind(1, PRINCIPAL, LONG, settle_s=4.0),
    "principal restarted": Kind(2, PRINCIPAL, (0.0, 0.3)),
    "principal's disk full": Kind(2, PRINCIPAL, (1.0, 4.0), apart=True),
    "logd killed": Kind(5, LOGD, (0.0, 2.0)),
    "logd killed three times in a row": Kind(2, LOGD, (0.0, 0.5)),
    "logd frozen": Kind(3, LOGD, (0.3, 5.0)),
    "logd restarted": Kind(2, LOGD, (0.0, 0.3)),
    "logd's disk full": Kind(3, LOGD, (1.0, 4.0), apart=True),
    "network process killed": Kind(6, AGENTS, (0.0, 1.0)),
    "network process killed, away longer than the lease": Kind(2, AGENTS, LONG),
    "supervisor killed": Kind(6, AGENTS, (0.0, 0.0)),
    "both killed, started again": Kind(4, AGENTS, (0.0, 1.0), whole=True),
    "both killed, away longer than the lease": Kind(1, AGENTS, LONG, whole=True),
    "host lost its power": Kind(3, AGENTS, (0.0, 8.0)),
    "host lost its power, called lost": Kind(2, AGENTS, (0.5, 2.0)),
    "called lost though it lives": Kind(2, AGENTS, (0.0, 0.0), whole=True),
    "network process frozen": Kind(3, AGENTS, SHORT),
    "network process frozen longer than the lease": Kind(2, AGENTS, LONG),
    "supervisor frozen": Kind(3, AGENTS, SHORT),
    "supervisor frozen longer than the lease": Kind(2, AGENTS, LONG),
    "both frozen": Kind(2, AGENTS, SHORT, whole=True),
    "both frozen longer than the lease": Kind(1, AGENTS, LONG, whole=True),
    "drained and started again": Kind(4, AGENTS, (0.0, 0.5)),
    "told twice to end": Kind(3, AGENTS, (0.0, 0.5)),
    "drained by an operator": Kind(3, AGENTS, (0.5, 3.0)),
    "cut off from the principal": Kind(4, AGENTS, SHORT),
    "cut off from the principal longer than the lease": Kind(3, AGENTS, LONG),
    "requests to the principal lost": Kind(2, DIRECT, (0.5, 7.0), apart=True),
    "answers of the principal lost": Kind(2, DIRECT, (0.5, 7.0), apart=True),
    "cut off from logd": Kind(3, AGENTS, (0.5, 8.0), apart=True),
    "cable pulled": Kind(2, AGENTS, SHORT, apart=True),
    "cable pulled longer than the lease": Kind(2, AGENTS, LONG, apart=True),
    "connections closed": Kind(3, (PROXIED,), (0.0, 0.0)),
    "network delayed and doubled": Kind(3, (PROXIED,), (1.0, 5.0)),
    "agent's disk full": Kind(2, AGENTS, (1.0, 4.0), apart=True),
    "a second one started": Kind(3, (*PRINCIPAL, *LOGD, *AGENTS), (0.0, 0.0), settle_s=0.5),
    "few descriptors": Kind(2, AGENTS, (1.0, 4.0)),
    "clients' connections closed": Kind(5, FRONT, (0.0, 0.0), settle_s=0.5),
    "clients' messages doubled and delayed": Kind(4, FRONT, (1.0, 4.0), settle_s=0.5),
    "answers to clients lost": Kind(4, FRONT, (0.5, 3.0), settle_s=0.5),
    "clients' connections half open": Kind(3, FRONT, (0.5, 3.0), settle_s=0.5),
}


class Fault(NamedTuple):
    """One fault of a plan; times are seconds since the campaign began."""

    number: int
    kind: str
    target: str
    at: float
    seconds: float

    @property
    def whole(self) -> bool:
        """Is it one that excuses an overlap?"""
        return KINDS[self.kind].whole


def make(seed: int, seconds: float, apart: bool, gap_s: float = 0.45) -> list[Fault]:
    """The plan of a seed: faults from the 2nd second on, none that begins after `seconds`."""
    chance = random.Random(seed)
    kinds = [name for name, kind in KINDS.items() if apart or not kind.apart]
    weights = [KINDS[name].weight for name in kinds]
    free_at: dict[str, float] = {}
    faults: list[Fault] = []
    at = 2.0
    while (at := at + chance.expovariate(1 / gap_s)) < seconds:
        name = chance.choices(kinds, weights)[0]
        kind = KINDS[name]
        target = chance.choice(kind.targets)
        length = chance.uniform(*kind.length)
        if free_at.get(target, 0.0) > at:
            continue
        free_at[target] = at + length + kind.settle_s
        faults.append(Fault(len(faults) + 1, name, target, round(at, 2), round(length, 2)))
    return faults

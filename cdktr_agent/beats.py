"""When to beat, and with what patience.

One beat is open at a time, held back by the principal until there is something to order; but what
cannot wait for its answer is said in a new one, and whoever sends them forgets the one before. The
wait is short enough that the shortest lease there is is renewed four times over. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cdktr_agent.local import Hold
from cdktr_common.catalogue.principal import AgentBeat

LEAST_S: Final = 0.05
"""Between two beats, although each is answered at once."""


class Beats:
    """For one agent."""

    def __init__(self, agent: str) -> None:
        self._agent = agent
        self.beat_s = 2.0
        self.lost_after_s = 600.0
        self.progress: dict[str, float] = {}  # told by tasks that are held
        self._open: AgentBeat | None = None
        self._next_at = 0.0
        self._hurry = False

    def arrived(self, lost_after_s: float, proved: bool) -> None:
        """There is an attempt with such a lease, and the open beat does not tell of it."""
        if not proved or (self._open is not None and self._open.wait_s > lost_after_s / 4):
            self._hurry = True

    def answered(self, beat: AgentBeat, sent_at: float) -> None:
        """It was answered."""
        if beat is self._open:
            self._open = None
            self._next_at = sent_at + LEAST_S

    def close(self) -> None:
        """The open one will not be answered."""
        self._open = None

    def next(
        self, boot: str, held: Mapping[str, Hold], draining: bool, stuck: bool, now: float
    ) -> AgentBeat | None:
        """The beat to send now, if there is one."""
        again = self._hurry or (self._open is not None and self._open.stuck != stuck)
        if not again and (self._open is not None or now < self._next_at):
            return None
        wait_s = min(self.beat_s, self.lost_after_s / 4)
        for hold in held.values():
            wait_s = min(wait_s, hold.lost_after_s / 4)
        self._open = AgentBeat(
            agent=self._agent,
            boot=boot,
            running=sorted(held),
            draining=draining,
            stuck=stuck,
            wait_s=0.0 if self._hurry else wait_s,
            progress=dict(self.progress),
        )
        self._hurry = False
        return self._open

    @property
    def due(self) -> float:
        """When `next` may have one."""
        return self._next_at if self._open is None else float("inf")

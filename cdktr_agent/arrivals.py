"""Tasks that came, and were not yet passed on to the supervisor.

A lease counts from when the fetch was sent that brought the task, and a fetch may wait for long:
what has little left of its lease waits here until a beat has renewed it. Whatever ends it before
needs no supervisor: its result is made here. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from cdktr_agent.local import EndReason, Run, hold
from cdktr_agent.watch import Watch
from cdktr_common.catalogue.principal import TaskBatch
from cdktr_common.catalogue.values import ResultState, RunContext, TaskResult, TaskSpec


class Arrivals:
    """They count as held; results go where all results are."""

    def __init__(self, watch: Watch, results: dict[str, TaskResult]) -> None:
        self._watch = watch
        self._results = results
        self._kept: dict[str, tuple[TaskSpec, dict[str, RunContext]]] = {}

    def __contains__(self, token: str) -> bool:
        return token in self._kept

    def take(self, batch: TaskBatch, asked_at: float, now: float, stuck: bool) -> list[TaskSpec]:
        """Those to be passed on right away."""
        ready = []
        for spec in batch.tasks:
            endless = spec.on_principal_lost == "finish"
            self._watch.hold(hold(spec, math.inf if endless else asked_at + spec.lost_after_s))
            if not stuck and (endless or now - asked_at <= spec.lost_after_s / 4):
                ready.append(spec)
            else:
                self._kept[spec.token] = (spec, batch.runs)
        return ready

    def proved(self, tokens: Iterable[str], sent_at: float) -> list[Run]:
        """These were renewed by a beat sent at that time: what is to be passed on."""
        kept = [self._kept.pop(token) for token in tokens if token in self._kept]
        return [Run([spec], runs, sent_at) for spec, runs in kept]

    def end(self, token: str, why: EndReason) -> None:
        """It is not wanted any more."""
        if why == "drop":
            del self._kept[token]
            self._watch.over(token)
        elif why == "cancel":
            self._refuse(token, "CANCELLED", "cancelled before it was started")
        else:
            self.give_back("not started", [token])

    def give_back(self, reason: str, tokens: Iterable[str] | None = None) -> None:
        """Others may have them; all, unless named."""
        for token in list(self._kept) if tokens is None else tokens:
            self._refuse(token, "RELEASED", reason)

    def _refuse(self, token: str, state: ResultState, reason: str) -> None:
        del self._kept[token]
        self._watch.over(token)
        self._results[token] = TaskResult(token=token, state=state, reason=reason)

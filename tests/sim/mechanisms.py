"""What keeps the promises, each to be switched off by itself: the test of the test.

A mechanism is taken away by patching a function of the product, or what an actor does around it,
for as long as the simulation runs; the product knows no such switches. The number says within how
many seeds, counted from 0, the simulation is to notice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final
from unittest import mock

import msgspec

import cdktr_agent.core
import cdktr_agent.custody
import cdktr_logd.core
import cdktr_principal.decisions.agents
import cdktr_principal.decisions.core
import cdktr_principal.decisions.deferred
import cdktr_principal.decisions.keys
import cdktr_principal.decisions.session
import cdktr_principal.decisions.windows
from tests.sim import runner
from tests.sim.agent import Agent
from tests.sim.principal import Principal
from tests.sim.supervisor import Supervisor

Patch = Any


def _without_fencing() -> list[Patch]:
    """A result of an attempt that is not current is taken for one of the current."""
    told = cdktr_principal.decisions.core.Core._result

    def result(core: Any, one: Any, agent: str, at: Any) -> bool:
        run_id, _, rest = one.token.partition("/")
        run = core.state.runs.get(run_id)
        task = run.by_id.get(rest.partition("/")[0]) if run is not None else None
        if task is not None and task.state == "RUNNING":
            one = msgspec.structs.replace(one, token=task.attempts[-1].token)
        return told(core, one, agent, at)

    return [mock.patch.object(cdktr_principal.decisions.core.Core, "_result", result)]


def _lease_from_receipt() -> list[Patch]:
    """The agent counts a lease from when the answer arrived."""
    return [_set(Agent, "late_leases", True)]


def _reply_before_commit() -> list[Patch]:
    """Answers leave before the facts are written."""

    def backwards(principal: Any) -> None:
        principal.steps = [principal._send, principal._persist]

    return [_set(Principal, "", backwards)]


def _without_ending_at_lease_end() -> list[Patch]:
    """Neither the supervisor nor the network process ends what outlives its lease."""

    def renew(held: Any, since: float, grace_s: float) -> None:
        held.deadline = held.term_at = cdktr_agent.custody.NEVER

    held = cdktr_agent.custody.Held
    return [mock.patch.object(held, "renew", renew), _set(Agent, "guards", False)]


def _without_guard() -> list[Patch]:
    """The network process does not end the tasks of a supervisor that does not answer."""
    return [_set(Agent, "guards", False)]


def _without_keys() -> list[Patch]:
    """Nobody remembers what a key was used for."""
    return [mock.patch.object(cdktr_principal.decisions.keys, "known", lambda *_: None)]


def _without_marks() -> list[Patch]:
    """logd stores what comes, wherever the stream stands."""
    plan = cdktr_logd.core.Plan

    def add(self: Any, chunks: Any) -> Any:
        touched: dict[Any, None] = {}
        for chunk in chunks:
            key = (chunk.run, chunk.task, chunk.n, chunk.stream)
            touched[key] = None
            self._take(key, cdktr_logd.core.Mark(chunk.offset, False, chunk.ts), chunk)
        return list(touched)

    return [mock.patch.object(plan, "add", add)]


def _without_lookup() -> list[Patch]:
    """logd takes a stream that it has forgotten for a new one."""
    marks = cdktr_logd.core.Marks
    return [mock.patch.object(marks, "unknown", lambda *_: set())]


def _without_grace() -> list[Patch]:
    """The principal counts a lease shorter than the agent does. (Counting it as long is not enough
    to be found: the beat under way when a link breaks renews for the principal only.)"""
    return [mock.patch.object(runner, "LEASE_GRACE_S", -1.0)]


def _without_windows_after_restart() -> list[Patch]:
    """A restarted principal does not come back to what waits."""
    later = cdktr_principal.decisions.deferred
    windows = cdktr_principal.decisions.windows
    return [
        mock.patch.object(windows, "begin_epoch", lambda *_: None),
        mock.patch.object(later, "begin_epoch", lambda *_: None),
    ]


def _without_sweep() -> list[Patch]:
    """A new supervisor says hello without having ended what its predecessor left."""
    return [_set(Supervisor, "sweeps", False)]


def _without_leases_after_restart() -> list[Patch]:
    """A restarted principal calls lost at once what it has not heard of."""
    begin = cdktr_principal.decisions.core.Core.begin_epoch

    def begin_epoch(core: Any, host: str, at: Any) -> None:
        begin(core, host, at)
        for token in core.session.leases:
            core.session.leases[token] = at.clock

    return [mock.patch.object(cdktr_principal.decisions.core.Core, "begin_epoch", begin_epoch)]


def _silence_is_proof() -> list[Patch]:
    """An agent that is silent has lost its tasks, whatever their leases say."""
    tick = cdktr_principal.decisions.agents.tick

    def impatient(core: Any, at: Any) -> None:
        tick(core, at)
        for name, agent in list(core.state.agents.items()):
            if agent.state == "silent":
                for task in list(core.state.held.get(name, {}).values()):
                    core.crash(task, task.attempts[-1], "silence", "silent", at)

    return [mock.patch.object(cdktr_principal.decisions.agents, "tick", impatient)]


def _old_words_count() -> list[Patch]:
    """A hello or fetch that was overtaken by a later one is acted upon."""
    session = cdktr_principal.decisions.session.Session

    def missing(core: Any, request: Any, at: Any) -> None:
        told(core, msgspec.structs.replace(request, sent_s=0.0), at)

    told = cdktr_principal.decisions.agents._end_missing
    return [
        mock.patch.object(session, "overtaken", lambda *_: False),
        mock.patch.object(cdktr_principal.decisions.agents, "_end_missing", missing),
    ]


def _finish_is_given_away() -> list[Patch]:
    """A task that finishes whatever happens has a lease for the principal."""

    def renew(core: Any, token: str, at: Any) -> None:
        task = core.state.tokens[token]
        lease_s = core.lease_s(task) + core.timing.lease_grace_s
        core.session.leases[token] = at.clock + lease_s

    return [mock.patch.object(cdktr_principal.decisions.core.Core, "renew", renew)]


def _set(kind: type, name: str, value: Any) -> Patch:
    """Each actor of that kind is made with this attribute, or changed by this function."""
    made = kind.__init__  # type: ignore[misc]

    def make(self: Any, *args: Any, **fields: Any) -> None:
        made(self, *args, **fields)
        if name:
            setattr(self, name, value)
        else:
            value(self)

    return mock.patch.object(kind, "__init__", make)


MECHANISMS: Final[dict[str, tuple[Callable[[], list[Patch]], int]]] = {
    "fencing": (_without_fencing, 2200),
    "lease-from-sending": (_lease_from_receipt, 600),
    "commit-before-reply": (_reply_before_commit, 200),
    "end-at-lease-end": (_without_ending_at_lease_end, 100),
    "guard": (_without_guard, 2000),
    "idempotency-key": (_without_keys, 50),
    "high-water-mark": (_without_marks, 50),
    "mark-lookup": (_without_lookup, 50),
    "lease-grace": (_without_grace, 900),
    "windows-after-restart": (_without_windows_after_restart, 100),
    "sweep-before-hello": (_without_sweep, 100),
    "leases-after-restart": (_without_leases_after_restart, 100),
    "silence-is-no-proof": (_silence_is_proof, 100),
    "order-of-words": (_old_words_count, 900),
    "finish": (_finish_is_given_away, 500),
}
"""Name, how it is taken away, and within how many seeds that is found."""


@contextmanager
def without(*names: str) -> Iterator[None]:
    """The simulation with these mechanisms off."""
    with ExitStack() as stack:
        for name in names:
            for patch in MECHANISMS[name][0]():
                stack.enter_context(patch)
        yield

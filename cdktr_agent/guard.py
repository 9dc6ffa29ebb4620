"""Ending tasks whose leases are over when their supervisor may be unable to.

Tasks are known by what their environment tells, so that neither memory nor the supervisor's help
is needed; it works on the children of a stopped process too. Whoever is found is stopped first and
killed then, and looked for again until nobody is there. Never touches what has a lease left, or
none to end.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from cdktr_agent import tree
from cdktr_agent.environment import identity
from cdktr_agent.local import Hold
from cdktr_agent.turns import clock

PATIENCE_S = 0.5
"""How long the loop may stand still for it; more than what is killed needs to be gone."""

_OF = (b"CDKTR_RUN_ID", b"CDKTR_TASK_ID", b"CDKTR_ATTEMPT", b"CDKTR_FENCE")


class Guard:
    """For the agent with this identity. `renewed` is the file with the time of its newest renewal,
    for a successor who cannot ask."""

    def __init__(self, aid: str, renewed: str) -> None:
        self._mark = b"CDKTR_AGENT=" + aid.encode()
        began_at = clock()
        self._fd = os.open(renewed, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        told = _number(os.pread(self._fd, 64, 0))
        if told is None or told > began_at:  # never told, or before the machine's start
            told = began_at
            self.renewed(told)
        self._renewed_at = told

    def renewed(self, sent_at: float) -> None:
        """Leases count from then."""
        with suppress(OSError):  # a full disk; what stands there means an earlier end
            os.pwrite(self._fd, b"%-40.3f\n" % sent_at, 0)

    def end(self, holds: Iterable[Hold], supervisor: int, everything: bool) -> tuple[int, int]:
        """KILL what is alive of these attempts; with `everything` all children of the supervisor
        as well. How many were found, and how many are still there."""
        marks = [set(identity(hold)) for hold in holds]

        def roots(table: dict[int, tree.Seen]) -> set[int]:
            found = set()
            for pid, seen in table.items():
                if everything and supervisor and seen.ppid == supervisor:
                    found.add(pid)
                    continue
                env = tree.environment(pid)
                if self._mark in env and any(env.issuperset(mark) for mark in marks):
                    found.add(pid)
            return found

        return _end(roots, supervisor)

    def end_overdue(self, supervisor: int) -> tuple[int, int]:
        """The same without knowing what there is: an attempt's lease, told by its environment,
        counts from its start or the last renewal an earlier network process had."""
        now = clock()

        def roots(table: dict[int, tree.Seen]) -> set[int]:
            attempts: dict[tuple[bytes, ...], list[int]] = {}
            leases: dict[tuple[bytes, ...], float | None] = {}
            for pid in table:
                env = tree.environment(pid)
                if self._mark in env:
                    told = dict(entry.partition(b"=")[::2] for entry in env)
                    key = tuple(told.get(name, b"") for name in _OF)
                    attempts.setdefault(key, []).append(pid)
                    leases[key] = _number(told.get(b"CDKTR_LEASE_S", b""))
            found: set[int] = set()
            for key, pids in attempts.items():
                lease_s = leases[key]
                since = max(self._renewed_at, min(tree.started_at(pid) for pid in pids))
                if lease_s is not None and since + lease_s <= now:
                    found.update(pids)
            return found

        return _end(roots, supervisor)

    def end_strangers(self, supervisor: int) -> tuple[int, int]:
        """The same for our children that are not the supervisor: parts of a dead one's tasks that
        came to us, a subreaper, whatever their environment says."""
        me = os.getpid()
        if not supervisor:
            return 0, 0  # which of them it is cannot be told

        def roots(table: dict[int, tree.Seen]) -> set[int]:
            return {pid for pid, seen in table.items() if seen.ppid == me and pid != supervisor}

        return _end(roots, supervisor)


def reap() -> None:
    """Take all children that have ended."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def _end(roots: Callable[[dict[int, tree.Seen]], set[int]], supervisor: int) -> tuple[int, int]:
    ended: set[int] = set()
    until = time.monotonic() + PATIENCE_S
    pause = 0.001
    while True:
        table = tree.look()
        spared = {supervisor, *tree.lineage(table, os.getpid())} - {0}
        found = roots(table) - spared
        pids = tree.family(table, found) - spared if found else set()
        if not pids or time.monotonic() >= until:
            return len(ended), len(pids)
        ended |= pids
        tree.send(pids, signal.SIGKILL)
        time.sleep(pause)
        pause = min(0.02, pause * 2)


def _number(text: bytes) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None

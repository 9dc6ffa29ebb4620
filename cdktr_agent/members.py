"""Whose is a process, and who belongs to an attempt.

A task's programs each lead a session of their own; what outlives its parents becomes a child of
ours, and is known by that session or by the variables it was started with. Signals nobody and
remembers only whose an orphan is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from cdktr_agent import tree
from cdktr_agent.attempt import Attempt
from cdktr_agent.environment import identity


class Members:
    """`running` are the attempts there are, `by_pid` those whose program is a child of ours."""

    def __init__(self, running: Mapping[str, Attempt], by_pid: Mapping[int, Attempt]) -> None:
        self._running = running
        self._by_pid = by_pid
        self._orphans = tree.Orphans()
        self._owners: dict[int, str] = {}

    def gone(self, pid: int) -> None:
        """A child of ours has ended."""
        self._owners.pop(pid, None)

    def leftovers(self, attempt: Attempt) -> bool:
        """Is anybody left of an attempt whose programs have ended?"""
        strangers = self._orphans.children() - self._by_pid.keys()
        return bool(strangers) and any(self._owner(pid, attempt) for pid in strangers)

    def _owner(self, pid: int, attempt: Attempt) -> bool:
        """Does this orphan belong to `attempt`? One that belongs to nobody we know belongs to the
        last attempt there is."""
        owner = self._owners.get(pid)
        if owner is None:
            seen = tree.look_at(pid)
            if seen is None or seen.state in "ZX":
                return False
            owner = ""
            env = tree.environment(pid)
            for token, candidate in self._running.items():
                ours = seen.session == candidate.pid or seen.session in candidate.pids
                if ours or env.issuperset(identity(candidate.spec)):
                    owner = token
            self._owners[pid] = owner
        if owner not in self._running:
            return len(self._running) == 1
        return owner == attempt.spec.token

    def of(self, attempt: Attempt) -> set[int]:
        """All that are alive of it."""
        table = tree.look()
        me = os.getpid()
        roots = {attempt.pid} if attempt.pid else set()
        for pid, seen in table.items():
            if seen.ppid == me and pid not in self._by_pid and self._owner(pid, attempt):
                roots.add(pid)
        return tree.family(table, roots) - {me}

    def of_program(self, attempt: Attempt) -> set[int]:
        """The program that runs now and all it has started, as far as that has not left it."""
        return tree.family(tree.look(), {attempt.pid}) - {os.getpid()}

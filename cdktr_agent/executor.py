"""Attempts as they run: reading their output, noticing their end, ending them with all they left.

An attempt is over when its main process has exited, its output was read to the end (or for
`READ_S`) and nobody of its tree is left; only then is it told, so that two attempts of a task
never overlap. Ending means TERM to the whole tree, KILL after a grace, and looking again until it
is empty. Knows nothing of slots, leases and results' ways.
"""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from cdktr_agent import tree
from cdktr_agent.desk import report
from cdktr_agent.outcome import conclude, result_of
from cdktr_agent.process import Attempt, CannotStart, Spawner, identity
from cdktr_agent.turns import Turns, clock
from cdktr_common.catalogue.values import TaskResult

READ_S: Final = 2.0
"""How long output is read after the main process has ended, while others hold the pipe."""

QUIET_S: Final = 0.1
"""How long a line without end waits for more."""

UNWATCHED_S: Final = 0.002
"""A short task is over before it is worth watching its pipes: they are read at its end."""

STUCK_S: Final = 60.0

_READ: Final = 1 << 16
_PIPE: Final = 1 << 20

Over = Callable[[Attempt, TaskResult | None], None]
Freed = Callable[[str], None]
NoRoom = Callable[[], None]


class Executor:
    """For each attempt `freed` is called when nobody of it is left, and then `over`, with its
    result or None when it was dropped. `no_room`: output cannot even be closed."""

    def __init__(self, turns: Turns, freed: Freed, over: Over, no_room: NoRoom) -> None:
        self._turns = turns
        self._freed = freed
        self._over = over
        self._no_room = no_room
        self.spawner = Spawner()
        self.stop_grace_s = 5.0
        self.running: dict[str, Attempt] = {}
        self._by_pid: dict[int, Attempt] = {}
        self._fresh: deque[tuple[float, Attempt]] = deque()
        self._partial: dict[tuple[str, int], float] = {}
        self._orphans = tree.Orphans()
        self._owners: dict[int, str] = {}
        self._unclosed: list[Attempt] = []
        self._finished: list[Attempt] = []

    # Starting

    def prepare(self, attempt: Attempt) -> None:
        """Do what can be done before it is its turn. What goes wrong shows when it starts."""
        if attempt.plan is None and not (attempt.spec.workdir or attempt.shared.workdir):
            with suppress(CannotStart, OSError):
                self.spawner.prepare(attempt)

    def start(self, attempt: Attempt) -> None:
        """Start it. One that cannot be started is over at once. Raises OSError when the machine
        has no room for a process now."""
        attempt.started_ts = time.time()
        try:
            self.spawner.start(attempt)
        except CannotStart as fault:
            attempt.ended_ts = time.time()
            attempt.spool.close(attempt.ended_ts)
            self._freed(attempt.spec.token)
            self._over(attempt, result_of(attempt, "FAILED", fault.code, fault.reason))
            return
        self.running[attempt.spec.token] = attempt
        self._by_pid[attempt.pid] = attempt
        self._fresh.append((self._turns.now + UNWATCHED_S, attempt))
        if clock() >= attempt.held.deadline:
            self.end(attempt, "lease", 0.0)  # the machine stood still just before it was started

    # Time

    def due(self) -> float | None:
        """When `tick` wants to be called at the latest."""
        dues = []
        while self._fresh and self._fresh[0][1].exited:
            self._fresh.popleft()  # over before it was worth watching
        if self._fresh:
            dues.append(self._fresh[0][0])
        if self._partial:
            dues.append(next(iter(self._partial.values())))
        return min(dues) if dues else None

    def tick(self) -> None:
        """What has become due."""
        now = self._turns.now
        while self._fresh and self._fresh[0][0] <= now:
            self._watch(self._fresh.popleft()[1])
        while self._partial:
            key, due = next(iter(self._partial.items()))
            if due > now:
                break
            del self._partial[key]
            attempt = self.running[key[0]]
            if attempt.spool.quiet(key[1], time.time()):
                self._partial[key] = now + QUIET_S

    # Output

    def _watch(self, attempt: Attempt) -> None:
        for stream in (0, 1):
            fd = attempt.fds[stream]
            if fd >= 0:
                self._turns.watch(fd, partial(self._readable, attempt, stream))

    def _readable(self, attempt: Attempt, stream: int) -> None:
        self._read(attempt, stream, 8)
        if attempt.exited and attempt.fds == [-1, -1]:
            self._wind_up(attempt)

    def _read(self, attempt: Attempt, stream: int, times: int, to_end: bool = False) -> None:
        """Read what is there, at most so many pieces; closes the pipe at its end."""
        fd = attempt.fds[stream]
        for count in range(times):
            try:
                data = os.read(fd, _READ)
            except BlockingIOError:
                return
            if not data:
                self._close(attempt, stream)
                if self._partial:
                    self._partial.pop((attempt.spec.token, stream), None)
                return
            key = (attempt.spec.token, stream)
            if count == 1 and len(data) == _READ:
                _widen(fd)
            waits = attempt.spool.write(stream, data, time.time())
            self._partial.pop(key, None)
            if waits:
                self._partial[key] = self._turns.now + QUIET_S
            if len(data) < 4096 and not to_end:
                return  # likely all there is

    def _close(self, attempt: Attempt, stream: int) -> None:
        fd = attempt.fds[stream]
        if fd >= 0:
            self._turns.unwatch(fd)
            os.close(fd)
            attempt.fds[stream] = -1

    # The end

    def reap(self) -> None:
        """Take the children that have ended; called on SIGCHLD."""
        ended = []
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            self._owners.pop(pid, None)
            attempt = self._by_pid.pop(pid, None)
            if attempt is not None:
                attempt.exited = True
                attempt.status = os.waitstatus_to_exitcode(status)
                ended.append(attempt)
        for attempt in ended:
            self._exited(attempt)

    def _exited(self, attempt: Attempt) -> None:
        for stream in (0, 1):
            if attempt.fds[stream] >= 0:
                self._read(attempt, stream, 64, True)
        if attempt.fds == [-1, -1]:
            self._wind_up(attempt)
            return
        fresh = [entry for entry in self._fresh if entry[1] is attempt]
        for entry in fresh:
            self._fresh.remove(entry)
            self._watch(attempt)
        self._turns.later(READ_S, partial(self._wind_up, attempt))

    def _wind_up(self, attempt: Attempt) -> None:
        """The main process is gone and its output read: is anybody left?"""
        if attempt.spec.token not in self.running:
            return
        if not self._has_leftovers(attempt):
            self._complete(attempt)
        elif not attempt.kill_at:
            kill_at = min(self._turns.now + self.stop_grace_s, attempt.held.deadline)
            self._terminate(attempt, kill_at)

    def _has_leftovers(self, attempt: Attempt) -> bool:
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
            for token, candidate in self.running.items():
                if seen.session == candidate.pid or env.issuperset(identity(candidate.spec)):
                    owner = token
            self._owners[pid] = owner
        if owner not in self.running:
            return len(self.running) == 1
        return owner == attempt.spec.token

    def _members(self, attempt: Attempt) -> set[int]:
        table = tree.look()
        me = os.getpid()
        roots = {attempt.pid}
        for pid, seen in table.items():
            if seen.ppid == me and pid not in self._by_pid and self._owner(pid, attempt):
                roots.add(pid)
        return tree.family(table, roots) - {me}

    def end(self, attempt: Attempt, why: str, kill_at: float) -> None:
        """End it with all that belongs to it: TERM now, KILL at `kill_at`. It is over some time
        later."""
        self.reap()  # one that has just ended by itself is not ended by us
        if attempt.spec.token not in self.running:
            return
        if not attempt.exited and (why == "drop" or not attempt.why):
            attempt.why = why
        if not attempt.kill_at:
            self._terminate(attempt, kill_at)
        elif kill_at < attempt.kill_at:
            attempt.kill_at = kill_at
            self._turns.later(max(0.0, kill_at - self._turns.now), partial(self._kill, attempt))

    def _kill(self, attempt: Attempt) -> None:
        if attempt.spec.token in self.running:
            tree.send(self._members(attempt), signal.SIGKILL)

    def _terminate(self, attempt: Attempt, kill_at: float) -> None:
        attempt.kill_at = kill_at
        self._look(attempt, set(), 0.01)

    def _look(self, attempt: Attempt, termed: set[int], pause: float) -> None:
        """Signal who is there and look again later, until nobody is."""
        if attempt.spec.token not in self.running:
            return
        now = self._turns.now
        members = self._members(attempt)
        if not members and attempt.exited:
            self._complete(attempt)
            return
        if now < attempt.kill_at:
            tree.send(members - termed, signal.SIGTERM)
        else:
            tree.send(members, signal.SIGKILL)
            if now > attempt.kill_at + STUCK_S and not attempt.stuck:
                attempt.stuck = True  # uninterruptible: the slot stays closed until it dies
                report(f"cannot end {sorted(members)} of {attempt.spec.token}")
        again = partial(self._look, attempt, termed | members, min(0.1, pause * 1.5))
        if now < attempt.kill_at:
            pause = min(pause, attempt.kill_at - now)
        self._turns.later(pause, again)

    def _complete(self, attempt: Attempt) -> None:
        """Nobody is left: its slot is free. The rest of the work follows with `conclude`."""
        token = attempt.spec.token
        for stream in (0, 1):
            if attempt.fds[stream] >= 0:
                self._read(attempt, stream, 64, True)  # what was written up to the end
                self._close(attempt, stream)
            if self._partial:
                self._partial.pop((token, stream), None)
        del self.running[token]
        attempt.ended_ts = time.time()
        self._finished.append(attempt)
        self._freed(token)

    def conclude(self) -> None:
        """Tell which attempts are over; after free slots were filled."""
        finished, self._finished = self._finished, []
        for attempt in finished:
            if not attempt.spool.close(attempt.ended_ts):
                self._unclosed.append(attempt)
                if len(self._unclosed) == 1:
                    self._no_room()
                    self._turns.later(0.05, self._close_again)
            self._over(attempt, conclude(attempt, self._turns.now))

    def _close_again(self) -> None:
        ts = time.time()
        self._unclosed = [attempt for attempt in self._unclosed if not attempt.spool.close(ts)]
        if self._unclosed:
            self._no_room()
            self._turns.later(1.0, self._close_again)


def _widen(fd: int) -> None:
    """A task that fills its pipe gets a larger one: fewer switches between it and us."""
    try:
        if fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ) < _PIPE:
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE)
    except OSError:
        pass  # over the user's allowance

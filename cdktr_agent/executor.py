"""Attempts as they run: one program after another, their end, ending them with all they left.

An attempt is over when its last program has exited, its output was read to the end (or for
`READ_S`) and nobody of its tree is left; only then is it told, so that two attempts of a task
never overlap. What a program leaves running lives until then. Ending means a signal to the whole
tree, KILL after a grace, and looking again until it is empty. Knows nothing of slots, leases and
results' ways.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from cdktr_agent import harvest, tree
from cdktr_agent.artifacts import Shipment
from cdktr_agent.attempt import Attempt
from cdktr_agent.desk import report
from cdktr_agent.members import Members
from cdktr_agent.outcome import as_by_shell, conclude, end_of, result_of
from cdktr_agent.pipes import Pipes
from cdktr_agent.process import Spawner
from cdktr_agent.programs import CannotStart
from cdktr_agent.steps import Part
from cdktr_agent.turns import Turns, clock
from cdktr_common.catalogue.values import StepSpec, TaskResult

READ_S: Final = 2.0
"""How long output is read after the last program has ended, while others hold the pipe."""

STUCK_S: Final = 60.0

LONG_S: Final = 1.0
"""Shorter ones are not asked how far they are."""

Over = Callable[[Attempt, TaskResult | None], None]
Freed = Callable[[str], None]
NoRoom = Callable[[], None]


class Executor:
    """For each attempt `freed` is called when nobody of it is left, and then `over`, with its
    result or None when it was dropped. `no_room`: output cannot even be closed."""

    def __init__(
        self, turns: Turns, spawner: Spawner, freed: Freed, over: Over, no_room: NoRoom
    ) -> None:
        self._turns = turns
        self._freed = freed
        self._over = over
        self._no_room = no_room
        self.spawner = spawner
        self.stop_grace_s = 5.0
        self.running: dict[str, Attempt] = {}
        self._by_pid: dict[int, Attempt] = {}
        self._pipes = Pipes(turns, self._wind_up)
        self._members = Members(self.running, self._by_pid)
        self._unclosed: list[Attempt] = []
        self._finished: list[Attempt] = []

    # Starting

    def prepare(self, attempt: Attempt) -> None:
        """Do what can be done before it is its turn. What goes wrong shows when it starts."""
        if attempt.program is None and not attempt.special and not attempt.workdir:
            with suppress(CannotStart, OSError):
                self.spawner.prepare(attempt)

    def start(self, attempt: Attempt) -> None:
        """Start it. One that cannot be started is over at once. Raises OSError when the machine
        has no room for a process now."""
        attempt.started_ts = time.time()
        try:
            self.spawner.start(attempt)
        except CannotStart as fault:
            if attempt.fds[0] < 0:
                self._never_began(attempt, fault)
                return
            self.running[attempt.spec.token] = attempt
            self._part_over(attempt, fault.code, fault.reason)
            return
        self.running[attempt.spec.token] = attempt
        self._by_pid[attempt.pid] = attempt
        self._pipes.opened(attempt)
        if attempt.course is not None:
            self._limit(attempt)
        if clock() >= attempt.held.deadline:
            self.end(attempt, "lease", 0.0)  # the machine stood still just before it was started

    def _never_began(self, attempt: Attempt, fault: CannotStart) -> None:
        attempt.ended_ts = time.time()
        attempt.spool.close(attempt.ended_ts)
        self._freed(attempt.spec.token)
        self._over(attempt, result_of(attempt, "FAILED", fault.code, fault.reason))

    # One program after another

    def _part_over(self, attempt: Attempt, code: int, reason: str) -> None:
        """A program of several has ended, or cannot be started: the next, or the end."""
        assert attempt.course is not None
        part = attempt.course.part
        if attempt.late_step:
            attempt.late_step = False
            seconds = part.what.timeout_s or 0
            code, reason = 124, f"timed out after {seconds:g} s"
        self._pipes.read_all(attempt)
        self._pipes.flush(attempt)
        following = None if attempt.why else attempt.course.over(code, reason)
        if following is not None and following.kind == "post":
            harvest.gather(attempt)  # what steps after the task write is for nobody
        while following is not None:
            fault = self._start_part(attempt, following)
            if fault is None:
                return
            following = attempt.course.over(fault.code, fault.reason)
        attempt.exited = True
        self.spawner.hand_over(attempt)
        self._exited(attempt)

    def _start_part(self, attempt: Attempt, part: Part) -> CannotStart | None:
        try:
            self.spawner.start_next(attempt, part)
        except CannotStart as fault:
            return fault
        except OSError as fault:
            return CannotStart(126, f"cannot start: {fault.strerror}")
        self._by_pid[attempt.pid] = attempt
        self._limit(attempt)
        return None

    def _limit(self, attempt: Attempt) -> None:
        """Steps have time-outs of their own."""
        assert attempt.course is not None
        step = attempt.course.part.what
        if isinstance(step, StepSpec) and step.timeout_s is not None:
            late = partial(self._step_late, attempt.spec.token, attempt.pid)
            self._turns.later(step.timeout_s, late)

    def _step_late(self, token: str, pid: int) -> None:
        attempt = self.running.get(token)
        if attempt is not None and self._by_pid.get(pid) is attempt and not attempt.kill_at:
            attempt.late_step = True
            tree.send(self._members.of_program(attempt), attempt.stop_signal)
            self._turns.later(self._grace(attempt), partial(self._kill_step, attempt, pid))

    def _kill_step(self, attempt: Attempt, pid: int) -> None:
        if self._by_pid.get(pid) is attempt:
            tree.send(self._members.of_program(attempt), signal.SIGKILL)

    # Time

    def due(self) -> float | None:
        """When `tick` wants to be called at the latest."""
        return self._turns.now if self.spawner.places.untidy else self._pipes.due()

    def tick(self) -> None:
        """What has become due."""
        self._pipes.tick()
        if self.spawner.places.untidy:
            self.spawner.places.tidy()

    def progress(self) -> dict[str, float]:
        """What those that have run for a while say of how far they are, when it is news."""
        since = time.time() - LONG_S
        found = {}
        for token, attempt in self.running.items():
            if attempt.started_ts < since and (number := harvest.progress(attempt)) is not None:
                found[token] = number
        return found

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
            self._members.gone(pid)
            attempt = self._by_pid.pop(pid, None)
            if attempt is not None:
                attempt.status = self._status(attempt, status)
                attempt.exited = attempt.course is None
                ended.append(attempt)
        for attempt in ended:
            if attempt.course is None:
                self._exited(attempt)
            else:
                self._part_over(attempt, *end_of(attempt.status))

    def _status(self, attempt: Attempt, status: int) -> int:
        """How it has ended; one whose shell was left out as that would have, had it waited."""
        code = os.waitstatus_to_exitcode(status)
        ended_by_us = attempt.kill_at or attempt.late_step or clock() >= attempt.held.deadline
        if not attempt.direct or ended_by_us:
            return code
        code, said = as_by_shell(code, os.WCOREDUMP(status))
        if said:
            self._pipes.say(attempt, said)
        return code

    def _exited(self, attempt: Attempt) -> None:
        if self._pipes.read_all(attempt):
            self._wind_up(attempt)
            return
        self._pipes.watch(attempt)
        self._turns.later(READ_S, partial(self._wind_up, attempt))

    def _wind_up(self, attempt: Attempt) -> None:
        """The last program is gone and its output read: is anybody left?"""
        if attempt.spec.token not in self.running:
            return
        if not self._members.leftovers(attempt):
            self._complete(attempt)
        elif not attempt.kill_at:
            kill_at = min(self._turns.now + self._grace(attempt), attempt.held.deadline)
            self._terminate(attempt, kill_at)

    def _grace(self, attempt: Attempt) -> float:
        own = attempt.spec.stop_grace_s
        return self.stop_grace_s if own is None else own

    def end(self, attempt: Attempt, why: str, kill_at: float) -> None:
        """End it with all that belongs to it: its signal now, KILL at `kill_at`. It is over some
        time later."""
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
            tree.send(self._members.of(attempt), signal.SIGKILL)

    def _terminate(self, attempt: Attempt, kill_at: float) -> None:
        attempt.kill_at = kill_at
        self._look(attempt, set(), 0.01)

    def _look(self, attempt: Attempt, termed: set[int], pause: float) -> None:
        """Signal who is there and look again later, until nobody is."""
        if attempt.spec.token not in self.running:
            return
        now = self._turns.now
        members = self._members.of(attempt)
        if not members and attempt.exited:
            self._complete(attempt)
            return
        if now < attempt.kill_at:
            attempt.signalled = attempt.signalled or attempt.stop_signal
            tree.send(members - termed, attempt.stop_signal)
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
        self._pipes.close(attempt)
        del self.running[token]
        attempt.ended_ts = time.time()
        self._finished.append(attempt)
        self._freed(token)

    def conclude(self) -> None:
        """Tell which attempts are over; after free slots were filled."""
        finished, self._finished = self._finished, []
        for attempt in finished:
            harvest.gather(attempt)
            if attempt.spec.artifacts and attempt.why != "drop":
                self._ship(attempt, Shipment(attempt))
            else:
                self._close(attempt)

    def _ship(self, attempt: Attempt, shipment: Shipment) -> None:
        """A piece of its artifacts; it is not over before all are in the spool."""
        pause = shipment.go_on()
        if pause is None:
            self._close(attempt)
        else:
            self._turns.later(pause, partial(self._ship, attempt, shipment))

    def _close(self, attempt: Attempt) -> None:
        self.spawner.clear(attempt)
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

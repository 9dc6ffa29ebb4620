"""What the supervisor holds and decides: which task runs when, until when, and what is told of it.

Theory of operation. `obey` takes what the network process says, `starts` gives the tasks to start
now, `freed` and `over` take what became of them; `decide`, once a turn, gives all that is to be
done, in this order. Time comes with each call and never goes back.

    Run --> waiting --starts--> running --freed--> (slot free) --over--> result kept, told
    waiting --End, Release, lease, too long--> result RELEASED or CANCELLED, or dropped
    running --End, time-out, lease--> Stop --> running until freed

What must hold. A lease counts from when the request was sent that brought or renewed it, never
from an arrival: what was read late renews nothing. At its deadline no process of the attempt is
alive: TERM comes early enough before it, KILL at the deadline, and nothing is started that would
be ended right away. `finish` tasks have no deadline. A result is written down (`Keep`) before it
is told (`Tell`), and kept until it is acknowledged. Pure: no clock, no process, no file.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, Literal

import msgspec

from cdktr_agent import local
from cdktr_common.catalogue.values import ResultState, RunContext, TaskResult, TaskSpec

HOLD_S: Final = 0.005
"""Results are told together, this late at most, and at once when no other work waits here."""

RELEASE_S: Final = 0.3
"""What has waited longer for a slot is handed back: others may have one free."""

NO_ROOM_S: Final = 0.1
"""Pause when the machine has no room for a process."""

TASKS_V: Final = 1
"""The newest form of tasks that is understood here."""

NEVER: Final = float("inf")

Why = Literal["cancel", "drop", "drain", "timeout", "lease"]


class Stop(msgspec.Struct, frozen=True):
    """End this attempt with all that belongs to it: TERM now, KILL at `kill_at`. Said again with
    another reason or an earlier time when there is one."""

    token: str
    why: Why
    kill_at: float


class Discard(msgspec.Struct, frozen=True):
    """It was never started and will not be: take back what was made ready."""

    token: str


class Keep(msgspec.Struct, frozen=True):
    """Write these results down before anything that follows."""

    results: list[TaskResult]


class Forget(msgspec.Struct, frozen=True):
    """These results are recorded elsewhere."""

    tokens: list[str]


class Tell(msgspec.Struct, frozen=True):
    """Say this to the network process, if one is there."""

    message: local.ToNetwork


Instruction = Stop | Discard | Keep | Forget | Tell


class Held:
    """An attempt from when it is taken until it is over. `deadline`: when nothing of it may be
    alive; `term_at`: when its ending begins."""

    __slots__ = ("context", "deadline", "running", "slots", "spec", "taken_at", "term_at")

    def __init__(self, spec: TaskSpec, context: RunContext, taken_at: float) -> None:
        self.spec = spec
        self.context = context
        self.taken_at = taken_at
        self.deadline = 0.0
        self.term_at = 0.0
        self.running = False
        self.slots = 0  # that it takes now

    def renew(self, since: float, grace_s: float) -> None:
        """Its lease counts from `since`, if that is later than what it counted from."""
        spec = self.spec
        if spec.on_principal_lost == "finish":
            self.deadline = self.term_at = NEVER
        elif since + spec.lost_after_s > self.deadline:
            self.deadline = since + spec.lost_after_s
            grace_s = grace_s if spec.stop_grace_s is None else spec.stop_grace_s
            self.term_at = self.deadline - min(grace_s, spec.lost_after_s / 4)


class Custody:
    """See the module text. `results` are those an earlier supervisor left."""

    def __init__(self, boot: str, results: Iterable[TaskResult] = (), version: str = "") -> None:
        self.boot = boot
        self.version = version
        self.slots = 0
        self.stop_grace_s = 5.0
        self.held: dict[str, Held] = {}
        self.waiting: deque[Held] = deque()
        self.results = {result.token: result for result in results}
        self.quitting = False
        self._occupied = 0
        self._timed: dict[str, float] = {}
        self._lease_at = NEVER
        self._no_room_until = 0.0
        self._fresh: list[TaskResult] = []
        self._dropped: list[str] = []
        self._fresh_since = 0.0
        self._instructions: list[Instruction] = []

    # From the network process

    def obey(self, order: local.ToSupervisor, now: float) -> None:
        """One line of it."""
        if isinstance(order, local.Run):
            for spec in order.tasks:
                self._admit(spec, order.runs.get(spec.run), order.asked_at, now)
        elif isinstance(order, local.Ack):
            known = [token for token in order.tokens if self.results.pop(token, None) is not None]
            if known:
                self._instructions.append(Forget(known))
        elif isinstance(order, local.Renew):
            self._renew(order)
        elif isinstance(order, local.End):
            for token in order.tokens:
                self._end(token, order.why, now)
        elif isinstance(order, local.Release):
            self._release(len(self.waiting), "not started", now)
        elif isinstance(order, local.Pulse):
            self._instructions.append(Tell(local.Alive(order.at)))
        elif isinstance(order, local.Quit):
            self.quit(now)
        elif isinstance(order, local.Attach):
            self._greet(order, now)

    def _admit(self, spec: TaskSpec, context: RunContext | None, since: float, now: float) -> None:
        if spec.token in self.held or spec.token in self.results:
            return  # said twice
        held = Held(spec, context or RunContext(workflow=""), now)
        held.renew(since, self.stop_grace_s)
        self.held[spec.token] = held
        self.waiting.append(held)
        self._lease_at = min(self._lease_at, held.term_at)

    def _renew(self, renew: local.Renew) -> None:
        for token in renew.tokens:
            held = self.held.get(token)
            if held is not None:
                held.renew(renew.sent_at, self.stop_grace_s)
        self._lease_at = self._next_lease()

    def _greet(self, attach: local.Attach, now: float) -> None:
        self.slots = attach.slots
        self.stop_grace_s = attach.stop_grace_s
        self._announce(now, at_once=True)
        held = [local.hold(each.spec, each.deadline) for each in self.held.values()]
        results = list(self.results.values())
        state = local.State(self.boot, held, results, [], self.version, TASKS_V)
        self._instructions.append(Tell(state))

    def quit(self, now: float) -> None:
        """Leave: what runs is ended first."""
        self.quitting = True
        self._release(len(self.waiting), "not started", now)
        for token in list(self.held):
            self._end(token, "drain", now)

    # Slots

    def starts(self, now: float) -> Iterator[Held]:
        """The tasks to start now, as many as there are free slots for, in the order they came.
        Each is running when it is given. One that asks for more slots than there are gets all."""
        while self._next_fits() and now >= self._no_room_until:
            held = self.waiting.popleft()
            if now >= held.term_at:
                self._hand_back(held, "its lease was over before it was started", now)
                continue
            held.running = True
            held.slots = self._wanted(held)
            self._occupied += held.slots
            if held.spec.timeout_s is not None:
                self._timed[held.spec.token] = now + held.spec.timeout_s
            yield held

    def _wanted(self, held: Held) -> int:
        slots = held.spec.slots
        return 1 if slots <= 1 else min(slots, self.slots)

    def _next_fits(self) -> bool:
        free = self.slots - self._occupied
        return free > 0 and bool(self.waiting) and self._wanted(self.waiting[0]) <= free

    def no_room(self, token: str, now: float) -> None:
        """The machine had no room for its process: it waits again, as the first."""
        held = self.held[token]
        held.running = False
        self._occupied -= held.slots
        self._timed.pop(token, None)
        self.waiting.appendleft(held)
        self._no_room_until = now + NO_ROOM_S

    def freed(self, token: str) -> None:
        """Nobody of its tree is left: its slots are free. `over` follows with what came of it."""
        self._occupied -= self.held[token].slots
        self._timed.pop(token, None)

    def over(self, token: str, result: TaskResult | None, now: float) -> None:
        """Its result; None: nobody wants one."""
        del self.held[token]
        if result is None:
            self._note_fresh(now)
            self._dropped.append(token)
        else:
            self._keep(result, now)

    def soon(self, count: int) -> Iterable[Held]:
        """Those that may be started next, to be made ready."""
        return islice(self.waiting, min(self.slots, count))

    # Ending

    def _end(self, token: str, why: local.EndReason, now: float) -> None:
        held = self.held.get(token)
        if held is None:
            return
        if held.running:
            self._stop(held, why, self._kill_at(held, now))
            return
        self.waiting.remove(held)
        if why == "drop":
            self._instructions.append(Discard(token))
            self.over(token, None, now)
        elif why == "cancel":
            self._unstarted(held, "CANCELLED", "cancelled before it was started", now)
        else:
            self._hand_back(held, "not started", now)

    def _stop(self, held: Held, why: Why, kill_at: float) -> None:
        self._instructions.append(Stop(held.spec.token, why, kill_at))

    def _kill_at(self, held: Held, now: float) -> float:
        own = held.spec.stop_grace_s
        return min(now + (self.stop_grace_s if own is None else own), held.deadline)

    def _release(self, count: int, reason: str, now: float) -> None:
        """Hand back the first `count` that wait."""
        for _ in range(count):
            self._hand_back(self.waiting.popleft(), reason, now)

    def _hand_back(self, held: Held, reason: str, now: float) -> None:
        self._unstarted(held, "RELEASED", reason, now)

    def _unstarted(self, held: Held, state: ResultState, reason: str, now: float) -> None:
        token = held.spec.token
        self._instructions.append(Discard(token))
        self.over(token, TaskResult(token=token, state=state, reason=reason), now)

    def _next_lease(self) -> float:
        return min((held.term_at for held in self.held.values()), default=NEVER)

    def _end_due(self, now: float) -> None:
        """End what has run too long, and whose lease runs out: at the deadline another agent may
        be given the task."""
        if self._timed:
            for token in [token for token, due in self._timed.items() if due <= now]:
                del self._timed[token]
                held = self.held[token]
                self._stop(held, "timeout", self._kill_at(held, now))
        if now < self._lease_at:
            return
        for token, held in list(self.held.items()):
            if held.term_at > now:
                continue
            if held.running:
                held.term_at = NEVER
                self._stop(held, "lease", held.deadline)
            else:
                self._end(token, "drain", now)
        self._lease_at = self._next_lease()

    # Results

    def _keep(self, result: TaskResult, now: float) -> None:
        self._note_fresh(now)
        self.results[result.token] = result
        self._fresh.append(result)

    def _note_fresh(self, now: float) -> None:
        if not self._fresh and not self._dropped:
            self._fresh_since = now

    def _announce(self, now: float, at_once: bool = False) -> None:
        if not self._fresh and not self._dropped:
            return
        if at_once or not self.waiting or now >= self._fresh_since + HOLD_S:
            if self._fresh:
                self._instructions.append(Keep(self._fresh))
            self._instructions.append(Tell(local.Ended(self._fresh, self._dropped)))
            self._fresh, self._dropped = [], []

    # What follows

    def decide(self, now: float) -> list[Instruction]:
        """All that is to be done now."""
        if self._timed or now >= self._lease_at:
            self._end_due(now)
        while self.waiting and now >= self.waiting[0].taken_at + RELEASE_S:
            self._release(1, "no slot free in time", now)
        if self._fresh or self._dropped:
            self._announce(now)
        instructions, self._instructions = self._instructions, []
        return instructions

    def due(self) -> float:
        """When to `decide` at the latest, if nothing happens before."""
        due = self._lease_at
        if self._timed:
            due = min(due, *self._timed.values())
        if self._fresh or self._dropped:
            due = min(due, self._fresh_since + HOLD_S)
        if self.waiting:
            due = min(due, self.waiting[0].taken_at + RELEASE_S)
            if self._next_fits():
                due = min(due, self._no_room_until)
        return due

    @property
    def idle(self) -> bool:
        """Does it hold nothing, and has told all?"""
        return not (self.held or self._fresh or self._dropped or self._instructions)

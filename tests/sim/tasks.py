"""A machine and the tasks that run on it: processes that work, print, end, or refuse to.

A task lives as long as its machine has power, whatever happens to the processes of the agent. How
long it works, what it prints and how it takes a SIGTERM is drawn when it starts.
"""

from __future__ import annotations

import random
from typing import Any

from cdktr_common.catalogue.values import TaskSpec
from tests.sim.disk import Disk
from tests.sim.ledger import Ledger
from tests.sim.world import Process, World

KILL_S = 1.2
"""How long a process may take to be gone after SIGKILL, at most."""

SEEN_S = 1.4
"""For so long after one of them has come back, an agent's processes count as away: starting up,
and ending what they find, takes a moment."""


class Task:
    """The processes of one attempt."""

    __slots__ = ("code", "context", "dice", "ending", "execution", "machine", "spec", "stubborn")

    def __init__(self, machine: Machine, spec: TaskSpec, workflow: str) -> None:
        self.machine = machine
        self.spec = spec
        self.context = workflow
        self.dice = dice = random.Random(machine.world.dice.random())
        self.code = 0 if dice.random() < 0.9 else 3
        self.stubborn = dice.random() < 0.3
        self.ending = False
        self.execution = machine.ledger.begin(spec.token, (spec.run, spec.task), machine)

    @property
    def gone(self) -> bool:
        return self.execution.ended is not None

    def begin(self) -> None:
        """It works for a while, most often a short one, and prints now and then."""
        dice, world = self.dice, self.machine.world
        works_s = dice.choice((0.05, 0.5, 3.0, 8.0, 20.0)) * (0.5 + dice.random())
        for _ in range(dice.choice((0, 0, 1, 2, 4))):
            when = world.now + works_s * dice.random()
            world.at(when, None, self._print, (dice.randrange(1000), dice.random() < 0.3))
        world.at(world.now + works_s, None, self._end, (self.code,))

    def _print(self, number: int, to_stderr: bool) -> None:
        if not self.gone:
            end = "" if number % 7 == 0 else "\n"
            text = f"{self.spec.n} says {number} {'x' * (number % 90)}{end}"
            self.machine.printed(self, 1 if to_stderr else 0, text.encode())

    def term(self) -> None:
        """SIGTERM: it ends soon, or does not care."""
        if not self.stubborn and not self.ending:
            self.ending = True
            world = self.machine.world
            world.at(world.now + 0.3 * self.dice.random(), None, self._end, (143,))

    def kill(self) -> None:
        """SIGKILL."""
        world = self.machine.world
        world.at(world.now + KILL_S * self.dice.random(), None, self._end, (137,))

    def _end(self, code: int) -> None:
        if not self.gone:
            machine = self.machine
            machine.ledger.end(self.execution, code)
            machine.tasks.pop(self.spec.token, None)
            machine.world.tell(machine.name, f"task {self.spec.token} ends with {code}")
            machine.exited(self, code)

    def vanish(self) -> None:
        """With its machine."""
        if not self.gone:
            self.machine.ledger.end(self.execution, None)


class Machine:
    """A host with an agent: its disk, its tasks, the two processes. `offset`: its clock counts
    from another moment than that of others, and begins anew with each boot."""

    def __init__(self, world: World, ledger: Ledger, name: str) -> None:
        self.world = world
        self.ledger = ledger
        self.name = name
        self.disk = Disk()
        self.tasks: dict[str, Task] = {}
        self.offset = 1000.0 * world.dice.random()
        self.powered = True
        self.boots = 0
        self.renewed_at: float | None = None
        self.agent: Any = None
        self.supervisor: Any = None
        self._back_at = -1.0

    def clock(self) -> float:
        return self.world.now + self.offset

    # Who is awake

    @property
    def attended(self) -> bool:
        processes: tuple[Process, ...] = (self.agent, self.supervisor)
        return any(process is not None and process.awake for process in processes)

    def unattended(self, now: float) -> bool:
        """Is nobody there who could end a task, or only since a moment ago?"""
        return not self.attended or now - self._back_at < SEEN_S

    def change(self, process: Process, what: str) -> None:
        """Freeze or thaw one of the two, keeping the record of who is awake."""
        before = self.attended
        getattr(process, what)()
        self.noticed(before)

    def noticed(self, before: bool) -> None:
        """One of them may have come back."""
        if self.attended and not before:
            self._back_at = self.world.now

    # Tasks

    def spawn(self, spec: TaskSpec, workflow: str) -> Task:
        """Start the processes of an attempt."""
        task = self.tasks[spec.token] = Task(self, spec, workflow)
        self.world.tell(self.name, f"task {spec.token} starts")
        task.begin()
        return task

    def printed(self, task: Task, stream: int, data: bytes) -> None:
        """Into the pipe, to the supervisor that started it."""
        if self.supervisor is not None and self.supervisor.owns(task):
            self.supervisor.later(0.0002, self.supervisor.read, task, stream, data)

    def exited(self, task: Task, code: int) -> None:
        """The supervisor that started it hears of it."""
        if self.supervisor is not None and self.supervisor.owns(task):
            self.supervisor.later(0.0002, self.supervisor.exited, task, code)

    def power_off(self) -> None:
        """All processes are gone at once, and what was not synced."""
        self.powered = False
        for process in (self.agent, self.supervisor):
            if process is not None and process.alive:
                process.die()
        for task in list(self.tasks.values()):
            task.vanish()
        self.tasks.clear()
        self.ledger.lose_output(self)
        self.disk.power_failure(self.world.dice)
        self.offset = -self.world.now

"""The supervisor of the simulation: the real custody, outbox and spool over simulated tasks and
disk. What `cdktr_agent.supervisor` does around them is done here in the same order."""

from __future__ import annotations

from typing import Any

import msgspec

from cdktr_agent import custody, local, records, spool
from cdktr_agent.outbox import Outbox
from cdktr_agent.outcome import conclude
from tests.sim.tasks import Machine, Task
from tests.sim.world import Process

LINE_S = 0.0002
"""How long a line takes from one process of an agent to the other."""

LOOK_S = 0.05
"""How often the end of a tree that was told to end is looked for."""


class _Attempt:
    """What the executor knows of a task that it started; as much of it as `conclude` reads."""

    def __init__(self, held: custody.Held, spool_file: spool.Spool, now: float) -> None:
        self.held = held
        self.spec = held.spec
        self.spool = spool_file
        self.task: Task | None = None
        self.why = ""
        self.kill_at = 0.0
        self.status = 0
        self.started_ts = 1e9 + now
        self.ended_ts = 0.0
        self.course = None
        self.direct = False
        self.fault = ""
        self.notes: list[str] = []
        self.secrets = None
        self.outputs = {"of": held.spec.token}
        self.result = str(held.spec.n)


class Supervisor(Process):
    """See the module text."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine.world, f"{machine.name}.s")
        self.machine = machine
        self.peer: Any = None
        self.boot = ""
        self.listens = False
        self.custody = custody.Custody("")
        self._outbox: Outbox
        self._budget = spool.Budget(1 << 30)
        self._changed: set[str] = set()
        self._attempts: dict[str, _Attempt] = {}
        self._count = 0
        self._due = custody.NEVER
        self.sweeps = True

    def owns(self, task: Task) -> bool:
        attempt = self._attempts.get(task.spec.token)
        return self.alive and attempt is not None and attempt.task is task

    def start(self) -> None:
        """A new one: it ends what it finds of its predecessor, then works."""
        before = self.machine.attended
        self.alive = True
        self.listens = False
        self.machine.boots += 1
        self.boot = f"{self.machine.name}-b{self.machine.boots}"
        self._attempts = {}
        self._changed = set()
        self.peer = None
        self.machine.noticed(before)
        self._sweep()

    def _sweep(self) -> None:
        left = [task for task in self.machine.tasks.values() if self.sweeps]
        if left:
            for task in left:
                task.kill()
            self.later(LOOK_S, self._sweep)
            return
        try:
            self._open_files()
        except OSError:  # no room: it ends, and another one tries again
            super().die()
            if self.machine.agent.alive:
                self.machine.agent.later(0.5, self.machine.agent.supervisor_gone)

    def _open_files(self) -> None:
        machine = self.machine
        self._outbox = Outbox(f"{machine.name}/outbox.jsonl")
        self.custody = custody.Custody(self.boot, self._outbox.results.values())
        directory = f"{machine.name}/spool"
        for name in machine.disk.names(directory):
            self._finish(f"{directory}/{name}")
        machine.world.tell(self.name, f"is there as {self.boot}")
        self.listens = True

    def _finish(self, path: str) -> None:
        """Without room for it the ballast is given up."""
        try:
            whole = records.finish(path, 0.0)
        except OSError:
            self.machine.disk.spare = 4096
            whole = records.finish(path, 0.0)
        if not whole:
            del self.machine.disk.files[path]

    # The line to the network process

    def hear(self, orders: list[local.Local]) -> None:
        """Lines from the network process."""
        for order in orders:
            if isinstance(order, local.Attach):
                self.peer = self.machine.agent
            if isinstance(order, local.Freed):
                self._budget.used -= order.size
            else:
                self.custody.obey(order, self.machine.clock())  # type: ignore[arg-type]
        self._turn()

    def _tell(self, message: local.Local) -> None:
        peer = self.peer
        if peer is not None and peer.alive:
            if isinstance(message, local.State):
                names = self.machine.disk.names(f"{self.machine.name}/spool")
                self._changed.clear()
                message = msgspec.structs.replace(message, spools=names)
            peer.later(LINE_S, peer.news, message)

    # Turns

    def _turn(self) -> None:
        now = self.machine.clock()
        self._due = custody.NEVER
        for held in self.custody.starts(now):
            self._start(held)
        self._carry_out(self.custody.decide(now))
        if self._changed and self.peer is not None:
            self._tell(local.Wrote(list(self._changed)))
            self._changed.clear()
        sync = self._outbox.sync_due()
        if sync is not None and sync <= now:
            self._outbox.sync()
            sync = None
        due = min(self.custody.due(), custody.NEVER if sync is None else sync)
        if due < custody.NEVER:
            self._due = due
            self.later(max(0.0, due - now) + 1e-4, self._wake, due)
        if self.custody.quitting and self.custody.idle and not self._attempts:
            self._leave()

    def _wake(self, due: float) -> None:
        if due == self._due:
            self._turn()

    def _leave(self) -> None:
        self._outbox.sync()
        self.machine.world.tell(self.name, "leaves")
        self.die()
        self.machine.agent.later(LINE_S, self.machine.agent.supervisor_gone)

    def _carry_out(self, instructions: list[Any]) -> None:
        for each in instructions:
            if isinstance(each, custody.Tell):
                self._tell(each.message)
            elif isinstance(each, custody.Keep):
                self._outbox.add(each.results, self.machine.clock())
            elif isinstance(each, custody.Forget):
                self._outbox.ack(each.tokens)
            elif isinstance(each, custody.Stop):
                attempt = self._attempts.get(each.token)
                if attempt is not None:
                    self._stop(attempt, each.why, each.kill_at)

    # Tasks

    def _start(self, held: custody.Held) -> None:
        spec = held.spec
        self._count += 1
        name = f"{self.custody.boot}-{self._count}"
        file = spool.Spool(f"{self.machine.name}/spool", name, self._budget, self._changed)
        file.begin(held.context.workflow, spec.run, spec.task, spec.n)
        attempt = self._attempts[spec.token] = _Attempt(held, file, self.world.now)
        attempt.task = self.machine.spawn(spec, held.context.workflow)

    def _stop(self, attempt: _Attempt, why: str, kill_at: float) -> None:
        """TERM now, KILL then."""
        task = attempt.task
        if task is None:
            return
        if why == "drop" or not attempt.why:
            attempt.why = why
        self.machine.world.tell(self.name, f"ends {task.spec.token}: {why}")
        task.term()
        if not attempt.kill_at or kill_at < attempt.kill_at:
            attempt.kill_at = kill_at
            self.later(max(0.0, kill_at - self.machine.clock()), self._kill, attempt)

    def _kill(self, attempt: _Attempt) -> None:
        if attempt.task is not None and not attempt.task.gone:
            attempt.task.kill()

    def read(self, task: Task, stream: int, data: bytes) -> None:
        """Output of a task."""
        attempt = self._attempts.get(task.spec.token)
        if attempt is None or attempt.task is not task:
            return
        spec = task.spec
        name = (spec.run, spec.task, spec.n, records.STREAMS[stream])
        self.machine.ledger.write(name, data, self.machine)
        if attempt.spool.write(stream, data, 1e9 + self.world.now):
            self.later(0.1, self._quiet, attempt, stream)
        if attempt.spool.dropped:
            self._mark_holes(spec)
        self._turn()

    def _quiet(self, attempt: _Attempt, stream: int) -> None:
        if attempt.spool.sizes is None:
            attempt.spool.quiet(stream, 1e9 + self.world.now)
            self._turn()

    def exited(self, task: Task, code: int) -> None:
        """Nobody of its tree is left."""
        attempt = self._attempts.pop(task.spec.token)
        self.custody.freed(task.spec.token)
        self._close(attempt)
        attempt.status = -9 if code == 137 else -15 if code == 143 else code
        attempt.ended_ts = 1e9 + self.world.now
        now = self.machine.clock()
        self.custody.over(task.spec.token, conclude(attempt, now), now)  # type: ignore[arg-type]
        self._turn()

    def _close(self, attempt: _Attempt) -> None:
        if not attempt.spool.close(1e9 + self.world.now):
            self.later(1.0, self._close_again, attempt)
        if attempt.spool.dropped:
            self._mark_holes(attempt.held.spec)

    def _close_again(self, attempt: _Attempt) -> None:
        self._close(attempt)
        self._turn()

    def _mark_holes(self, spec: Any) -> None:
        for stream in records.STREAMS:
            self.machine.ledger.holes.add((spec.run, spec.task, spec.n, stream))

    def die(self) -> None:
        """Killed: what it had not written yet of running tasks is lost."""
        for attempt in self._attempts.values():
            self._mark_holes(attempt.held.spec)
        super().die()

"""The judge. It sees what really happened, from outside all programs, and knows the promises.

It is told of every process of a task that begins and ends, every fact when it is durable, every
acknowledgement a client gets, every byte a task wrote and every byte logd stored. It keeps its own
few dictionaries and shares no code with the cores. A broken promise is a `Violation` at the very
step that breaks it. Exceptions that the promise itself states are written here and nowhere else:
an operator's `lost`, and tasks that run on while both processes of their agent are frozen or dead.
"""

from __future__ import annotations

from typing import Any

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.base import Fact
from tests.sim.shouts import Shouts
from tests.sim.world import Violation, World

TaskName = tuple[str, str]
StreamName = tuple[str, str, int, str]


class Execution:
    """A task that really runs on a machine."""

    __slots__ = ("code", "ended", "host", "name", "started", "token")

    def __init__(self, token: str, name: TaskName, host: Any, started: float) -> None:
        self.token = token
        self.name = name
        self.host = host
        self.started = started
        self.ended: float | None = None
        self.code: int | None = None


class Ledger:
    """See the module text."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.facts = 0
        self.runs: dict[str, f.RunCreated] = {}
        self.ended_runs: set[str] = set()
        self.keys: dict[str, list[str]] = {}
        self.acknowledged: dict[str, str] = {}
        self.current: dict[TaskName, str] = {}
        self.assigned: set[str] = set()
        self.ended_tasks: dict[TaskName, str] = {}
        self.closed: dict[str, str] = {}
        self.running: dict[TaskName, list[Execution]] = {}
        self.executions: dict[str, Execution] = {}
        self.written: dict[StreamName, bytearray] = {}
        self.stored: dict[StreamName, bytearray] = {}
        self.holes: set[StreamName] = set()
        self.origin: dict[StreamName, Any] = {}
        self.counts: dict[str, int] = {}
        self.shouts = Shouts()

    def count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    # What the principal made durable

    def fact(self, fact: Fact) -> None:
        """One fact is on the disk."""
        if fact.seq != self.facts + 1:
            raise Violation(f"fact {fact.seq} was written after fact {self.facts}")
        self.facts = fact.seq
        judge = self._JUDGES.get(type(fact))
        if judge is not None:
            judge(self, fact)

    def _created(self, fact: f.RunCreated) -> None:
        self.runs[fact.run] = fact
        if fact.event is not None:
            self.shouts.started(fact)
        if fact.key is not None:
            runs = self.keys.setdefault(fact.key, [])
            runs.append(fact.run)
            if len(runs) > 1:
                raise Violation(f"key {fact.key} started two runs: {runs[0]} and {runs[1]}")

    def _assigned(self, fact: f.TaskAssigned) -> None:
        name = (fact.run, fact.task)
        before = self.current.get(name)
        if before is not None:
            raise Violation(f"{fact.token} was assigned while {before} was current")
        if name in self.ended_tasks:
            raise Violation(f"{fact.token} was assigned although the task had ended")
        self.current[name] = fact.token
        self.assigned.add(fact.token)
        self.count("assigned")

    def _back(self, fact: f.TaskReleased | f.TaskCrashed) -> None:
        self._close(fact)
        self.closed[fact.token] = fact.cause if isinstance(fact, f.TaskCrashed) else "released"
        self.count(f"crashed {fact.cause}" if isinstance(fact, f.TaskCrashed) else "released")

    def _retrying(self, fact: f.TaskRetrying) -> None:
        self._close(fact)
        self.closed[fact.token] = "ended"
        self.count("tried again")

    def _close(self, fact: Any) -> None:
        current = self.current.pop((fact.run, fact.task), None)
        if current != fact.token:
            raise Violation(f"a word about {fact.token} was accepted, but {current} was current")

    def _task_ended(self, fact: f.TaskEnded) -> None:
        name = (fact.run, fact.task)
        if name in self.ended_tasks:
            raise Violation(f"task {fact.run}/{fact.task} ended twice")
        self.ended_tasks[name] = fact.state
        if not fact.token:
            return
        self._close(fact)
        self.closed[fact.token] = "ended"
        self.count("accepted")
        execution = self.executions.get(fact.token)
        if fact.state == "COMPLETED" and (execution is None or execution.code != 0):
            raise Violation(f"{fact.token} was recorded as COMPLETED, but it did not complete")

    def _stale(self, fact: f.TaskStale) -> None:
        self.count("stale")

    def _run_ended(self, fact: f.RunEnded) -> None:
        if fact.run in self.ended_runs:
            raise Violation(f"run {fact.run} ended twice")
        self.ended_runs.add(fact.run)

    _JUDGES: dict[type[Fact], Any] = {
        f.RunCreated: _created,
        f.TaskAssigned: _assigned,
        f.TaskReleased: _back,
        f.TaskCrashed: _back,
        f.TaskRetrying: _retrying,
        f.TaskEnded: _task_ended,
        f.TaskStale: _stale,
        f.RunEnded: _run_ended,
        f.EventFired: lambda self, fact: self.shouts.fired(fact),
        f.EventDeferred: lambda self, fact: self.shouts.deferred(fact),
    }

    # What clients were told

    def acknowledge(self, key: str, run: str) -> None:
        """A client holds this answer in its hands."""
        before = self.acknowledged.setdefault(key, run)
        if before != run:
            raise Violation(f"key {key} was answered with run {before}, then with {run}")

    def check_acknowledged(self) -> None:
        """After a death of the principal: is all there that was acknowledged?"""
        for key, run in self.acknowledged.items():
            if run not in self.runs:
                raise Violation(f"run {run} was acknowledged (key {key}) and is lost")

    # What really runs

    def begin(self, token: str, name: TaskName, host: Any) -> Execution:
        """A process of a task begins."""
        if token in self.executions:
            raise Violation(f"{token} was started twice")
        if token not in self.assigned:
            raise Violation(f"{token} was started and is not in the journal")
        execution = Execution(token, name, host, self._world.now)
        self.executions[token] = execution
        running = self.running.setdefault(name, [])
        for other in running:
            if self.closed.get(other.token) == "operator" or self.closed.get(token) == "operator":
                continue
            if not other.host.unattended(self._world.now):
                raise Violation(
                    f"two executions overlap: {token} on {host.name} began while {other.token} "
                    f"ran on {other.host.name}"
                )
            self.count("overlaps excused")
        running.append(execution)
        plan = self.runs[name[0]].plan
        for task in plan.tasks:
            if task.id == name[1]:
                for parent in task.depends:
                    if self.ended_tasks.get((name[0], parent)) != "COMPLETED":
                        raise Violation(f"{token} began before {parent} had completed")
        self.count("executions")
        return execution

    def end(self, execution: Execution, code: int | None) -> None:
        """Its last process is gone; `code` when it ended by itself."""
        if execution.ended is None:
            execution.ended = self._world.now
            execution.code = code
            self.running[execution.name].remove(execution)

    # Output

    def write(self, stream: StreamName, data: bytes, host: Any) -> None:
        """A task wrote this, and the supervisor has read it."""
        self.written.setdefault(stream, bytearray()).extend(data)
        self.origin[stream] = host

    def lose_output(self, host: Any) -> None:
        """A machine has lost power: what is not stored yet may be gone with it."""
        for stream, written in self.written.items():
            if self.origin[stream] is host and self.stored.get(stream) != written:
                self.holes.add(stream)

    def store(self, stream: StreamName, offset: int, data: bytes) -> None:
        """logd stored this."""
        stored = self.stored.setdefault(stream, bytearray())
        if offset != len(stored):
            raise Violation(f"{stream}: bytes from {offset} were stored after {len(stored)} bytes")
        stored += data
        if stream in self.holes:
            return
        written = self.written.get(stream, b"")
        if written[offset : offset + len(data)] != data:
            raise Violation(f"{stream}: what is stored at {offset} is not what was written")

    def check_output(self) -> None:
        """At the end: every stream is stored whole; of those that lost a part (with a machine, a
        supervisor or for want of room) every line that is stored, is once and in order."""
        for stream, written in self.written.items():
            stored = self.stored.get(stream, bytearray())
            if stream in self.holes:
                lines = [x for x in bytes(stored).split(b"\n") if x and not x.startswith(b"[cdktr")]
                places = [written.find(line) for line in lines]
                if -1 in places or places != sorted(set(places)):
                    raise Violation(f"{stream}: stored lines are not those written, in order")
            elif stored != written:
                raise Violation(f"{stream}: {len(stored)} of {len(written)} bytes are stored")

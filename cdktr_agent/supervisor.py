"""The supervisor: the process that owns the tasks. No ZeroMQ, no threads.

It starts what the network process hands it as slots become free, keeps output and results on disk
until others have them, and ends what outlives its time-out or its lease. It goes on alone when
the network process is gone, and another one can attach at any time: what it holds is told by
`state`. Started detached; it stays until told to leave, or ten minutes with nothing to do and
nobody attached.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import time
from collections import deque
from typing import Final

from cdktr_agent import local, spool, tree
from cdktr_agent.desk import Desk, report
from cdktr_agent.executor import Executor
from cdktr_agent.outbox import Outbox
from cdktr_agent.process import TRANSIENT, Attempt, Shared, base_environment, discard
from cdktr_agent.turns import Turns, become_subreaper, read_signals, signal_descriptor
from cdktr_common import __version__
from cdktr_common.catalogue.values import ResultState, RunContext, TaskResult, TaskSpec
from cdktr_common.lock import Lock, Locked

HOLD_S: Final = 0.005
"""Results are told together, this late at most, and at once when no other work waits here."""

RELEASE_S: Final = 0.3
"""What has waited longer for a slot is handed back: others may have one free."""

READY: Final = 4
"""Tasks made ready to start before there is a slot."""

ALONE_S: Final = 600.0

NO_SLOT_S: Final = 0.1
"""Pause when the machine has no room for a process."""


class Supervisor:
    """See the module text. All its files are in `directory`."""

    def __init__(self, directory: str, aid: str, line: socket.socket | None) -> None:
        self._directory = directory
        self._turns = Turns()
        self._base = base_environment(aid)
        self._executor = Executor(self._turns, self._over)
        self._outbox = Outbox(f"{directory}/outbox.jsonl")
        self._budget = spool.Budget(1 << 30)
        self._changed: set[str] = set()
        self._boot = os.urandom(6).hex()
        self._slots = 0
        self._waiting: deque[Attempt] = deque()
        self._held: dict[str, Attempt] = {}
        self._shared: dict[str, Shared] = {}
        self._count = 0
        self._results: list[TaskResult] = []
        self._dropped: list[str] = []
        self._results_since = 0.0
        self._lease_at = float("inf")
        self._paths_at = 0.0
        self._no_room_until = 0.0
        self._quitting = False
        self._signals = signal_descriptor((signal.SIGCHLD, signal.SIGTERM, signal.SIGINT))
        self._turns.watch(self._signals, self._signalled)
        self._desk = Desk(self._turns, f"{directory}/supervisor.sock", self._obey)
        if line is not None:
            self._desk.attach(line)

    def recover(self) -> None:
        """Bring in order what an earlier supervisor left: its files, not its tasks."""
        directory = f"{self._directory}/spool"
        for name in os.listdir(directory):
            path = f"{directory}/{name}"
            if spool.finish(path, time.time()):
                self._budget.used += os.path.getsize(path)
            else:
                os.unlink(path)
        for name in os.listdir(f"{self._directory}/payload"):
            os.unlink(f"{self._directory}/payload/{name}")

    # The loop

    def serve(self) -> None:
        """Until told to leave."""
        while not self._finished():
            self._turns.turn(self._due())
            # A free slot first: while the next task starts, the one before it is written down.
            if self._waiting:
                self._start_waiting()
            self._executor.tick()
            self._executor.conclude()
            self._end_expired()
            self._announce()
            if self._waiting:
                self._prepare()
        self._announce(True)
        self._outbox.sync()

    def _finished(self) -> bool:
        if self._held or not self._desk.idle:
            return False
        return self._quitting or self._desk.alone_s > ALONE_S

    def _due(self) -> float | None:
        dues = [self._lease_at]
        if (executor := self._executor.due()) is not None:
            dues.append(executor)
        if self._results or self._dropped:
            dues.append(self._results_since + HOLD_S)
        if self._waiting:
            dues.append(self._waiting[0].taken_at + RELEASE_S)
            if len(self._executor.running) < self._slots:
                dues.append(self._no_room_until)
        if (sync := self._outbox.sync_due()) is not None:
            dues.append(sync)
        if not self._desk.attached:
            dues.append(self._turns.now + ALONE_S)
        due = min(dues)
        return None if due == float("inf") else due

    def _signalled(self) -> None:
        numbers = read_signals(self._signals)
        if signal.SIGCHLD in numbers:
            self._executor.reap()
        # A service manager may signal all processes of the service: with a network process
        # attached it decides, since only it can tell the principal.
        others = [number for number in numbers if number != signal.SIGCHLD]
        if others and not self._desk.attached:
            self._quit()

    # The network process

    def _obey(self, order: local.ToSupervisor) -> None:
        if isinstance(order, local.Run):
            for spec in order.tasks:
                self._admit(spec, order.runs.get(spec.run), order.asked_at)
        elif isinstance(order, local.Ack):
            self._outbox.ack(order.tokens)
        elif isinstance(order, local.Renew):
            for token in order.tokens:
                if token in self._held:
                    attempt = self._held[token]
                    attempt.deadline = _deadline(attempt.spec, order.sent_at)
            self._lease_at = self._next_lease()
        elif isinstance(order, local.End):
            for token in order.tokens:
                self._end(token, order.why)
        elif isinstance(order, local.Release):
            self._release(len(self._waiting), "not started")
        elif isinstance(order, local.Freed):
            self._budget.used -= order.size
        elif isinstance(order, local.Quit):
            self._quit()
        else:
            self._greet(order)

    def _greet(self, attach: local.Attach) -> None:
        self._slots = attach.slots
        self._budget.limit = attach.spool_limit
        self._executor.spawner.stand_in(attach.cwd)
        self._announce(True)
        names = os.listdir(f"{self._directory}/spool")
        sizes = [os.path.getsize(f"{self._directory}/spool/{name}") for name in names]
        self._budget.used = sum(sizes)
        self._changed.clear()
        held, results = list(self._held), list(self._outbox.results.values())
        self._desk.tell(local.State(self._boot, held, results, names, __version__))

    def _quit(self) -> None:
        self._quitting = True
        self._release(len(self._waiting), "not started")
        for token in list(self._held):
            self._end(token, "drain")

    # Work

    def _admit(self, spec: TaskSpec, context: RunContext | None, asked_at: float) -> None:
        if spec.token in self._held or spec.token in self._outbox.results:
            return  # said twice
        try:
            shared = self._share(spec.run, context or RunContext(workflow=""))
        except (OSError, ValueError) as fault:
            self._result(spec, "FAILED", f"environment or payload: {fault}", 126)
            return
        deadline = _deadline(spec, asked_at)
        attempt = Attempt(spec, shared, deadline, self._turns.now)
        self._count += 1
        directory = f"{self._directory}/spool"
        name = f"{self._boot}-{self._count}"
        attempt.spool = spool.Spool(directory, name, self._budget, self._changed)
        attempt.spool.begin(shared.workflow, spec.run, spec.task, spec.n)
        self._held[spec.token] = attempt
        self._waiting.append(attempt)
        self._lease_at = min(self._lease_at, deadline)

    def _share(self, run: str, context: RunContext) -> Shared:
        shared = self._shared.get(run)
        if shared is None:
            path = f"{self._directory}/payload/{run}.json"
            shared = self._shared[run] = Shared(self._base, run, context, path)
        shared.users += 1
        return shared

    def _start_waiting(self) -> None:
        now = self._turns.now
        if now - self._paths_at > 1.0:
            self._executor.spawner.forget_paths()
            self._paths_at = now
        while (
            self._waiting
            and len(self._executor.running) < self._slots
            and now >= self._no_room_until
        ):
            attempt = self._waiting.popleft()
            try:
                self._executor.start(attempt)
            except OSError as fault:
                if fault.errno not in TRANSIENT:
                    raise
                report(f"no room for a process now: {fault}")
                self._waiting.appendleft(attempt)
                self._no_room_until = now + NO_SLOT_S
        while self._waiting and now - self._waiting[0].taken_at >= RELEASE_S:
            self._release(1, "no slot free in time")

    def _prepare(self) -> None:
        """Have the next ones ready for the moment when slots become free."""
        for index in range(min(len(self._waiting), self._slots, READY)):
            self._executor.prepare(self._waiting[index])

    def _release(self, count: int, reason: str) -> None:
        """Hand back the first `count` that wait."""
        for _ in range(count):
            attempt = self._waiting.popleft()
            discard(attempt)
            self._forget(attempt)
            self._result(attempt.spec, "RELEASED", reason)

    def _end(self, token: str, why: local.EndReason) -> None:
        attempt = self._held.get(token)
        if attempt is None:
            return
        if token in self._executor.running:
            self._executor.end(attempt, why)
            return
        self._waiting.remove(attempt)
        discard(attempt)
        self._forget(attempt)
        if why == "drop":
            self._dropped.append(token)
        elif why == "cancel":
            self._result(attempt.spec, "CANCELLED", "cancelled before it was started")
        else:
            self._result(attempt.spec, "RELEASED", "not started")

    def _next_lease(self) -> float:
        return min((attempt.deadline for attempt in self._held.values()), default=float("inf"))

    def _end_expired(self) -> None:
        """End whose lease has run out: from now on another agent may be given the task."""
        now = self._turns.now
        if now < self._lease_at:
            return
        for token, attempt in list(self._held.items()):
            if attempt.deadline > now:
                continue
            if token in self._executor.running:
                attempt.deadline = float("inf")
                self._executor.end(attempt, "lease")
            else:
                self._end(token, "drain")
        self._lease_at = self._next_lease()

    # Results

    def _over(self, attempt: Attempt, result: TaskResult | None) -> None:
        self._forget(attempt)
        if result is None:
            self._dropped.append(attempt.spec.token)
        else:
            self._keep(result)

    def _forget(self, attempt: Attempt) -> None:
        del self._held[attempt.spec.token]
        attempt.shared.users -= 1
        if attempt.shared.users == 0:
            self._shared.pop(attempt.spec.run).discard()

    def _result(
        self, spec: TaskSpec, state: ResultState, reason: str, code: int | None = None
    ) -> None:
        self._keep(TaskResult(token=spec.token, state=state, code=code, reason=reason))

    def _keep(self, result: TaskResult) -> None:
        if not self._results and not self._dropped:
            self._results_since = self._turns.now
        self._results.append(result)

    def _announce(self, now: bool = False) -> None:
        """Write results down, then tell them; tell which spool files have grown."""
        over = self._results or self._dropped
        if over and (now or not self._waiting or self._turns.now - self._results_since >= HOLD_S):
            if self._results and not self._outbox.add(self._results, self._turns.now):
                report("the outbox cannot be written: disk full?")
            self._desk.tell(local.Ended(self._results, self._dropped))
            self._results, self._dropped = [], []
        sync = self._outbox.sync_due()
        if sync is not None and sync <= self._turns.now:
            self._outbox.sync()
        if self._changed and self._desk.attached and self._desk.idle:
            self._desk.tell(local.Wrote(list(self._changed)))
            self._changed.clear()


def _deadline(spec: TaskSpec, since: float) -> float:
    return float("inf") if spec.on_principal_lost == "finish" else since + spec.lost_after_s


def run() -> int:
    """Started by the network process: `DIRECTORY AID FD`, with the connection as descriptor FD."""
    from pathlib import Path

    directory, aid, fd = sys.argv[1:]
    os.umask(0o077)
    line = socket.socket(fileno=int(fd))
    line.set_inheritable(False)
    try:
        lock = Lock(Path(directory) / "supervisor.lock", "cdktr-agent supervisor", aid=aid)
    except Locked as fault:
        report(str(fault))
        return 75
    for name in ("spool", "payload"):
        os.makedirs(f"{directory}/{name}", mode=0o700, exist_ok=True)
    become_subreaper()
    ended = tree.sweep(b"CDKTR_AGENT=" + aid.encode())
    if ended:
        report(f"ended {ended} processes of an earlier supervisor")
    supervisor = Supervisor(directory, aid, line)
    supervisor.recover()
    # What lives now lives on; collections look only at what comes, and not after each few tasks.
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    supervisor.serve()
    lock.release()
    return 0

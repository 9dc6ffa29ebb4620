"""The supervisor: the process that owns the tasks. No ZeroMQ, no threads.

What is started, ended and told, and when, `custody` decides; this is its hands: descriptors,
processes, spool and outbox. It goes on alone when the network process is gone, and another one can
attach at any time: what it holds is told by `state`. Started detached; it stays until told to
leave, or ten minutes with nothing to do and nobody attached.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import time
from typing import Final

import msgspec

from cdktr_agent import local, records, spool, tree
from cdktr_agent.attempt import Attempt
from cdktr_agent.ballast import Ballast
from cdktr_agent.custody import Custody, Forget, Held, Instruction, Keep, Stop, Tell
from cdktr_agent.desk import Desk, report
from cdktr_agent.environment import TRANSIENT, Shared, base_environment
from cdktr_agent.executor import Executor
from cdktr_agent.outbox import Outbox
from cdktr_agent.places import Places
from cdktr_agent.process import Spawner
from cdktr_agent.turns import Turns, become_subreaper, clock, read_signals, signal_descriptor
from cdktr_common import __version__
from cdktr_common.catalogue.values import TaskResult
from cdktr_common.lock import Lock, Locked

READY: Final = 4
"""Tasks made ready to start before there is a slot."""

ALONE_S: Final = 600.0

LEASE_LOOK_S: Final = 1.0
"""Between two looks at the leases at most: waiting does not count the time of a suspended machine,
leases do."""


class Supervisor:
    """See the module text. All its files are in `directory`."""

    def __init__(self, directory: str, aid: str, boot: str, line: socket.socket | None) -> None:
        self._directory = directory
        self._turns = Turns()
        self._base = base_environment(aid)
        self._outbox = Outbox(f"{directory}/outbox.jsonl")
        self._custody = Custody(boot, self._outbox.results.values(), __version__)
        self._places = Places(f"{directory}/tasks")
        self._spawner = Spawner(self._places)
        self._executor = Executor(
            self._turns, self._spawner, self._custody.freed, self._over, self._disk_full
        )
        self._ballast = Ballast(f"{directory}/ballast")
        self._budget = spool.Budget(1 << 30, self._ballast)
        self._changed: set[str] = set()
        self._attempts: dict[str, Attempt] = {}
        self._shared: dict[str, Shared] = {}
        self._count = 0
        self._writes = True  # does the outbox?
        self._paths_at = 0.0
        self._look_at = 0.0  # for progress
        self._no_room = False  # was there none for the last one?
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
            if self._finish(path):
                self._budget.used += os.path.getsize(path)
            else:
                os.unlink(path)
        for name in os.listdir(f"{self._directory}/payload"):
            os.unlink(f"{self._directory}/payload/{name}")
        self._places.clear()

    def _finish(self, path: str) -> bool:
        try:
            return records.finish(path, time.time())
        except OSError:
            self._disk_full()
        try:
            return records.finish(path, time.time())
        except OSError:
            return True  # the next supervisor closes it

    def _disk_full(self) -> None:
        """Something has to be written, output excepted: the ballast goes until there is room."""
        if not self._ballast.given_up:
            report("the disk is full: no output is kept until there is room")
            self._ballast.give_up()
            self._turns.later(1.0, self._room_again)

    def _room_again(self) -> None:
        if self._ballast.lay_in():
            report("there is room for output again")
        else:
            self._turns.later(1.0, self._room_again)

    # The loop

    def serve(self) -> None:
        """Until told to leave."""
        while not self._finished():
            self._turns.turn(self._due())
            # A free slot first: while the next task starts, the one before it is written down.
            if self._custody.waiting:
                self._start_waiting()
            self._executor.tick()
            self._executor.conclude()
            self._carry_out(self._custody.decide(self._turns.now))
            self._tell_of_files()
            if self._custody.held and self._turns.now >= self._look_at:
                self._tell_of_progress()
            if self._custody.waiting:
                for held in self._custody.soon(READY):
                    self._prepare(held)
        self._outbox.sync()

    def _finished(self) -> bool:
        if not self._custody.idle or not self._desk.idle:
            return False
        return self._custody.quitting or self._desk.alone_s > ALONE_S

    def _due(self) -> float | None:
        dues = [self._custody.due()]
        if self._custody.held:
            dues.append(self._turns.now + LEASE_LOOK_S)
        if (executor := self._executor.due()) is not None:
            dues.append(executor)
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
            self._custody.quit(self._turns.now)

    def _obey(self, order: local.ToSupervisor) -> None:
        if isinstance(order, local.Freed):
            self._budget.used -= order.size
            return
        if isinstance(order, local.Attach):
            self._budget.limit = order.spool_limit
            self._spawner.stand_in(order.cwd)
            self._spawner.umask = order.umask
            self._executor.stop_grace_s = order.stop_grace_s
        self._custody.obey(order, self._turns.now)

    def _carry_out(self, instructions: list[Instruction]) -> None:
        for each in instructions:
            if isinstance(each, Tell):
                self._tell(each.message)
            elif isinstance(each, Keep):
                written = self._outbox.add(each.results, self._turns.now)
                if not written:
                    self._disk_full()
                if written != self._writes:
                    self._writes = written
                    again = "can be written again" if written else "cannot be written: disk full?"
                    report(f"the outbox {again}")
            elif isinstance(each, Forget):
                self._outbox.ack(each.tokens)
            elif isinstance(each, Stop):
                attempt = self._executor.running.get(each.token)
                if attempt is not None:
                    self._executor.end(attempt, each.why, each.kill_at)
            else:
                self._discard(each.token)

    def _tell(self, message: local.ToNetwork) -> None:
        if isinstance(message, local.State):
            names = os.listdir(f"{self._directory}/spool")
            sizes = [os.path.getsize(f"{self._directory}/spool/{name}") for name in names]
            self._budget.used = sum(sizes)
            self._changed.clear()
            message = msgspec.structs.replace(message, spools=names)
        self._desk.tell(message)

    def _tell_of_files(self) -> None:
        """Which spool files have grown; and results that wait long are synced."""
        sync = self._outbox.sync_due()
        if sync is not None and sync <= self._turns.now:
            self._outbox.sync()
        if self._changed and self._desk.attached and self._desk.idle:
            self._desk.tell(local.Wrote(list(self._changed)))
            self._changed.clear()

    def _tell_of_progress(self) -> None:
        """About once a second, when leases are looked at anyway."""
        self._look_at = self._turns.now + LEASE_LOOK_S
        of = self._executor.progress()
        if of:
            self._desk.tell(local.Progress(of))

    # Attempts

    def _start_waiting(self) -> None:
        now = clock()  # not when the turn began: this process may have stood still since
        if now - self._paths_at > 1.0:
            self._spawner.forget_paths()
            self._paths_at = now
        for held in self._custody.starts(now):
            try:
                attempt = self._attempt(held)
                if attempt is not None:
                    self._executor.start(attempt)
            except OSError as fault:
                if fault.errno not in TRANSIENT:
                    raise
                if not self._no_room:
                    report(f"no room for a process now: {fault}")
                self._no_room = True
                self._custody.no_room(held.spec.token, now)
            else:
                self._no_room = False

    def _attempt(self, held: Held) -> Attempt | None:
        """What is needed to start it; None: it cannot be had, and that is its result."""
        spec = held.spec
        known = self._attempts.get(spec.token)
        if known is not None:
            return known
        try:
            shared = self._share(spec.run, held)
        except (OSError, ValueError) as fault:
            if isinstance(fault, OSError) and fault.errno in TRANSIENT:
                raise
            reason = f"environment or payload: {fault}"
            failed = TaskResult(token=spec.token, state="FAILED", code=126, reason=reason)
            self._custody.freed(spec.token)
            self._custody.over(spec.token, failed, self._turns.now)
            return None
        attempt = self._attempts[spec.token] = Attempt(held, shared)
        self._count += 1
        name = f"{self._custody.boot}-{self._count}"
        directory = f"{self._directory}/spool"
        attempt.spool = spool.Spool(directory, name, self._budget, self._changed)
        attempt.spool.begin(shared.workflow, spec.run, spec.task, spec.n)
        return attempt

    def _prepare(self, held: Held) -> None:
        """Have it ready for the moment when a slot becomes free. Only where its run is known
        here: what goes wrong before shows when it is started."""
        if held.spec.run in self._shared:
            attempt = self._attempt(held)
            if attempt is not None:
                self._executor.prepare(attempt)

    def _share(self, run: str, held: Held) -> Shared:
        shared = self._shared.get(run)
        if shared is None:
            path = f"{self._directory}/payload/{run}.json"
            shared = self._shared[run] = Shared(self._base, run, held.context, path)
        shared.users += 1
        return shared

    def _over(self, attempt: Attempt, result: TaskResult | None) -> None:
        self._let_go(attempt)
        self._custody.over(attempt.spec.token, result, self._turns.now)

    def _discard(self, token: str) -> None:
        attempt = self._attempts.get(token)
        if attempt is not None:
            self._spawner.discard(attempt)
            self._let_go(attempt)

    def _let_go(self, attempt: Attempt) -> None:
        del self._attempts[attempt.spec.token]
        attempt.shared.users -= 1
        if attempt.shared.users == 0:
            self._shared.pop(attempt.spec.run).discard()


def run() -> int:
    """Started by the network process: `DIRECTORY AID FD`, with the connection as descriptor FD."""
    from pathlib import Path

    directory, aid, fd = sys.argv[1:]
    os.umask(0o077)
    boot = os.urandom(6).hex()
    line = socket.socket(fileno=int(fd))
    line.set_inheritable(False)
    try:
        program = "cdktr-agent supervisor"
        lock = Lock(Path(directory) / "supervisor.lock", program, aid=aid, boot=boot)
    except Locked as fault:
        report(str(fault))
        return 75
    for name in ("spool", "payload"):
        os.makedirs(f"{directory}/{name}", mode=0o700, exist_ok=True)
    become_subreaper()
    ended = tree.sweep(b"CDKTR_AGENT=" + aid.encode())
    if ended:
        report(f"ended {ended} processes of an earlier supervisor")
    supervisor = Supervisor(directory, aid, boot, line)
    supervisor.recover()
    # What lives now lives on; collections look only at what comes, and not after each few tasks.
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    supervisor.serve()
    lock.release()
    return 0

"""Those who trigger, cancel, follow and release: what they asked and what they were answered.

Each request is an `Operation` with its key, logged as it is invoked and as it is answered: ok,
refused, or unknown when no answer came. What they were told is all they know; the judge compares it
with the ledger. Some are threads with the client library, some are the real programs.
"""

from __future__ import annotations

import json
import random
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

from cdktr_common.catalogue.base import Request
from cdktr_common.catalogue.principal import (
    EventFire,
    RunCancel,
    RunStart,
    RunStarted,
    RunStatus,
    TaskContinue,
    TaskContinued,
)
from cdktr_common.client import Client
from cdktr_common.errors import BUSY, OK, UNREACHABLE, ProtocolError, Unreachable
from tests.chaos.cluster import Cluster
from tests.chaos.load import WORKFLOWS
from tests.chaos.watch import Facts

BACKLOG = 25
"""With so many runs unfinished nobody triggers another."""


class Operation:
    """One request, however often it was sent, and what came of it."""

    def __init__(self, key: str, what: str, through: str) -> None:
        self.key = key
        self.what = what
        self.through = through
        self.invoked_at = time.time()
        self.answers: list[str] = []
        self.runs: list[str] = []
        self.unlike: list[list[str]] = []

    def answered(self, outcome: str, runs: list[str] | None = None) -> None:
        """`ok` with the runs, `unknown`, or the code of a refusal."""
        self.answers.append(outcome)
        if runs is not None:
            if self.runs and runs != self.runs:
                self.unlike.append(runs)
            self.runs = self.runs or runs

    @property
    def acknowledged(self) -> bool:
        """Was it ever told that it is done?"""
        return "ok" in self.answers

    @property
    def refused(self) -> bool:
        """Was it told each time that it is not done?"""
        return bool(self.answers) and not {"ok", "unknown"}.intersection(self.answers)

    def __repr__(self) -> str:
        return f"{self.what} {self.key} through {self.through}: {self.answers} {self.runs}"


class Clients:
    """All of them."""

    def __init__(self, cluster: Cluster, facts: Facts, seed: int, rate: float) -> None:
        self._cluster = cluster
        self._facts = facts
        self._seed = seed
        self._rate = rate
        self.operations: list[Operation] = []
        self.cancelled: set[str] = set()
        self.wrong: list[str] = []
        self._stopping = threading.Event()
        works = [
            (self._trigger, "front"), (self._trigger, "ipc"), (self._trigger, "ipc2"),
            (self._programs, "program"), (self._cancel, "cancel"), (self._continue, "continue"),
        ]  # fmt: skip
        self._threads = [
            threading.Thread(target=work, args=(name,), name=f"client {name}")
            for work, name in works
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """No new requests; all but the one who releases what is held come to their end."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def settle(self) -> None:
        """All is whole now: ask for what is still unknown until it is known, a part excepted."""
        with self._cluster.client(5.0) as client:
            for number, operation in enumerate(self.operations):
                unknown = not operation.acknowledged and "unknown" in operation.answers
                if unknown and number % 3:
                    self._ask(client, operation)

    def release_held(self) -> None:
        """An operator lets all go on that is held."""
        for run, task in list(self._facts.held):
            with suppress(ProtocolError), self._cluster.client(1.0) as client:
                client.ask(TaskContinue(run=run, task=task), TaskContinued)

    # Triggers

    def _pause(self, chance: random.Random, rate: float) -> bool:
        """Wait for the next turn. False: it is over."""
        self._stopping.wait(chance.expovariate(rate))
        while len(self._facts.unfinished) > BACKLOG and not self._stopping.is_set():
            self._stopping.wait(0.1)
        return not self._stopping.is_set()

    @staticmethod
    def _choose(chance: random.Random) -> str:
        names = list(WORKFLOWS)
        return chance.choices(names, [WORKFLOWS[name].weight for name in names])[0]

    def _request(self, operation: Operation) -> Request:
        name, key = operation.what, operation.key
        event = WORKFLOWS[name].event
        if event:
            return EventFire(event=event, payload=key, key=key)
        return RunStart(workflow=name, payload=key, key=key)

    def _ask(self, client: Client, operation: Operation) -> None:
        try:
            started = client.ask(self._request(operation), RunStarted)
            operation.answered("ok", [ref.run for ref in started.runs])
        except Unreachable:
            operation.answered("unknown")
        except ProtocolError as refusal:
            operation.answered(refusal.code)
            if not refusal.retry:
                self.wrong.append(f"{operation}: {refusal}")

    def _trigger(self, name: str) -> None:
        chance = random.Random(f"{self._seed} {name}")
        count = 0
        with self._client(name) as client:
            while self._pause(chance, self._rate / 3):
                count += 1
                operation = Operation(f"{name}-{count}", self._choose(chance), name)
                self.operations.append(operation)
                self._ask(client, operation)
                tries = chance.choice((0, 1, 3, 20))
                while tries and not operation.acknowledged and not self._stopping.is_set():
                    tries -= 1
                    self._stopping.wait(chance.random())
                    self._ask(client, operation)
                if operation.acknowledged and chance.random() < 0.15:
                    self._ask(client, operation)  # it must be told the same again

    def _client(self, name: str) -> Client:
        if name != "front":
            return self._cluster.client(timeout_s=1.0)
        host, port = self._cluster.front.address
        return Client(f"tcp://{host}:{port}", timeout_s=1.0)

    # The real program

    def _programs(self, name: str) -> None:
        chance = random.Random(f"{self._seed} {name}")
        count = 0
        while self._pause(chance, 0.6):
            count += 1
            operation = Operation(f"{name}-{count}", self._choose(chance), name)
            self.operations.append(operation)
            again = ["--retry-for", "20s"] if chance.random() < 0.5 else []
            for _ in range(2):
                self._run_trigger(operation, again)
                if operation.acknowledged:
                    break

    def _run_trigger(self, operation: Operation, options: list[str]) -> None:
        event = WORKFLOWS[operation.what].event
        host, port = self._cluster.front.address
        words = [event] if event else ["--workflow", operation.what]
        argv = [
            "cdktr-trigger", *words, "--key", operation.key, "--payload",
            json.dumps(operation.key), "--host-port", f"{host}:{port}", *options,
        ]  # fmt: skip
        env = self._cluster.environ("client") | {"CDKTR_DEFAULT_ZMQ_TIMEOUT_MS": "1500"}
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=120)
        if done.returncode == OK:
            operation.answered("ok", done.stdout.split())
        elif done.returncode == UNREACHABLE:
            operation.answered("unknown")
            if operation.key not in done.stderr or f"{host}:{port}" not in done.stderr:
                self.wrong.append(f"{argv} does not name endpoint and key: {done.stderr}")
        elif done.returncode == BUSY:
            operation.answered("disk_full")
        else:
            operation.answered(f"exit {done.returncode}")
            self.wrong.append(f"{argv} ended with {done.returncode}: {done.stderr}")

    # Operators

    def _cancel(self, name: str) -> None:
        chance = random.Random(f"{self._seed} {name}")
        with self._cluster.client(1.0) as client:
            while not self._stopping.wait(chance.expovariate(1 / 2.5)):
                unfinished = self._facts.unfinished
                if not unfinished:
                    continue
                run = chance.choice(unfinished)
                self.cancelled.add(run)
                with suppress(ProtocolError):
                    client.ask(RunCancel(run=run, reason="campaign"), RunStatus)

    def _continue(self, _: str) -> None:
        while not self._stopping.wait(1.0):
            self.release_held()


class Readers:
    """Real programs that follow output and facts: what they printed must be what is stored."""

    def __init__(self, cluster: Cluster, facts: Facts, directory: Path) -> None:
        self._cluster = cluster
        self._facts = facts
        self._directory = directory
        directory.mkdir()
        self.following: dict[str, subprocess.Popen[bytes]] = {}
        self.events = self._start("events", "cdktr-ctl", "events", "-f", "--after", "0", "--ndjson")

    def _start(self, name: str, *words: str) -> subprocess.Popen[bytes]:
        out = (self._directory / f"{name}.ndjson").open("wb")
        err = (self._directory / f"{name}.err").open("wb")
        with out, err:
            return subprocess.Popen(
                words, env=self._cluster.environ("client"), stdin=subprocess.DEVNULL,
                stdout=out, stderr=err,
            )  # fmt: skip

    def look(self, most: int) -> None:
        """Follow another chatty run, if there are not too many readers."""
        active = sum(popen.poll() is None for popen in self.following.values())
        chatty = [
            run for run in self._facts.unfinished
            if self._facts.runs[run]["workflow"] == "chatty" and run not in self.following
        ]  # fmt: skip
        if chatty and active < most:
            run = chatty[-1]
            argv = ["cdktr-logs", "tail", "--run", run, "--ndjson"]
            self.following[run] = self._start(run, *argv)

    def stop(self, seconds: float) -> None:
        """Those that follow a run end with it; the one of the facts is told to."""
        end = time.monotonic() + seconds
        for popen in self.following.values():
            with suppress(subprocess.TimeoutExpired):
                popen.wait(max(0.1, end - time.monotonic()))
        self.events.send_signal(2)
        for popen in (self.events, *self.following.values()):
            try:
                popen.wait(10)
            except subprocess.TimeoutExpired:
                popen.kill()

    def read(self, name: str) -> list[dict[str, object]]:
        """What one of them printed."""
        data = (self._directory / f"{name}.ndjson").read_bytes()
        return [json.loads(line) for line in data.splitlines(keepends=True) if line.endswith(b"\n")]

    def said(self, name: str) -> str:
        """What it complained of."""
        return (self._directory / f"{name}.err").read_text(errors="replace")

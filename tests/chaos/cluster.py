"""The programs of a campaign: principal, logd, three agents, each on a host of its own.

It starts, kills, freezes and starts again, and keeps every process it ever started, so that one
that died without being asked to is found. An agent is restarted as a service manager would. It
knows no faults and judges nothing but deaths.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from cdktr_common.client import Client
from cdktr_common.lock import read_owner
from tests.chaos.ground import Ground
from tests.chaos.ledger import Ledger
from tests.chaos.proxy import Proxy
from tests.integration.harness import Proc

AGENTS = ("a1", "a2", "a3")
HOSTS = ("principal", "logd", *AGENTS)
PROXIED = "a3"
"""The agent that reaches its principal through a proxy, everywhere."""

MODULES = {"principal": "cdktr_principal", "logd": "cdktr_logd", "agent": "cdktr_agent"}

LEASES = {
    "lost_after_s": 4, "agent_beat_s": 0.3, "lease_grace_s": 1, "stop_grace_s": 0.5,
    "agent_heartbeat_timeout_ms": 1500, "disk_reserve_mb": 2, "drain_timeout_s": 3,
    "workflow_dir_refresh_frequency_s": 5,
}  # fmt: skip
"""Leases of seconds instead of minutes."""


class Death(NamedTuple):
    """A program that ended although nobody had asked it to."""

    name: str
    code: int
    said: str


def free_ports(count: int) -> list[int]:
    """Ports that nobody uses now."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in held]
    for sock in held:
        sock.close()
    return ports


class Cluster:
    """See the module text. `settings` go on top of LEASES."""

    def __init__(
        self, directory: Path, ground: Ground, ledger: Ledger, disk_mb: int = 256,
        **settings: object,
    ) -> None:  # fmt: skip
        self.directory = directory
        self.home = directory / "h"
        self.workflows = directory / "workflows"
        self.workflows.mkdir()
        self.ground = ground
        self.deaths: list[Death] = []
        self.procs: list[tuple[str, Proc]] = []
        self.current: dict[str, Proc] = {}
        self.guard = threading.RLock()
        self._ledger = ledger
        self._settings = {**LEASES, **settings}
        self._principal_port, self._events, self._logd, self._logs = free_ports(4)
        if disk_mb:
            for path in (
                *(self.home / name for name in ("principal", "logd")),
                *(directory / name / "agent" for name in AGENTS),
            ):
                ground.disk(path, disk_mb)
        target = (ground.address("principal"), self._principal_port)
        # Without networks of their own all agents are behind proxies: their only bad network.
        behind = [PROXIED] if ground.apart else list(AGENTS)
        self.proxies = {name: Proxy(ground.router(name), target) for name in behind}
        self.front = Proxy("127.0.0.1", f"{self.home}/run/principal.sock")

    # Environments

    def environ(self, role: str) -> dict[str, str]:
        """The environment of a program: `principal`, `logd`, an agent's name, or `client`."""
        env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("CDKTR_") or name == "CDKTR_TAP"
        }
        given = self._settings | {"home": self.home, "workflow_dir": self.workflows}
        if role != "client":
            given |= {
                "insecure": 1,
                "principal_host": self.ground.address("principal"),
                "principal_port": self._principal_port,
                "events_port": self._events,
                "logs_host": self.ground.address("logd"),
                "logs_listening_port": self._logd,
                "logs_publishing_port": self._logs,
            }
        if role in AGENTS:
            given |= {"home": self.directory / role, "agent_name": role, "max_executors": 2}
            env |= {**self._ledger.environ, "CHAOS_AGENT": role}
            if role in self.proxies:
                host, port = self.proxies[role].address
                given |= {"principal_host": host, "principal_port": port}
        env |= {f"CDKTR_{name.upper()}": str(value) for name, value in given.items()}
        env["PYTHONUNBUFFERED"] = "1"
        env["PATH"] = f"{Path(sys.executable).parent}:{env.get('PATH', os.defpath)}"
        env["CDKTR_TEST_DIRECTORY"] = str(self.directory)
        return env

    def client(self, timeout_s: float = 10.0) -> Client:
        """A client of the principal, past all bad networks."""
        return Client(f"ipc://{self.home}/run/principal.sock", timeout_s=timeout_s)

    def recorder(self, timeout_s: float = 10.0) -> Client:
        """A client of logd, likewise."""
        return Client(f"ipc://{self.home}/run/logd.sock", timeout_s=timeout_s)

    # Starting

    def start(self, role: str) -> Proc:
        """Start a program (`principal`, `logd` or an agent) without waiting for it."""
        with self.guard:
            proc = self.current[role] = self._launch(role, role)
            return proc

    def second(self, role: str) -> Proc:
        """Another one with the same directory; it is to leave by itself."""
        proc = self._launch(role, f"second-{role}")
        proc.asked_to_end = True
        return proc

    def _launch(self, role: str, name: str) -> Proc:
        kind = "agent" if role in AGENTS else role
        argv = [*self.ground.on(role), sys.executable, "-m", MODULES[kind]]
        proc = Proc(name, argv, self.environ(role), self.directory)
        self.procs.append((role, proc))
        return proc

    def start_all(self) -> None:
        """Everything, ready."""
        for role in HOSTS:
            self.start(role).ready(30)

    # Killing, freezing

    def network(self, agent: str) -> int:
        """The pid of an agent's network process."""
        return self.current[agent].pid

    def supervisor(self, agent: str) -> int | None:
        """The pid of an agent's supervisor, if it lives."""
        owner = read_owner(self.directory / agent / "agent" / agent / "supervisor.lock")
        pid = owner.get("pid")
        return pid if isinstance(pid, int) and is_alive(pid) else None

    def kill(self, role: str) -> None:
        """kill -9 of a program, of an agent's network process alone."""
        self.current[role].kill()

    def kill_supervisor(self, agent: str) -> bool:
        """kill -9 of an agent's supervisor; False when there was none."""
        pid = self.supervisor(agent)
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return pid is not None

    def kill_host(self, agent: str) -> None:
        """The host of an agent loses its power: everything on it is gone at once."""
        self.current[agent].asked_to_end = True
        power_off(agent)
        self.current[agent].popen.wait(10)

    def freeze(self, *pids: int | None) -> None:
        """SIGSTOP."""
        for pid in pids:
            if pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)

    def thaw(self, *pids: int | None) -> None:
        """SIGCONT."""
        for pid in pids:
            if pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def descriptors(self, agent: str, spare: int | None) -> None:
        """Leave an agent's processes so many free descriptors, or (None) as many as ever."""
        for pid in (self.network(agent), self.supervisor(agent)):
            with suppress(OSError):
                if pid is not None and is_alive(pid):
                    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
                    numbers = [int(fd.name) for fd in Path(f"/proc/{pid}/fd").iterdir()]
                    used = max(numbers, default=63) + 1
                    soft = min(1024, hard) if spare is None else used + spare
                    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))

    # Deaths

    def bury(self) -> None:
        """Note who has died unasked, and start it again, so that the campaign goes on."""
        with self.guard:
            for role, proc in list(self.current.items()):
                if proc.popen.poll() is not None and not proc.asked_to_end:
                    self._note(proc)
                    self.start(role)

    def _note(self, proc: Proc) -> None:
        proc.asked_to_end = True
        self.deaths.append(Death(proc.name, proc.popen.returncode, proc.errors()[-2000:]))

    def stopped(self, proc: Proc, seconds: float = 30.0) -> None:
        """It was told to end: wait until it has, with exit code 0."""
        code = proc.popen.wait(seconds)
        if code != 0:
            self.deaths.append(Death(f"{proc.name} at its end", code, proc.errors()[-2000:]))

    def close(self) -> None:
        """End everything in order, kill what is left."""
        for role in (*AGENTS, "logd", "principal"):
            proc = self.current.get(role)
            if proc is None or proc.popen.poll() is not None:
                continue
            self.thaw(proc.pid, self.supervisor(role) if role in AGENTS else None)
            for _ in range(2 if role in AGENTS else 1):
                proc.signal(signal.SIGTERM)
        for role in (*AGENTS, "logd", "principal"):
            proc = self.current.get(role)
            if proc is not None:
                with suppress(Exception):
                    proc.popen.wait(20)
        for proxy in (*self.proxies.values(), self.front):
            proxy.close()
        for _, proc in self.procs:
            if proc.popen.poll() is None:
                proc.popen.kill()
                proc.popen.wait(10)


def is_alive(pid: int) -> bool:
    """Is there such a process, and is it no zombie?"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def power_off(agent: str) -> None:
    """Kill all that was started with CHAOS_AGENT set to this: both processes and all tasks."""
    while pids := [pid for pid in _of_host(agent) if is_alive(pid)]:
        for number in (signal.SIGSTOP, signal.SIGKILL):  # nobody acts on another's death
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
        time.sleep(0.01)


def _of_host(agent: str) -> list[int]:
    mark = b"CHAOS_AGENT=" + agent.encode()
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found

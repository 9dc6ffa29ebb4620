"""An `Env` owns real CDKTR processes in a directory of their own, and fails when one dies unasked.

Nothing here sleeps: a process is waited for by its ready line, everything else by `wait_until`
with a bound. At the end no process of the environment may be left, detached ones included.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import Plan, RunRow, TaskPlan, TaskRow
from cdktr_common.client import Client

T = TypeVar("T")

MODULES = {
    "principal": "cdktr_principal",
    "logd": "cdktr_logd",
    "agent": "cdktr_agent",
    "cron": "cdktr_cron",
    "watch": "cdktr_watch",
    "http": "cdktr_http",
}


def wait_until(check: Callable[[], T], seconds: float = 20.0, what: str = "") -> T:
    """The first true value of `check`; an assertion with the last one when time runs out."""
    end = time.monotonic() + seconds
    while True:
        value = check()
        if value:
            return value
        assert time.monotonic() < end, f"waited {seconds} s for {what or check}: last {value!r}"
        threading.Event().wait(0.02)


class Proc:
    """A program of the environment with its output in files."""

    def __init__(self, name: str, argv: list[str], env: dict[str, str], directory: Path) -> None:
        self.name = name
        self.out = directory / f"{name}.out"
        self.err = directory / f"{name}.err"
        self.asked_to_end = False
        with self.out.open("ab") as out, self.err.open("ab") as err:
            self._ready_from = out.tell()
            self.popen = subprocess.Popen(
                argv, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                cwd=directory, start_new_session=True,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        return self.popen.pid

    def ready(self, seconds: float = 20.0) -> list[str]:
        """Wait for the ready line; returns its endpoints."""

        def line() -> list[str] | None:
            text = self.out.read_bytes()[self._ready_from :].decode()
            found = [x for x in text.split("\n")[:-1] if x.startswith("ready ")]
            if not found and self.popen.poll() is not None:
                raise AssertionError(f"{self.name} ended {self.popen.returncode}: {self.errors()}")
            return found[0].split()[1:] if found else None

        words = wait_until(line, seconds, f"{self.name} to be ready: {self.errors()}")
        assert words is not None
        return words[1:]

    def errors(self) -> str:
        """What it said on stderr."""
        return self.err.read_text(errors="replace")[-4000:]

    def signal(self, number: int) -> None:
        """Send a signal; SIGSTOP and SIGCONT are not an end."""
        if number not in (signal.SIGSTOP, signal.SIGCONT, signal.SIGHUP):
            self.asked_to_end = True
        self.popen.send_signal(number)

    def kill(self) -> None:
        """kill -9, and wait for it."""
        self.signal(signal.SIGKILL)
        self.popen.wait(10)

    def stop(self, seconds: float = 30.0) -> int:
        """SIGTERM, and the exit code."""
        self.signal(signal.SIGTERM)
        return self.popen.wait(seconds)


class Env:
    """See the module text."""

    def __init__(self, directory: Path, **settings: object) -> None:
        self.home = directory / "h"
        self.directory = directory
        self.workflows = directory / "workflows"
        self.workflows.mkdir()
        self.procs: list[Proc] = []
        self._clients: list[Client] = []
        self._count = 0
        self.environ = {k: v for k, v in os.environ.items() if not k.startswith("CDKTR_")}
        for name in ("CDKTR_TAP",):
            if name in os.environ:
                self.environ[name] = os.environ[name]
        self.environ |= {
            "CDKTR_HOME": str(self.home),
            "CDKTR_WORKFLOW_DIR": str(self.workflows),
            "PYTHONUNBUFFERED": "1",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        self.set(**settings)

    def set(self, **settings: object) -> None:
        """Settings for processes started from now on."""
        for name, value in settings.items():
            self.environ[f"CDKTR_{name.upper()}"] = str(value)

    # Processes

    def start(
        self, kind: str, *args: str, name: str | None = None, under: Sequence[str] = ()
    ) -> Proc:
        """Start a program without waiting for it; `under` is put before its words."""
        self._count += 1
        argv = [*under, sys.executable, "-m", MODULES[kind], *args]
        proc = Proc(name or f"{kind}{self._count}", argv, self.environ, self.directory)
        self.procs.append(proc)
        return proc

    def principal(self, *args: str) -> Proc:
        """A principal that is ready."""
        proc = self.start("principal", *args)
        proc.ready()
        return proc

    def logd(self, *args: str) -> Proc:
        """A logd that is ready."""
        proc = self.start("logd", *args)
        proc.ready()
        return proc

    def agent(
        self, name: str = "a1", *args: str, slots: int = 2, under: Sequence[str] = ()
    ) -> Proc:
        """An agent that is ready."""
        words = ("--name", name, "--max-executors", str(slots), *args)
        proc = self.start("agent", *words, under=under)
        proc.ready()
        return proc

    def cron(self, *args: str, under: Sequence[str] = ()) -> Proc:
        """A cron that is ready."""
        proc = self.start("cron", *args, under=under)
        proc.ready()
        return proc

    def everything(self, slots: int = 2) -> tuple[Proc, Proc, Proc]:
        """Principal, logd and one agent, ready."""
        principal = self.principal()
        return principal, self.logd(), self.agent(slots=slots)

    def command(self, *argv: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command of ours (`cdktr-ctl`, …) to its end."""
        options.setdefault("timeout", 60)
        options.setdefault("capture_output", True)
        return subprocess.run(argv, env=self.environ, cwd=self.directory, text=True, **options)

    # Asking

    def client(self) -> Client:
        """A client of the principal."""
        client = Client(f"ipc://{self.home}/run/principal.sock", timeout_s=10)
        self._clients.append(client)
        return client

    def workflow(self, name: str, text: str) -> None:
        """Write a workflow file."""
        path = self.workflows / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(self, *commands: str, **fields: Any) -> str:
        """Start a run of independent shell commands `t0`, `t1`, …; returns its id."""
        tasks = [TaskPlan(id=f"t{i}", command=text) for i, text in enumerate(commands)]
        return self.submit(Plan(workflow="adhoc", tasks=tasks, **fields))

    def submit(self, plan: Plan, **fields: Any) -> str:
        """Start a run of a plan; returns its id."""
        started = self.client().ask(p.RunStart(plan=plan, **fields), p.RunStarted)
        return started.runs[0].run

    def wait(self, run: str, seconds: float = 40.0) -> RunRow:
        """The run when it has ended."""
        client = self.client()
        end = time.monotonic() + seconds
        while True:
            left = max(0.1, min(5.0, end - time.monotonic()))
            row = client.ask(p.RunWait(run=run, wait_s=left), p.RunStatus, wait_s=left).run
            if row.ended_ts is not None:
                return row
            assert time.monotonic() < end, f"run {run} did not end: {row}\n{self.tasks(run)}"

    def tasks(self, run: str) -> dict[str, TaskRow]:
        """The tasks of a run by id."""
        page = self.client().ask(p.TaskList(run=run), p.TaskPage)
        return {row.task: row for row in page.tasks}

    # The end

    def leftovers(self) -> list[int]:
        """Living processes of this environment, found by CDKTR_HOME in their environment."""
        mark = f"CDKTR_HOME={self.home}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            with suppress(OSError):
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                if state not in "ZX" and mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
        return found

    @staticmethod
    def _end(procs: list[Proc], times: int) -> None:
        living = [proc for proc in procs if proc.popen.poll() is None]
        for proc in living:
            proc.signal(signal.SIGCONT)
            for _ in range(times):
                proc.signal(signal.SIGTERM)
        for proc in living:
            with suppress(subprocess.TimeoutExpired):
                proc.popen.wait(10)

    def close(self) -> None:
        """End everything; complain about what died unasked or outlived its end."""
        died = [
            f"{proc.name} ended {proc.popen.returncode} unasked:\n{proc.errors()}"
            for proc in self.procs
            if proc.popen.poll() is not None and not proc.asked_to_end
        ]
        for client in self._clients:
            client.close()
        # Agents first: they hand over what they have, and would wait for a principal that is gone.
        self._end([proc for proc in self.procs if "agent" in proc.name], times=2)
        self._end([proc for proc in self.procs if "agent" not in proc.name], times=1)
        for pid in self.leftovers():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for proc in self.procs:
            proc.popen.wait(10)
        assert not died, "\n".join(died)


@contextmanager
def environment(**settings: object) -> Iterator[Env]:
    """An environment in a short temporary path (ipc paths are limited to 107 bytes)."""
    directory = Path(tempfile.mkdtemp(prefix="cdktr", dir="/tmp"))
    env = Env(directory, **settings)
    try:
        yield env
    except BaseException:
        for proc in env.procs:
            print(f"--- {proc.name} ---\n{proc.errors()}", file=sys.stderr)
        with suppress(AssertionError):
            env.close()
        raise
    else:
        env.close()
    finally:
        shutil.rmtree(directory, ignore_errors=True)

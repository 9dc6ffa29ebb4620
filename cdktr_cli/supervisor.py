"""Keeps child processes running, for `cdktr start`.

Each child is a program of its own in a session of its own, so that a Ctrl-C of the terminal
reaches this process alone, which then stops them in their order. A child that was ready once and
ends unasked is started again; one that never got ready ends everything with its exit code. Children
are not tied to this process: if it is killed, they go on, and `cdktr stop` finds them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from cdktr_common import cli
from cdktr_common.errors import FAILED, OK
from cdktr_common.loop import Loop

BACK_OFF_S = (0.2, 5.0)
STEADY_S = 10.0
"""A child that ran so long starts again with the shortest pause."""

KILL_AFTER_S = 20.0
"""Beyond the time that draining may take."""


class Child:
    """One program: how to call it, its process, what it has said on stdout."""

    def __init__(self, name: str, argv: Sequence[str]) -> None:
        self.name = name
        self.argv = list(argv)
        self.process: subprocess.Popen[bytes] | None = None
        self.ready = False
        self.ever_ready = False
        self.began = 0.0
        self.pause_s = BACK_OFF_S[0]
        self.partial = b""

    @property
    def pid(self) -> int:
        """Of the process that runs now, else 0."""
        return self.process.pid if self.process is not None else 0


class Supervisor:
    """Starts `children` together, with this umask, which tasks of an agent get, and stops them in
    their order. `run` returns the exit code."""

    def __init__(
        self, loop: Loop, log: cli.Log, children: Sequence[Child], drain_s: float, umask: int
    ) -> None:
        self._umask = umask
        self._loop = loop
        self._log = log
        self._children = list(children)
        self._drain_s = drain_s
        self._began = time.monotonic()
        self._stopping = False
        self._told = False
        self._code = OK

    def run(self) -> int:
        """Until stopped by a signal, or by a child that cannot be started."""
        self._loop.on_signals((signal.SIGCHLD,), lambda _: self._reap())
        self._loop.on_signals((signal.SIGTERM, signal.SIGINT), lambda _: self._asked_to_stop())
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            # The terminal is gone. Under nohup this is ignored, and stays so.
            self._loop.on_signals((signal.SIGHUP,), lambda _: self._asked_to_stop())
        for child in reversed(self._children):
            self._start(child)
        self._loop.run()
        return self._code

    def _start(self, child: Child) -> None:
        if self._stopping:
            return
        environment = {k: v for k, v in os.environ.items() if k != "NOTIFY_SOCKET"}
        child.process = subprocess.Popen(
            child.argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,
            umask=self._umask,
        )
        child.began, child.ready, child.partial = time.monotonic(), False, b""
        assert child.process.stdout is not None
        os.set_blocking(child.process.stdout.fileno(), False)
        self._loop.watch(child.process.stdout.fileno(), lambda: self._heard(child))

    def _heard(self, child: Child) -> None:
        """Pass on what a child prints, and take note of its ready line."""
        if child.process is None or child.process.stdout is None:
            return
        try:
            data = os.read(child.process.stdout.fileno(), 1 << 16)
        except BlockingIOError:
            return
        if not data:
            self._close(child)
            return
        *whole, child.partial = (child.partial + data).split(b"\n")
        for line in whole:
            with suppress(OSError):
                print(line.decode("utf-8", "replace"), flush=True)
            if line.startswith(b"ready ") and not child.ready:
                child.ready = child.ever_ready = True
                self._all_ready()

    def _close(self, child: Child) -> None:
        assert child.process is not None
        if child.process.stdout is not None:
            self._loop.unwatch(child.process.stdout.fileno())
            child.process.stdout.close()
            child.process.stdout = None

    def _all_ready(self) -> None:
        if self._told or not all(child.ready for child in self._children):
            return
        self._told = True
        names = [child.name for child in reversed(self._children)]
        cli.ready("cdktr", names)
        took = f"{time.monotonic() - self._began:.2f}"
        self._log("info", f"{', '.join(names)} ready; Ctrl-C stops all", seconds=took)

    def _reap(self) -> None:
        for child in self._children:
            if child.process is None or child.process.poll() is None:
                continue
            code = child.process.returncode
            self._heard(child)
            # A grandchild may hold the pipe open: what matters is that the child has ended.
            self._close(child)
            child.process = None
            self._ended(child, code)

    def _ended(self, child: Child, code: int) -> None:
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        if self._stopping:
            if code != 0:
                self._log("warning", f"{child.name} stopped with {how}")
            self._stop_next()
        elif not child.ever_ready:
            self._log("error", f"{child.name} could not be started: {how}; stopping")
            self._code = code if code > 0 else FAILED
            self._stop()
        else:
            if time.monotonic() - child.began > STEADY_S:
                child.pause_s = BACK_OFF_S[0]
            self._log(
                "warning", f"{child.name} ended unasked: {how}; started again", in_s=child.pause_s
            )
            self._loop.later(child.pause_s, lambda: self._start(child))
            child.pause_s = min(child.pause_s * 2, BACK_OFF_S[1])

    def _asked_to_stop(self) -> None:
        if not self._stopping:
            waits = ""
            if any(child.name == "agent" for child in self._children):
                waits = f"; running tasks have {self._drain_s:g} s, Ctrl-C again ends them"
            self._log("info", f"stopping{waits}")
            self._stop()
            return
        self._log("info", "hurrying")
        for child in self._children:
            if child.pid:
                os.kill(child.pid, signal.SIGTERM)
                break

    def _stop(self) -> None:
        self._stopping = True
        self._stop_next()

    def _stop_next(self) -> None:
        """Ask the first child that still runs; when it has ended, this is called again."""
        for child in self._children:
            process = child.process
            if process is None:
                continue
            process.terminate()
            limit_s = KILL_AFTER_S + (self._drain_s if child.name == "agent" else 0.0)
            self._loop.later(limit_s, partial(self._kill, child, process))
            return
        self._loop.stop()

    def _kill(self, child: Child, process: subprocess.Popen[bytes]) -> None:
        if child.process is process:
            self._log("error", f"{child.name} does not stop; killed", pid=process.pid)
            process.kill()

"""All programs of CDKTR on this machine, started and stopped as a user does, in a directory of
their own, with default durability."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BIN = Path(__file__).parents[1] / "bin"


class System:
    """The programs of one machine, started and stopped as a user does."""

    def __init__(self, directory: Path, *words: str) -> None:
        self.directory = directory
        self.home = directory / "home"
        (directory / "workflows").mkdir(exist_ok=True)
        clean = {k: v for k, v in os.environ.items() if not k.startswith("CDKTR_")}
        self.environ = {
            **clean,
            "CDKTR_HOME": str(self.home),
            "CDKTR_LOG_LEVEL": "warning",
            "CDKTR_PYTHON": sys.executable,
        }
        began = time.perf_counter()
        self.process = subprocess.Popen(
            [str(BIN / "cdktr"), "start", *words], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, cwd=directory, env=self.environ, start_new_session=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(b"ready cdktr "):
                break
        else:
            raise SystemExit("cdktr start ended before it was ready")
        self.ready_s = time.perf_counter() - began
        self.endpoint = f"ipc://{self.home}/run/principal.sock"

    def pids(self) -> list[int]:
        """All processes of this home, detached ones included."""
        mark = f"CDKTR_HOME={self.home}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue  # it has just ended
        return found

    def stop(self) -> None:
        """Ctrl-C; then whatever is left."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)


@contextmanager
def system(*words: str) -> Iterator[System]:
    """A running system in a directory of its own."""
    with tempfile.TemporaryDirectory(prefix="cdktr-bench-", dir="/tmp") as directory:
        running = System(Path(directory), *words)
        try:
            yield running
        finally:
            running.stop()

"""A real supervisor with real tasks, and the test in place of the network process."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cdktr_agent
from cdktr_agent import local
from cdktr_agent.records import CONTROL, NAME, STREAMS, read_header, read_records
from cdktr_agent.turns import clock
from cdktr_common.catalogue.values import RunContext, TaskResult, TaskSpec

START = (
    "import sys; sys.argv[0] = 'supervisor'; "
    "from cdktr_agent.supervisor import run; sys.exit(run())"
)


class Stand:
    """See the module text. Tasks start in `work`."""

    def __init__(self, directory: Path, slots: int, env: dict[str, str]) -> None:
        self.home = directory / "agent"
        self.home.mkdir()
        self.work = directory / "work"
        self.work.mkdir()
        self.env = {**os.environ, "PYTHONPATH": str(Path(cdktr_agent.__file__).parents[1]), **env}
        self.results: dict[str, TaskResult] = {}
        self.progress: list[dict[str, float]] = []
        self._count = 0
        self.start(slots)

    def start(self, slots: int) -> None:
        """A supervisor, and attach to it."""
        ours, theirs = socket.socketpair()
        self.process = subprocess.Popen(
            [sys.executable, "-c", START, str(self.home), "aid", str(theirs.fileno())],
            pass_fds=[theirs.fileno()], env=self.env, cwd=self.work,
            start_new_session=True,
        )  # fmt: skip
        theirs.close()
        self._sock = ours
        self.line = local.Line(ours)
        self.line.put([local.Attach(slots, str(self.work), 1 << 30, 2.0, 0o027)])
        self.state = self._hear(local.State)

    def _hear(self, kind: type[Any], seconds: float = 20.0) -> Any:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            select.select([self._sock], [], [], 0.5)
            found = None
            for message in local.news.decode_lines(self.line.take()):
                if isinstance(message, local.Ended):
                    self.results.update((result.token, result) for result in message.results)
                elif isinstance(message, local.Progress):
                    self.progress.append(message.of)
                if isinstance(message, kind):
                    found = message
            if found is not None:
                return found
        raise AssertionError(f"no {kind.__name__} within {seconds} s")

    def give(self, context: RunContext | None = None, **fields: Any) -> str:
        """Hand over a task; its token."""
        self._count += 1
        token = f"r/t{self._count}/1/x"
        fields = {"task": f"t{self._count}", "n": 1, "fence": self._count, **fields}
        spec = TaskSpec(token=token, run="r", **fields)
        self.line.put([local.Run([spec], {"r": context or RunContext(workflow="w")}, clock())])
        return token

    def wait(self, token: str, seconds: float = 20.0) -> TaskResult:
        """Its result."""
        while token not in self.results:
            self._hear(local.Ended, seconds)
        return self.results[token]

    def run(self, context: RunContext | None = None, **fields: Any) -> TaskResult:
        """Run a task to its end."""
        return self.wait(self.give(context, **fields))

    def hear_progress(self) -> dict[str, float]:
        self._hear(local.Progress)
        return self.progress[-1]

    def end(self, token: str, why: local.EndReason = "cancel") -> None:
        self.line.put([local.End([token], why)])

    def until(self, token: str, text: bytes) -> None:
        """Wait until it has printed that."""
        end = time.monotonic() + 20
        while text not in self.streams(token).get("stdout", b""):
            assert time.monotonic() < end, f"{token} does not say {text!r}"
            select.select([], [], [], 0.01)

    def output(self, result: TaskResult, stream: str = "stdout") -> bytes:
        """What lies in the spool of a stream of that attempt."""
        return self.streams(result.token).get(stream, b"")

    def streams(self, token: str) -> dict[str, bytes]:
        """All of them."""
        found: dict[str, list[bytes]] = {}
        task = token.split("/")[1]
        for path in sorted((self.home / "spool").iterdir()):
            fd = os.open(path, os.O_RDONLY)
            try:
                head = read_header(fd)
                if head is None or head[0].task != task:
                    continue
                names = dict(enumerate(STREAMS))
                position = head[1]
                while records := list(read_records(fd, position, 1 << 22)):
                    position = records[-1].stop
                    for record in records:
                        if record.stream == CONTROL:
                            continue
                        if record.flags & NAME:
                            names[record.stream] = record.data.decode()
                        else:
                            name = names[record.stream]
                            found.setdefault(name, []).append(record.data)
            finally:
                os.close(fd)
        return {name: b"".join(parts) for name, parts in found.items()}

    def everything_written(self) -> bytes:
        """All files of the agent put together."""
        files = [path for path in self.home.rglob("*") if path.is_file()]
        return b"\n".join(path.read_bytes() for path in files)

    def kill(self) -> None:
        """kill -9 of the supervisor."""
        self.process.kill()
        self.process.wait()
        self.line.close()

    def close(self) -> None:
        if self.process.poll() is None:
            self.line.put([local.Quit()])
            try:
                self.process.wait(20)
            finally:
                self.process.kill()
                self.process.wait()
                self.line.close()


@contextmanager
def supervisor(directory: Path, slots: int = 4, **env: str) -> Iterator[Stand]:
    """One that is ended with the test."""
    stand = Stand(directory, slots, env)
    try:
        yield stand
    finally:
        stand.close()

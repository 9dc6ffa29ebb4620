"""The launchers of `bin/` called as a user calls them, in an environment of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.integration.harness import Env, Proc, environment, wait_until

BIN = Path(__file__).parents[2] / "bin"

Done = subprocess.CompletedProcess[bytes]

WORKFLOWS = {
    "my-workflow": """\
        name: mine
        description: Two tasks, one after the other.
        events: [my-event]
        tasks:
          first: {command: 'echo first $CDKTR_PAYLOAD'}
          second: {depends: [first], command: 'echo second'}
        """,
    "failing": """\
        tasks:
          good: {command: 'true'}
          bad: {command: 'exit 7'}
          after: {depends: [bad], command: 'echo never'}
        """,
    "slow": """\
        tasks:
          wait: {command: 'echo waiting; exec sleep 60'}
        """,
    "broken": """\
        tasks:
          a: {command: 'true', depends: [nobody]}
        """,
}


class Stand:
    """An environment in which `cdktr`, `cdktr-trigger` and so on are called by name."""

    def __init__(self, env: Env) -> None:
        self.env = env
        env.environ |= {"CDKTR_PYTHON": sys.executable, "PATH": f"{BIN}:{env.environ['PATH']}"}

    def write_workflows(self) -> None:
        """The workflows of these tests, one of them broken."""
        for name, text in WORKFLOWS.items():
            self.env.workflow(name, "\n".join(line[8:] for line in text.split("\n")))

    def start(self, *words: str) -> Proc:
        """Call a program that goes on, without waiting for anything."""
        name = f"{words[0]}{len(self.env.procs)}"
        argv = [str(BIN / words[0]), *words[1:]]
        proc = Proc(name, argv, self.env.environ, self.env.directory)
        self.env.procs.append(proc)
        return proc

    def start_all(self, *words: str) -> Proc:
        """`cdktr start …`, and wait until all that it started is ready."""
        proc = self.start("cdktr", "start", *words)

        def ready() -> bool:
            said = [line for line in lines(proc) if line.startswith("ready cdktr ")]
            assert said or proc.popen.poll() is None, proc.errors()
            return bool(said)

        wait_until(ready, 30, "cdktr start to be ready")
        return proc

    def call(self, *words: str, **options: Any) -> Done:
        """Call a program and wait for its end; its output as bytes."""
        options.setdefault("timeout", 60)
        options.setdefault("capture_output", True)
        options.setdefault("cwd", self.env.directory)
        argv = [str(BIN / words[0]), *words[1:]]
        return subprocess.run(argv, env=self.env.environ, **options)

    def out(self, *words: str, code: int = 0, **options: Any) -> str:
        """What a program prints, which must end with `code`."""
        done = self.call(*words, **options)
        assert done.returncode == code, (words, done)
        return str(done.stdout.decode())


@contextmanager
def stand(**settings: object) -> Iterator[Stand]:
    """A stand in an environment without processes."""
    with environment(**settings) as env:
        made = Stand(env)
        made.write_workflows()
        yield made


def lines(proc: Proc) -> list[str]:
    """What a process has printed so far, in whole lines."""
    return proc.out.read_text().split("\n")[:-1]

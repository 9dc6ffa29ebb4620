"""A listener on the stage, as a child when it is started from here, and the report on it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from typing import IO, Final

from cdktr_common import cli
from cdktr_common.errors import USAGE, Refusal
from cdktr_conform.listener.judge import in_vain, judge
from cdktr_conform.listener.stage import SEEN, Stage
from cdktr_conform.report import Line, Report

RUN: Final = re.compile(rb"\bc\d{9}\b")


def serve(
    endpoint: str | None,
    command: Sequence[str],
    *,
    seconds: float,
    patience_s: float,
    expect: int | None,
    kill: bool = False,
) -> Report:
    """Play the principal, at an address of our own if none is given, and report. A listener that
    has not done for `patience_s` what it should will not do it."""
    with tempfile.TemporaryDirectory(prefix="conform") as directory:
        stage = Stage(endpoint or f"ipc://{directory}/principal.sock", seconds, patience_s)
        stage.loop.on_signals((signal.SIGINT, signal.SIGTERM), lambda _: stage.end("stopped"))
        child, code = None, 0
        try:
            if command:
                child = _Child([word.replace("{}", stage.endpoint) for word in command], stage)
                stage.kill = child.again if kill else None
            else:
                cli.ready("cdktr-conform", [stage.endpoint])
            stage.loop.run()
        finally:
            if child is not None:
                code = child.end()
            stage.close()
        who = " ".join(command) if command else f"who asked at {stage.endpoint}"
        lines = judge(stage.world, stage.watch, expect)
        if child is not None:
            line = Line("-", "the listener goes on, or ends with 0")
            line.expect(code == 0, "0", "", f"exit code {code}")
            lines.append(line)
        report = Report(subject=who, lines=lines)
        if stage.over != SEEN:
            report.notes.append(f"not all has been seen: {stage.over}")
        elif report.failed and in_vain(stage.world, stage.watch):
            report.notes.append(
                f"no ask was waited for longer than {patience_s:g} s: if it waits longer than that "
                "for an answer before it asks again, give a larger --patience"
            )
        return report


class CannotStart(Refusal):
    """There is no such command."""

    @property
    def exit(self) -> int:
        return USAGE


class _Child:
    """The listener under test; what it prints is looked through for runs."""

    def __init__(self, argv: list[str], stage: Stage) -> None:
        self._argv = argv
        self._stage = stage
        self._rest = b""
        self._process, self._out = self._start()

    def _start(self) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
        try:
            process = subprocess.Popen(
                self._argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True
            )
        except OSError as fault:
            text = f"the listener cannot be started: {self._argv[0]}: {fault.strerror}"
            raise CannotStart(text) from None
        assert process.stdout is not None
        self._stage.loop.watch(process.stdout, self._read)
        return process, process.stdout

    def again(self) -> None:
        """Kill it, and start it again."""
        self._stage.watch.kill()
        self._stage.loop.unwatch(self._out)
        self.end()
        self._process, self._out = self._start()

    def _read(self) -> None:
        got = os.read(self._out.fileno(), 1 << 16)
        if not got:
            self._stage.loop.unwatch(self._out)
            self._stage.loop.later(1.0, lambda: self._stage.end("the listener has ended"))
            return
        self._look(got)

    def _look(self, got: bytes) -> None:
        *lines, self._rest = (self._rest + got).split(b"\n")
        printed = self._stage.watch.printed
        for line in lines:
            for run in set(RUN.findall(line)):
                printed[run.decode()] = printed.get(run.decode(), 0) + 1

    def end(self) -> int:
        """With all that it has started; the code that it had ended with before, or 0."""
        code = self._process.poll()
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()
        self._look(self._out.read())
        self._out.close()
        return code or 0

"""Attending a run of one task: its output live, its end, Ctrl-C.

Three conversations in one loop: the principal is asked for the end of the run, logd publishes the
output, and logd is asked for what was not heard (before the subscription, in a gap, at the end).
The run is done when it has ended and its output is whole: a result tells how much was written to
each stream. When an agent died and could not tell, a stream ends with its mark, or, when it has
none, with the mark of its sibling or after a short while. Output that does not come within a
bound is said to be missing, never silently left out.
"""

from __future__ import annotations

import os
import signal
import sys
import time

import msgspec
import zmq

from cdktr_cli.connection import Connection
from cdktr_cli.log_lines import Screen
from cdktr_cli.obstacles import LOOK_S, Obstacles
from cdktr_cli.table import harmless, plain
from cdktr_cli.tail import Tail
from cdktr_cli.waiting import FINAL, POLL_S, SILENCE_S, GaveUp
from cdktr_common import PROTOCOL, __version__
from cdktr_common.catalogue.base import Reply
from cdktr_common.catalogue.common import Hello, Welcome
from cdktr_common.catalogue.logd import LogLive, LogPage, LogRead
from cdktr_common.catalogue.principal import (
    AgentList,
    AgentPage,
    RunCancel,
    RunExplained,
    RunStatus,
    RunWait,
    RunWhy,
    TaskList,
    TaskPage,
)
from cdktr_common.catalogue.values import LogChunk, RunRow, Stream, TaskRow
from cdktr_common.client import Channel
from cdktr_common.errors import CANCELLED, UNREACHABLE, ProtocolError
from cdktr_common.loop import Loop, Timer
from cdktr_common.sockets import resolve, subscriber

STREAMS: tuple[tuple[Stream, int], ...] = (("stdout", 1), ("stderr", 2))

OUTPUT_GRACE_S = 10.0
"""How long output may be outstanding after the end of the run, counted from its last byte."""

SETTLE_S = 0.3
"""How long after the end of the run first output may come, when no agent has any to deliver."""

Key = tuple[int, Stream]


class Attendance:
    """See the module text. `until_done` returns the run as it ended, or raises GaveUp."""

    def __init__(self, principal: Connection, run: str, task: str) -> None:
        self._run, self._task = run, task
        self._loop = Loop()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._principal = Channel(self._context, principal.endpoint)
        self._loop.watch(self._principal.socket, self._principal.pump)
        self._logd: Channel | None = None
        self._live: zmq.Socket[bytes] | None = None
        self._decode = msgspec.json.Decoder(LogLive).decode
        self._tails: dict[Key, Tail] = {}
        self._reading: dict[Key, bool] = {}
        self._settle_s = SETTLE_S
        self._ended: RunRow | None = None
        self._attempts: list[int] | None = None
        self._sizes: dict[Key, int | None] = {}
        self._heard = self._moved = time.monotonic()
        self._interrupts = 0
        self._screens = {fd: Screen() for _, fd in STREAMS if os.isatty(fd)}
        self._ticker: Timer | None = None
        self._obstacles = Obstacles()
        self._fault: GaveUp | None = None
        self.reason = ""
        """Why the task ended as it did, if that has a reason besides its exit code."""
        self._reader_gone: BrokenPipeError | None = None

    def until_done(self) -> RunRow:
        """Turn until the run has ended and its output is here."""
        self._loop.on_signals((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), self._interrupted)
        self._find_logd()
        self._ask_end()
        self._resend()
        self._tick()
        self._loop.later(LOOK_S, self._look)
        while self._fault is None and not self._complete():
            self._loop.turn(None)
        if self._fault is not None:
            raise self._fault
        if self._reader_gone is not None:
            raise self._reader_gone
        assert self._ended is not None
        return self._ended

    # The run.

    def _ask_end(self) -> None:
        request = RunWait(run=self._run, wait_s=POLL_S)
        self._principal.ask(request, self._status, resend_s=POLL_S + 1.0)

    def _status(self, answer: Reply | ProtocolError) -> None:
        self._heard = time.monotonic()
        if isinstance(answer, RunStatus) and answer.run.state in FINAL:
            self._ended, self._moved = answer.run, time.monotonic()
            self._principal.ask(TaskList(run=self._run), self._tasks)
            self._principal.ask(AgentList(), self._agents)
        elif isinstance(answer, RunStatus) or (isinstance(answer, ProtocolError) and answer.retry):
            self._loop.later(0.0 if isinstance(answer, RunStatus) else 0.5, self._ask_end)
        elif isinstance(answer, ProtocolError):
            self._fault = GaveUp(answer.detail, answer.exit)

    def _tasks(self, answer: Reply | ProtocolError) -> None:
        """Which attempts have output: all that were started."""
        self._attempts = []
        if isinstance(answer, TaskPage):
            self.reason = next((why for why in map(_reason, answer.tasks) if why), "")
            for attempt in (a for task in answer.tasks for a in task.attempts):
                if attempt.started_ts is not None:
                    self._attempts.append(attempt.n)
                    self._sizes[attempt.n, "stdout"] = attempt.stdout_bytes
                    self._sizes[attempt.n, "stderr"] = attempt.stderr_bytes
        self._tick()

    def _agents(self, answer: Reply | ProtocolError) -> None:
        """Does any agent hold output that logd has not taken? Then that may be ours."""
        if isinstance(answer, AgentPage):
            behind = any(agent.load and agent.load.spool_bytes for agent in answer.agents)
            self._settle_s = OUTPUT_GRACE_S if behind else SETTLE_S

    def _look(self) -> None:
        """What keeps it from going on, if something does."""
        if self._ended is None:
            self._principal.ask(RunWhy(run=self._run), self._why, resend_s=LOOK_S)
            self._loop.later(LOOK_S, self._look)

    def _why(self, answer: Reply | ProtocolError) -> None:
        if isinstance(answer, RunExplained):
            told = self._obstacles.new(plain(answer.causes))
            if told is not None:
                print(f"cdktr-run: {harmless(told)}", file=sys.stderr, flush=True)

    def _resend(self) -> None:
        self._push(self._principal)
        if self._logd is not None:
            self._push(self._logd)
        self._loop.later(1.0, self._resend)
        if time.monotonic() - self._heard > SILENCE_S:
            text = f"no answer from {self._principal.endpoint} for {SILENCE_S:g} s"
            self._fault = GaveUp(f"{text}; the run goes on: {self._come_back()}", UNREACHABLE)

    def _push(self, channel: Channel) -> None:
        """What was asked while a connection is being made goes out as soon as it is there."""
        channel.resend()
        if channel.unsent:
            self._loop.later(0.005, lambda: self._push(channel))

    def _interrupted(self, number: int) -> None:
        self._interrupts += 1
        if self._interrupts > 1 or self._ended is not None:
            self._fault = GaveUp(f"left {self._run} alone: {self._come_back()}", CANCELLED)
            return
        print(f"cdktr-run: cancelling {self._run}; again to leave it alone", file=sys.stderr)
        self._cancel(number)

    def _cancel(self, number: int) -> None:
        reason = f"{signal.Signals(number).name} to cdktr-run"
        self._principal.ask(RunCancel(run=self._run, reason=reason), lambda _: None)

    def _come_back(self) -> str:
        return f"cdktr-ctl wait {self._run}; cdktr-logs query --run {self._run}"

    # Its output.

    def _find_logd(self) -> None:
        hello = Hello(program="cdktr-run", version=__version__, protocol=PROTOCOL)
        self._principal.ask(hello, self._welcome)

    def _welcome(self, answer: Reply | ProtocolError) -> None:
        if isinstance(answer, ProtocolError) and not answer.retry:
            self._fault = GaveUp(answer.detail, answer.exit)
        if not isinstance(answer, Welcome):
            return
        here = self._principal.endpoint
        requests = resolve(answer.endpoints.get("logd", []), here)
        live = resolve(answer.endpoints.get("logs", []), here)
        if requests is None or live is None:
            self._loop.later(0.1, self._find_logd)  # it has not announced itself yet
            return
        self._live = subscriber(self._context, live, [f"log/run/{self._run}/"])
        self._loop.watch(self._live, self._drain_live)
        self._logd = Channel(self._context, requests)
        self._loop.watch(self._logd.socket, self._logd.pump)
        self._read_all()
        self._push(self._logd)

    def _drain_live(self) -> None:
        assert self._live is not None
        while True:
            try:
                frames = self._live.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            try:
                chunk = self._decode(frames[-1]).chunk
            except msgspec.DecodeError:
                continue  # not of this protocol version: it is read by request instead
            if chunk.task == self._task and not self._take(chunk):
                self._read((chunk.n, chunk.stream))

    def _take(self, chunk: LogChunk) -> bool:
        """Print what is new; False when something before it is missing."""
        tail = self._tails.setdefault((chunk.n, chunk.stream), Tail())
        new = tail.take(chunk)
        if new is None:
            return False
        if new:
            self._moved = time.monotonic()
        if chunk.end:
            self._read((chunk.n, _sibling(chunk.stream)))
        self._write(dict(STREAMS)[chunk.stream], new)
        return True

    def _write(self, descriptor: int, data: bytes) -> None:
        if self._reader_gone is not None:
            return
        screen = self._screens.get(descriptor)
        data = data if screen is None else screen.shown(data)
        try:
            while data:
                data = data[os.write(descriptor, data) :]
        except BrokenPipeError as closed:
            # The reader has seen enough: nobody wants the rest of the run.
            self._reader_gone = closed
            self._cancel(signal.SIGPIPE)

    def _tick(self) -> None:
        """Ask for what was published before the subscription held, or got lost."""
        if self._ticker is not None:
            self._ticker.cancel()
        self._ticker = self._loop.later(0.1 if self._ended is not None else 1.0, self._tick)
        self._read_all()

    def _read_all(self) -> None:
        attempts = {n for n, _ in self._tails} | {1} | set(self._attempts or [])
        for n in sorted(attempts):
            for stream, _ in STREAMS:
                self._read((n, stream))

    def _read(self, key: Key) -> None:
        tail = self._tails.setdefault(key, Tail())
        if self._logd is None or key in self._reading or self._whole(key):
            return
        self._reading[key] = self._is_last(key)
        n, stream = key
        offset = tail.offset
        request = LogRead(run=self._run, task=self._task, n=n, stream=stream, offset=offset)
        self._logd.ask(request, lambda answer: self._page(key, answer), resend_s=2.0)

    def _whole(self, key: Key) -> bool:
        """Is all of this stream here?"""
        tail = self._tails.setdefault(key, Tail())
        size = self._sizes.get(key)
        return tail.ended if size is None else tail.offset >= size

    def _is_last(self, key: Key) -> bool:
        """Will what logd has now be all there is of this stream?"""
        n, stream = key
        if self._sizes.get(key) is not None:
            return False
        sibling = self._tails.get((n, _sibling(stream)), Tail())
        if sibling.ended:
            return True
        silent = self._tails[key].offset == sibling.offset == 0
        ended_s = time.monotonic() - self._moved
        return self._attempts is not None and silent and ended_s > self._settle_s

    def _page(self, key: Key, answer: Reply | ProtocolError) -> None:
        last = self._reading.pop(key)
        if not isinstance(answer, LogPage):
            return  # nothing recorded yet, or not now: the next tick asks again
        for chunk in answer.chunks:
            self._take(chunk)
        if answer.next is not None and answer.chunks:
            self._read(key)
        elif last:
            self._tails[key].ended = True
        elif self._is_last(key):
            self._read(key)  # its sibling ended while this answer was under way

    def _complete(self) -> bool:
        if self._ended is None or self._attempts is None:
            return False
        if self._reader_gone is not None:
            return True
        keys = [(n, stream) for n in self._attempts for stream, _ in STREAMS]
        if all(self._whole(key) for key in keys):
            return True
        if time.monotonic() - self._moved < OUTPUT_GRACE_S:
            return False
        print(
            "cdktr-run: the run has ended, but not all of its output has been recorded yet; "
            f"later: cdktr-logs query --run {self._run}",
            file=sys.stderr,
        )
        return True


def _reason(task: TaskRow) -> str:
    """Why it ended so; of a task that completed, what its last attempt had to say."""
    return task.reason or (task.attempts[-1].reason if task.attempts else "")


def _sibling(stream: Stream) -> Stream:
    return "stderr" if stream == "stdout" else "stdout"

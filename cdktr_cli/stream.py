"""Lines of stdin to events and runs, many under way at a time; a line of result for each.

A broken line is a result, too, and stops no other. How many lines are in work is bounded, and so
are their bytes: what cannot be sent is not read, and whoever writes the pipe waits. When the
stream ends early (a signal, a closed stdout, a principal that is away), it says how far it came.
Knows when to read, ask and wait; what a line says is known to `lines`, frames to `pipeline`.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from cdktr_cli import told, unprinted, waiting, whereabouts
from cdktr_cli.how_far import HowFar
from cdktr_cli.line_input import Input
from cdktr_cli.lines import LONGEST, BadLine, Maker, Request, dumps
from cdktr_cli.pipeline import Answer, Pipeline
from cdktr_cli.quick import Lost, unless_error
from cdktr_common.errors import NOT_FOUND, OK, ProtocolError, Unreachable

AT_ONCE: Final = 2000
"""Lines under way when nobody says how many."""

BYTES: Final = 4 << 20
"""Of all requests under way: more is not read until some were answered."""

LAST_S: Final = 1.0
"""After a signal: how long answers to what was sent are waited for."""

PAUSE_S: Final = (0.2, 5.0)
"""Before a line is sent again that was refused for now: at first, at most."""


WAIT_S: Final = 20.0
"""For the end of a run, before it is asked for again."""


class Unprinted(Exception):
    """Results cannot be printed."""

    def __init__(self, fault: OSError) -> None:
        super().__init__(str(fault))
        self.fault = fault


class Work:
    """A line that has no result yet."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.request = Request(b"", False, False)
        self.since = time.monotonic()
        self.pause_s = PAUSE_S[0]
        self.runs: dict[str, int | None] = {}
        """What it has started, with the exit codes of those that have ended."""
        self.result: dict[str, Any] = {"line": number}
        self.code = OK


class Stream:
    """See the module text. `wait`: a line is in work until its runs have ended."""

    def __init__(
        self, endpoint: str, timeout_s: float, maker: Maker, *, at_once: int, wait: bool,
        retry_s: float, need_listener: bool,
    ) -> None:  # fmt: skip
        self._pipe = Pipeline(endpoint)
        self._timeout_s, self._retry_s = timeout_s, retry_s
        self._maker = maker
        self._at_once, self._wait, self._need_listener = at_once, wait, need_listener
        self._input = Input(sys.stdin.fileno(), LONGEST)
        self._work: dict[int, Work] = {}
        self._asked: dict[str, Callable[[Answer], None]] = {}
        self._unanswered = 0  # of `_asked`: lines of which is not known whether they were taken
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._results: list[str] = []
        self._far = HowFar()
        self._prefix, self._asks = os.urandom(8).hex(), 0
        self._heard = self._try_at = 0.0
        self._stop = 0
        self._wake = os.pipe()

    def run(self) -> int:
        """Until the end of the input; the exit code."""
        self._catch_signals()
        try:
            while not self._stop and not self._done():
                self._fill()
                self._write()
                try:
                    self._turn(read=True)
                except Unreachable as away:
                    return self._away(away)
            if self._stop:
                return self._stopped()
            self._write()
            return self._far.code
        except Unprinted as closed:
            self._last_answers()
            self._say(self._how_far(unprinted.why(closed.fault)))
            return unprinted.give_up(closed.fault)

    def _done(self) -> bool:
        return self._input.over and not self._work

    # Lines

    def _fill(self) -> None:
        """Take lines while there is room for them."""
        while self._has_room() and (line := self._input.take()) is not None:
            self._begin(*line)

    def _has_room(self) -> bool:
        return len(self._work) < self._at_once and self._pipe.size < BYTES

    def _begin(self, number: int, line: bytes | None) -> None:
        work = Work(number)
        self._work[number] = work
        try:
            if line is None:
                raise BadLine("too_large", f"a line has at most {LONGEST >> 10} KiB")
            request_id = f"{self._prefix}-{number}"
            work.request = self._maker.request(number, line, request_id)
        except BadLine as fault:
            self._refused(work, ProtocolError(fault.code, fault.detail))
        else:
            self._send(work)

    def _send(self, work: Work) -> None:
        if not self._unanswered:  # runs that are waited for may have been silent for long
            self._heard = time.monotonic()
        self._unanswered += 1
        self._ask(
            f"{self._prefix}-{work.number}",
            work.request.body,
            lambda answer: self._taken(work, answer),
        )

    def _taken(self, work: Work, answer: Answer) -> None:
        """The principal's answer to a line."""
        self._unanswered -= 1
        try:
            started = unless_error(answer.message)
        except ProtocolError as fault:
            if not fault.retry or time.monotonic() - work.since >= self._retry_s:
                return self._refused(work, fault)
            return self._send_later(work, fault)
        runs = [ref["run"] for ref in started.get("runs") or []]
        # Without a key nobody can have sent it before but this very process.
        again = bool(started.get("duplicate")) and (work.request.keyed or not answer.again)
        work.result |= {
            "runs": runs,
            "duplicate": again,
            **told.fields(started, work.request.event),
        }
        if self._need_listener and work.request.event and told.unheard(started):
            work.code = NOT_FOUND
        if self._wait and runs:
            work.runs = dict.fromkeys(runs)
            for run in runs:
                self._ask_end(work, run)
        else:
            self._finish(work)

    def _send_later(self, work: Work, fault: ProtocolError) -> None:
        self._far.note(fault.detail)
        self._later.append((time.monotonic() + work.pause_s, lambda: self._send(work)))
        work.pause_s = min(work.pause_s * 2, PAUSE_S[1])

    def _refused(self, work: Work, fault: ProtocolError) -> None:
        work.result["error"] = {"code": fault.code, "detail": fault.detail}
        work.code = fault.exit
        self._finish(work)

    def _finish(self, work: Work) -> None:
        del self._work[work.number]
        self._results.append(dumps(work.result) + "\n")
        self._far.ended(work.number, work.code, "error" in work.result)

    # Their runs

    def _ask_end(self, work: Work, run: str) -> None:
        self._asks += 1
        request_id = f"{self._prefix}w{self._asks}"
        request = {"type": "run.wait", "run": run, "wait_s": WAIT_S, "id": request_id}
        self._ask(request_id, dumps(request).encode(), lambda answer: self._end(work, run, answer))

    def _end(self, work: Work, run: str, answer: Answer) -> None:
        try:
            row = unless_error(answer.message)["run"]
        except ProtocolError as fault:
            if fault.code == "not_found":
                row = self._recorded(run, fault)
            elif fault.retry:
                pause = time.monotonic() + PAUSE_S[0]
                return self._later.append((pause, lambda: self._ask_end(work, run)))
            else:
                row = {"state": "FAILED", "code": fault.exit, "reason": fault.detail}
        if row["state"] not in waiting.FINAL:
            return self._ask_end(work, run)
        work.runs[run] = waiting.exit_code(row["state"], row.get("code"))
        if None not in work.runs.values():
            codes = [code or OK for code in work.runs.values()]
            work.result["code"] = waiting.first_failure(codes)
            work.code = work.code or work.result["code"]
            self._finish(work)

    def _recorded(self, run: str, unknown: ProtocolError) -> waiting.Row:
        """A run that the principal has forgotten, as the recorder knows it."""
        from cdktr_cli import quick

        try:
            with quick.Dealer(self._pipe.endpoint, self._timeout_s) as principal:
                return waiting.forgotten(principal, run, unknown)
        except ProtocolError as fault:
            return {"state": "FAILED", "code": fault.exit, "reason": fault.detail}

    # The connection

    def _ask(self, request_id: str, body: bytes, then: Callable[[Answer], None]) -> None:
        if not self._pipe.asked:
            self._heard = time.monotonic()
        self._asked[request_id] = then
        self._pipe.ask(request_id, body)

    def _turn(self, *, read: bool) -> None:
        """Wait until something can be done, and do it."""
        now = time.monotonic()
        self._connect(now)
        socket = self._pipe.socket
        readable: list[Any] = [self._wake[0]]
        if socket is not None:
            readable.append(socket)
        if read and self._input.wanting and self._has_room():
            readable.append(self._input)
        writable = [socket] if socket is not None and self._pipe.unsent else []
        ready, free, _ = select.select(readable, writable, [], self._patience(now))
        if self._input in ready:
            self._input.read()
        if socket is not None and (socket in ready or free):
            self._exchange()
        self._look(time.monotonic())

    def _connect(self, now: float) -> None:
        if self._pipe.socket is None and self._pipe.asked and now >= self._try_at:
            try:
                self._pipe.connect()
            except Lost:
                self._try_at = now + PAUSE_S[0]

    def _exchange(self) -> None:
        try:
            answers = self._pipe.exchange()
        except Lost:
            return
        if answers:
            self._heard = time.monotonic()
        for answer in answers:
            self._asked.pop(str(answer.message["id"]))(answer)

    def _patience(self, now: float) -> float | None:
        """Until when nothing has to be done unless something happens."""
        moments = [due for due, _ in self._later]
        if self._pipe.asked:
            moments.append(self._heard + self._silence_s())
            if self._pipe.socket is None:
                moments.append(self._try_at)
        return max(0.0, min(moments) - now) if moments else None

    def _silence_s(self) -> float:
        """How long the principal may be silent: when runs are waited for, they go on anyway."""
        return self._timeout_s + self._retry_s if self._unanswered else waiting.SILENCE_S

    def _look(self, now: float) -> None:
        due = [begin for moment, begin in self._later if moment <= now]
        self._later = [later for later in self._later if later[0] > now]
        for begin in due:
            begin()
        if self._pipe.asked and now - self._heard > self._silence_s():
            hint = whereabouts.hint(self._pipe.endpoint)
            raise Unreachable(self._pipe.endpoint, self._silence_s(), hint)

    # The end

    def _catch_signals(self) -> None:
        os.set_blocking(self._wake[1], False)
        signal.set_wakeup_fd(self._wake[1])

        def stop(number: int, _: object) -> None:
            self._stop = number
            signal.signal(number, signal.SIG_DFL)  # a second one does not ask

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, stop)

    def _last_answers(self) -> None:
        """What was sent is on its way, and mostly answered at once."""
        end = time.monotonic() + LAST_S
        self._later.append((end, lambda: None))
        while self._unanswered and time.monotonic() < end:
            self._turn(read=False)

    def _stopped(self) -> int:
        os.read(self._wake[0], 16)
        self._last_answers()
        self._write()
        self._say(self._how_far(f"ended by {signal.Signals(self._stop).name}"))
        return 128 + self._stop

    def _how_far(self, why: str) -> str:
        unanswered = [work for work in self._work.values() if not work.runs]
        running = [work.number for work in self._work.values() if work.runs]
        keyed = all(work.request.keyed for work in unanswered)
        return self._far.told(why, [work.number for work in unanswered], running, keyed)

    def _away(self, away: Unreachable) -> int:
        said = self._how_far(away.detail)
        for work in list(self._work.values()):
            self._refused(work, away)
        self._write()
        self._say(said)
        return away.exit

    def _write(self) -> None:
        self._say(self._far.news())
        if self._results:
            results, self._results = self._results, []
            try:
                sys.stdout.write("".join(results))
                sys.stdout.flush()
            except OSError as fault:
                raise Unprinted(fault) from None

    def _say(self, text: str) -> None:
        if text:
            print(f"cdktr-trigger: {text}", file=sys.stderr, flush=True)

"""cdktr-cron at work: asks for the schedules, waits for their instants, tells what became of them.

It keeps nothing that the principal does not know. A turn tells what is due at this moment, or a
part of it, and sets the alarm for the next: nothing is done in between.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from typing import Final

from cdktr_common import cli
from cdktr_common.calendar.schedule import calendar
from cdktr_common.catalogue.principal import TickReported
from cdktr_common.catalogue.values import ScheduleRow
from cdktr_common.cli import Log
from cdktr_common.client import Answer
from cdktr_common.errors import ProtocolError
from cdktr_common.loop import Loop
from cdktr_cron.alarm import Alarm
from cdktr_cron.book import Book, Report
from cdktr_cron.link import Link

PROGRAM: Final = "cdktr-cron"

FUTURE_S: Final = 300.0
"""A schedule that is accounted for further ahead speaks of a clock that was wrong."""


class Cron:
    """The whole program but its start. `run` returns when it was told to stop."""

    def __init__(self, endpoint: str, log: Log) -> None:
        self._log = log
        self._endpoint = endpoint
        self._loop = Loop()
        self._alarm = Alarm(self._loop)
        self._link = Link(self._loop, endpoint, self)
        self._book = Book(calendar)
        self._ready = False
        signals = (signal.SIGTERM, signal.SIGINT)
        self._loop.on_signals(signals, lambda _: self._loop.stop())

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT; not at all when one came before."""
        loop = self._loop
        loop.after = self._tell
        self._link.start()
        loop.run()
        self._link.close()
        self._alarm.close()

    # What the link needs of its owner.

    def loaded(self, rows: Sequence[ScheduleRow], workflow: str | None) -> None:
        self._book.load(rows, workflow)
        now = time.time()
        ahead = sorted({row.workflow for row in rows if row.ticked_ts - now > FUTURE_S})
        if ahead:
            self.say(
                "warning",
                f"the clock was ahead or is behind: {', '.join(ahead[:5])} is accounted for beyond "
                "now, and nothing of it fires until then; a schedule that is changed begins anew",
            )
        if not self._ready:
            self._ready = True
            cli.ready(PROGRAM, [self._endpoint])
        self._log("debug", "schedules read", of=workflow or "all", schedules=len(self._book))

    def say(self, level: str, text: str) -> None:
        self._log(level, text)

    # A turn

    def _tell(self) -> None:
        report = self._book.due(time.time())
        if report is None:
            self._alarm.set(self._book.wake_ts())
        else:
            self._alarm.set(0.0)  # there may be more; what has arrived meanwhile comes between
            self._send(report)
        if self._book.troubles:
            troubles, self._book.troubles = self._book.troubles, []
            for trouble in dict.fromkeys(troubles):
                self.say("error", trouble)
        while self._book.unknown:
            self._link.want(self._book.unknown.pop())

    def _send(self, report: Report) -> None:
        request = report.request
        if request.ticks or request.closed or request.next:
            self._link.ask(request, lambda answer: self._answered(report, answer))

    def _answered(self, report: Report, answer: Answer) -> None:
        now = time.time()
        if isinstance(answer, TickReported):
            self._book.answered(report, answer.results, now)
            return
        again = not isinstance(answer, ProtocolError) or answer.retry
        self.say("warning", f"{len(report.request.ticks)} ticks were not taken: {answer}")
        self._book.failed(report, now, again)

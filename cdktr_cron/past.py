"""What has happened, for commands: facts of the principal, and of the recorder what the principal
has dropped; schedules as they stand; histories of runs.

Everything comes in pages and in the order of `seq`. Knows no calendar and judges nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeVar

import msgspec

from cdktr_common import PROTOCOL, __version__, versions
from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.base import Fact, Reply, Request
from cdktr_common.catalogue.common import Hello, Ping, Pong, Welcome
from cdktr_common.catalogue.logd import HistoryList, HistoryPage
from cdktr_common.catalogue.values import ScheduleRow
from cdktr_common.client import Client
from cdktr_common.errors import Unreachable
from cdktr_common.settings import Settings
from cdktr_common.sockets import resolve

PROGRAM: Final = "cdktr-cron"
PAGE: Final = 2000

Of = f.WorkflowLoaded | f.WorkflowRemoved | f.WorkflowPaused | f.TickRecorded | f.ScheduleClosed
"""The facts that schedules and their instants are about."""

KINDS: Final = (
    "workflow.loaded", "workflow.removed", "workflow.paused", "tick.recorded", "schedule.closed",
)  # fmt: skip

R = TypeVar("R", bound=Reply)

_fact: msgspec.json.Decoder[Of] = msgspec.json.Decoder(Of)


class _Head(msgspec.Struct):
    type: str
    due_ts: float = float("inf")


_head = msgspec.json.Decoder(_Head)


class Past:
    """Open until the process ends. Raises Unreachable and ProtocolError."""

    def __init__(self, settings: Settings, endpoint: str) -> None:
        self._timeout_s = settings.default_zmq_timeout_ms / 1000
        self._principal = Client(endpoint, self._timeout_s)
        hello = Hello(program=PROGRAM, version=__version__, protocol=PROTOCOL)
        told = self._principal.ask(hello, Welcome)  # whether it is there shows soon
        versions.check(PROGRAM, told.program, told.version, told.protocol)
        logd = resolve(told.endpoints.get("logd", []), endpoint)
        self._logd = self._recorder(logd) if logd else None
        self.dropped = 0
        self.missing = 0

    def _recorder(self, endpoint: str) -> Client | None:
        """If it is there: its answers may take longer than one waits for somebody who is not."""
        logd = Client(endpoint, self._timeout_s)
        try:
            logd.ask(Ping(), Pong)
        except Unreachable:
            return None
        return logd

    def ask(self, request: Request, expected: type[R]) -> R:
        """The principal's answer. Looking through a long journal takes its time."""
        return self._principal.ask(request, expected, timeout_s=max(30.0, self._timeout_s))

    def rows(self, workflow: str | None = None) -> list[ScheduleRow]:
        """Schedules as they stand."""
        found: list[ScheduleRow] = []
        after = ""
        while True:
            page = self.ask(p.ScheduleList(workflow=workflow, after=after), p.SchedulePage)
            found += page.schedules
            if page.next is None:
                return found
            after = page.next

    def facts(self, since_ts: float) -> list[Fact]:
        """All facts of schedules in order, but for instants due before `since_ts`. Afterwards
        `dropped` tells how many facts the principal does not have any more, and `missing` how many
        of these nobody has."""
        found: list[tuple[int, Fact]] = []
        for topic in ("workflow/", "tick/"):
            found += self._journal(topic, since_ts)
        if self.dropped:
            self.missing = self.dropped
            found += self._recorded(since_ts)
        found.sort(key=lambda one: one[0])
        return [fact for _, fact in found]

    def _journal(self, topic: str, since_ts: float) -> Iterator[tuple[int, Fact]]:
        after = 0
        while True:
            page = self.ask(p.EventList(after=after, topic=topic, limit=PAGE), p.EventPage)
            self.dropped = max(self.dropped, page.oldest - 1)
            for raw in page.events:
                yield from _decoded(raw, since_ts)
            if page.last >= page.newest or page.last <= after:
                return
            after = page.last

    def _recorded(self, since_ts: float) -> Iterator[tuple[int, Fact]]:
        """Of the recorder: what is older than the principal's oldest fact."""
        if self._logd is None:
            return
        for kind in KINDS:
            since = since_ts if kind == "tick.recorded" else None
            asked = HistoryList(table="events", state=kind, since_ts=since)
            for row in self.history(asked, before=self.dropped + 1):
                self.missing = 0
                yield from _decoded(msgspec.json.encode(row["body"]), since_ts)

    def history(
        self, asked: HistoryList, before: int | None = None
    ) -> Iterator[dict[str, Any]]:  # fmt: skip
        """Rows of a table of the recorder, the newest first; none when it does not answer."""
        if self._logd is None:
            return
        while True:
            request = msgspec.structs.replace(asked, before=before, limit=PAGE)
            try:
                page = self._logd.ask(request, HistoryPage, timeout_s=max(30.0, self._timeout_s))
            except Unreachable:
                self._logd = None
                return
            for row in page.rows:
                yield dict(zip(page.columns, row, strict=False))
            if page.next is None:
                return
            before = page.next


def _decoded(raw: msgspec.Raw | bytes, since_ts: float) -> Iterator[tuple[int, Fact]]:
    head = _head.decode(raw)
    if head.type in KINDS and head.due_ts >= since_ts:
        fact = _fact.decode(raw)
        yield fact.seq, fact

"""logd at work: takes output and facts, stores them, acknowledges, publishes, answers.

A turn drains what has arrived, stores all of it in one transaction, and only then acknowledges and
publishes: what a sender was told is stored is on the disk. When the disk is full nothing is taken
and everybody is told so; they keep what they have and come again. When the database gives up it is
opened again, and what it holds decides what is asked for next.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Final

import msgspec
import zmq

from cdktr_common import PROTOCOL, __version__, cli, versions
from cdktr_common.catalogue.base import Reply, Request
from cdktr_common.catalogue.common import COMMON_REQUESTS, Hello, Ping, Pong, Welcome
from cdktr_common.catalogue.logd import LOGD_REQUESTS, LogAppend, LogAppended, LogPage, LogRead
from cdktr_common.cli import Log
from cdktr_common.codec import RequestDecoder, encode, error_body, head, with_id
from cdktr_common.errors import DAMAGED, ProtocolError
from cdktr_common.loop import Loop
from cdktr_common.sockets import Envelope, bind, publisher, receive, router, send
from cdktr_logd import anew, core
from cdktr_logd.answers import Answers
from cdktr_logd.facts import FactRows, fact_rows
from cdktr_logd.feed import Feed
from cdktr_logd.gather import Gather
from cdktr_logd.holes import Holes
from cdktr_logd.live import STAT_S, STREAMS_MOST, Live, topic_of
from cdktr_logd.lookback import last_moved, lookup, recent_marks
from cdktr_logd.partitions import Retention
from cdktr_logd.questions import STUCK_S
from cdktr_logd.store import Store, StoreDamaged, StoreFull, StoreLost
from cdktr_logd.upkeep import Upkeep

PROGRAM: Final = "cdktr-logd"

TURN_BYTES: Final = 4 << 20
TURN_MESSAGES: Final = 512
"""What one turn takes in at most."""

CHUNKS_MOST: Final = 4096
"""Chunks an append may have."""

_Append = tuple[Envelope, str | None, LogAppend]


class Recorder:
    """The whole program but its start. `run` returns when it was told to stop."""

    def __init__(self, home: Path, principal: str, log: Log, retention: Retention) -> None:
        self._log = log
        self._store = Store(home / "logd")
        self._loop = Loop()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._requests = router(self._context)
        self._live = Live(publisher(self._context))
        self._answers = Answers(self._loop, self._store, self._stuck)
        self._feed = Feed(self._loop, self._context, principal, self)
        self._decoder = RequestDecoder((*COMMON_REQUESTS, *LOGD_REQUESTS))
        self._marks = core.Marks()
        self._holes = Holes()
        self._appends: list[_Append] = []
        self._facts: list[msgspec.Raw] = []
        self._gather = Gather(self._loop)
        self._upkeep = Upkeep(self._loop, self._store, retention, self)
        self._last_fact: tuple[int, str | None] = (0, None)
        self._pos = 0
        self._endpoints: dict[str, list[str]] = {}
        self._started_ts = time.time()
        self._trouble = ""
        self.counts: Counter[str] = Counter(begun_anew=anew.times())
        self.begin_anew = False
        self._store.starved = self._starved
        self._remember()

    # Start and end.

    def bind(self, requests: list[str], live: list[str]) -> list[str]:
        """Bind; returns the real endpoints. Raises BindError."""
        self._endpoints = {
            "logd": bind(self._requests, requests),
            "logs": bind(self._live.socket, live),
        }
        return [*self._endpoints["logd"], *self._endpoints["logs"]]

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        loop = self._loop
        loop.on_signals((signal.SIGTERM, signal.SIGINT), lambda _: loop.stop())
        loop.on_wake(self._answers.deliver)
        loop.watch(self._requests, self._arrived)
        loop.watch(self._live.socket, self._live.subscriptions)
        loop.every(STAT_S, lambda: self._live.stat(self._pos))
        loop.after = self._flush
        self._feed.start(self._endpoints["logd"], self._endpoints["logs"])
        self._upkeep.start()
        loop.run()
        self._close()

    def _stuck(self) -> None:
        """A query does not end: without it again, unless the program is to stop meanwhile."""
        text = f"a query goes on {STUCK_S:g} s after it was interrupted; beginning anew without it"
        self._log("error", text)
        self.begin_anew = True
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(self, "begin_anew", False))
        self._loop.stop()

    def threads_left(self) -> bool:
        """After the end: is there a query that has not ended?"""
        return self._answers.live > 0

    def _close(self) -> None:
        self._answers.stop()
        self._feed.close()
        self._requests.close(0)
        self._live.socket.close(0)
        self._context.term()
        self._store.close()

    def _remember(self) -> None:
        """Take over from the database how far everything is stored. Raises StoreDamaged."""
        try:
            known, horizon = recent_marks(self._store)
            self._marks.load(known, horizon)
            heights = self._store.heights()
            self._pos = heights.pos
            fact = self._store.fact(heights.seq) if heights.seq else None
            for *task, pos in last_moved(self._store, STREAMS_MOST):
                self._live.moved(topic_of(*task), pos)
        except StoreLost as fault:
            raise self._store.damage(fault) from None
        self._last_fact = (heights.seq, fact)

    # Requests.

    def _arrived(self) -> None:
        taken = 0
        for _ in range(TURN_MESSAGES):
            if taken >= TURN_BYTES:
                return
            messages = receive(self._requests, 1)
            if not messages:
                return
            envelope, body = messages[0]
            taken += len(body)
            self._gather.took(len(body))
            self.counts["requests"] += 1
            try:
                self._dispatch(envelope, self._decoder.decode(body))
            except ProtocolError as fault:
                self.counts["refused"] += 1
                send(self._requests, envelope, with_id(error_body(fault), head(body).id))

    def _dispatch(self, envelope: Envelope, request: Request) -> None:
        if isinstance(request, LogAppend):
            if len(request.chunks) > CHUNKS_MOST:
                raise ProtocolError("too_large", f"an append has at most {CHUNKS_MOST} chunks")
            for chunk in request.chunks:
                core.check_chunk(chunk)
            self._appends.append((envelope, request.id, request))
        elif isinstance(request, Ping):
            self._reply(envelope, request.id, self._pong())
        elif isinstance(request, Hello):
            self._reply(envelope, request.id, self._welcome(request))
        else:
            self._ask(envelope, request)

    def _reply(self, envelope: Envelope, request_id: str | None, reply: Reply) -> None:
        send(self._requests, envelope, with_id(encode(reply), request_id))

    def _welcome(self, hello: Hello) -> Welcome:
        versions.check(PROGRAM, hello.program, hello.version, hello.protocol)
        return Welcome(
            program=PROGRAM,
            version=__version__,
            protocol=PROTOCOL,
            endpoints=self._endpoints,
            epoch=self._feed.epoch,
        )

    def _pong(self) -> Pong:
        status = self._trouble or ("foreign_journal" if self._feed.foreign else "ok")
        counts = {
            **self.counts,
            "published": self._live.published,
            "facts_to": self._last_fact[0],
            "partitions": len(self._store.partitions),
            "dropped": self._upkeep.dropped,
            "queries_live": self._answers.live,
        }
        return Pong(
            program=PROGRAM,
            version=__version__,
            epoch=self._feed.epoch,
            seq=self._pos,
            started_ts=self._started_ts,
            pid=os.getpid(),
            counts=counts,
            status=status,
        )

    def _ask(self, envelope: Envelope, request: Request) -> None:
        """Have it answered, by whoever reads."""
        self.counts["queries"] += 1
        if isinstance(request, LogRead) and request.n is not None:
            key = (request.run, request.task, request.n, request.stream)
            if self._marks.exhausted(key, request.offset):
                self._reply(envelope, request.id, LogPage(last=request.offset))
                return

        def answered(body: bytes) -> None:
            self.counts["refused"] += b'"type":"error"' in body[:120]
            send(self._requests, envelope, body)

        self._answers.ask(request, self._pos, answered)

    # Facts: what the feed needs of its owner.

    def last_fact(self) -> tuple[int, str | None]:
        return self._last_fact

    def take_facts(self, page: list[msgspec.Raw]) -> None:
        self._facts += page

    def say(self, level: str, text: str) -> None:
        self._log(level, text)

    # The end of a turn.

    def _flush(self) -> None:
        if not self._appends and not self._facts:
            self._gather.nothing()
            return
        if not self._gather.ready():
            return
        appends, self._appends = self._appends, []
        page, self._facts = self._facts, []
        if not self._store.opened and self._reopen():
            self._refuse(appends, bool(page), "disk_full", "the database cannot be opened")
            return
        try:
            self._store_all(appends, page)
        except StoreFull as fault:
            self._refuse(appends, bool(page), "disk_full", str(fault))
        except StoreLost as fault:
            reason = "disk_full" if self.gave_up(fault) else "reopened"
            self._refuse(appends, bool(page), reason, str(fault))

    def _store_all(self, appends: list[_Append], page: list[msgspec.Raw]) -> None:
        chunks = [chunk for _, _, append in appends for chunk in append.chunks]
        unknown = self._marks.unknown(chunks)
        if unknown:
            self.counts["lookups"] += 1
            self._marks.learn(lookup(self._store, unknown))
        for key, mark in self._holes.found(self._marks, chunks, self._loop.now):
            self._log("warning", f"{key}: nothing before byte {mark.offset} comes any more")
            self.counts["holes"] += 1
            self._marks.learn([(key, mark)])
        plan = core.Plan(self._marks, self._pos)
        touched = [plan.add(append.chunks) for _, _, append in appends]
        rows, last = self._fact_rows(page)
        if plan.rows or rows.events:
            self._store.commit(plan.rows, [rows])
            self._stored(plan, rows, last)
        for (envelope, request_id, _), keys in zip(appends, touched, strict=True):
            self._reply(envelope, request_id, LogAppended(marks=plan.marks_of(keys)))
        self._live.publish(plan.stored)
        if page:
            self._feed.stored()

    def _starved(self) -> None:
        """Queries never keep anything from being stored."""
        self.counts["starved"] += 1
        self._answers.starve()

    def _fact_rows(self, page: list[msgspec.Raw]) -> tuple[FactRows, int]:
        after = self._last_fact[0]
        try:
            rows, last = fact_rows(after, page)
        except ProtocolError as fault:
            self._log("error", f"facts that cannot be recorded after {after}: {fault.detail}")
            self.counts["bad_facts"] += 1
            return FactRows([], [], []), after
        if rows.events and rows.events[0][0] != after + 1:
            missing = f"{after + 1} to {int(str(rows.events[0][0])) - 1}"
            self._log("warning", f"facts {missing} are not in the principal's journal any more")
        return rows, last

    def _stored(self, plan: core.Plan, rows: FactRows, last: int) -> None:
        plan.commit()
        self._pos = plan.pos
        if rows.events:
            self._last_fact = (last, str(rows.events[-1][-1]))
        counts = self.counts
        counts["commits"] += 1
        counts["chunks"] += len(plan.rows)
        counts["bytes"] += sum(row.size for row in plan.rows)
        counts["facts"] += len(rows.events)
        counts["repeated"] += plan.repeated
        counts["gaps"] += plan.gaps
        if self._trouble:
            self._log("info", "storing again", after=self._trouble)
            self._trouble = ""
        self._upkeep.stored()

    def _refuse(self, appends: list[_Append], facts: bool, reason: str, detail: str) -> None:
        """Nothing was stored: say so, with the marks as they are."""
        if self._trouble != reason:
            self._log("error", f"nothing is stored for now: {reason}: {detail}")
        self._trouble = reason
        self.counts[reason] += 1
        nothing = core.Plan(self._marks, self._pos)
        for envelope, request_id, append in appends:
            keys = {(c.run, c.task, c.n, c.stream): None for c in append.chunks}
            marks = nothing.marks_of(keys)
            self._reply(envelope, request_id, LogAppended(marks=marks, refused=reason))
        if facts:
            self._feed.not_stored()

    def _reopen(self) -> bool:
        try:
            self._store.open()
            self._remember()
        except StoreFull:
            return True
        except StoreDamaged as fault:
            cli.fail(PROGRAM, str(fault), DAMAGED)
        return False

    # Upkeep: what it needs of its owner.

    def nobody_reads(self) -> bool:
        return not self._answers.waiting

    def gave_up(self, fault: StoreLost) -> bool:
        """Open the database again. True: not now, for want of room."""
        self._log("error", f"the database gave up and is opened again: {fault}")
        self.counts["reopened"] += 1
        self._answers.let_go()
        return self._reopen()

"""The principal as a program that serves: sockets around the core.

A turn: drain the sockets, let the core decide each message, then `_commit`: append the new facts,
sync once, and only then send the answers and publish. If the sync fails the program ends without
answering: what it had in memory was never promised to anyone. A full disk is no such failure: the
ballast makes room for what runs, and the core is told to take nothing new. Decides nothing itself.
"""

from __future__ import annotations

import os
import socket
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import msgspec
import zmq

from cdktr_common import PROTOCOL, __version__, sockets, versions
from cdktr_common.catalogue import COMMON_REQUESTS, PRINCIPAL_REQUESTS
from cdktr_common.catalogue import common as c
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.base import Reply, Request
from cdktr_common.cli import Log
from cdktr_common.codec import RequestDecoder, encode, error_body, head, with_id
from cdktr_common.errors import ProtocolError
from cdktr_common.loop import Loop, Timer, clock
from cdktr_principal.decisions import (
    agents,
    assigning,
    deferred,
    events,
    operators,
    pauses,
    ticks,
    triggers,
)
from cdktr_principal.decisions.core import Core, Moment
from cdktr_principal.decisions.session import CPU_S
from cdktr_principal.definitions import Definitions
from cdktr_principal.folder import Scan
from cdktr_principal.publishing import STAT_S, Publishing
from cdktr_principal.requests import queries, why
from cdktr_principal.requests.agents import agent_detail, agent_list
from cdktr_principal.requests.counts import counts
from cdktr_principal.requests.waits import EventWaits, RunWaits
from cdktr_principal.sources import Sources
from cdktr_principal.state.records import Run
from cdktr_principal.store.journal import Damaged
from cdktr_principal.store.keeper import Keeper

DRAIN: Final = 512
"""Messages taken in one turn at most, so that answers never wait for long."""

PAGE_BYTES: Final = 1 << 20

_LETTERS: Final = bytes(b"abcdefghijklmnopqrstuvwxyz0123456789"[byte % 36] for byte in range(256))

Ask = tuple[sockets.Envelope, str | None]
Handler = Callable[[Ask, Any, Moment], Reply | None]


def fresh(length: int) -> str:
    """A random name of lower-case letters and digits; from the system's randomness, since a token
    is all that tells one attempt from another."""
    return os.urandom(length).translate(_LETTERS).decode()


class Service:
    """One principal over its sockets. `endpoints` is what `hello` tells."""

    def __init__(self, core: Core, keeper: Keeper, definitions: Definitions, loop: Loop, log: Log):
        self.core = core
        self.keeper = keeper
        self.journal = keeper.journal
        self.definitions = definitions
        self.loop = loop
        self.log = log
        self.counts: Counter[str] = Counter()
        self.endpoints: dict[str, list[str]] = {}
        self.started_ts = time.time()
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.requests = sockets.router(context)
        self._publishing = Publishing(context)
        self._decoder = RequestDecoder((*COMMON_REQUESTS, *PRINCIPAL_REQUESTS))
        self._run_waits = RunWaits(core)
        self._event_waits = EventWaits(core, self._event_page, self._refuse)
        self._sources = Sources(core, definitions, self._refuse)
        self._handlers = self._table()
        self._reload_waits: list[Ask] = []
        self._troubles: list[str] = []
        self._alarm: Timer | None = None

    def _table(self) -> dict[type[Request], Handler]:
        core = self.core
        return {
            c.Hello: self._hello,
            c.Ping: self._ping,
            p.RunStart: self._sources.run_start,
            p.EventFire: partial(events.event_fire, core),
            p.EventPending: lambda _, r, at: deferred.pending(core, r),
            p.EventCancel: partial(deferred.cancel, core),
            p.RunList: lambda _, r, at: queries.run_list(core.state, r),
            p.RunShow: lambda _, r, at: queries.run_detail(core.state, self._find(r.run)),
            p.RunWait: self._run_waits.wait,
            p.RunCancel: self._run_cancel,
            p.RunRetry: lambda _, r, at: triggers.run_retry(core, self._find(r.run), r, at),
            p.RunWhy: self._run_why,
            p.TaskContinue: self._task_continue,
            p.TaskList: self._task_list,
            p.WorkflowList: lambda _, r, at: queries.workflow_list(core.state, core.session, r),
            p.WorkflowShow: self._workflow_show,
            p.WorkflowPause: partial(pauses.pause, core),
            p.WorkflowResume: partial(pauses.resume, core),
            p.ScheduleList: lambda _, r, at: queries.schedule_list(core.state, core.session, r),
            p.TickReport: partial(ticks.tick_report, core),
            p.WorkflowReload: self._workflow_reload,
            p.AgentList: lambda _, r, at: agent_list(core.state, core.session, r.cpu),
            p.AgentShow: lambda _, r, at: agent_detail(core.state, core.session, r.agent),
            p.EventList: self._event_list,
            p.AgentHello: self._agent_hello,
            p.AgentDrain: partial(operators.drain, core),
            p.AgentUndrain: partial(operators.undrain, core),
            p.AgentLost: partial(operators.lost, core),
            p.AgentBeat: partial(agents.beat, core),
            p.AgentBye: partial(agents.bye, core),
            p.TaskFetch: partial(assigning.task_fetch, core),
            p.TaskReport: core.task_report,
            p.RecorderHello: self._recorder_hello,
        }

    def serve(self, request_binds: list[str], event_binds: list[str]) -> list[str]:
        """Bind and hook into the loop; returns the endpoints of requests. Raises BindError."""
        bound = sockets.bind(self.requests, request_binds)
        self.endpoints["principal"] = bound
        self.endpoints["events"] = sockets.bind(self._publishing.socket, event_binds)
        self.core.begin_epoch(socket.gethostname(), self._moment())
        self._load(self.definitions.scan())
        self.loop.watch(self.requests, self._take)
        self.loop.watch(self._publishing.socket, self._publishing.take_subscriptions)
        self.loop.on_wake(self._take_scan)
        self.loop.every(0.25, self._tick)
        self.keeper.hook(self.loop)
        self.loop.every(STAT_S, self._count)
        self.loop.every(CPU_S, lambda: self.core.session.sample(clock()))
        self.loop.every(self.definitions.refresh_s, self.reload)
        self.loop.after = self._commit
        self._commit()
        return bound

    def _moment(self) -> Moment:
        return Moment(time.time(), clock(), fresh)

    # A turn

    def _take(self) -> None:
        at = self._moment()
        for envelope, body in sockets.receive(self.requests, DRAIN):
            self.counts["taken"] += 1
            try:
                request = self._decoder.decode(body)
                ask = (envelope, request.id)
                reply = self._handlers[type(request)](ask, request, at)
            except ProtocolError as refusal:
                self.counts[f"refused_{refusal.code}"] += 1
                self._refuse((envelope, head(body).id), refusal)
            else:
                if reply is not None:
                    self.core.answers.append((ask, reply))

    def _refuse(self, ask: Ask, refusal: ProtocolError) -> None:
        answer = msgspec.Raw(error_body(refusal))
        self.core.answers.append((ask, answer))  # type: ignore[arg-type]

    def _tick(self) -> None:
        at = self._moment()
        agents.tick(self.core, at)
        self._run_waits.tick(at.clock)

    def _count(self) -> None:
        """Tell how many there are of everything and how agents are, to those who listen."""
        state, session, ts = self.core.state, self.core.session, time.time()
        self._publishing.publish_stat(self.journal.seq, ts, lambda: counts(state, ts))
        self._publishing.publish_loads(lambda: agent_list(state, session).agents)

    def _commit(self) -> None:
        """Make this turn's facts durable, then let everything out that waited for it."""
        core = self.core
        at = self._moment()
        core.session.alarm = None
        assigning.settle(core, at)
        self._set_alarm(at.clock)
        if core.session.ordered:
            agents.tick(core, at)
        facts, core.facts = core.facts, []
        bodies = [self.journal.append(fact) for fact in facts]
        if bodies:
            self.journal.sync()
        self._run_waits.answer_ended()
        self._send_answers()
        if facts:
            self._publishing.publish(facts, bodies)
        # Readers of the record come last: nobody waits for them to work.
        self._event_waits.answer(at.clock, moved=bool(facts))
        self._send_answers()
        self.keeper.after_turn()

    def _set_alarm(self, now: float) -> None:
        """Turn when the core wants to, if nobody says anything until then."""
        due = self.core.session.alarm
        if self._alarm is not None and self._alarm.due != due:
            self._alarm.cancel()
            self._alarm = None
        if due is not None and self._alarm is None:
            self._alarm = self.loop.at(due, lambda: None)

    def _send_answers(self) -> None:
        answers, self.core.answers = self.core.answers, []
        for (envelope, request_id), reply in answers:
            sockets.send(self.requests, envelope, with_id(encode(reply), request_id))

    # Requests that need more than the core

    def _find(self, name: str) -> Run:
        return queries.find_run(self.core.state, name)

    def _workflow_show(self, ask: Ask, request: p.WorkflowShow, at: Moment) -> Reply:
        return queries.workflow_detail(self.core.state, self.core.session, request.workflow)

    def _task_list(self, ask: Ask, request: p.TaskList, at: Moment) -> Reply:
        core = self.core
        return queries.task_list(core.state, core.session, self._find(request.run), request)

    def _run_cancel(self, ask: Ask, request: p.RunCancel, at: Moment) -> Reply:
        run = self._find(request.run)
        self.core.run_cancel(run, request.reason, at, now=request.now)
        return p.RunStatus(run=queries.run_row(run))

    def _run_why(self, ask: Ask, request: p.RunWhy, at: Moment) -> Reply:
        run = self._find(request.run)
        causes = why.explain(self.core, run, request.task, at)
        return p.RunExplained(run=queries.run_row(run), causes=causes)

    def _task_continue(self, ask: Ask, request: p.TaskContinue, at: Moment) -> Reply:
        run = self._find(request.run)
        return p.TaskContinued(run=run.id, tasks=operators.unhold(self.core, run, request.task, at))

    def _event_list(self, ask: Ask, request: p.EventList, at: Moment) -> Reply | None:
        if request.limit < 1:
            raise ProtocolError("bad_field", "event.list: limit is at least 1")
        if request.wait_s > 0 and request.after >= self.journal.seq:
            self._event_waits.add(ask, request, at)
            return None
        return self._event_page(request)

    def _event_page(self, request: p.EventList) -> p.EventPage:
        newest = self.journal.seq
        if request.after < 0 or request.after >= newest:
            last = newest if request.after < 0 else min(request.after, newest)
            return p.EventPage(
                last=last, newest=newest, oldest=self.journal.first, epoch=self.core.state.epoch
            )
        try:
            found, last = self.journal.read(
                request.after, min(request.limit, 10_000), PAGE_BYTES, request.topic
            )
        except Damaged as damage:
            self.log("error", str(damage))
            raise ProtocolError("damaged", str(damage)) from None
        events = [msgspec.Raw(body) for body in found]
        return p.EventPage(
            events=events, last=last, newest=newest, oldest=self.journal.first,
            epoch=self.core.state.epoch,
        )  # fmt: skip

    # Introductions

    def _hello(self, ask: Ask, request: c.Hello, at: Moment) -> Reply:
        versions.check("cdktr-principal", request.program, request.version, request.protocol)
        return c.Welcome(
            program="cdktr-principal", version=__version__, protocol=PROTOCOL,
            endpoints=self.endpoints, epoch=self.core.state.epoch,
        )  # fmt: skip

    def _ping(self, ask: Ask, request: c.Ping, at: Moment) -> Reply:
        return c.Pong(
            program="cdktr-principal", version=__version__, epoch=self.core.state.epoch,
            seq=self.journal.seq, started_ts=self.started_ts, pid=os.getpid(),
            counts=dict(self.counts), status="disk_full" if self.core.disk_full else "ok",
        )  # fmt: skip

    def _agent_hello(self, ask: Ask, request: p.AgentHello, at: Moment) -> Reply:
        welcome = agents.hello(self.core, ask, request, at)
        return msgspec.structs.replace(welcome, endpoints=self.endpoints)

    def _recorder_hello(self, ask: Ask, request: p.RecorderHello, at: Moment) -> Reply:
        self.endpoints["logd"] = request.requests
        self.endpoints["logs"] = request.live
        self.keeper.recorded = request.stored
        return p.RecorderWelcome(epoch=self.core.state.epoch, newest=self.journal.seq)

    # Workflow definitions

    def _workflow_reload(self, ask: Ask, request: p.WorkflowReload, at: Moment) -> None:
        if self.core.disk_full:
            raise ProtocolError("disk_full", "the disk is full: no definitions are taken now")
        self._reload_waits.append(ask)
        self.definitions.request()

    def reload(self) -> None:
        """Look at the workflow directory now. What it finds has to be recorded."""
        if not self.core.disk_full:
            self.definitions.request()

    def _take_scan(self) -> None:
        for scan in self.definitions.taken():
            self._load(scan)
        self._sources.take(self._moment())

    def _load(self, scan: Scan) -> None:
        told = triggers.definitions_changed(self.core, scan, self._moment())
        for trouble in scan.troubles:
            if trouble not in self._troubles:
                self.log("warning", trouble)
        self._troubles = scan.troubles
        for workflow, _, _, faults in scan.broken:
            fault = faults[0]
            where = f"{fault.file}:{fault.line}:{fault.col}"
            self.log("warning", f"{where}: {fault.what}", workflow=workflow, faults=len(faults))
        waits, self._reload_waits = self._reload_waits, []
        for ask in waits:
            self.core.answers.append((ask, told))

    def finish(self) -> None:
        """Stop cleanly: a snapshot makes the next start quick."""
        self.keeper.finish()
        self.requests.close(0)
        self._publishing.socket.close(0)

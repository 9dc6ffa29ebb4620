"""The network process: the core's instructions carried out, what happens told to the core.

One loop over the principal's channel, logd's channel and the supervisor's socket. A turn takes
what has come, lets the core decide once, and sends: lines to the supervisor first, since a task
may wait for them. Nothing here decides about tasks.
"""

from __future__ import annotations

import math
import signal
from collections.abc import Callable
from functools import partial

import msgspec
import zmq

from cdktr_agent import local
from cdktr_agent.attachment import LOOK_S, Attachment
from cdktr_agent.core import Core
from cdktr_agent.instructions import Complain, EndTrees, Leave, Serve
from cdktr_agent.load import measure
from cdktr_agent.shipper import Shipper
from cdktr_common import cli
from cdktr_common.catalogue import Reply, Request
from cdktr_common.catalogue.common import Hello, Welcome
from cdktr_common.catalogue.logd import LogAppend
from cdktr_common.catalogue.principal import AgentBeat, AgentHello, TaskFetch
from cdktr_common.client import Channel
from cdktr_common.errors import ProtocolError
from cdktr_common.loop import Loop, clock
from cdktr_common.settings import Settings
from cdktr_common.sockets import resolve

PROGRAM = "cdktr-agent"

GIVE_UP_S = 2.0
"""How long in all a leaving agent waits for a principal and a logd that do not answer."""

HURRY_S = 0.5
"""The same when it was told twice, or when nothing but the farewell is left to say."""

ATTACH_S = 5.0
"""How long it waits for a supervisor, which may have tasks of its predecessor to end."""

LOGD_SILENT_S = 5.0

ASK_AGAIN_S = 0.1


class Service:
    """See the module text."""

    def __init__(
        self,
        settings: Settings,
        endpoint: str,
        directory: str,
        start: tuple[str, int],
        core: Core,
    ) -> None:
        self._settings = settings
        self._endpoint = endpoint
        self._core = core
        self._log = cli.Log(PROGRAM, settings.log_level)
        self._loop = Loop()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._principal = Channel(self._context, endpoint)
        self._monitor = self._principal.socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        self._connected_at = 0.0
        self._open: set[str] = set()
        self._logd: Channel | None = None
        self._logd_heard = 0.0
        self._shipped_at = 0.0
        self._asking_endpoints = False
        self._beat_id = ""
        self._shipper = Shipper(f"{directory}/spool", core.identity.agent, self._complain)
        self._supervisor = Attachment(
            settings, directory, start, core, self._shipper, self._loop, self._log
        )
        self._turn_at = math.inf
        self._said: set[str] = set()
        self._leave: Leave | None = None
        self._idle_since: float | None = None
        self._stopping = False
        self._patience_s = GIVE_UP_S

    def run(self) -> None:
        """Until drained. Raises ProtocolError when the principal will not have us."""
        loop = self._loop
        loop.watch(self._principal.socket, self._principal.pump)
        loop.watch(self._monitor, self._connected)
        loop.on_signals((signal.SIGTERM, signal.SIGINT), self._signalled)
        loop.after = self._after
        self._supervisor.attach()
        loop.every(LOOK_S, self._supervisor.watch)
        loop.later(2.0, self._say_if_alone)
        loop.every(1.0, self._every_second)
        loop.run()
        self._principal.socket.disable_monitor()
        self._monitor.close(0)
        self._principal.close()
        if self._logd is not None:
            self._logd.close()
        self._context.term()
        if self._leave is not None and self._leave.code:
            raise ProtocolError(self._leave.code, self._leave.detail)

    # Turns

    def _after(self) -> None:
        lines: list[local.Local] = []
        requests: list[Request] = []
        now = clock()
        for instruction in self._core.decide(now):
            if isinstance(instruction, local.Local):
                lines.append(instruction)
            elif isinstance(instruction, Request):
                requests.append(instruction)
            elif isinstance(instruction, Serve):
                self._serve(instruction)
            elif isinstance(instruction, Complain):
                self._complain(instruction.text)
                self._loop.later(1.0, self._core.resume)
            elif isinstance(instruction, EndTrees):
                self._supervisor.end(instruction)
            else:
                self._begin_leaving(instruction)
        if lines:
            self._supervisor.tell(lines)
        for request in requests:
            self._ask(request)
        self._shipper.pump()
        if self._logd is None and not self._shipper.empty and self._core.welcomed:
            self._ask_endpoints()
        if self._shipper.freed:
            freed, self._shipper.freed = self._shipper.freed, 0
            self._supervisor.tell([local.Freed(freed)])
        due = self._core.due()
        if due < self._turn_at - 0.001:
            self._turn_at = due
            self._loop.later(max(0.0, due - now), self._turn)

    def _turn(self) -> None:
        """A turn was due: `_after` follows."""
        self._turn_at = math.inf

    def _ask(self, request: Request) -> None:
        resend_s = 2.0
        sent = request
        if isinstance(request, AgentHello):
            for open_id in self._open:
                self._principal.forget(open_id)  # the hello is the truth from now on
            self._open.clear()
            resend_s = 0.1
        elif isinstance(request, AgentBeat):
            resend_s += request.wait_s
            load = measure(self._shipper.backlog(), len(self._core.results))
            sent = msgspec.structs.replace(request, load=load)
            self._principal.forget(self._beat_id)  # this one tells more than the one before
            self._open.discard(self._beat_id)
        elif isinstance(request, TaskFetch):
            resend_s += request.wait_s
        asked_at = clock()
        if isinstance(request, AgentHello | TaskFetch):
            sent = msgspec.structs.replace(request, sent_s=asked_at)
        request_id = ""

        def answered(answer: Reply | ProtocolError) -> None:
            self._open.discard(request_id)
            if isinstance(answer, ProtocolError):
                self._core.refused(request, answer.code, answer.detail)
            else:
                self._core.answered(request, answer, asked_at, clock())

        request_id = self._principal.ask(sent, answered, resend_s)
        self._open.add(request_id)
        if isinstance(request, AgentBeat):
            self._beat_id = request_id

    def _every_second(self) -> None:
        self._principal.resend()
        if self._logd is not None:
            self._logd.resend()
        self._shipper.paused = False
        self._supervisor.replace_outdated()
        silent = self._shipper.waiting and clock() - self._logd_heard > LOGD_SILENT_S
        if (self._logd is None or silent) and not self._shipper.empty and self._core.welcomed:
            self._ask_endpoints()

    def _connected(self) -> None:
        """A connection stands: the first one, or one to a principal that may be another."""
        while self._monitor.poll(0):
            self._monitor.recv_multipart()
        self._connected_at = clock()
        self._core.reconnected()
        self._keep_greeting()

    def _keep_greeting(self) -> None:
        """The event may come a moment before the socket takes messages."""
        if not self._core.welcomed and clock() - self._connected_at < 1.0:
            self._principal.resend()
            self._loop.later(0.02, self._keep_greeting)

    def _say_if_alone(self) -> None:
        if not self._core.welcomed:
            self._log("warning", "no answer from the principal; trying on", endpoint=self._endpoint)

    def _complain(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._log("warning", text)

    # Endpoints

    def _serve(self, serve: Serve) -> None:
        self._said.clear()
        self._find_logd(serve.endpoints)
        if serve.first:
            cli.ready(PROGRAM, [self._endpoint])
        else:
            self._log("info", "the principal knows this agent again", epoch=self._core.epoch)

    def _ask_endpoints(self) -> None:
        if not self._asking_endpoints:
            self._asking_endpoints = True
            self._principal.ask(Hello(program=PROGRAM), self._endpoints_told)

    def _endpoints_told(self, answer: Reply | ProtocolError) -> None:
        if isinstance(answer, Welcome):
            self._find_logd(answer.endpoints)
        self._loop.later(ASK_AGAIN_S, self._may_ask_endpoints)

    def _may_ask_endpoints(self) -> None:
        """Output waits and logd has not announced itself: ask soon again, somebody is waiting."""
        self._asking_endpoints = False
        if self._logd is None and not self._shipper.empty and self._core.welcomed:
            self._ask_endpoints()

    def _find_logd(self, endpoints: dict[str, list[str]]) -> None:
        endpoint = resolve(endpoints.get("logd", []), self._endpoint)
        if endpoint is None or (self._logd is not None and self._logd.endpoint == endpoint):
            return
        if self._logd is not None:
            self._loop.unwatch(self._logd.socket)
            self._logd.close()
        self._logd = logd = Channel(self._context, endpoint)
        self._loop.watch(logd.socket, logd.pump)
        self._logd_heard = clock()
        self._shipper.connect(self._append)

    def _append(
        self, request: LogAppend, answered: Callable[[Reply | ProtocolError], None]
    ) -> None:
        if self._logd is None:
            return

        def heard(answer: Reply | ProtocolError) -> None:
            self._logd_heard = clock()
            before = self._shipper.acknowledged
            answered(answer)
            if self._shipper.acknowledged != before:
                self._shipped_at = clock()

        self._logd.ask(request, heard, 2.0)

    # Leaving

    def _signalled(self, number: int) -> None:
        if self._supervisor.leaving:
            self._loop.stop()
        elif self._core.draining:
            self._log("info", "stopping the tasks")
            self._patience_s = HURRY_S
            self._stop()
        else:
            self._log("info", "draining; once more to stop the tasks at once")
            cli.sd_notify("STOPPING=1")
            self._core.drain()
            self._loop.later(self._settings.drain_timeout_s, self._stop)
            self._watch_draining()

    def _stop(self) -> None:
        self._stopping = True
        self._core.stop()

    def _watch_draining(self) -> None:
        """Nothing runs any more, but the principal does not say that it knows: leave anyway."""
        if self._leave is not None:
            return
        self._loop.later(0.1, self._watch_draining)
        now = clock()
        if self._stopping and self._core.watch.stuck(now):
            self._supervisor.kill()
        patience_s = self._patience_s if self._core.results else HURRY_S
        if not self._core.boot:
            patience_s = ATTACH_S
        if self._core.watch.held or (not self._core.boot and self._core.watch.stuck(now)):
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = now
        elif now - self._idle_since > patience_s:
            self._log("warning", "leaving without the principal's answer; results are kept")
            self._core.give_up()

    def _begin_leaving(self, leave: Leave) -> None:
        self._leave = leave
        # A logd as silent as the principal was has had its time meanwhile.
        since = clock() if self._idle_since is None else self._idle_since
        self._finish_leaving(max(since, self._shipped_at))

    def _finish_leaving(self, since: float) -> None:
        """Send the output that is still here as long as logd takes it, then end the supervisor."""
        since = max(since, self._shipped_at)
        reachable = self._logd is not None and not self._leave_now
        if not self._shipper.empty and reachable and clock() - since < self._patience_s:
            self._loop.later(0.02, partial(self._finish_leaving, since))
        else:
            self._supervisor.leave()

    @property
    def _leave_now(self) -> bool:
        return self._leave is not None and bool(self._leave.code)

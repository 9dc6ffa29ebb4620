"""The network process: the core's instructions carried out, what happens told to the core.

One loop over the principal's channel, logd's channel and the supervisor's socket. A turn takes
what has come, lets the core decide once, and sends: lines to the supervisor first, since a task
may wait for them. Nothing here decides about tasks.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from functools import partial

import msgspec
import zmq

from cdktr_agent import local
from cdktr_agent.core import Core
from cdktr_agent.instructions import Complain, Leave, Serve
from cdktr_agent.link import Link
from cdktr_agent.load import measure
from cdktr_agent.shipper import Shipper
from cdktr_common import __version__, cli
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

GIVE_UP_S = 5.0
"""How long a leaving agent waits for a principal or logd that does not answer."""

HURRY_S = 0.5
"""The same when it was told twice, or when nothing but the farewell is left to say."""

LOGD_SILENT_S = 5.0

ASK_AGAIN_S = 0.1


class Service:
    """See the module text."""

    def __init__(
        self, settings: Settings, endpoint: str, directory: str, cwd: str, core: Core
    ) -> None:
        self._settings = settings
        self._endpoint = endpoint
        self._cwd = cwd
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
        self._asking_endpoints = False
        self._link = Link(directory, core.identity.aid)
        self._shipper = Shipper(f"{directory}/spool", core.identity.agent, self._complain)
        self._said: set[str] = set()
        self._leave: Leave | None = None
        self._idle_since: float | None = None
        self._attached_at = 0.0
        self._outdated = False
        self._left_at = 0.0
        self._patience_s = GIVE_UP_S

    def run(self) -> None:
        """Until drained. Raises ProtocolError when the principal will not have us."""
        loop = self._loop
        loop.watch(self._principal.socket, self._principal.pump)
        loop.watch(self._monitor, self._connected)
        loop.on_signals((signal.SIGTERM, signal.SIGINT), self._signalled)
        loop.after = self._after
        self._attach()
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

    # The supervisor

    def _attach(self) -> None:
        if not self._link.open() or self._link.line is None:
            self._loop.later(0.1, self._attach)
            return
        self._attached_at = clock()
        self._loop.watch(self._link.line.sock, self._news)
        settings = self._settings
        limit = settings.spool_limit_mb << 20
        attach = local.Attach(settings.max_executors, self._cwd, limit, settings.stop_grace_s)
        self._link.line.put([attach])

    def _news(self) -> None:
        line = self._link.line
        if line is None:
            return
        for message in local.news.decode_lines(line.take()):
            if isinstance(message, local.Ended):
                self._core.ended(message)
            elif isinstance(message, local.Wrote):
                self._shipper.grown(message.names)
            elif isinstance(message, local.Alive):
                pass
            else:
                self._outdated = message.version != __version__
                self._core.supervisor_state(message)
                self._shipper.grown(message.spools)
        if line.closed:
            self._supervisor_gone(line)

    def _supervisor_gone(self, line: local.Line) -> None:
        self._loop.unwatch(line.sock)
        self._link.close()
        self._core.supervisor_gone()
        if self._left_at:
            self._loop.stop()
            return
        self._log("warning", "the supervisor is gone; starting another")
        # One that ends as soon as it is started must not make this a busy loop.
        self._loop.later(0.0 if clock() - self._attached_at > 1.0 else 0.5, self._attach)

    def _replace_outdated(self) -> None:
        """A supervisor of another version stays until it has nothing to do."""
        if self._outdated and not self._core.held and not self._core.results:
            self._outdated = False
            self._log("info", "the supervisor is of another version; replacing it")
            self._tell([local.Quit()])

    def _tell(self, messages: list[local.Local]) -> None:
        line = self._link.line
        if line is None:
            return
        line.put(messages)
        if not line.idle:
            self._loop.later(0.002, partial(self._tell, []))

    # Turns

    def _after(self) -> None:
        lines: list[local.Local] = []
        requests: list[Request] = []
        for instruction in self._core.decide():
            if isinstance(instruction, local.Local):
                lines.append(instruction)
            elif isinstance(instruction, Request):
                requests.append(instruction)
            elif isinstance(instruction, Serve):
                self._serve(instruction)
            elif isinstance(instruction, Complain):
                self._complain(instruction.text)
                self._loop.later(1.0, self._core.resume)
            else:
                self._begin_leaving(instruction)
        if lines:
            self._tell(lines)
        for request in requests:
            self._ask(request)
        self._shipper.pump()
        if self._logd is None and not self._shipper.empty and self._core.welcomed:
            self._ask_endpoints()
        if self._shipper.freed:
            freed, self._shipper.freed = self._shipper.freed, 0
            self._tell([local.Freed(freed)])

    def _ask(self, request: Request) -> None:
        resend_s = 2.0
        if isinstance(request, AgentHello):
            for open_id in self._open:
                self._principal.forget(open_id)  # the hello is the truth from now on
            self._open.clear()
            resend_s = 0.1
        elif isinstance(request, AgentBeat):
            resend_s += request.wait_s
            load = measure(0, len(self._core.results))
            request = msgspec.structs.replace(request, load=load)
        elif isinstance(request, TaskFetch):
            resend_s += request.wait_s
        asked_at = clock()
        request_id = ""

        def answered(answer: Reply | ProtocolError) -> None:
            self._open.discard(request_id)
            if isinstance(answer, ProtocolError):
                self._core.refused(request, answer.code, answer.detail)
            else:
                self._core.answered(request, answer, asked_at)

        request_id = self._principal.ask(request, answered, resend_s)
        self._open.add(request_id)

    def _every_second(self) -> None:
        self._principal.resend()
        if self._logd is not None:
            self._logd.resend()
        self._shipper.paused = False
        self._replace_outdated()
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
            answered(answer)

        self._logd.ask(request, heard, 2.0)

    # Leaving

    def _signalled(self, number: int) -> None:
        if self._left_at:
            self._loop.stop()
        elif self._core.draining:
            self._log("info", "stopping the tasks")
            self._patience_s = HURRY_S
            self._core.stop()
        else:
            self._log("info", "draining; once more to stop the tasks at once")
            cli.sd_notify("STOPPING=1")
            self._core.drain()
            self._loop.later(self._settings.drain_timeout_s, self._core.stop)
            self._watch_draining()

    def _watch_draining(self) -> None:
        """Nothing runs any more, but the principal does not say that it knows: leave anyway."""
        if self._leave is not None:
            return
        if self._core.held:
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = clock()
        elif clock() - self._idle_since > (self._patience_s if self._core.results else HURRY_S):
            self._log("warning", "leaving without the principal's answer; results are kept")
            self._core.give_up()
        self._loop.later(0.1, self._watch_draining)

    def _begin_leaving(self, leave: Leave) -> None:
        self._leave = leave
        self._finish_leaving(clock(), self._shipper.acknowledged)

    def _finish_leaving(self, since: float, acknowledged: int) -> None:
        """Send the output that is still here as long as logd takes it, then end the supervisor."""
        if self._shipper.acknowledged != acknowledged:
            since, acknowledged = clock(), self._shipper.acknowledged
        reachable = self._logd is not None and not self._leave_now
        if not self._shipper.empty and reachable and clock() - since < self._patience_s:
            self._loop.later(0.02, partial(self._finish_leaving, since, acknowledged))
            return
        self._left_at = clock()
        self._tell([local.Quit()])
        if self._link.line is None:
            self._loop.stop()
        self._loop.later(2 * GIVE_UP_S, self._loop.stop)

    @property
    def _leave_now(self) -> bool:
        return self._leave is not None and bool(self._leave.code)

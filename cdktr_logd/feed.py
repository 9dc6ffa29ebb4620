"""The facts of the principal, pulled by the same long poll that anyone may use.

Says where this recorder is (again after every connect, for a principal may have been restarted)
and how far it has stored (again from time to time: what is stored here, the principal may drop),
makes sure that the journal is the one that was recorded before, and asks for what comes after the
last stored fact. After a small page it waits a moment, so that a busy principal is asked about ten
times a second and not once a turn. Nothing is refused to anyone while the principal is away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Protocol

import msgspec
import zmq
from zmq.utils.monitor import recv_monitor_message

from cdktr_common.catalogue.principal import EventList, EventPage, RecorderHello, RecorderWelcome
from cdktr_common.client import Answer, Channel
from cdktr_common.loop import Loop, Timer

PAGE: Final = 2000
WAIT_S: Final = 20.0
PAUSE_S: Final = 0.08
BUSY_PAUSE_S: Final = 0.25
BUSY: Final = 20
"""How long facts may gather before they are stored and the next are asked for; longer when so many
come at a time."""

TELL_S: Final = 60.0
"""After so long the principal is told again how far facts are stored, if they have moved on."""

RETRY_S: Final = 1.0
FOREIGN_RETRY_S: Final = 10.0


class Owner(Protocol):
    """What the feed needs of the recorder."""

    def last_fact(self) -> tuple[int, str | None]:
        """Seq of the last stored fact, and its body."""

    def take_facts(self, page: list[msgspec.Raw]) -> None:
        """Store these facts; afterwards call `stored` or `not_stored`."""

    def say(self, level: str, text: str) -> None:
        """Write a line to the log."""


class Feed:
    """See the module text. `foreign` holds while the principal's journal is another one."""

    def __init__(
        self, loop: Loop, context: zmq.Context[zmq.Socket[bytes]], endpoint: str, owner: Owner
    ) -> None:
        self._loop = loop
        self._owner = owner
        self._channel = Channel(context, endpoint)
        self._monitor = self._channel.socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        self._open: str | None = None
        self._timer: Timer | None = None
        self._more = False
        self._told = (0, 0.0)
        self.epoch = 0
        self.foreign = False
        self._requests: list[str] = []
        self._live: list[str] = []
        loop.watch(self._channel.socket, self._channel.pump)
        loop.watch(self._monitor, self._connected)
        loop.every(1.0, self._channel.resend)

    def start(self, requests: list[str], live: list[str]) -> None:
        """Begin, and keep on until `close`."""
        self._requests, self._live = requests, live
        self._hello()

    def close(self) -> None:
        self._loop.unwatch(self._channel.socket)
        self._loop.unwatch(self._monitor)
        self._channel.socket.disable_monitor()
        self._monitor.close(0)
        self._channel.close()

    def _connected(self) -> None:
        while self._monitor.poll(0):
            recv_monitor_message(self._monitor)
        self._hello()

    def _ask(
        self,
        request: RecorderHello | EventList,
        answered: Callable[[Answer], None],
        resend_s: float,
    ) -> None:
        """One request is open at a time; a newer one takes its place."""
        if self._open is not None:
            self._channel.forget(self._open)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._open = self._channel.ask(request, answered, resend_s)

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.later(seconds, call)

    def _hello(self) -> None:
        stored, _ = self._owner.last_fact()
        self._told = (stored, self._loop.now)
        hello = RecorderHello(requests=self._requests, live=self._live, stored=stored)
        self._ask(hello, self._welcomed, 2.0)

    def _welcomed(self, answer: Answer) -> None:
        if not isinstance(answer, RecorderWelcome):
            self._owner.say("warning", f"the principal refused the recorder: {answer}")
            self._later(RETRY_S, self._hello)
            return
        self.epoch = answer.epoch
        stored, _ = self._owner.last_fact()
        if answer.newest < stored:
            self._refuse(f"its newest fact is {answer.newest}, and {stored} are recorded here")
        elif stored:
            self._ask(EventList(after=stored - 1, limit=1), self._compared, 5.0)
        else:
            self._accept()

    def _compared(self, answer: Answer) -> None:
        """Is the last fact stored here the same there? If not, it is another journal."""
        if not isinstance(answer, EventPage):
            self._later(RETRY_S, self._hello)
            return
        stored, body = self._owner.last_fact()
        if answer.oldest <= stored and answer.events and not _same(answer.events, stored, body):
            self._refuse(f"its fact {stored} is not the one that is recorded here")
        else:
            self._accept()

    def _refuse(self, reason: str) -> None:
        if not self.foreign:
            self._owner.say(
                "error",
                f"the principal has another journal than the one recorded here: {reason}. No facts "
                "are recorded: bring its journal back; to follow this one, `cdktr-logd rebuild`",
            )
        self.foreign = True
        self._later(FOREIGN_RETRY_S, self._hello)

    def _accept(self) -> None:
        if self.foreign:
            self._owner.say("info", "the principal's journal is the recorded one again")
        self.foreign = False
        self._pull()

    def _pull(self) -> None:
        stored, _ = self._owner.last_fact()
        told, told_at = self._told
        if stored != told and self._loop.now - told_at >= TELL_S:
            self._hello()
            return
        asked = EventList(after=stored, limit=PAGE, wait_s=WAIT_S)
        self._ask(asked, self._paged, WAIT_S + 5.0)

    def _paged(self, answer: Answer) -> None:
        self._open = None
        if not isinstance(answer, EventPage):
            self._owner.say("warning", f"no facts from the principal: {answer}")
            self._later(RETRY_S, self._hello)
        elif answer.epoch != self.epoch or answer.newest < self._owner.last_fact()[0]:
            self._hello()
        elif not answer.events:
            self._pull()
        else:
            self._more = answer.last < answer.newest and len(answer.events) > PAGE // 10
            page = answer.events
            if self._more:
                self._owner.take_facts(page)
            else:
                pause_s = BUSY_PAUSE_S if len(page) >= BUSY else PAUSE_S
                self._later(pause_s, lambda: self._owner.take_facts(page))

    def stored(self) -> None:
        """The facts that were taken are stored: on to the next."""
        self._pull()

    def not_stored(self) -> None:
        """They are not; begin again from what is stored, in a while."""
        self._later(RETRY_S, self._hello)


def _same(events: Iterable[msgspec.Raw], seq: int, body: str | None) -> bool:
    for raw in events:
        fact = msgspec.json.decode(raw)
        if fact.get("seq") == seq:
            return body is not None and bool(fact == msgspec.json.decode(body))
    return False

"""Who answers what is asked: searches go to the one search thread, queries each to their own.

Every answer comes later, by `deliver`, in the loop. Here it is also told whether anybody reads, and
readers are ended when the database needs their memory or has to be opened again. `stuck` is called
when a query does not end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cdktr_common.catalogue.base import Request
from cdktr_common.catalogue.logd import QueryNext, QueryRun, QueryStop
from cdktr_common.codec import encode, with_id
from cdktr_common.errors import ProtocolError
from cdktr_common.loop import Loop
from cdktr_logd.questions import Questions
from cdktr_logd.reader import QueryFault, Reader, Session
from cdktr_logd.search import QUERY_MOST_S, Search
from cdktr_logd.store import Store

LET_GO_S: Final = 2.0
"""How long queries are waited for when the database is to be opened again."""

Reply = Callable[[bytes], None]


class Answers:
    """See the module text."""

    def __init__(self, loop: Loop, store: Store, stuck: Callable[[], None]) -> None:
        self._loop = loop
        self._store = store
        self._search = Search(loop.wake)
        self._questions = Questions(loop, store.files, stuck)

    @property
    def waiting(self) -> int:
        """Searches and queries that are not over: somebody reads."""
        return self._search.waiting + self._questions.live

    @property
    def live(self) -> int:
        """Queries that are not over."""
        return self._questions.live

    def ask(self, request: Request, newest: int, reply: Reply) -> None:
        """Answer some time later, or at once. `newest` is the last row that surely is seen. Raises
        ProtocolError."""

        def answered(body: bytes) -> None:
            reply(with_id(body, request.id))

        if isinstance(request, QueryRun):
            self._questions.run(request, self._session, answered)
        elif isinstance(request, QueryNext):
            self._questions.next(request, answered)
        elif isinstance(request, QueryStop):
            answered(encode(self._questions.stop(request)))
        else:
            self._look_up(request, newest, answered)

    def _look_up(self, request: Request, newest: int, reply: Reply) -> None:
        try:
            reader = self._store.reader()
        except QueryFault as fault:
            raise ProtocolError("unavailable", str(fault)) from None
        watch = self._loop.later(QUERY_MOST_S, self._too_long(reader))

        def answered(body: bytes) -> None:
            watch.cancel()
            reply(body)

        self._search.ask(request, reader, newest, answered)

    def _session(self) -> Session:
        try:
            return self._store.session()
        except QueryFault as fault:
            raise ProtocolError("unavailable", str(fault)) from None

    def _too_long(self, reader: Reader) -> Callable[[], None]:
        def end() -> None:
            if self._search.running() is reader:
                reader.interrupt()
            elif self._search.waiting:
                self._loop.later(QUERY_MOST_S, end)  # it waited for others all that time

        return end

    def deliver(self) -> None:
        """Hand out what has been answered. Called by the loop."""
        self._search.deliver()
        self._questions.deliver()

    def starve(self) -> None:
        """Output and facts need the memory that queries have."""
        detail = "the memory was needed to store output: choose fewer rows or columns"
        self._questions.end_all(ProtocolError("too_large", detail))

    def let_go(self) -> None:
        """The database is to be opened again: nobody may hold it."""
        fault = ProtocolError("unavailable", "the database is being opened again")
        self._questions.end_all(fault, LET_GO_S)

    def stop(self) -> None:
        """End the threads, and what they are at."""
        self.let_go()
        self._search.stop()

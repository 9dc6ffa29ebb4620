"""The queries that are in work: which there are, who waits for which page, when one has to end.

Lives in the loop; each query works in its own thread (`question.py`). A page is kept until the one
after it was asked for, so that a request which is sent again gets the same answer. What a query
ended with is remembered for a while, for who asks for its next page. Who asked is answered soon
after a query was to end, whether it ends or not; one that does not end is told to the owner.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cdktr_common.catalogue.logd import QueryNext, QueryRun, QueryStop, QueryStopped
from cdktr_common.codec import error_body
from cdktr_common.errors import ProtocolError
from cdktr_common.loop import Loop, Timer, clock
from cdktr_logd import memory
from cdktr_logd.question import Question
from cdktr_logd.reader import Session

AT_ONCE: Final = 4
"""Queries in work; one more is answered `busy`."""

LIMIT_MOST: Final = 1_000_000
TIMEOUT_MOST_S: Final = 300.0
SQL_MOST: Final = 64 << 10
NAME_MOST: Final = 80

GROWTH_MOST: Final = 512 << 20
"""Queries are ended when this process has become larger by so much since the first of them."""

AGAIN_S: Final = 10.0
"""The same request once more gets the same answer for so long after the query is over."""

STUCK_S: Final = 20.0
"""A query that goes on for so long after it was interrupted will never end."""

_TOLD_S: Final = 1.0
"""Who asked waits for so long for the end of a query that was interrupted."""

_OVER_KEPT: Final = 8
_LOOK_S: Final = 0.05

Done = Callable[[bytes], None]


class _Asked:
    """A query, and the page of it that was asked for last."""

    def __init__(self, request: QueryRun, done: Done) -> None:
        self.request = request
        self.page = 0
        self.body: bytes | None = None
        self.done: Done | None = done
        self.last = False
        self.fault: ProtocolError | None = None
        self.question: Question | None = None
        self.deadline: Timer | None = None
        self.ending = 0.0
        self.over = 0.0

    @property
    def live(self) -> bool:
        return self.question is not None

    def answer(self, body: bytes) -> None:
        done, self.done = self.done, None
        if done is not None:
            done(body)


class Questions:
    """See the module text. `deliver` is to be called whenever the loop was woken."""

    def __init__(self, loop: Loop, directory: Path, stuck: Callable[[], None]) -> None:
        self._loop = loop
        self._stuck = stuck
        self._directory = directory
        self._asked: OrderedDict[str, _Asked] = OrderedDict()
        self._told: deque[tuple[_Asked, bytes | None, bool, ProtocolError | None]] = deque()
        self._count = 0
        self._looking = False
        self._resident = 0

    @property
    def live(self) -> int:
        """Queries in work."""
        return sum(one.live for one in self._asked.values())

    # Requests.

    def run(self, request: QueryRun, session: Callable[[], Session], done: Done) -> None:
        """Begin with it, or find the one that this very request began. Raises ProtocolError."""
        _check(request)
        for one in self._asked.values():
            if request.id is not None and one.request == request and self._known(one):
                self._again(one, 0, done)
                return
        self._count += 1
        name = request.query or f"q{self._count}"
        known = self._asked.get(name)
        if known is not None and known.live:
            raise ProtocolError("conflict", f"there is a query '{name}' in work")
        if self.live >= AT_ONCE:
            raise ProtocolError("busy", f"{AT_ONCE} queries are in work")
        reader = session()
        one = self._asked[name] = _Asked(request, done)
        self._asked.move_to_end(name)

        def tell(body: bytes | None, last: bool, fault: ProtocolError | None) -> None:
            self._told.append((one, body, last, fault))
            self._loop.wake()

        late = ProtocolError("timeout", f"the query was not over after {request.timeout_s:g} s")
        try:
            one.question = Question(name, request, reader, self._directory, tell)
        except ProtocolError:
            del self._asked[name]
            raise
        one.deadline = self._loop.later(request.timeout_s, lambda: self._end(one, late))
        self._look_after()

    def next(self, request: QueryNext, done: Done) -> None:
        """Another page. Raises ProtocolError."""
        one = self._asked.get(request.query)
        if one is None:
            raise ProtocolError("not_found", f"there is no query '{request.query}' any more")
        if request.page == one.page:
            self._again(one, request.page, done)
        elif one.fault is not None:
            raise _for_good(one.fault)
        elif request.page != one.page + 1 or one.last or one.body is None:
            raise ProtocolError("bad_field", f"query.next: no page {request.page} now")
        elif one.question is None:
            raise ProtocolError("not_found", f"there is no query '{request.query}' any more")
        else:
            one.page, one.body, one.done = request.page, None, done
            one.question.more()

    def _known(self, one: _Asked) -> bool:
        return one.live or clock() - one.over < AGAIN_S

    def _again(self, one: _Asked, page: int, done: Done) -> None:
        """The same request once more, whose answer may have been lost."""
        if page != one.page:
            raise ProtocolError("bad_field", f"page {page} is gone")
        if one.body is not None:
            done(one.body)
        elif one.fault is not None and not one.live:
            raise one.fault
        else:
            one.done = done  # of one that goes on, although it was to end, `_look` tells

    def stop(self, request: QueryStop) -> QueryStopped:
        """End it, wherever it is."""
        one = self._asked.get(request.query)
        if one is None or not one.live:
            return QueryStopped(found=False)
        self._end(one, ProtocolError("conflict", "the query was stopped"))
        return QueryStopped()

    def end_all(self, fault: ProtocolError, wait_s: float = 0.0) -> None:
        """End all of them; wait until they have let go of the database."""
        live = [one for one in self._asked.values() if one.live]
        for one in live:
            self._end(one, fault)
        until = clock() + wait_s
        for one in live:
            while one.question is not None and clock() < until:
                one.question.join(_LOOK_S)
                self.deliver()
                if one.question is not None:
                    one.question.end()

    # What comes of them.

    def deliver(self) -> None:
        """Hand out pages that are there."""
        while self._told:
            one, body, last, fault = self._told.popleft()
            if body is not None:
                one.body, one.last = body, last
                one.answer(body)
                continue
            one.question, one.over = None, clock()
            if one.deadline is not None:
                one.deadline.cancel()
            if not one.last:
                one.fault = one.fault or fault or ProtocolError("unavailable", "it was ended")
                one.answer(error_body(_for_good(one.fault) if one.page else one.fault))
            self._forget()

    def _forget(self) -> None:
        over = [name for name, one in self._asked.items() if not one.live]
        for name in over[: max(0, len(over) - _OVER_KEPT)]:
            del self._asked[name]

    def _end(self, one: _Asked, fault: ProtocolError) -> None:
        if one.question is None or one.last:
            return
        if one.fault is None:
            one.fault, one.ending = fault, clock()
        one.question.end()

    def _look_after(self) -> None:
        """While there are any: end again what was to end, and what takes too much."""
        if self._looking:
            return
        self._looking = True
        self._resident = memory.resident()
        self._loop.later(_LOOK_S, self._look)

    def _look(self) -> None:
        live = [one for one in self._asked.values() if one.live]
        greedy = memory.resident() - self._resident > GROWTH_MOST
        for one in live:
            if one.question is not None and one.question.overgrown():
                self._end(one, ProtocolError("too_large", "it gives more than a file may have"))
            if greedy and one.body is None:
                detail = "queries need more memory than they may have: choose fewer rows or columns"
                self._end(one, ProtocolError("too_large", detail))
            if one.fault is not None and one.question is not None:
                one.question.end()
                self._goes_on(one, one.fault)
        self._looking = bool(live)
        if live:
            self._loop.later(_LOOK_S, self._look)

    def _goes_on(self, one: _Asked, fault: ProtocolError) -> None:
        """It was interrupted and is not over."""
        waited = clock() - one.ending
        if waited > _TOLD_S and one.done is not None:
            detail = f"{fault.detail}; it is in a function that cannot be interrupted"
            one.answer(error_body(ProtocolError(fault.code, detail, retry=False)))
        if waited > STUCK_S:
            self._stuck()


def _for_good(fault: ProtocolError) -> ProtocolError:
    """What a query ended with, told to who asks for a further page: there will be none."""
    return ProtocolError(fault.code, fault.detail, fault.near, retry=False)


def _check(request: QueryRun) -> None:
    """Refuse numbers out of range. Raises ProtocolError."""
    if not 1 <= request.limit <= LIMIT_MOST:
        raise ProtocolError("bad_field", f"query.run: limit is 1 to {LIMIT_MOST}")
    if not 0 < request.timeout_s <= TIMEOUT_MOST_S:
        raise ProtocolError("bad_field", f"query.run: timeout_s is up to {TIMEOUT_MOST_S:g}")
    if len(request.sql.encode()) > SQL_MOST:
        raise ProtocolError("too_large", f"a statement has at most {SQL_MOST} bytes")
    if len(request.query) > NAME_MOST:
        raise ProtocolError("bad_field", f"query.run: a name of {len(request.query)} characters")

"""Following facts without a gap, across restarts of the principal.

The journal is the record, so the follower asks it: `event.list` after the last number it has, held
back by the principal until there is more. Nothing can be missed or doubled between a subscription
and its backfill, because there is no subscription. Knows numbers, not what the facts mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from cdktr_cli.connection import Connection
from cdktr_common.catalogue.principal import EventList, EventPage
from cdktr_common.errors import ProtocolError

Fact = dict[str, Any]
Facts = Iterable[Fact]

POLL_S = 2.0
_PAGE = 1000

FURTHEST = 1_000_000
"""Facts that are looked through for the last ones of a topic."""


def newest(principal: Connection) -> int:
    """The number of the newest fact."""
    return principal.ask(EventList(after=-1), EventPage).newest


def dropped(principal: Connection, after: int) -> str:
    """What retention has taken of the facts after a number, in words; empty when nothing."""
    oldest = principal.ask(EventList(after=-1), EventPage).oldest
    if after + 1 >= oldest:
        return ""
    return f"facts {after + 1} to {oldest - 1} were dropped by retention; cdktr-logd may have them"


def before_last(principal: Connection, count: int, topic: str) -> int:
    """The number after which the last `count` facts of a topic come. It is looked for backwards,
    ever further, and no further than FURTHEST: then fewer come."""
    page = principal.ask(EventList(after=-1), EventPage)
    span = max(count, _PAGE) if topic and count else count
    while topic and count:
        found = [int(fact["seq"]) for fact in so_far(principal, max(0, page.newest - span), topic)]
        if len(found) >= count:
            return found[-count] - 1
        if page.newest - span < page.oldest or span >= FURTHEST:
            break
        span = min(span * 8, FURTHEST)
    return max(0, page.newest - span)


def so_far(principal: Connection, after: int, topic: str) -> Iterator[Fact]:
    """The facts after a number that are there now."""
    while True:
        page = principal.ask(EventList(after=after, limit=_PAGE, topic=topic), EventPage)
        yield from map(_decode, page.events)
        if page.last <= after or page.last >= page.newest:
            return
        after = page.last


def on(
    principal: Connection, after: int, topic: str, away: Callable[[ProtocolError], None]
) -> Iterator[Fact]:
    """The facts after a number, without end. `away` is told once each time when the principal
    stops answering; the following goes on when it is back."""
    told = False
    while True:
        request = EventList(after=after, limit=_PAGE, topic=topic, wait_s=POLL_S)
        try:
            page = principal.ask(request, EventPage, wait_s=POLL_S)
        except ProtocolError as fault:
            if not fault.retry:
                raise
            if not told:
                away(fault)
            told = True
            continue
        told = False
        yield from map(_decode, page.events)
        after = max(after, page.last)


def _decode(raw: msgspec.Raw) -> Fact:
    fact: Fact = msgspec.json.decode(raw)
    return fact

"""Streams whose sender has nothing from where we ask it to go on. Pure.

A sender that is asked for bytes it has no more (it forgot them when they were acknowledged, and
the history they were in is gone since: lost, dropped, an older copy put back) could only offer the
same later bytes again and again. When it has done so for long enough, without a pause and without
anything earlier, they are taken from there on: a hole in the stream, which the offsets show, in
place of a stream that never goes on. Long enough is much longer than the way of any bytes that are
still on their way: a sender repeats what was not answered every two seconds.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final, NamedTuple

from cdktr_common.catalogue.values import LogChunk
from cdktr_logd.core import Mark, Marks, StreamKey

PATIENCE_S: Final = 30.0
PAUSE_S: Final = 10.0
"""Offers that are further apart are not offered without a pause."""

WATCHED_MOST: Final = 10_000


class _Offer(NamedTuple):
    offset: int
    since: float
    last: float


class Holes:
    """What is offered above the mark, and since when."""

    def __init__(self) -> None:
        self._offers: OrderedDict[StreamKey, _Offer] = OrderedDict()

    def found(
        self, marks: Marks, chunks: Iterable[LogChunk], now: float
    ) -> list[tuple[StreamKey, Mark]]:
        """Marks of the streams that are to be taken from later on than was asked for."""
        lowest: dict[StreamKey, LogChunk] = {}
        for chunk in chunks:
            key: StreamKey = (chunk.run, chunk.task, chunk.n, chunk.stream)
            if key not in lowest or chunk.offset < lowest[key].offset:
                lowest[key] = chunk
        taken: list[tuple[StreamKey, Mark]] = []
        for key, chunk in lowest.items():
            mark = marks.get(key)
            if chunk.offset <= mark.offset:
                self._offers.pop(key, None)
            elif self._offered(key, chunk.offset, now):
                del self._offers[key]
                taken.append((key, Mark(chunk.offset, mark.ended, mark.ts or chunk.ts)))
        return taken

    def _offered(self, key: StreamKey, offset: int, now: float) -> bool:
        """Note an offer; has it been the same for long enough?"""
        known = self._offers.pop(key, None)
        if known is None or offset < known.offset or now - known.last > PAUSE_S:
            known = _Offer(offset, now, now)
        self._offers[key] = known._replace(last=now)
        if len(self._offers) > WATCHED_MOST:
            self._offers.popitem(last=False)
        return offset == known.offset and now - known.since >= PATIENCE_S

"""What came, written down as it came: one JSON object a line, the first one about the recording.

A line has `t`, seconds since the beginning, and one of `link`, `told`, `output`, `counted`,
`loads`, `gap`, or `asked` with the `reply` or `error` that it got. Requests are kept without their
ids, so that a replay finds the answer to the same question. Knows no principal and no screen.
"""

from __future__ import annotations

import operator
import os
import time
from collections.abc import Callable, Set
from functools import reduce
from typing import Any, Final

import msgspec

from cdktr_common import __version__
from cdktr_common.catalogue import FACTS, REPLIES, REQUESTS
from cdktr_common.catalogue.base import Request
from cdktr_common.errors import ProtocolError, Refusal
from cdktr_tui.feed import items as i
from cdktr_tui.session import FeedLike

MOST_LINE: Final = 64 << 20
"""Bytes of a line; what is longer is no recording."""


class Head(msgspec.Struct, kw_only=True):
    """The first line."""

    cdktr: str
    principal: str = ""
    began_ts: float


class Line(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One piece of news, or a question with its answer."""

    t: float
    link: i.Link | None = None
    told: Any = None
    output: i.Output | None = None
    counted: i.Counted | None = None
    loads: i.Loads | None = None
    gap: i.Gap | None = None
    asked: Any = None
    reply: Any = None
    error: list[str] | None = None
    took_s: float = 0.0


class BadRecording(Refusal):
    """The file is none, or is damaged."""


_encode = msgspec.json.encode
_FACT: Any = reduce(operator.or_, FACTS)
_REPLY: Any = reduce(operator.or_, REPLIES)
_REQUEST: Any = reduce(operator.or_, REQUESTS)
_lines = msgspec.json.Decoder(Line)


def question(request: Request) -> bytes:
    """A request as it is kept: without its id."""
    return _encode(msgspec.structs.replace(request, id=None))


class Recorder:
    """Writes one file. `around` a feed it notes what that gives."""

    def __init__(self, path: str, principal: str = "") -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file = os.fdopen(descriptor, "wb")
        self._began = time.monotonic()
        head = Head(cdktr=__version__, principal=principal, began_ts=time.time())
        self._file.write(_encode(head) + b"\n")

    def around(self, feed: FeedLike) -> FeedLike:
        """The same feed, of which everything is noted."""
        return Recorded(feed, self)

    def note(self, item: i.Item, asked: Request | None = None) -> None:
        """It has come just now. An answer to a question that nobody knows is not noted."""
        t = round(time.monotonic() - self._began, 4)
        if isinstance(item, i.Answered):
            if asked is None:
                return
            asked = msgspec.structs.replace(asked, id=None)
            line = Line(t=t, asked=asked, took_s=round(item.took_s, 4))
            if isinstance(item.reply, ProtocolError):
                line.error = [item.reply.code, item.reply.detail]
            else:
                line.reply = msgspec.structs.replace(item.reply, id=None)
        elif isinstance(item, i.Told):
            line = Line(t=t, told=item.fact)
        else:
            line = Line(t=t)
            setattr(line, str(type(item).__struct_config__.tag), item)
        self._file.write(_encode(line) + b"\n")

    def flush(self) -> None:
        """What was noted stays, however this program ends."""
        self._file.flush()

    def close(self) -> None:
        self._file.close()


class Recorded:
    """A feed whose news are written down when they are taken."""

    def __init__(self, feed: FeedLike, recorder: Recorder) -> None:
        self._feed, self._recorder = feed, recorder
        self._asked: dict[int, Request] = {}
        self.start: Callable[[], None] = feed.start
        self.stop: Callable[[], None] = feed.stop
        self.retry: Callable[[], None] = feed.retry

    def ask(self, number: int, request: Request, wait_s: float = 10.0) -> None:
        self._asked[number] = request
        self._feed.ask(number, request, wait_s)

    def forget(self, number: int) -> None:
        self._asked.pop(number, None)
        self._feed.forget(number)

    def follow(self, topics: Set[str]) -> None:
        self._feed.follow(topics)

    def take(self) -> list[i.Item]:
        items = self._feed.take()
        for item in items:
            asked = self._asked.pop(item.number, None) if isinstance(item, i.Answered) else None
            self._recorder.note(item, asked)
        if items:
            self._recorder.flush()
        return items


def read(path: str) -> tuple[Head, list[tuple[float, i.Item | None, Line]]]:
    """All of a recording: when, what, and the line. Raises BadRecording, OSError."""
    with open(path, "rb") as file:
        try:
            head = msgspec.json.decode(file.readline(MOST_LINE), type=Head)
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            raise BadRecording(f"{path}: line 1: not a recording of cdktr-tui: {fault}") from None
        news: list[tuple[float, i.Item | None, Line]] = []
        for number, text in enumerate(file, 2):
            try:
                line = _lines.decode(text)
                news.append((line.t, _item(line), line))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
                if text.endswith(b"\n"):
                    raise BadRecording(f"{path}: line {number}: {fault}") from None
                break  # it was being written when its writer ended
    return head, news


def _item(line: Line) -> i.Item | None:
    if line.told is not None:
        return i.Told(fact=msgspec.convert(line.told, _FACT))
    return line.link or line.output or line.counted or line.loads or line.gap


def answer(line: Line) -> Any:
    """The reply of a line that has been asked, or the error."""
    if line.error is not None:
        return ProtocolError(line.error[0], line.error[1])
    return msgspec.convert(line.reply, _REPLY)


def asked(line: Line) -> Request:
    """The request of such a line."""
    request: Request = msgspec.convert(line.asked, _REQUEST)
    return request

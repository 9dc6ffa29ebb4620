"""What is asked of logd, the recorder, and what it answers and publishes."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from cdktr_common.catalogue.base import Message, Reply, Request
from cdktr_common.catalogue.values import LogChunk, LogMark, Stream

_CHUNK = (
    '{"workflow":"etl","run":"k3f9x2mq7a","task":"a","n":1,"stream":"stdout",'
    '"offset":0,"ts":1.5,"text":"hello\\n"}'
)


class LogAppended(Reply, frozen=True, kw_only=True, tag="log.appended"):
    """How far each stream of the request is stored, after the commit. A mark below what was sent
    asks to send again from there; one above it tells that this was stored before. `refused` says
    why nothing was taken for now (`disk_full`); the sender keeps it and tries again."""

    marks: list[LogMark] = []
    refused: str = ""

    example: ClassVar[str] = (
        '{"type":"log.appended","id":"7","marks":[{"run":"k3f9x2mq7a","task":"a","n":1,'
        '"stream":"stdout","offset":6}]}'
    )


class LogPage(Reply, frozen=True, kw_only=True, tag="log.page"):
    """Chunks, ordered by time of storing (`log.query`) or by offset (`log.read`). `next` continues
    where this page ended; null: there is no more now. `last` is how far was looked: what follows
    it can be asked for later, when there may be more."""

    chunks: list[LogChunk] = []
    next: int | None = None
    last: int = 0

    example: ClassVar[str] = '{"type":"log.page","id":"7","chunks":[' + _CHUNK + '],"next":3}'


class HistoryPage(Reply, frozen=True, kw_only=True, tag="history.page"):
    """Rows of a table as lists, in the order of `columns`."""

    columns: list[str] = []
    rows: list[list[Any]] = []
    next: int | None = None

    example: ClassVar[str] = (
        '{"type":"history.page","id":"7","columns":["run","state"],'
        '"rows":[["k3f9x2mq7a","COMPLETED"]]}'
    )


class LogAppend(Request, frozen=True, kw_only=True, tag="log.append"):
    """Output to store. Chunks of one stream follow one another by offset; what is stored already
    is trimmed, a gap is not stored but answered with the offset that is wanted."""

    to: ClassVar[str] = "logd"

    agent: str
    chunks: list[LogChunk]

    example: ClassVar[str] = (
        '{"type":"log.append","id":"7","agent":"box1","chunks":[' + _CHUNK + "]}"
    )
    answers: ClassVar[tuple[type, ...]] = (LogAppended,)


class LogQuery(Request, frozen=True, kw_only=True, tag="log.query"):
    """Chunks that fit all that is given, of stdout and stderr unless a `stream` is: `run` by id or
    unique beginning, `text` a case-insensitive part, `regex` an RE2 pattern; both look at single
    lines and a chunk is cut down to those that fit. `after` is the `next` of an earlier page.
    `tail`: only the last so many lines."""

    to: ClassVar[str] = "logd"

    workflow: str | None = None
    run: str | None = None
    task: str | None = None
    n: int | None = None
    stream: Stream | None = None
    since_ts: float | None = None
    until_ts: float | None = None
    text: str | None = None
    regex: str | None = None
    tail: int | None = None
    after: int = 0
    limit: int = 200

    example: ClassVar[str] = (
        '{"type":"log.query","id":"7","workflow":"etl","since_ts":1.5,"text":"error"}'
    )
    answers: ClassVar[tuple[type, ...]] = (LogPage,)


class LogRead(Request, frozen=True, kw_only=True, tag="log.read"):
    """The bytes of one stream from `offset` on, up to `limit` bytes and a whole chunk: what
    `cdktr-logs --raw` is made of and what a subscriber asks for when it sees a gap."""

    to: ClassVar[str] = "logd"

    run: str
    task: str
    n: int | None = None
    stream: Stream = "stdout"
    offset: int = 0
    limit: int = 1 << 18

    example: ClassVar[str] = (
        '{"type":"log.read","id":"7","run":"k3f9x2mq7a","task":"a","n":1,"offset":6}'
    )
    answers: ClassVar[tuple[type, ...]] = (LogPage,)


class HistoryList(Request, frozen=True, kw_only=True, tag="history.list"):
    """What has been recorded of runs, tasks, attempts, events or ticks, or of the artifacts of a
    run, newest first. `before` is the `next` of an earlier page. An artifact is `whole` when all of
    it has come; its bytes are those of the stream `artifact/` and its path (`log.read`)."""

    to: ClassVar[str] = "logd"

    table: Literal["runs", "tasks", "attempts", "events", "artifacts", "ticks"]
    workflow: str | None = None
    run: str | None = None
    state: str | None = None
    since_ts: float | None = None
    until_ts: float | None = None
    before: int | None = None
    limit: int = 100

    example: ClassVar[str] = '{"type":"history.list","id":"7","table":"runs","limit":10}'
    answers: ClassVar[tuple[type, ...]] = (HistoryPage,)


class LogLive(Message, frozen=True, kw_only=True, tag="log.live"):
    """Published by logd on `log/<workflow>/<run>/<task>/` after the chunk, one of stdout or stderr,
    was stored. `seq` is the position that `log.query` calls `after`; `offset` tells a gap within a
    stream."""

    seq: int
    chunk: LogChunk

    example: ClassVar[str] = '{"type":"log.live","seq":3,"chunk":' + _CHUNK + "}"


LOGD_REQUESTS: tuple[type[Request], ...] = (LogAppend, LogQuery, LogRead, HistoryList)

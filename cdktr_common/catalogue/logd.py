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
    `tail`: only the last so many lines. `before`: the last `limit` chunks that were stored before
    this position; `next` then is the `before` of the page that comes before this one."""

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
    before: int | None = None

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
    it has come; its bytes are those of the stream `artifact/` and its path (`log.read`).
    `workflow` is an id, a name that one had when a run of it began, or a pattern of ids like
    `etl-*`, `kind` one of the types of facts (of `events`),
    `event` of the events that runs were started by; `states`: one of these; `agent`: of tasks and
    attempts there, of runs with an attempt there."""

    to: ClassVar[str] = "logd"

    table: Literal["runs", "tasks", "attempts", "events", "artifacts", "ticks"]
    workflow: str | None = None
    run: str | None = None
    state: str | None = None
    since_ts: float | None = None
    until_ts: float | None = None
    before: int | None = None
    limit: int = 100
    states: list[str] = []
    event: str | None = None
    agent: str | None = None
    kind: str | None = None

    example: ClassVar[str] = '{"type":"history.list","id":"7","table":"runs","limit":10}'
    answers: ClassVar[tuple[type, ...]] = (HistoryPage,)


class QueryPage(Reply, frozen=True, kw_only=True, tag="query.page"):
    """Rows of a query, of the `types` that the database has for its `columns`. Times are RFC 3339
    (those that are none, as `infinity`, and intervals and bytes the text of the database), numbers
    that JSON cannot hold are text. `next`: ask for the rest with `query.next`; null: this
    was the last, and the query is forgotten. `cut`: there would have been more rows than its
    `limit`. With a `format` of a file its bytes are in `b64` instead of `rows`. `took_s`: how long
    it has run until now."""

    query: str
    columns: list[str] = []
    types: list[str] = []
    rows: list[list[Any]] = []
    b64: str | None = None
    next: int | None = None
    cut: bool = False
    took_s: float = 0.0

    example: ClassVar[str] = (
        '{"type":"query.page","id":"7","query":"q1","columns":["state","n"],'
        '"types":["VARCHAR","BIGINT"],"rows":[["COMPLETED",4]],"took_s":0.01}'
    )


class QueryStopped(Reply, frozen=True, kw_only=True, tag="query.stopped"):
    """The query is forgotten; `found`: there was one."""

    found: bool = True

    example: ClassVar[str] = '{"type":"query.stopped","id":"7","found":false}'


class QueryRun(Request, frozen=True, kw_only=True, tag="query.run"):
    """One statement of SQL that only reads, over the views `runs`, `tasks`, `attempts`, `events`,
    `ticks` and `output`. It sees what was stored when it began, gives up to `limit` rows, and is
    ended when the last of them was not fetched within `timeout_s`: `timeout`, also when it is in a
    function that cannot be interrupted; one that is for long has logd begin anew. `query` is a name
    for it, to stop it by; without one it gets one. `format` `parquet`: a file instead of rows."""

    to: ClassVar[str] = "logd"

    sql: str
    query: str = ""
    limit: int = 1000
    timeout_s: float = 10.0
    format: Literal["rows", "parquet"] = "rows"

    example: ClassVar[str] = (
        '{"type":"query.run","id":"7","sql":"select state, count(*) as n from runs group by 1"}'
    )
    answers: ClassVar[tuple[type, ...]] = (QueryPage,)


class QueryNext(Request, frozen=True, kw_only=True, tag="query.next"):
    """More of a query: `page` is the `next` of the page before. The same page may be asked for
    again until the one after it was. A query that has ended gives none any more: its error is told
    with `retry` false."""

    to: ClassVar[str] = "logd"

    query: str
    page: int

    example: ClassVar[str] = '{"type":"query.next","id":"7","query":"q1","page":1}'
    answers: ClassVar[tuple[type, ...]] = (QueryPage,)


class QueryStop(Request, frozen=True, kw_only=True, tag="query.stop"):
    """End a query, wherever it is."""

    to: ClassVar[str] = "logd"

    query: str

    example: ClassVar[str] = '{"type":"query.stop","id":"7","query":"q1"}'
    answers: ClassVar[tuple[type, ...]] = (QueryStopped,)


class LogLive(Message, frozen=True, kw_only=True, tag="log.live"):
    """Published by logd on `log/<workflow>/<run>/<task>/` after the chunk, one of stdout or stderr,
    was stored; what was stored of a stream at the same time comes together. `seq` is the position
    that `log.query` calls `after`, of the last row of it; `offset` tells a gap within a stream."""

    seq: int
    chunk: LogChunk

    example: ClassVar[str] = '{"type":"log.live","seq":3,"chunk":' + _CHUNK + "}"


LOGD_REQUESTS: tuple[type[Request], ...] = (
    LogAppend,
    LogQuery,
    LogRead,
    HistoryList,
    QueryRun,
    QueryNext,
    QueryStop,
)

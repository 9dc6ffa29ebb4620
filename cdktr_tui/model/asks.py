"""Whose output is meant, and what is asked of the recorder to get it. Pure values."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from cdktr_common.catalogue.base import Request
from cdktr_common.catalogue.logd import LogQuery, LogRead
from cdktr_common.catalogue.values import LogChunk
from cdktr_tui.model.tape import Source

FIRST: Final = 200
"""Chunks of the page that is shown first; its bytes are bounded by the recorder."""

PAGE: Final = 1000
"""Chunks of others."""

ALL: Final = 5000
"""Chunks of a page most of which is known, as far as one can tell."""

NEWEST: Final = 1 << 53
"""A position that comes after all there are."""

Wish = Literal["newest", "oldest", "older", "newer", "moment", "missed", "hole"]


class Scope(NamedTuple):
    """Whose output: of a run, of one of its tasks, of one attempt of it (0: of all)."""

    workflow: str
    run: str
    task: str = ""
    n: int = 0

    @property
    def topic(self) -> str:
        """What is to be followed to get it live."""
        return f"log/{self.workflow}/{self.run}/" + (f"{self.task}/" if self.task else "")

    def holds(self, chunk: LogChunk) -> bool:
        return (
            chunk.run == self.run
            and self.task in ("", chunk.task)
            and self.n in (0, chunk.n)
            and chunk.stream in ("stdout", "stderr")
        )


class Ask(NamedTuple):
    """Something to ask for. `turn` tells whether the answer is still of use when it comes."""

    wish: Wish
    request: Request
    turn: int
    source: Source | None = None


def before(scope: Scope, pos: int) -> LogQuery:
    """The page that ends there."""
    task, n = scope.task or None, scope.n or None
    limit = FIRST if pos == NEWEST else PAGE
    return LogQuery(run=scope.run, task=task, n=n, before=pos, limit=limit)


def after(scope: Scope | Source, pos: int, limit: int = PAGE) -> LogQuery:
    """The page that begins there."""
    task, n = scope.task or None, scope.n or None
    stream = scope.stream if isinstance(scope, Source) else None
    return LogQuery(run=scope.run, task=task, n=n, stream=stream, after=pos, limit=limit)


def at(scope: Scope, ts: float) -> LogQuery:
    """The first chunk of that time; the `next` of the reply is its position."""
    task, n = scope.task or None, scope.n or None
    return LogQuery(run=scope.run, task=task, n=n, since_ts=ts, limit=1)


def missing(source: Source, offset: int, size: int) -> LogRead:
    """Bytes of one stream."""
    return LogRead(
        run=source.run, task=source.task, n=source.n, stream=source.stream, offset=offset,
        limit=max(1, size),
    )  # fmt: skip


def source_of(chunk: LogChunk) -> Source:
    """Which stream a chunk is of."""
    return Source(chunk.run, chunk.task, chunk.n, chunk.stream)

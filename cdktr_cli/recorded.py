"""Asking for recorded output: which run is meant, pages of chunks, the bytes of one stream.

The principal knows running and recent runs, the recorder remembers longer: an id is looked for in
both. Knows requests, not how anything is printed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from cdktr_cli.connection import Connection
from cdktr_cli.tail import content
from cdktr_common.catalogue.common import Ping, Pong
from cdktr_common.catalogue.logd import HistoryList, HistoryPage, LogPage, LogQuery, LogRead
from cdktr_common.catalogue.principal import (
    AgentDetail,
    AgentShow,
    RunList,
    RunPage,
    RunStatus,
    RunWait,
    TaskList,
    TaskPage,
    WorkflowDetail,
    WorkflowShow,
)
from cdktr_common.catalogue.values import LogChunk, Stream
from cdktr_common.errors import ProtocolError

if TYPE_CHECKING:
    from cdktr_cli.logs import Wanted

PAGE: Final = 1000
READ: Final = 1 << 19

END_S: Final = 5.0
"""How long the end of a stream may be outstanding after its run has ended."""


class Run(NamedTuple):
    """The run that is meant; `live` when the principal remembers it."""

    run: str
    workflow: str
    ended: bool
    live: bool
    ended_ts: float = 0.0


def find_run(principal: Connection, name: str) -> Run:
    """By id, unique beginning, or `last`. Raises ProtocolError not_found or ambiguous."""
    try:
        row = principal.ask(RunWait(run=name, wait_s=0.0), RunStatus).run
        return Run(row.run, row.workflow, row.ended_ts is not None, True, row.ended_ts or 0.0)
    except ProtocolError as fault:
        if fault.code != "not_found":
            raise
        unknown = fault
    older = HistoryList(table="runs", run=None if name == "last" else name, limit=1)
    try:
        page = principal.ask_logd(older, HistoryPage)
    except ProtocolError as fault:
        if fault.code == "ambiguous":
            raise
        raise unknown from None
    if not page.rows:
        raise unknown
    found = dict(zip(page.columns, page.rows[0], strict=True))
    return Run(found["run"], found["workflow"], True, False)


def known_workflow(principal: Connection, workflow: str) -> None:
    """Nothing was found of a workflow: is there one of this name, or has there been? Raises
    ProtocolError not_found, with the nearest name, when neither principal nor recorder knows it."""
    try:
        principal.ask(WorkflowShow(workflow=workflow), WorkflowDetail)
    except ProtocolError as unknown:
        if unknown.code != "not_found":
            return
        if principal.ask(RunList(workflow=workflow, limit=1), RunPage).runs:
            return
        if not _recorded(principal, HistoryList(table="runs", workflow=workflow, limit=1)):
            raise unknown from None


def known_agent(principal: Connection, agent: str) -> None:
    """Nothing was found of an agent: is there one of this name, or has there been? Raises
    ProtocolError not_found, with the nearest name, when neither principal nor recorder knows it."""
    try:
        principal.ask(AgentShow(agent=agent), AgentDetail)
    except ProtocolError as unknown:
        if unknown.code != "not_found":
            return
        if not _recorded(principal, HistoryList(table="attempts", agent=agent, limit=1)):
            raise unknown from None


def _recorded(principal: Connection, asked: HistoryList) -> bool:
    """Does the recorder know of any? One that cannot be asked does not: the principal's word is
    then all there is."""
    try:
        return bool(principal.ask_logd(asked, HistoryPage).rows)
    except ProtocolError:
        return False


def forgotten(principal: Connection, name: str, unknown: ProtocolError) -> ProtocolError:
    """The principal knows no such run, or no such task of it: what to say when the recorder knows
    the run."""
    try:
        run = find_run(principal, name)
    except ProtocolError:
        return unknown
    if run.live:
        return unknown
    words = f"{unknown.detail}; the recorder has it, to look at (cdktr-ctl show {run.run}): "
    words += f"what it did can only be started anew (cdktr-trigger --workflow {run.workflow})"
    return ProtocolError("not_found", words)


def query(wanted: Wanted, run: Run | None) -> LogQuery:
    """The request for what is wanted."""
    return LogQuery(**wanted._asdict(), run=run and run.run, limit=PAGE)


def pages(principal: Connection, request: LogQuery, tail: int | None = None) -> Iterator[LogChunk]:
    """All chunks that are recorded now, or those of the last lines."""
    if tail is not None:
        request = msgspec.structs.replace(request, tail=tail)
    while True:
        page = principal.ask_logd(request, LogPage)
        yield from page.chunks
        if page.next is None:
            return
        request = msgspec.structs.replace(request, after=page.next)


def raw(
    principal: Connection, run: Run, task: str, n: int | None, stream: Stream
) -> Iterator[bytes]:
    """The bytes of one stream. Of a run that has ended they are waited for to their end."""
    offset, ended, size = 0, False, -1
    if run.live and run.ended:
        written = sizes(principal, run)
        n = n or max(
            (known for known_task, known, _ in written if known_task == task), default=None
        )
        size = written.get((task, n or 0, stream), -1)
    until = time.monotonic() + END_S
    while True:
        request = LogRead(run=run.run, task=task, n=n, stream=stream, offset=offset, limit=READ)
        page = principal.ask_logd(request, LogPage)
        for chunk in page.chunks:
            n = chunk.n  # the attempt that was read first stays the one
            ended = ended or chunk.end
            yield content(chunk)
        offset = max(offset, page.last)
        if page.next is not None:
            continue
        if ended or offset >= size or time.monotonic() > until:
            return
        time.sleep(0.05)


UNTOLD: Final = -1
"""In place of a size: the attempt has a result, but its agent could not tell how much it wrote."""


def sizes(principal: Connection, run: Run) -> dict[tuple[str, int, str], int]:
    """What every attempt of a run that has ended wrote to each stream, or UNTOLD. Of attempts that
    were lost nobody knows: they are left out."""
    found: dict[tuple[str, int, str], int] = {}
    after: int | None = 0
    while after is not None:
        page = principal.ask(TaskList(run=run.run, after=after), TaskPage)
        for row in page.tasks:
            for attempt in row.attempts:
                for stream, size in (
                    ("stdout", attempt.stdout_bytes),
                    ("stderr", attempt.stderr_bytes),
                ):
                    if size is not None:
                        found[row.task, attempt.n, stream] = size
                    elif attempt.state in ("COMPLETED", "FAILED", "CANCELLED"):
                        found[row.task, attempt.n, stream] = UNTOLD
        after = page.next
    return found


def warn_if_not_stored(principal: Connection) -> None:
    """Say so on stderr when the recorder has no room: what it shows may lack the newest."""
    if principal.ask_logd(Ping(), Pong).status == "disk_full":
        said = "logd's disk is full: output that has not been stored yet is missing here"
        print(f"cdktr-logs: {said}", file=sys.stderr)


def has_task(principal: Connection, run: Run, task: str) -> bool:
    """Has the run such a task? A run that only the recorder remembers is asked there."""
    if run.live:
        after: int | None = 0
        while after is not None:
            page = principal.ask(TaskList(run=run.run, after=after), TaskPage)
            if any(row.task == task for row in page.tasks):
                return True
            after = page.next
        return False
    before: int | None = None
    while True:
        asked = HistoryList(table="tasks", run=run.run, limit=1000, before=before)
        rows = principal.ask_logd(asked, HistoryPage)
        at = rows.columns.index("task")
        if any(row[at] == task for row in rows.rows):
            return True
        if rows.next is None:
            return False
        before = rows.next

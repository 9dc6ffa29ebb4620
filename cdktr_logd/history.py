"""From a request for history to SQL, and from rows to a page. Pure.

A page is bounded in bytes as well as in number, and goes from the newest to the oldest by `seq`: a
run, a task and an attempt have that of their first fact, so they keep their place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from cdktr_common.catalogue.logd import HistoryList, HistoryPage
from cdktr_common.codec import encode
from cdktr_common.errors import ProtocolError
from cdktr_logd.core import ARTIFACT
from cdktr_logd.queries import PAGE_BYTES, PAGE_ROWS, Sql, is_pattern, refuse_empty

_COLUMNS: Final = {
    "runs": "run, workflow, state, event, created_ts, started_ts, ended_ts, tasks, done, failed,"
    " code, reason, name, queued, parent, retry_of, output, seq",
    "tasks": "run, workflow, task, state, n, agent, started_ts, ended_ts, code, reason, retry_ts,"
    " made, calls, outputs, result, seq",
    "attempts": "run, workflow, task, n, state, agent, fence, assigned_ts, started_ts, ended_ts,"
    " code, reason, stdout_bytes, stderr_bytes, seq",
    "events": "seq, ts, type, topic, body",
    "ticks": "workflow, schedule, state, due_ts, from_ts, count, run, late_s, into_ts, reason, ts,"
    " seq",
    "artifacts": "run, workflow, task, n, path, bytes, whole, ts, seq",
}
_ARTIFACTS: Final = f"""(
    SELECT run, any_value(workflow) AS workflow, task, n,
        substr(stream, {len(ARTIFACT) + 1}) AS path,
        CAST(max(off + size) AS BIGINT) AS bytes, min(ts) AS ts, max(pos) AS seq,
        bool_or(ended) AND sum(size) = max(off + size) AS whole
    FROM logstore WHERE starts_with(stream, '{ARTIFACT}') GROUP BY run, task, n, stream
)"""
"""Files are what their chunks tell; `whole`: up to the end, and nothing is missing before it."""

_JSON: Final = ("body", "output", "outputs")
_TIME: Final = {
    "runs": "created_ts", "tasks": "started_ts", "attempts": "assigned_ts", "ticks": "due_ts",
}  # fmt: skip


_THERE: Final = "run IN (SELECT run FROM task_run_status WHERE agent = ?)"
_BEGUN_BY: Final = (
    "run IN (SELECT run FROM workflow_run_status WHERE state = 'PENDING' AND event {} ?)"
)
_FILTERS: Final = {
    "states": ("runs", "tasks", "attempts", "ticks"),
    "event": ("runs", "tasks", "attempts"),
    "agent": ("runs", "tasks", "attempts"),
    "kind": ("events",),
}
"""Which tables know what some of the filters ask."""

Test = tuple[str, object]


def history_sql(asked: HistoryList, run: str | None) -> Sql:
    """One row more than the page may have, newest first."""
    tests = [*_tests(asked, run)]
    where = f" WHERE {' AND '.join(test for test, _ in tests)}" if tests else ""
    source = {"events": "event", "artifacts": _ARTIFACTS}.get(asked.table, asked.table)
    most = min(asked.limit, PAGE_ROWS) + 1
    return Sql(
        f"SELECT {_COLUMNS[asked.table]} FROM {source}{where} ORDER BY seq DESC LIMIT {most}",
        [value for _, value in tests],
    )


def check(asked: HistoryList) -> None:
    """Refuse what means nothing. Raises bad_field."""
    table = asked.table
    for name in ("workflow", "run", "state", "event", "agent", "kind"):
        refuse_empty("history.list", name, getattr(asked, name))
    if asked.limit < 1:
        raise ProtocolError("bad_field", f"history.list: limit is {asked.limit}")
    if table == "artifacts" and asked.run is None:
        raise ProtocolError("bad_field", "history.list: artifacts are asked for by run")
    if table == "artifacts" and asked.state is not None:
        raise ProtocolError("bad_field", "history.list: artifacts are not asked for by state")
    for name, tables in _FILTERS.items():
        if getattr(asked, name) and table not in tables:
            raise ProtocolError("bad_field", f"history.list: {table} are not asked for by {name}")


def _tests(asked: HistoryList, run: str | None) -> Iterator[Test]:
    events = asked.table == "events"
    time = _TIME.get(asked.table, "ts")
    if asked.workflow is not None:
        column, wanted = (
            ("topic", f"run/{asked.workflow}/") if events else ("workflow", asked.workflow)
        )
        yield f"{column} {_fits(wanted)} ?", wanted
    if asked.kind is not None:
        yield f"type {_fits(asked.kind)} ?", asked.kind
    if asked.states:
        yield "list_contains(?, state)", list(asked.states)
    if asked.event is not None:
        yield _BEGUN_BY.format(_fits(asked.event)), asked.event
    if asked.agent is not None:
        yield (_THERE if asked.table == "runs" else "agent = ?"), asked.agent
    for test, value in (
        ("run = ?", run),
        ("type = ?" if events else "state = ?", asked.state),
        (f"{time} >= ?", asked.since_ts),
        (f"{time} < ?", asked.until_ts),
        ("seq < ?", asked.before),
    ):
        if value is not None:
            yield test, value


def _fits(wanted: str) -> str:
    return "GLOB" if is_pattern(wanted) else "="


def history_page(asked: HistoryList, rows: Sequence[tuple[Any, ...]]) -> HistoryPage:
    """The page of these rows; what is JSON becomes JSON again."""
    columns = _COLUMNS[asked.table].split(", ")
    at_seq = columns.index("seq")
    json_at = [at for at, name in enumerate(columns) if name in _JSON]
    shown: list[list[Any]] = []
    room = PAGE_BYTES
    for row in rows[: min(asked.limit, PAGE_ROWS)]:
        values = list(row)
        for at in json_at:
            if values[at] is not None:
                values[at] = msgspec.Raw(values[at].encode())
        shown.append(values)
        room -= len(encode(values))
        if room <= 0:
            break
    more = len(shown) < len(rows)
    return HistoryPage(columns=columns, rows=shown, next=shown[-1][at_seq] if more else None)

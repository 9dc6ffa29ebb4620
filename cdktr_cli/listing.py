"""Runs that fit what is wanted, newest first: those the principal remembers, and the recorder's
where its memory ends.

The principal knows every run that goes on and those that ended last; whatever it tells of a run is
newer than what is recorded. Both count runs by the same seq, that of their beginning. Knows no
option and no table.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from cdktr_cli import history
from cdktr_cli.connection import Connection
from cdktr_cli.table import Row
from cdktr_common.catalogue.logd import HistoryList, HistoryPage
from cdktr_common.catalogue.principal import RunList, RunPage, WorkflowDetail, WorkflowShow
from cdktr_common.catalogue.values import RunRow, RunState
from cdktr_common.errors import ProtocolError

PAGE: Final = 500

LIVE: Final = frozenset({"PENDING", "RUNNING"})
"""States of runs that the principal cannot have forgotten."""

RECORDER_S: Final = 2.0
"""How long the recorder is waited for when nobody asked for it by name."""


class Wanted(NamedTuple):
    """What a run must be like; None and nothing: anything will do."""

    workflow: str | None = None
    states: tuple[RunState, ...] = ()
    event: str | None = None
    agent: str | None = None
    since_ts: float | None = None
    until_ts: float | None = None


def runs(principal: Connection, wanted: Wanted, most: int) -> list[RunRow]:
    """Up to `most`, wherever they are remembered."""
    found = {row.run: row for row in remembered(principal, wanted, most)}
    if wanted.states and LIVE.issuperset(wanted.states):
        return list(found.values())
    # Of those that ended, the principal forgets the oldest: beyond one that ended and is in the
    # list others may be missing, before it none.
    if len(found) >= most and list(found.values())[-1].ended_ts is not None:
        return list(found.values())
    for row in _recorded_too(principal, wanted, most):
        # What goes on is told by the principal: recorded so, it has ended meanwhile.
        if row.run not in found and row.state not in LIVE:
            found[row.run] = row
    return sorted(found.values(), key=lambda row: row.seq, reverse=True)[:most]


def several(workflow: str) -> bool:
    """Is it a pattern of ids, not the name of one workflow?"""
    return any(sign in workflow for sign in "*?[")


def remembered(principal: Connection, wanted: Wanted, most: int) -> list[RunRow]:
    """What the principal knows."""
    rows: list[RunRow] = []
    before: int | None = None
    while len(rows) < most:
        limit = min(PAGE, most - len(rows))
        state = wanted.states[0] if len(wanted.states) == 1 else None
        states = list(wanted.states) if state is None else []
        page = principal.ask(
            RunList(
                workflow=wanted.workflow, state=state, states=states, limit=limit, before=before,
                since_ts=wanted.since_ts, until_ts=wanted.until_ts,
                event=wanted.event, agent=wanted.agent,
            ),
            RunPage,
        )  # fmt: skip
        rows += page.runs
        if not page.more or not page.runs:
            break
        before = page.runs[-1].seq
    return rows


def recorded(
    principal: Connection, wanted: Wanted, most: int, timeout_s: float | None = None
) -> list[Row]:
    """What the recorder knows, under the names of its columns."""
    rows: list[Row] = []
    before: int | None = None
    workflow = _id_of(principal, wanted.workflow)
    while len(rows) < most:
        limit = min(PAGE, most - len(rows))
        state = wanted.states[0] if len(wanted.states) == 1 else None
        states: list[str] = list(wanted.states) if state is None else []
        page = principal.ask_logd(
            HistoryList(
                table="runs", workflow=workflow, state=state, states=states, limit=limit,
                before=before, since_ts=wanted.since_ts, until_ts=wanted.until_ts,
                event=wanted.event, agent=wanted.agent,
            ),
            HistoryPage,
            timeout_s=timeout_s,
        )  # fmt: skip
        rows += history.named(page)
        if page.next is None:
            break
        before = page.next
    return rows


def _recorded_too(principal: Connection, wanted: Wanted, most: int) -> Iterable[RunRow]:
    """Rows as the principal would have them. That there is no recorder is not worth a word, that
    it does not answer is: the list may lack what it knows."""
    if principal.endpoint_of("logd") is None:
        return []
    timeout_s = min(principal.timeout_s, RECORDER_S)
    try:
        rows = recorded(principal, wanted, most, timeout_s)
    except ProtocolError as fault:
        if fault.code in ("bad_field", "not_found"):
            raise
        print(f"cdktr-ctl: older runs may be missing: {fault.detail}", file=sys.stderr)
        return []
    return [_as_live(row) for row in rows]


def _as_live(row: Row) -> RunRow:
    known = {name: value for name, value in row.items() if value is not None}
    return msgspec.convert(known, RunRow)


def _id_of(principal: Connection, workflow: str | None) -> str | None:
    """The recorder knows workflows by their ids alone; people may have given a name."""
    if workflow is None or several(workflow):
        return workflow
    try:
        return principal.ask(WorkflowShow(workflow=workflow), WorkflowDetail).workflow.workflow
    except ProtocolError as fault:
        if fault.code in ("not_found", "ambiguous"):
            return workflow
        raise

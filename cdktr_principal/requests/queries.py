"""What can be asked about the state: rows, pages, and ids by their beginnings. Changes nothing.

A page tells the seq up to which it was folded: it is made whole between two facts, so that who
follows the facts after it has neither missed nor doubled any.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from cdktr_common import schedules
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import (
    AttemptRow,
    RunMark,
    RunRow,
    ScheduleRow,
    TaskRow,
    WorkflowRow,
)
from cdktr_common.codec import encode
from cdktr_common.errors import ProtocolError
from cdktr_principal.decisions.ready import nearest
from cdktr_principal.decisions.session import Session
from cdktr_principal.language.listening import heard
from cdktr_principal.requests import picked
from cdktr_principal.state.records import Attempt, Run, Task
from cdktr_principal.state.schedules import EVERY, Planned
from cdktr_principal.state.state import State

PAGE: int = 1000
"""Rows of a page at most."""

PAGE_BYTES: Final = 1 << 20
"""About how large a page of tasks gets."""

ROW_BYTES: Final = 400
"""About what a task takes in it, and each of its attempts."""

LAST_MOST: Final = 100
"""Runs of a workflow in its row at most."""


def find_run(state: State, name: str) -> Run:
    """A run by id, unique beginning of it, or `last`, the newest that no other run has called.
    Raises not_found or ambiguous."""
    run = state.runs.get(name)
    if run is not None:
        return run
    if name == "last":
        newest = next((each for each in reversed(state.runs.values()) if not each.parent), None)
        if newest is None:
            raise ProtocolError("not_found", "there are no runs yet")
        return newest
    fitting = [run_id for run_id in state.runs if name and run_id.startswith(name)]
    if len(fitting) > 1:
        some = ", ".join(fitting[:5])
        raise ProtocolError(
            "ambiguous", f"{len(fitting)} runs begin with '{name}': {some}", fitting
        )
    if not fitting:
        raise ProtocolError(
            "not_found",
            f"no run '{name}' is remembered here: all that go on are, and the newest"
            f" {len(state.finished):,} that ended",
            nearest(name, state.runs),
        )
    return state.runs[fitting[0]]


def find_task(run: Run, name: str) -> Task:
    """A task of a run by id. Raises not_found."""
    task = run.by_id.get(name)
    if task is None:
        near = nearest(name, run.by_id)
        raise ProtocolError("not_found", f"run {run.id} has no task '{name}'", near)
    return task


def run_row(run: Run) -> RunRow:
    """A run as a row."""
    return RunRow(
        run=run.id, workflow=run.workflow, name=run.plan.name, state=run.state, event=run.event,
        created_ts=run.created_ts, started_ts=run.started_ts, ended_ts=run.ended_ts,
        tasks=len(run.tasks), done=len(run.tasks) - run.open, failed=run.failed, code=run.code,
        reason=run.reason, seq=run.seq, queued=run.queued, parent=run.parent,
        retry_of=run.retry_of, settled=run.settled is not None and run.ended_ts is None,
        tick=run.tick,
    )  # fmt: skip


def run_list(state: State, request: p.RunList) -> p.RunPage:
    """`run.list`."""
    rows: list[RunRow] = []
    limit, more = _limit("run.list", request.limit), False
    before = state.seq + 1 if request.before is None else request.before
    asked = picked.of_runs(request)
    for run in reversed(state.runs.values()):
        if run.seq < before and all(fits(run) for fits in asked):
            if len(rows) == limit:
                more = True
                break
            rows.append(run_row(run))
    return p.RunPage(runs=rows, more=more, seq=state.seq, epoch=state.epoch)


def run_detail(state: State, run: Run) -> p.RunDetail:
    """`run.show`."""
    return p.RunDetail(
        run=run_row(run), plan=run.plan, payload=run.payload, key=run.key, params=run.params,
        output=run.output, seq=state.seq,
    )  # fmt: skip


def task_list(state: State, session: Session, run: Run, request: p.TaskList) -> p.TaskPage:
    """`task.list`; a page is cut short when what its tasks gave is large."""
    start = max(0, request.after)
    rows: list[TaskRow] = []
    size = 0
    for task in run.tasks[start : start + _limit("task.list", request.limit)]:
        if size > PAGE_BYTES:
            break
        rows.append(_task_row(session, task))
        size += ROW_BYTES * (1 + len(task.attempts)) + len(task.result or "")
        size += len(encode(task.outputs)) if task.outputs else 0
    end = start + len(rows)
    more = end if end < len(run.tasks) else None
    return p.TaskPage(run=run.id, tasks=rows, next=more, seq=state.seq)


def _task_row(session: Session, task: Task) -> TaskRow:
    return TaskRow(
        task=task.plan.id, state=task.state, name=task.name, depends=task.plan.depends,
        code=task.code, reason=task.reason, held=task.held, losses=task.losses,
        attempts=[_attempt_row(attempt) for attempt in task.attempts],
        outputs=task.outputs, result=task.result, retry_ts=task.retry_ts,
        group=task.group.plan.id if task.group is not None else "", calls=task.calls,
        tolerated=task.tolerated, reused=task.reused, progress=_progress(session, task),
    )  # fmt: skip


def _progress(session: Session, task: Task) -> float | None:
    """How far its current attempt is, if it has told."""
    if task.state != "RUNNING" or not task.attempts:
        return None
    last = task.attempts[-1]
    told = session.progress.get(last.agent, {}).get(last.token)
    return None if told is None else min(100.0, max(0.0, told))


def _attempt_row(attempt: Attempt) -> AttemptRow:
    return AttemptRow(
        n=attempt.n, state=attempt.state, agent=attempt.agent, fence=attempt.fence,
        assigned_ts=attempt.assigned_ts, started_ts=attempt.started_ts,
        ended_ts=attempt.ended_ts, code=attempt.code, reason=attempt.reason,
        stdout_bytes=attempt.stdout_bytes, stderr_bytes=attempt.stderr_bytes,
    )  # fmt: skip


def workflow_list(state: State, session: Session, request: p.WorkflowList) -> p.WorkflowPage:
    """`workflow.list`."""
    names = sorted(name for name in state.workflows if name > request.after)
    picked.refuse_empty("workflow.list", "workflow", request.workflow)
    if request.limit < 0:
        raise ProtocolError("bad_field", f"workflow.list: limit is {request.limit}")
    if request.workflow is not None:
        fits = picked.like(request.workflow)
        names = [name for name in names if fits(name)]
    listed = names[: request.limit] if request.limit > 0 else names
    page = workflow_page(state, session, listed, request.last)
    more = listed[-1] if len(listed) < len(names) else None
    return msgspec.structs.replace(page, next=more)


def workflow_page(
    state: State, session: Session, names: Sequence[str], last: int = 0
) -> p.WorkflowPage:
    """These, each with up to so many of its last runs."""
    marks = _last_runs(state, names, min(last, LAST_MOST)) if last > 0 else {}
    rows = [_workflow_row(state, session, name, marks.get(name)) for name in names]
    return p.WorkflowPage(
        workflows=rows, paused=EVERY in state.schedules.pauses, seq=state.seq
    )  # fmt: skip


def _last_runs(state: State, names: Sequence[str], most: int) -> dict[str, list[RunMark]]:
    """By workflow, oldest first: one look at the runs, however many workflows there are."""
    found: dict[str, list[RunMark]] = {name: [] for name in names}
    missing = len(found)
    for run in reversed(state.runs.values()):
        if not missing:
            break
        marks = found.get(run.workflow)
        if marks is not None and len(marks) < most:
            marks.append(run.mark())
            missing -= len(marks) == most
    for name, marks in found.items():
        if len(marks) < most:
            marks += reversed(state.past.marks.get(name, ()))
            marks.sort(key=lambda mark: mark.created_ts, reverse=True)
        found[name] = marks[:most][::-1]
    return found


def find_workflow(state: State, name: str) -> str:
    """The id that a name means: an id, or a name that only one workflow has. Raises not_found or
    ambiguous."""
    if name in state.workflows:
        return name
    named = [
        found
        for found, known in state.workflows.items()
        if name and known.plan is not None and known.plan.name == name
    ]
    if len(named) > 1:
        ids = sorted(named)
        raise ProtocolError("ambiguous", f"'{name}' names {', '.join(ids)}", ids)
    if not named:
        raise ProtocolError("not_found", f"no workflow '{name}'", nearest(name, state.workflows))
    return named[0]


def workflow_detail(state: State, session: Session, name: str) -> p.WorkflowDetail:
    """`workflow.show`, by id or by a name that only one has."""
    found = find_workflow(state, name)
    row = _workflow_row(state, session, found, None)
    return p.WorkflowDetail(workflow=row, plan=state.workflows[found].plan)


def _workflow_row(
    state: State, session: Session, name: str, last: list[RunMark] | None
) -> WorkflowRow:
    workflow, admission = state.workflows[name], state.admission
    running, queued = admission.running.get(name, 0), len(admission.queued.get(name, ()))
    plan, pauses = workflow.plan, state.schedules.pauses
    paused, reason = state.paused(name), pauses.get(name) or pauses.get(EVERY, "")
    if plan is None:
        return WorkflowRow(
            workflow=name, file=workflow.file, broken=workflow.broken, paused=paused,
            paused_reason=reason, last=last or [], running=running, queued=queued,
        )  # fmt: skip
    return WorkflowRow(
        workflow=name, name=plan.name, description=plan.description, tasks=len(plan.tasks),
        events=heard(plan), schedule=schedules.summary(plan),
        hash=workflow.hash, file=workflow.file, loaded_ts=workflow.loaded_ts,
        broken=workflow.broken, paused=paused, paused_reason=reason,
        next_ts=_next_ts(state, session, name), last=last or [], running=running, queued=queued,
    )  # fmt: skip


def _next_ts(state: State, session: Session, name: str) -> float | None:
    current = state.schedules.current.get(name, {})
    known = (session.next_ticks.get((name, schedule)) for schedule in current)
    return min((ts for ts in known if ts is not None), default=None)


def schedule_list(state: State, session: Session, request: p.ScheduleList) -> p.SchedulePage:
    """`schedule.list`; all schedules of a workflow are in one page."""
    ledger = state.schedules
    if request.workflow is not None:
        known = ledger.current.keys() | ledger.retired.keys()
        name = request.workflow
        name = name if name in known else find_workflow(state, name)
        rows = [_schedule_row(session, planned) for planned in ledger.of(name)]
        return p.SchedulePage(schedules=rows, seq=state.seq, epoch=state.epoch)
    rows, limit, more = [], _limit("schedule.list", request.limit), None
    for name in sorted(ledger.current.keys() | ledger.retired.keys()):
        if name > request.after:
            if len(rows) >= limit:
                more = rows[-1].workflow
                break
            rows += [_schedule_row(session, planned) for planned in ledger.of(name)]
    return p.SchedulePage(schedules=rows, seq=state.seq, epoch=state.epoch, next=more)


def _schedule_row(session: Session, planned: Planned) -> ScheduleRow:
    current = planned.until_ts is None
    next_ts = session.next_ticks.get((planned.workflow, planned.schedule)) if current else None
    return ScheduleRow(
        paused=planned.paused_ts is not None, next_ts=next_ts, **msgspec.structs.asdict(planned)
    )


def _limit(request: str, limit: int) -> int:
    """Raises bad_field."""
    if limit < 1:
        raise ProtocolError("bad_field", f"{request}: limit is {limit}, and at least 1 is needed")
    return min(limit, PAGE)

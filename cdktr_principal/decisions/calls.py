"""Runs of other workflows as tasks.

The task ends as the run that it called does, and has its output; a detached one is COMPLETED as
soon as the run exists. Pure; every change goes through the core's facts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.values import Plan
from cdktr_common.codec import encode
from cdktr_common.errors import CANCELLED, ProtocolError
from cdktr_principal.decisions import creating, overlap, repeats
from cdktr_principal.decisions.scope import TaskScope
from cdktr_principal.expressions import templates
from cdktr_principal.expressions.programs import Failed
from cdktr_principal.requests import params
from cdktr_principal.state.records import Run, Task

if TYPE_CHECKING:
    from cdktr_principal.decisions.core import Core, Moment

MOST_REASON: Final = 500

MAX_DEPTH: Final = 10
"""Runs that may have called one another: more is a workflow that calls itself."""


def call(core: Core, task: Task, at: Moment) -> None:
    """The turn of a task that is a run has come. Raises Failed."""
    called = task.plan.call
    assert called is not None
    run = task.run
    if run.depth >= MAX_DEPTH:
        raise Failed(f"workflows call one another more than {MAX_DEPTH} deep")
    try:
        plan = called.plan or creating.find_workflow(core, called.workflow or "")
        given = templates.value(called.params, TaskScope(task, at))
        checked = params.check_params(plan, given)
    except ProtocolError as fault:
        raise Failed(fault.detail) from None
    if not called.detached and overlap.deadlock(core, plan, run):
        raise Failed(f"a run of {plan.workflow} would wait for this one, which would wait for it")
    plan = _timed(plan, task.plan.timeout_s)
    child = creating.new_id(core, at)
    repeated = _repeated(core, task, plan, checked)
    if not called.detached:  # said first: the run may be over as soon as it is created
        core.about(f.TaskCalled, run, at, task=task.plan.id, n=task.tries + 1, calls=child)
    creating.create(
        core, plan, at, run_id=child, params=checked, parent=f"{run.id}/{task.plan.id}",
        depth=run.depth + 1, chain=run.chain, root=run.root, **repeated,
    )  # fmt: skip
    if called.detached:
        core.end(task, "COMPLETED", None, 0, "", at, result=child)


def _repeated(core: Core, task: Task, plan: Plan, given: dict[str, Any]) -> dict[str, Any]:
    """In a run that repeats another, the call repeats what was called then, if that was the same
    and has not completed."""
    known = task.run.reuse.get(task.plan.id)
    before = core.state.runs.get(known.calls) if known is not None and not task.tries else None
    if before is None or before.ended_ts is None or before.state == "COMPLETED":
        return {}
    if before.params != given or before.plan != plan:
        return {}
    return {"retry_of": before.id, "reused": repeats.reused(before, [])}


def _timed(plan: Plan, timeout_s: float | None) -> Plan:
    if timeout_s is None:
        return plan
    return replace(plan, deadline_s=min(timeout_s, plan.deadline_s or timeout_s))


def caller(core: Core, run: Run) -> Task | None:
    """The task that waits for the end of this run."""
    parent, _, task_id = run.parent.partition("/")
    parent_run = core.state.runs.get(parent) if parent else None
    task = parent_run.by_id.get(task_id) if parent_run is not None else None
    return task if task is not None and task.calls == run.id and task.state == "RUNNING" else None


def child_ended(core: Core, run: Run, at: Moment) -> None:
    """A run has ended; if a task had called it, that ends too."""
    task = caller(core, run)
    if task is None:
        return
    told = _given(run.output)
    if run.state == "COMPLETED":
        core.end(task, "COMPLETED", None, 0, "", at, **told)
    elif task.ending:
        core.end(task, "CANCELLED", None, CANCELLED, task.run.reason, at)
    else:
        how = "was cancelled" if run.state == "CANCELLED" else "failed"
        why = run.reason or _first_failure(run)
        reason = f"run {run.id} {how}" + (f": {why[:MOST_REASON]}" if why else "")
        if run.state == "CANCELLED":  # by somebody who did not want it to be tried again
            core.end(task, "FAILED", None, run.code or 1, reason, at)
        else:
            core.failed(task, None, run.code or 1, reason, at)


def _first_failure(run: Run) -> str:
    """What failed the run, and why, as far as that was told."""
    tasks = (run.tasks[index] for index in run.failures)
    task = next((each for each in tasks if each.group is None and not each.handled), None)
    return "" if task is None or not task.reason else f"{task.plan.id}: {task.reason}"


def _given(output: Any) -> dict[str, Any]:
    """What the output of a run is to the task that called it: an object its outputs, a text its
    result."""
    if isinstance(output, dict):
        return {"outputs": output}
    if output is None:
        return {}
    return {"result": output if isinstance(output, str) else encode(output).decode()}

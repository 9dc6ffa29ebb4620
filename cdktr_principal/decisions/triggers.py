"""What starts runs by name: a workflow, a plan by wire, a run again; and which workflows there are.

The same key with the same content is the same runs, for as long as keys are remembered.
Pure; every change goes through the core's facts.
"""

from __future__ import annotations

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.base import Reply
from cdktr_common.catalogue.values import RunRef
from cdktr_common.errors import ProtocolError
from cdktr_principal.decisions import deferred, keys, repeats, windows
from cdktr_principal.decisions.core import Core, Moment
from cdktr_principal.decisions.creating import create, find_workflow
from cdktr_principal.decisions.room import check_room
from cdktr_principal.decisions.session import Ask
from cdktr_principal.folder import Scan
from cdktr_principal.requests.limits import check_payload, check_tick, digest
from cdktr_principal.requests.params import check_params
from cdktr_principal.requests.plans import check_plan
from cdktr_principal.state.deferred import Later
from cdktr_principal.state.records import Run


def run_start(core: Core, ask: Ask, request: p.RunStart, at: Moment) -> Reply:
    """`run.start`: the run, new or the one this key started before."""
    check_payload(request.payload)
    if (request.plan is None) == (request.workflow is None):
        raise ProtocolError("bad_field", "run.start: give either workflow or plan")
    if request.plan is not None:
        check_plan(request.plan)
        plan = request.plan
    else:
        plan = find_workflow(core, request.workflow or "")
    key = keys.of(request.key, request.id)
    if request.tick is not None and request.workflow is None:
        raise ProtocolError("bad_field", "run.start: a tick is of a workflow")
    check_tick(request.tick)
    due_ts = _due_ts(request, at)
    subject = request.plan or deferred.subject(request, plan.workflow)
    content = digest(subject, request.payload, request.params)
    known = keys.known(core, key, content)
    if known is not None:
        return known
    check_room(core)
    params = check_params(plan, request.params)
    if due_ts is not None:
        later = Later(
            "", due_ts, at.ts, workflow=plan.workflow, payload=request.payload,
            params=request.params, key=key, digest=content,
        )  # fmt: skip
        return deferred.defer(core, later, at)
    run = create(
        core, plan, at, payload=request.payload, params=params, key=key, digest=content,
        tick=request.tick,
    )  # fmt: skip
    return p.RunStarted(runs=[RunRef(run=run, workflow=plan.workflow)])


def _due_ts(request: p.RunStart, at: Moment) -> float | None:
    """When it is to be started; None: now."""
    later = request.at_ts is not None or request.delay_s
    if later and (request.workflow is None or request.tick is not None):
        raise ProtocolError(
            "bad_field", "run.start: a workflow by its name is what can be started later"
        )
    return deferred.due_ts(request, at)


def run_retry(core: Core, run: Run, request: p.RunRetry, at: Moment) -> Reply:
    """`run.retry`: a new run that takes over what the old one has completed."""
    key = keys.of(request.key, request.id)
    again = sorted(request.tasks)
    content = digest(f"retry/{run.id}/{request.all}/{' '.join(again)}", None, {})
    known = keys.known(core, key, content)
    if known is not None:
        return known
    check_room(core)
    if run.ended_ts is None:
        raise ProtocolError("conflict", f"run {run.id} has not ended yet")
    reused = {} if request.all else repeats.reused(run, again)
    made = create(
        core, run.plan, at, event=run.event, payload=run.payload, params=run.params, key=key,
        digest=content, retry_of=run.id, reused=reused, chain=run.chain,
        root=run.root if run.chain else "",
        tick=run.tick,
    )  # fmt: skip
    return p.RunStarted(runs=[RunRef(run=made, workflow=run.workflow)])


def definitions_changed(core: Core, scan: Scan, at: Moment) -> p.WorkflowReloaded:
    """Take in what a look at the workflow directory found."""
    known = core.state.workflows
    loaded, broken = [], []
    for workflow, file, content, plan in scan.loaded:
        now = known.get(workflow)
        if now is None or now.plan is None or now.broken or now.hash != content:
            loaded.append(workflow)
            windows.before_change(core, workflow, plan, at)
            core.emit(
                f.WorkflowLoaded, "workflow/", at, workflow=workflow, hash=content, file=file,
                plan=plan,
            )  # fmt: skip
    for workflow, file, content, faults in scan.broken:
        broken.append(workflow)
        if workflow not in known or known[workflow].broken_hash != content:
            core.emit(
                f.WorkflowBroken, "workflow/", at, workflow=workflow, file=file, hash=content,
                faults=faults,
            )  # fmt: skip
    whole = not any(trouble.startswith("cannot read") for trouble in scan.troubles)
    removed = sorted(known.keys() - scan.present) if whole else []
    for workflow in removed:
        windows.before_change(core, workflow, None, at)
        core.emit(f.WorkflowRemoved, "workflow/", at, workflow=workflow)
    return p.WorkflowReloaded(
        loaded=loaded, broken=broken, removed=removed, unchanged=scan.unchanged
    )

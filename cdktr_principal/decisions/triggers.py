"""What starts runs: a workflow by name, a plan by wire, an event; and which workflows there are.

The same key with the same content is the same runs, for as long as keys are remembered.
Pure; every change goes through the core's facts.
"""

from __future__ import annotations

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.base import Reply
from cdktr_common.catalogue.values import RunRef
from cdktr_common.errors import ProtocolError
from cdktr_principal.decisions import repeats
from cdktr_principal.decisions.core import Core, Moment
from cdktr_principal.decisions.creating import create, find_workflow
from cdktr_principal.decisions.room import check_room
from cdktr_principal.decisions.session import Ask
from cdktr_principal.folder import Scan
from cdktr_principal.language.fields import is_one_line
from cdktr_principal.requests.limits import check_payload, check_tick, digest
from cdktr_principal.requests.params import check_params, params_of_event
from cdktr_principal.requests.plans import check_plan
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
    key = _key(request.key, request.id)
    if request.tick is not None and request.workflow is None:
        raise ProtocolError("bad_field", "run.start: a tick is of a workflow")
    check_tick(request.tick)
    content = digest(request.plan or plan.workflow, request.payload, request.params)
    known = _known_key(core, key, content)
    if known is not None:
        return known
    check_room(core)
    params = check_params(plan, request.params)
    run = create(
        core, plan, at, payload=request.payload, params=params, key=key, digest=content,
        tick=request.tick,
    )  # fmt: skip
    return p.RunStarted(runs=[RunRef(run=run, workflow=plan.workflow)])


def event_fire(core: Core, ask: Ask, request: p.EventFire, at: Moment) -> Reply:
    """`event.fire`: a run of every workflow that listens; none is an answer too."""
    check_payload(request.payload)
    if not 0 < len(request.event) <= 200 or not is_one_line(request.event):
        raise ProtocolError(
            "bad_field", "event.fire: an event name is 1 to 200 characters of one line"
        )
    key = _key(request.key, request.id)
    content = digest("event/" + request.event, request.payload, request.params)
    known = _known_key(core, key, content)
    if known is not None:
        return known
    check_room(core)
    plans = [
        workflow.plan
        for _, workflow in sorted(core.state.workflows.items())
        if workflow.plan is not None and request.event in workflow.plan.events
    ]
    given = params_of_event(plans, request.params) if plans else []
    runs = [
        RunRef(
            run=create(core, plan, at, event=request.event, payload=request.payload, params=params),
            workflow=plan.workflow,
        )
        for plan, params in zip(plans, given, strict=True)
    ]
    core.emit(
        f.EventFired, "event/", at, event=request.event, payload=request.payload, key=key,
        digest=content, runs=[r.run for r in runs], workflows=[r.workflow for r in runs],
    )  # fmt: skip
    return p.RunStarted(runs=runs)


def run_retry(core: Core, run: Run, request: p.RunRetry, at: Moment) -> Reply:
    """`run.retry`: a new run that takes over what the old one has completed."""
    key = _key(request.key, request.id)
    again = sorted(request.tasks)
    content = digest(f"retry/{run.id}/{request.all}/{' '.join(again)}", None, {})
    known = _known_key(core, key, content)
    if known is not None:
        return known
    check_room(core)
    if run.ended_ts is None:
        raise ProtocolError("conflict", f"run {run.id} has not ended yet")
    reused = {} if request.all else repeats.reused(run, again)
    made = create(
        core, run.plan, at, event=run.event, payload=run.payload, params=run.params, key=key,
        digest=content, retry_of=run.id, reused=reused,
    )  # fmt: skip
    return p.RunStarted(runs=[RunRef(run=made, workflow=run.workflow)])


def _known_key(core: Core, key: str | None, content: str) -> Reply | None:
    use = core.state.keys.get(key) if key is not None else None
    if use is None:
        return None
    if use.digest != content:
        raise ProtocolError(
            "conflict", f"key '{key}' was used with another workflow, event or payload"
        )
    runs = [RunRef(run=run, workflow=workflow) for run, workflow in use.runs]
    return p.RunStarted(runs=runs, duplicate=True)


def definitions_changed(core: Core, scan: Scan, at: Moment) -> p.WorkflowReloaded:
    """Take in what a look at the workflow directory found."""
    known = core.state.workflows
    loaded, broken = [], []
    for workflow, file, content, plan in scan.loaded:
        now = known.get(workflow)
        if now is None or now.plan is None or now.broken or now.hash != content:
            loaded.append(workflow)
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
        core.emit(f.WorkflowRemoved, "workflow/", at, workflow=workflow)
    return p.WorkflowReloaded(
        loaded=loaded, broken=broken, removed=removed, unchanged=scan.unchanged
    )


def _key(key: str | None, request_id: str | None) -> str | None:
    if key is not None:
        if not key or len(key) > 200:
            raise ProtocolError("bad_field", "a key has 1 to 200 characters")
        return key
    return f"id:{request_id}" if request_id else None

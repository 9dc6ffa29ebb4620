"""Pausing: a workflow, or all of them, started neither by time nor by events until it is taken
back. A person still starts it. Pure; every change goes through the core's facts.
"""

from __future__ import annotations

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.base import Reply
from cdktr_principal.decisions.core import Core, Moment
from cdktr_principal.decisions.session import Ask
from cdktr_principal.requests import queries
from cdktr_principal.requests.limits import check_reason
from cdktr_principal.state.schedules import EVERY


def pause(core: Core, ask: Ask, request: p.WorkflowPause, at: Moment) -> Reply:
    """`workflow.pause`; again with another reason it has that one."""
    check_reason(request.reason)
    reason, workflow = request.reason, EVERY
    if request.workflow is not None:
        workflow = queries.find_workflow(core.state, request.workflow)
    if core.state.schedules.pauses.get(workflow) != reason:
        _change(core, workflow, True, reason, at)
    return _told(core, workflow)


def resume(core: Core, ask: Ask, request: p.WorkflowResume, at: Moment) -> Reply:
    """`workflow.resume`; one whose file is gone may be resumed, too."""
    check_reason(request.reason)
    workflow, pauses = EVERY, core.state.schedules.pauses
    if request.workflow is not None:
        gone = request.workflow in pauses
        workflow = request.workflow if gone else queries.find_workflow(core.state, request.workflow)
    if workflow in pauses:
        _change(core, workflow, False, request.reason, at)
    return _told(core, workflow)


def _change(core: Core, workflow: str, paused: bool, reason: str, at: Moment) -> None:
    core.emit(
        f.WorkflowPaused, "workflow/", at, workflow=workflow, paused=paused, reason=reason
    )  # fmt: skip


def _told(core: Core, workflow: str) -> p.WorkflowPage:
    known = core.state.workflows
    names = sorted(known) if workflow == EVERY else [workflow] if workflow in known else []
    return queries.workflow_page(core.state, core.session, names)

"""Starting a workflow: its params are asked for in a form, unless it declares none or they were
given. What the principal refuses about them brings the form back as it was filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from cdktr_common.catalogue.principal import WorkflowDetail, WorkflowShow
from cdktr_common.errors import ProtocolError
from cdktr_tui.acting import actions
from cdktr_tui.acting.actions import Subject
from cdktr_tui.boxes.form import Form, declared

if TYPE_CHECKING:
    from cdktr_tui.acting.acting import Acting


def start(acting: Acting, workflow: str, given: Mapping[str, str] | None) -> None:
    """Ask what it declares, then start it."""

    def known(detail: WorkflowDetail) -> None:
        if given is None and declared(detail.plan):
            form(acting, detail, {})
        else:
            send(acting, detail, given or {})

    acting.session.ask(WorkflowShow(workflow=workflow), known, acting.failed(workflow))


def form(acting: Acting, detail: WorkflowDetail, given: Mapping[str, Any], wrong: str = "") -> None:
    """The form, with what was given before and what was wrong with it."""
    principal = acting.session.place.name if len(acting.app.places) > 1 else ""
    params = declared(detail.plan)
    inner = Form(detail.workflow.workflow, params, given, principal, wrong)
    acting.box(inner, lambda filled: send(acting, detail, filled))


def send(acting: Acting, detail: WorkflowDetail, params: Mapping[str, str]) -> None:
    """Start it with these, after the word that a protected principal wants."""
    place = acting.session.place
    subject = Subject("workflow", detail.workflow.workflow)
    deed = actions.deed("run", [subject], protected=place.name * place.protected)
    step = deed.steps[0]
    request = msgspec.structs.replace(step.request, params=dict(params))
    deed = deed._replace(steps=[step._replace(request=request)])

    def wrong(fault: ProtocolError) -> bool:
        if fault.code != "bad_field" or not declared(detail.plan):
            return False
        form(acting, detail, params, fault.detail)
        return True

    if deed.ask == "word":
        acting.box(acting.typed(deed), lambda _: acting.perform(deed, wrong))
    else:
        acting.perform(deed, wrong)

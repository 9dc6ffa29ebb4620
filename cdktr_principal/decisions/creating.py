"""How a run comes to be, whoever asked for it: a trigger, an operator, or a task that calls it.

Pure; every change goes through the core's facts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.values import Plan
from cdktr_common.errors import ProtocolError
from cdktr_principal.decisions import overlap, turn
from cdktr_principal.requests import queries

if TYPE_CHECKING:
    from cdktr_principal.decisions.core import Core, Moment


def find_workflow(core: Core, name: str) -> Plan:
    """The plan in force of an id, or of a name that only one workflow has. Raises ProtocolError."""
    found = core.state.workflows[queries.find_workflow(core.state, name)]
    if found.plan is None:
        fault = found.broken[0].what if found.broken else "it has faults"
        raise ProtocolError("invalid", f"workflow '{name}' cannot run: {fault}")
    return found.plan


def new_id(core: Core, at: Moment) -> str:
    """A name for a run that no other remembered one has."""
    run_id = at.fresh(10)
    while run_id in core.state.runs:
        run_id = at.fresh(10)
    return run_id


def create(core: Core, plan: Plan, at: Moment, run_id: str = "", **given: Any) -> str:
    """A run by this plan, which begins if there is a place for it; `given` are fields of
    `run.created`. Its id."""
    run_id = run_id or new_id(core, at)
    queued = overlap.must_wait(core, plan, given.get("parent", ""))
    core.emit(
        f.RunCreated, f"run/{plan.workflow}/", at, run=run_id, workflow=plan.workflow,
        plan=plan, queued=queued, **given,
    )  # fmt: skip
    run = core.state.runs[run_id]
    if queued:
        overlap.make_way(core, run, at)
    else:
        core.begin_deadline(run, at)
    core.touched[run] = None
    turn.work(core, at)
    return run_id

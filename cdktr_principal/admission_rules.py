"""Whether a new run of a workflow begins, waits, is left out, or ends those before it.

Pure; every change goes through the core's facts. Who waits stands in the state, in `admission`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.values import Plan
from cdktr_principal.records import Run

if TYPE_CHECKING:
    from cdktr_principal.core import Core, Moment


def must_wait(core: Core, plan: Plan) -> bool:
    """Are there as many runs of this workflow in work, or waiting, as there may be?"""
    most = plan.max_active_runs
    admission = core.state.admission
    return bool(most) and (
        admission.busy(plan.workflow) >= most or plan.workflow in admission.queued
    )


def overlap(core: Core, run: Run, at: Moment) -> None:
    """A run was created that has to wait: what its workflow says of that."""
    plan = run.plan
    if plan.overlap == "skip":
        busy = core.state.admission.busy(plan.workflow)
        reason = f"skipped: {busy} of {plan.max_active_runs} runs of {plan.workflow} are in work"
        core.run_cancel(run, reason, at)
    elif plan.overlap == "cancel":
        admission = core.state.admission
        older = [*admission.active.get(plan.workflow, {}).values()]
        older += [each for each in admission.queued[plan.workflow].values() if each is not run]
        for each in older:
            core.run_cancel(each, f"cancelled for run {run.id}", at)


def admit_next(core: Core, workflow: str, at: Moment) -> None:
    """A run has ended: let those begin that may now."""
    while (run := core.state.admission.next(workflow)) is not None:
        core.about(f.RunAdmitted, run, at)
        core.begin_deadline(run, at)
        core.touched[run] = None

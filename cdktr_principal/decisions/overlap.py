"""Whether a new run of a workflow begins, waits, is left out, or ends those before it.

Pure; every change goes through the core's facts. Who waits stands in the state, in `admission`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.values import Plan
from cdktr_principal.state.records import Run

if TYPE_CHECKING:
    from cdktr_principal.decisions.core import Core, Moment


def must_wait(core: Core, plan: Plan, parent: str) -> bool:
    """Are there as many runs of this workflow in work, or waiting, as there may be? A run that was
    called by one of them, however indirectly, has its place: that one waits for it."""
    most = plan.max_active_runs
    admission = core.state.admission
    if not most or (
        admission.busy(plan.workflow) < most and plan.workflow not in admission.queued
    ):  # fmt: skip
        return False
    return not any(run.workflow == plan.workflow for run in _callers(core, parent))


def _callers(core: Core, parent: str) -> Iterator[Run]:
    """The runs that wait for a run with this parent."""
    while (run := core.state.runs.get(parent.partition("/")[0])) is not None:
        yield run
        parent = run.parent


def deadlock(core: Core, plan: Plan, caller: Run) -> bool:
    """Would a run of this workflow, called from there, have to wait for a run that cannot end
    before it does?"""
    if not must_wait(core, plan, f"{caller.id}/"):
        return False
    above = {caller, *_callers(core, caller.parent)}
    return _stuck(core, plan.workflow, above, set())


def _stuck(core: Core, workflow: str, above: set[Run], seen: set[str]) -> bool:
    """Does every run of the workflow that is in work wait, through its calls, for one of these?"""
    if workflow in seen:
        return False
    seen.add(workflow)
    runs = core.state.admission.active.get(workflow)
    return runs is not None and all(_waits(core, each, above, seen) for each in runs.values())


def _waits(core: Core, run: Run, above: set[Run], seen: set[str]) -> bool:
    if run in above:
        return True
    called = (core.state.runs.get(task.calls) for task in run.tasks if task.state == "RUNNING")
    return any(
        _stuck(core, child.workflow, above, seen) if child.queued else
        _waits(core, child, above, seen)
        for child in called if child is not None
    )  # fmt: skip


def make_way(core: Core, run: Run, at: Moment) -> None:
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
            if not each.cancelling and each.settled is None:  # else it is ending already
                core.run_cancel(each, f"cancelled for run {run.id}", at)


def admit_next(core: Core, workflow: str, at: Moment) -> None:
    """A run has ended: let those begin that may now."""
    while (run := core.state.admission.next(workflow)) is not None:
        core.about(f.RunAdmitted, run, at)
        core.begin_deadline(run, at)
        core.touched[run] = None

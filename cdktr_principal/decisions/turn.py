"""What follows when a task is over, and what is decided when a task's turn has come.

Theory of operation. `follow` skips what can no longer run, and then `work` goes on until nothing is
left to decide: every task that is `due` is skipped, made ready, expanded, called or ended, each by
a fact, and every run of which nothing is left is settled and ended. It works in a loop and never
within itself, so that a chain of ten thousand decisions is no deeper than one. Pure; every change
goes through the core's facts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cdktr_common.catalogue import facts as f
from cdktr_common.errors import CANCELLED, INVALID
from cdktr_principal.decisions import calls, chains, groups, overlap
from cdktr_principal.decisions.scope import TaskScope
from cdktr_principal.expressions import templates
from cdktr_principal.expressions.programs import Failed
from cdktr_principal.state.lifecycle import HOOK_OF
from cdktr_principal.state.records import FINAL, Run, Task

if TYPE_CHECKING:
    from cdktr_principal.decisions.core import Core, Moment

RULES: Final = {"failure": frozenset({"FAILED"}), "always": FINAL}
"""States of a dependency that satisfy a rule, besides `success` and expressions."""

_UNMET: Final = {"failure": "did not fail", "success": "did not complete"}


def follow(core: Core, task: Task, at: Moment) -> None:
    """A task is over: skip what depends on it and can no longer run, then decide what is due."""
    run = task.run
    if task.state != "COMPLETED" or run.ruled:
        _skip_from(core, task, at)
    if not run.open_main:
        core.touched[run] = None
    if core.touched or core.state.due:
        work(core, at)


def _skip_from(core: Core, task: Task, at: Moment) -> None:
    todo = [task]
    while todo:
        cause = todo.pop()
        run = cause.run
        for index in run.dependents[cause.index]:
            dependent = run.tasks[index]
            if dependent.state != "PENDING":
                continue
            try:
                why = _unmet(dependent, cause, at)
            except Failed as fault:
                core.about(
                    f.TaskEnded, run, at, task=dependent.plan.id, state="FAILED", code=INVALID,
                    reason=f"if of {cause.plan.id}: {fault}",
                )  # fmt: skip
                todo.append(dependent)
                continue
            if why is not None:
                core.about(
                    f.TaskSkipped, run, at, task=dependent.plan.id, because=cause.plan.id,
                    reason=why,
                )  # fmt: skip
                todo.append(dependent)
        if cause.group is not None:
            groups.stop_others(core, cause, at)


def _unmet(task: Task, needed: Task, at: Moment) -> str | None:
    """Why a task cannot run now that `needed` is over: None when it can, else a reason, which is
    empty when it needs no words. Raises Failed."""
    rule = task.plan.rules.get(needed.plan.id, "success")
    if rule == "success":
        return None if needed.succeeded else ""
    if rule in RULES:
        name = needed.plan.id
        return None if needed.state in RULES[rule] else f"{name} {_UNMET[rule]}"
    holds = templates.condition(rule, TaskScope(task, at))
    return None if holds else f"if of {needed.plan.id} is false: {rule}"


def work(core: Core, at: Moment) -> None:
    """Decide until nothing is left to decide. Called from within itself it does nothing."""
    if core.working:
        return
    core.working = True
    try:
        due = core.state.due
        while due or core.touched:
            while due:
                _decide(core, next(iter(due)), at)
            if core.touched:
                run = next(iter(core.touched))
                del core.touched[run]
                end_if_done(core, run, at)
    finally:
        core.working = False


def _decide(core: Core, task: Task, at: Moment) -> None:
    """The turn of a task has come. Exactly one fact about it comes of this, at least."""
    plan, run = task.plan, task.run
    if task.state == "RUNNING":
        groups.conclude(core, task, at)
    elif task.ending:
        core.end_unstarted(task, at)
    else:
        try:
            if (why := _why_not(task, at)) is not None:
                core.about(f.TaskSkipped, run, at, task=plan.id, reason=why)
                follow(core, task, at)
            elif plan.group is not None:
                groups.expand(core, task, at)
            elif plan.call is not None:
                calls.call(core, task, at)
            elif plan.noop:
                core.end(task, "COMPLETED", None, 0, "", at)
            else:
                core.about(f.TaskReady, run, at, task=plan.id)
        except Failed as fault:
            core.end(task, "FAILED", None, INVALID, str(fault), at)


def _why_not(task: Task, at: Moment) -> str | None:
    """Why a task whose turn has come is not to run; None when it is. Raises Failed."""
    plan, run = task.plan, task.run
    if task.tries or (plan.id in run.reuse and run.reuse[plan.id].items is not None):
        return None  # it was to run before
    for name in plan.rules if run.reuse else ():  # what is reused was over before anybody followed
        why = _unmet(task, run.by_id[name], at)
        if why is not None:
            return why or f"{name} did not complete"
    if not plan.cond:
        return None
    try:
        holds = templates.condition(plan.cond, TaskScope(task, at))
    except Failed as fault:
        raise Failed(f"if: {fault}") from None
    return None if holds else f"if is false: {plan.cond}"


# The end of a run


def end_if_done(core: Core, run: Run, at: Moment) -> None:
    """A run is over when its last task is; before that come the tasks of its end."""
    if run.ended_ts is not None or run.open_main:
        return
    if run.hooks and run.settled is None:
        _settle(core, run, at)
        return
    if run.open:
        return
    state, code, reason, output = _outcome(run, at)
    if run.settled is not None:
        state, code, reason = run.settled.state, run.settled.code, run.settled.reason
        failed = [hook for hook in run.hooks if hook.state == "FAILED" and not hook.tolerated]
        if state == "COMPLETED" and failed:
            state, code = "FAILED", failed[0].code or 1
            reason = f"{failed[0].plan.id} failed"
        elif state == "COMPLETED" and any(hook.state == "CANCELLED" for hook in run.hooks):
            state, code, reason = "CANCELLED", CANCELLED, run.reason
    core.about(
        f.RunEnded, run, at, state=state, code=code, reason=reason,
        output=output if state == "COMPLETED" else None,
    )  # fmt: skip
    core.session.ended.append(run)
    overlap.admit_next(core, run.workflow, at)
    calls.child_ended(core, run, at)
    chains.ended(core, run, at)


def _settle(core: Core, run: Run, at: Moment) -> None:
    state, code, reason, _ = _outcome(run, at)
    core.about(f.RunSettled, run, at, state=state, code=code, reason=reason)
    for hook in run.hooks:
        if hook.plan.phase not in ("finally", HOOK_OF[state]) and hook.state == "PENDING":
            core.about(
                f.TaskSkipped, run, at, task=hook.plan.id, reason=f"the run has {_PAST[state]}"
            )
    core.touched[run] = None


_PAST: Final = {"COMPLETED": "completed", "FAILED": "failed", "CANCELLED": "been cancelled"}


def _outcome(run: Run, at: Moment) -> tuple[str, int, str, object]:
    """How a run ends by its tasks that are no hooks: state, code, reason and output."""
    tops = [task for task in run.tasks if task.group is None and not task.plan.phase]
    if run.cancelling and any(task.state == "CANCELLED" for task in tops):
        return run.cancel_state, run.cancel_code, run.reason, None
    for index in run.failures:
        task = run.tasks[index]
        if task.group is None and not task.plan.phase and not task.handled:
            return "FAILED", task.code or 1, run.reason, None
    if any(task.state == "CANCELLED" for task in tops):
        return "CANCELLED", CANCELLED, run.reason, None
    if run.plan.output is None:
        return "COMPLETED", 0, run.reason, None
    try:
        return "COMPLETED", 0, run.reason, templates.value(run.plan.output, TaskScope(run, at))
    except Failed as fault:
        return "FAILED", INVALID, f"output: {fault}", None

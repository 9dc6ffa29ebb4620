"""Why a run, or a task of it, is not running: causes in plain words, the most telling first.

The words follow on the task's name, as in `load waits for extract`.

Each code is one cause; commands map it to an exit code. A feature that can hold a task back adds
its own cause here, or in `why_ready` when the task is ready. Pure reading of the state; times are
`ts` for people and clocks for leases.
"""

from __future__ import annotations

from itertools import islice
from shlex import quote
from typing import Final

from cdktr_common.catalogue.values import Cause, CauseCode
from cdktr_principal.decisions import agents, retries
from cdktr_principal.decisions.core import Core, Moment
from cdktr_principal.requests import queries
from cdktr_principal.requests.why_ready import cause, of_ready, some
from cdktr_principal.state.records import FINAL, Agent, Attempt, Run, Task

MOST: Final = 100
"""Causes told of one run; a run of thousands of tasks has only so many kinds."""

LOOKED_AT: Final = 2000
"""Tasks of a run that are looked at."""


def explain(core: Core, run: Run, task_id: str | None, at: Moment) -> list[Cause]:
    """The causes for one task, or for all tasks of the run that are not over. Raises not_found."""
    if task_id is not None:
        return [of_task(core, queries.find_task(run, task_id), at)]
    if run.ended_ts is not None:
        return [Cause(code="ended", text=f"the run has ended: {run.state}", since_ts=run.ended_ts)]
    if run.queued:
        return [_queued(core, run, None)]
    open_tasks = islice((task for task in run.tasks if task.state not in FINAL), LOOKED_AT)
    causes = [of_task(core, task, at) for task in open_tasks]
    causes.sort(key=lambda cause: _RANK.index(cause.code))
    return causes[:MOST]


_RANK: Final[tuple[CauseCode, ...]] = (
    "held", "silent", "cancelling", "disk_full", "queued", "no_agent", "no_label", "old_agent",
    "bound", "draining", "last_chance", "pool", "no_slot", "retry", "concurrency", "next",
    "running", "call", "group", "waits_for", "ended",
)  # fmt: skip


def of_task(core: Core, task: Task, at: Moment) -> Cause:
    """The cause that keeps this one task where it is."""
    if task.state in FINAL:
        return _ended(task)
    if task.state == "RUNNING":
        if task.plan.group is not None:
            return _group(task)
        return _calling(core, task, at) if task.calls else _running(core, task, at)
    if task.run.queued:
        return _queued(core, task.run, task)
    if task.held:
        return _held(task)
    if task.retry_ts is not None:
        return _retrying(task, at)
    if task.waits:
        return _waits_for(task, at)
    if task.order:
        return of_ready(core, task, at)
    return _not_its_turn(task)


def _ended(task: Task) -> Cause:
    last = task.attempts[-1] if task.attempts else None
    reason = f": {task.reason}" if task.reason else ""
    code = f" {task.code}" if task.state == "FAILED" and task.code is not None else ""
    return cause(
        "ended", task, f"has ended {task.state}{code}{reason}",
        since_ts=last.ended_ts if last else None, agents=[last.agent] if last else [],
    )  # fmt: skip


def _running(core: Core, task: Task, at: Moment) -> Cause:
    attempt = task.attempts[-1]
    agent = core.state.agents.get(attempt.agent)
    where = f"on {attempt.agent}"
    about: dict[str, object] = {"agents": [attempt.agent], "since_ts": attempt.assigned_ts}
    if agent is not None and agent.state in ("silent", "gone"):
        text = f"runs {where}, {_silence(core, agent, attempt, at)}"
        return cause("silent", task, text, **about)
    if task.ending:
        return cause("cancelling", task, f"is being ended {where}", **about)
    return cause("running", task, f"runs {where}, attempt {attempt.n}", **about)


def _silence(core: Core, agent: Agent, attempt: Attempt, at: Moment) -> str:
    heard = core.session.heard_ts.get(agent.name)
    if agent.reason == agents.STUCK:
        what = "whose supervisor does not answer"
    elif heard is None:
        what = "which has not been heard of since this principal started"
    else:
        what = f"which has not been heard of for {max(0.0, at.ts - heard):.0f} s"
    lease = core.session.leases.get(attempt.token)
    if lease is None:
        return f"{what}; it is to finish there, unless you say: cdktr-ctl lost {agent.name}"
    left = max(0.0, lease - at.clock)
    return f"{what}; its lease ends in {left:.0f} s, or at once with: cdktr-ctl lost {agent.name}"


def _held(task: Task) -> Cause:
    attempt = task.attempts[-1]
    return cause(
        "held", task,
        f"is held since {attempt.agent} was lost ({attempt.reason}): let it go on with "
        f"cdktr-ctl continue {task.run.id} {quote(task.plan.id)}, or cancel the run",
        agents=[attempt.agent], since_ts=attempt.ended_ts,
    )  # fmt: skip


def _queued(core: Core, run: Run, task: Task | None) -> Cause:
    """It begins when others of its workflow have ended."""
    admission, plan = core.state.admission, run.plan
    active = list(admission.active.get(run.workflow, ()))
    before = list(admission.queued.get(run.workflow, ())).index(run.id)
    line = f", after {before} more that wait" if before else ""
    text = f"waits for runs of {run.workflow} to end: {some(active)} "
    text += f"({plan.max_active_runs} at a time){line}"
    whole = "" if task is not None else "the run "
    name = task.plan.id if task is not None else ""
    return Cause(code="queued", task=name, text=whole + text, since_ts=run.created_ts)


def _retrying(task: Task, at: Moment) -> Cause:
    due_s = max(0.0, (task.retry_ts or at.ts) - at.ts)
    tried = retries.tried(task)
    code = f" with {task.code}" if task.code is not None else ""
    reason = f" ({task.reason})" if task.reason else ""
    most = task.plan.retry.limit if task.plan.retry is not None else 0
    text = f"is tried again in {rough(due_s)}: attempt {tried} failed{code}{reason}, "
    return cause("retry", task, text + f"{max(0, most - tried + 1)} more may follow")


def _group(task: Task) -> Cause:
    made = task.copies
    if made is None:
        return cause("group", task, "makes its tasks")
    inner = task.made()
    open_ones = [each.plan.id for each in inner if each.state not in FINAL]
    what = "tasks" if len(made.items) == 1 else "copies"
    of = len(inner) if len(made.items) == 1 else len(made.items)
    over = of - (len(open_ones) if len(made.items) == 1 else made.left)
    text = f"waits for its {what}: {over} of {of} are over, then {some(open_ones)}"
    return cause("group", task, text, waits_for=open_ones[:MOST])


def _calling(core: Core, task: Task, at: Moment) -> Cause:
    called = core.state.runs.get(task.calls)
    if called is None:
        return cause("call", task, f"has called run {task.calls}", waits_for=[task.calls])
    how = "waits itself" if called.state == "PENDING" else "is in work"
    text = f"is run {called.id} of {called.workflow}, which {how}: cdktr-ctl why {called.id}"
    return cause("call", task, text, waits_for=[called.id], since_ts=called.created_ts)


def _not_its_turn(task: Task) -> Cause:
    """All it depends on is over, and it is not ready."""
    group = task.group
    if group is not None and group.copies is not None and task.copy >= group.copies.begun:
        most = group.plan.group.concurrency if group.plan.group is not None else 0
        text = f"waits for other copies of {group.plan.id} to end: {most} at a time"
        return cause("concurrency", task, text)
    if task.plan.phase:
        hooks = [hook.plan.id for hook in task.run.hooks if hook is not task]
        others = [each.plan.id for each in task.run.tasks if each.state not in FINAL]
        left = [name for name in others if name not in hooks and name != task.plan.id]
        text = f"waits for the end of the run: {some(left or hooks)}"
        return cause("waits_for", task, text, waits_for=(left or hooks)[:MOST])
    return cause("next", task, "is next: what it says is being evaluated")


def _waits_for(task: Task, at: Moment) -> Cause:
    run = task.run
    open_ones = {}
    for name in task.plan.depends:
        if run.by_id[name].state not in FINAL:
            open_ones[name] = run.by_id[name]
    states = [f"{name} ({_where(each, at)})" for name, each in open_ones.items()]
    text = f"waits for {some(states)}"
    if task.plan.cond:
        text += f"; then it depends on {task.plan.cond[:80]}"
    return cause("waits_for", task, text, waits_for=list(open_ones))


def _where(task: Task, at: Moment) -> str:
    if task.calls and task.state == "RUNNING":
        return f"is run {task.calls}"
    if task.state == "RUNNING" and task.attempts:
        last = task.attempts[-1]
        return f"running on {last.agent} for {max(0.0, at.ts - last.assigned_ts):.0f} s"
    if task.held:
        return "held"
    if task.retry_ts is not None:
        return "to be tried again"
    return "waits itself" if task.state == "PENDING" else "in work"


def rough(seconds: float) -> str:
    """A time for people."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"

"""Giving ready tasks to the agents that wait for them.

An assignment is a fact and durable before the agent hears of it, so a lost reply loses nothing:
the same fetch again gets the same batch. Pure; every change goes through the core's facts.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.base import Reply
from cdktr_common.catalogue.values import RunContext, TaskSpec
from cdktr_common.errors import INVALID, ProtocolError
from cdktr_principal.decisions import deferred, ready, rendering, retries, windows
from cdktr_principal.decisions.core import Core, Moment
from cdktr_principal.decisions.picking import Picking, slots_of
from cdktr_principal.decisions.scope import TaskScope
from cdktr_principal.decisions.session import Ask, FetchWait
from cdktr_principal.decisions.variables import variables
from cdktr_principal.expressions import templates
from cdktr_principal.expressions.programs import Failed
from cdktr_principal.language.fields import MAX_NAME
from cdktr_principal.state.records import Run, Task

Share = tuple[FetchWait, list[Task]]

BATCH_BYTES: Final = 1 << 20
"""About how large the answer to one fetch may get: payloads and commands together."""

FRESH: Final = 0.25
"""How much of a lease may have passed in waiting for the task."""

BATCH_TASKS: Final = 512
"""Tasks in the answer to one fetch."""


def task_fetch(core: Core, ask: Ask, request: p.TaskFetch, at: Moment) -> Reply | None:
    """`task.fetch`: waits for `settle`. The same fetch again gets the same batch again."""
    again = core.session.batch_again(request.agent, request.id)
    if again is not None:
        return _still_held(core, request.agent, again)
    if core.session.overtaken(request.agent, request.sent_s):
        raise ProtocolError("unknown_agent", "a later fetch or hello of this agent has come before")
    if not core.knows(request.agent, request.boot):
        return p.TaskBatch(epoch=core.state.epoch, hello=True)
    if request.free < 1:
        raise ProtocolError("bad_field", "task.fetch: free is at least 1")
    core.session.sent(request.agent, request.sent_s)
    due = at.clock + max(0.0, request.wait_s)
    wait = FetchWait(
        ask, request.id, request.agent, request.boot, request.free, at.clock, due, request.sent_s
    )
    replaced = core.session.fetches.pop(request.agent, None)
    core.session.fetches[request.agent] = wait
    if replaced is not None and (replaced.request_id is None or replaced.request_id != request.id):
        core.answers.append((replaced.ask, p.TaskBatch(epoch=core.state.epoch)))
    return None


def _still_held(core: Core, agent: str, batch: p.TaskBatch) -> p.TaskBatch:
    """A batch again, less what was given up since: somebody else may be running it."""
    held = core.state.held.get(agent, {})
    tasks = [spec for spec in batch.tasks if spec.token in held]
    return msgspec.structs.replace(batch, tasks=tasks)


def settle(core: Core, at: Moment) -> None:
    """Give ready tasks to waiting agents, an even share to each. A silent one may never hear of
    what it is given, so it is passed over until it is heard."""
    retries.tick(core, at)
    windows.tick(core, at)
    deferred.tick(core, at)
    for due in (retries.next_due(core), windows.next_due(core), deferred.next_due(core, at)):
        core.session.wake(due)
    fetches, known = core.session.fetches, core.state.agents
    again = True
    while again and fetches and core.state.ready and not core.disk_full:
        again = False  # unless all that one was to get could not be rendered
        waiting = [wait for wait in fetches.values() if known[wait.agent].state == "ready"]
        for wait, tasks in _shares(core, waiting, at):
            if tasks and _give(core, wait, tasks, at):
                del fetches[wait.agent]
            elif tasks:
                again = True


def _shares(core: Core, waiting: list[FetchWait], at: Moment) -> list[Share]:
    if ready.all_plain(core.state):
        core.session.kept.clear()
        return ready.shares(core.state, waiting)
    picking = Picking(core.state, core.session, at.clock, at.ts)
    shares = picking.shares(waiting)
    core.session.wake(picking.due)
    return shares


def _give(core: Core, wait: FetchWait, tasks: list[Task], at: Moment) -> bool:
    """Assign the tasks and answer the fetch; not when none of them could be rendered."""
    specs: list[TaskSpec] = []
    runs: dict[str, RunContext] = {}
    size = 0
    failed = False
    for task in tasks:
        run = task.run
        if task.state != "PENDING" or run.home not in (None, wait.agent):
            continue
        if size > BATCH_BYTES or len(specs) >= BATCH_TASKS:
            break
        if at.clock - wait.since > core.lease_s(task) * FRESH:
            break  # the agent counts the lease from when it asked: it is to ask again
        try:
            context = runs.get(run.id) or _context(run, at)
            fields = _fields(task, at)
        except Failed as fault:
            core.end(task, "FAILED", None, INVALID, str(fault), at)
            failed = True
            continue
        if run.id not in runs:
            runs[run.id] = context
            size += ready.size_of_context(run)
        size += ready.size_of(task.plan)
        specs.append(_assign(core, task, wait, at, fields))
    if failed and not specs:
        return False
    batch = p.TaskBatch(epoch=core.state.epoch, tasks=specs, runs=runs)
    core.session.last_batch[wait.agent] = (wait.request_id, batch)
    core.answers.append((wait.ask, batch))
    return True


def _fields(task: Task, at: Moment) -> dict[str, Any]:
    """What an agent is told of the plan of a task. Raises Failed."""
    plan, extra = task.plan, variables(task)
    if task.queue is None or task.queue.name[2].new:
        return rendering.task_fields(plan, task.run.plan.secrets, extra, TaskScope(task, at))
    return {  # the same for one that says nothing else, in a tenth of the time
        "argv": plan.argv, "command": plan.command, "workdir": plan.workdir,
        "env": {**extra, **plan.env} if extra else plan.env, "timeout_s": plan.timeout_s,
        "on_principal_lost": plan.on_principal_lost,
    }  # fmt: skip


def _context(run: Run, at: Moment) -> RunContext:
    """What all tasks of a run share. Raises Failed."""
    return rendering.context(
        run.plan, TaskScope(run, at), workflow=run.workflow, event=run.event, payload=run.payload
    )


def _assign(
    core: Core, task: Task, wait: FetchWait, at: Moment, fields: dict[str, Any]
) -> TaskSpec:
    run, plan = task.run, task.plan
    n = task.attempts[-1].n + 1 if task.attempts else 1
    slots = slots_of(task, core.state.agents[wait.agent])
    token = f"{run.id}/{plan.id}/{n}/{core.state.epoch}-{at.fresh(10)}"
    fact = core.about(
        f.TaskAssigned, run, at, task=plan.id, n=n, token=token, agent=wait.agent,
        boot=wait.boot, lost_after_s=core.lease_s(task), asked_s=wait.sent_s,
        slots=slots, name=_name(task, at) if plan.templates else "",
    )  # fmt: skip
    core.renew(token, at)
    if plan.pools:
        core.session.pools.begin(plan.pools, at.clock)
    fields["slots"] = slots
    return TaskSpec(
        token=token, run=run.id, task=plan.id, n=n, fence=fact.seq,
        lost_after_s=core.lease_s(task), **fields,
    )  # fmt: skip


def _name(task: Task, at: Moment) -> str:
    """The name of a task, when it is a template."""
    if not templates.is_template(task.plan.name):
        return ""
    try:
        return templates.text(task.plan.name, TaskScope(task, at))[:MAX_NAME]
    except Failed:
        return ""  # a name is not worth failing for

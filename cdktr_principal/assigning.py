"""Giving ready tasks to the agents that wait for them.

An assignment is a fact and durable before the agent hears of it, so a lost reply loses nothing:
the same fetch again gets the same batch. Pure; every change goes through the core's facts.
"""

from __future__ import annotations

from typing import Final

import msgspec

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.base import Reply
from cdktr_common.catalogue.values import RunContext, TaskSpec
from cdktr_common.errors import ProtocolError
from cdktr_principal import ready
from cdktr_principal.core import Core, Moment
from cdktr_principal.picking import Picking, slots_of
from cdktr_principal.records import Task
from cdktr_principal.session import Ask, FetchWait

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
    fetches = core.session.fetches
    if not fetches or not core.state.ready or core.disk_full:
        return
    known = core.state.agents
    waiting = [wait for wait in fetches.values() if known[wait.agent].state == "ready"]
    for wait, tasks in _shares(core, waiting, at):
        if tasks:
            del fetches[wait.agent]
            _give(core, wait, tasks, at)


def _shares(core: Core, waiting: list[FetchWait], at: Moment) -> list[Share]:
    if ready.all_plain(core.state):
        core.session.kept.clear()
        return ready.shares(core.state, waiting)
    picking = Picking(core.state, core.session, at.clock, at.ts)
    shares = picking.shares(waiting)
    core.session.wake(picking.due)
    return shares


def _give(core: Core, wait: FetchWait, tasks: list[Task], at: Moment) -> None:
    specs: list[TaskSpec] = []
    runs: dict[str, RunContext] = {}
    size = 0
    for task in tasks:
        run = task.run
        if task.state != "PENDING" or run.home not in (None, wait.agent):
            continue
        if size > BATCH_BYTES or len(specs) >= BATCH_TASKS:
            break
        if at.clock - wait.since > core.lease_s(task) * FRESH:
            break  # the agent counts the lease from when it asked: it is to ask again
        if run.id not in runs:
            runs[run.id] = ready.context(run)
            size += ready.size_of_context(run)
        size += ready.size_of(task.plan)
        specs.append(_assign(core, task, wait, at))
    batch = p.TaskBatch(epoch=core.state.epoch, tasks=specs, runs=runs)
    core.session.last_batch[wait.agent] = (wait.request_id, batch)
    core.answers.append((wait.ask, batch))


def _assign(core: Core, task: Task, wait: FetchWait, at: Moment) -> TaskSpec:
    run, plan = task.run, task.plan
    n = task.attempts[-1].n + 1 if task.attempts else 1
    slots = slots_of(task, core.state.agents[wait.agent])
    token = f"{run.id}/{plan.id}/{n}/{core.state.epoch}-{at.fresh(10)}"
    fact = core.about(
        f.TaskAssigned, run, at, task=plan.id, n=n, token=token, agent=wait.agent,
        boot=wait.boot, lost_after_s=core.lease_s(task), asked_s=wait.sent_s,
        slots=slots,
    )  # fmt: skip
    core.renew(token, at)
    if plan.pools:
        core.session.pools.begin(plan.pools, at.clock)
    return TaskSpec(
        token=token, run=run.id, task=plan.id, n=n, fence=fact.seq, argv=plan.argv,
        command=plan.command, env=plan.env, workdir=plan.workdir, timeout_s=plan.timeout_s,
        lost_after_s=core.lease_s(task), on_principal_lost=plan.on_principal_lost,
        slots=slots,
    )  # fmt: skip

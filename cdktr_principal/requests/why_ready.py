"""Why a task that is ready has not been given to an agent: which could take it, and what keeps each
from it.

Pure reading of the state.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cdktr_common.catalogue.values import Cause, CauseCode
from cdktr_principal.decisions.core import Core, Moment
from cdktr_principal.decisions.picking import exclusive_held, fits
from cdktr_principal.decisions.pools import Room, users
from cdktr_principal.state.demand import Demand, demand
from cdktr_principal.state.records import Agent, Task

CONTAINER: Final = "container"
"""The label of agents that can run containers."""

_NAMES: Final = 5


def cause(code: CauseCode, task: Task, text: str, **about: object) -> Cause:
    """One cause of a task."""
    return Cause(code=code, task=task.plan.id, text=text, **about)  # type: ignore[arg-type]


def some(words: Iterable[str]) -> str:
    """The first few of them, and how many more."""
    listed = list(words)
    more = f" and {len(listed) - _NAMES} more" if len(listed) > _NAMES else ""
    return ", ".join(listed[:_NAMES]) + more


def of_ready(core: Core, task: Task, at: Moment) -> Cause:
    """The cause that keeps a ready task from running."""
    state, run = core.state, task.run
    if core.disk_full:
        return cause(
            "disk_full", task, "waits: the principal's disk is full and nothing new is given out"
        )
    present = [agent for agent in state.agents.values() if agent.state != "gone"]
    if not present:
        return cause("no_agent", task, "waits for an agent: none is there")
    if run.home is not None:
        return _bound(core, task, at)
    wanted = run.labels or tuple(task.plan.labels)
    fit = [agent for agent in present if set(wanted) <= set(agent.labels)]
    if not fit:
        return _no_label(task, wanted, present)
    wants = demand(task.plan, run.bounds)
    known = [agent for agent in fit if agent.tasks_v > 0 or not wants.new]
    if not known:
        old = some(f"{agent.name} ({agent.version or 'no version'})" for agent in fit)
        text = f"waits for a newer agent: what it says is not understood by {old}"
        return cause("old_agent", task, text, agents=[agent.name for agent in fit])
    large = [agent for agent in known if fits(agent, wants)]
    if not large:
        text = f"waits for an agent with {wants.least} slots: {some(map(_size, known))}"
        return cause("no_agent", task, text, agents=[agent.name for agent in known])
    return _of_fitting(core, task, wants, large, at)


def _size(agent: Agent) -> str:
    return f"{agent.name} has {agent.slots}"


def _no_label(task: Task, wanted: tuple[str, ...], present: list[Agent]) -> Cause:
    if CONTAINER in wanted and not any(CONTAINER in agent.labels for agent in present):
        text = (
            f"asks for a container, and no agent has a container runtime (label {CONTAINER}): "
            "--strip-image runs it as a plain process"
        )
        return cause("no_label", task, text, labels=list(wanted))
    text = f"waits for an agent with {', '.join(wanted)}: "
    others = [f"{agent.name} has {', '.join(agent.labels) or 'none'}" for agent in present]
    return cause("no_label", task, text + some(others), labels=list(wanted))


def _bound(core: Core, task: Task, at: Moment) -> Cause:
    home = task.run.home or ""
    agent = core.state.agents.get(home)
    shown = agent.state if agent is not None else "gone"
    why = f" ({agent.reason})" if agent is not None and agent.reason else ""
    text = f"waits for {home}, where its run stays together and which is {shown}{why}"
    if shown == "ready":
        pool = _pool(core, task, at)
        if pool is not None:
            return pool
        text = f"waits for {home}, where its run stays together and all slots are taken"
    elif shown == "silent":
        text += f"; should it not come back: cdktr-ctl lost {home}"
    return cause("bound", task, text, agents=[home])


def _of_fitting(core: Core, task: Task, wants: Demand, fit: list[Agent], at: Moment) -> Cause:
    names = [agent.name for agent in fit]
    ready = [agent for agent in fit if agent.state == "ready"]
    if not ready:
        draining = [agent for agent in fit if agent.state == "draining"]
        code: CauseCode = "draining" if draining else "silent"
        told = [f"{a.name} is {a.state}{f' ({a.reason})' if a.reason else ''}" for a in fit]
        return cause(code, task, f"waits for an agent: {some(told)}", agents=names)
    pool = _pool(core, task, at)
    if pool is not None:
        return pool
    free = [agent for agent in ready if _has_room(core, agent, wants)]
    if not free:
        return _no_slot(core, task, wants, ready)
    kept = {core.session.kept[w][0]: w for w in core.session.kept if w is not task}
    passed = [agent for agent in free if agent.name not in kept]
    if not passed:
        first = kept[free[0].name]
        text = (
            f"waits behind {_named(first)}, which needs more slots: {free[0].name} is kept for it"
        )
        return cause("no_slot", task, text, agents=[agent.name for agent in free])
    if task.last_chance and all(_holds_last_chance(core, agent) for agent in passed):
        text = (
            f"was lost {task.losses} times and is not run beside another such task: waits for "
            f"the one on {some([a.name for a in passed])}"
        )
        return cause("last_chance", task, text, agents=names)
    names = [agent.name for agent in passed]
    text = f"is next: {some(names)} {'has' if len(names) == 1 else 'have'} free slots"
    return cause("next", task, text, agents=names)


def _busy(core: Core, agent: Agent) -> int:
    held = core.state.held.get(agent.name, {})
    return sum(task.attempts[-1].slots for task in held.values())


def _has_room(core: Core, agent: Agent, wants: Demand) -> bool:
    busy = _busy(core, agent)
    if exclusive_held(core.state, agent.name):
        return False
    return not busy if wants.exclusive else busy + wants.slots <= agent.slots


def _no_slot(core: Core, task: Task, wants: Demand, ready: list[Agent]) -> Cause:
    names = [agent.name for agent in ready]
    if wants.exclusive or wants.slots > 1:
        taken = some(f"{a.name} has {_busy(core, a)} of {a.slots} taken" for a in ready)
        what = "an agent to itself" if wants.exclusive else f"{wants.slots} slots of one agent"
        kept = core.session.kept.get(task)
        keeps = f"; {kept[0]} is kept for it" if kept is not None else ""
        return cause("no_slot", task, f"waits for {what}: {taken}{keeps}", agents=names)
    text = f"waits for a slot: all are taken of {some([f'{a.name} ({a.slots})' for a in ready])}"
    return cause("no_slot", task, text, agents=names)


def _holds_last_chance(core: Core, agent: Agent) -> bool:
    held = core.state.held.get(agent.name, {})
    return any(task in core.state.last_chances for task in held.values())


# Pools


def _named(task: Task) -> str:
    return f"{task.run.id}/{task.plan.id}"


def _pool(core: Core, task: Task, at: Moment) -> Cause | None:
    """The pool that a task waits for, if it does."""
    pools = core.session.pools
    pools.recall(core.state, at.clock, at.ts)
    room = Room(core.state, pools, at.clock)
    for name, amount in sorted(task.plan.pools.items()):
        pool = pools.pool(name)
        if not pools.possible(name, amount):
            has = pool.limit if pool.limit is not None else f"{pool.rate} in {pool.per_s:g} s"
            if pool.limit == 0:
                return cause("pool", task, f"waits for pool {name}, which is set to 0")
            return cause("pool", task, f"asks for {amount} of pool {name}, which has {has}")
        using = list(users(core.state, name))
        used = sum(each.plan.pools[name] for each in using)
        if pool.limit is not None and used + amount > pool.limit:
            held = some(_named(each) for each in using)
            agents = list(dict.fromkeys(each.attempts[-1].agent for each in using))
            much = f"{amount} of " if amount > 1 else ""
            text = f"waits for {much}pool {name}: {used} of {pool.limit} are used by {held}"
            return cause("pool", task, text, agents=agents)
        due = pools.due(name, amount, at.clock)
        if due is not None:
            left = max(0.0, due - at.clock)
            text = (
                f"waits for pool {name}: {pool.rate} may begin in {pool.per_s:g} s, again in "
                f"{left:.1f} s"
            )
            return cause("pool", task, text)
        ahead = _ahead(core, task, name, room)
        if ahead is not None:
            text = f"waits for pool {name} behind {_named(ahead)}, which is first in line for it"
            return cause("pool", task, text)
    return None


def _ahead(core: Core, task: Task, name: str, room: Room) -> Task | None:
    """A task that is before this one in line and cannot have what it wants of a pool."""
    for (_, _, wants), queue in core.state.ready.items():
        first = next(iter(queue))
        wanted = dict(wants.pools).get(name, 0)
        before = (-wants.priority, first.order) < (-task.plan.priority, task.order)
        if before and wanted > room.left(name) and core.session.pools.possible(name, wanted):
            return first
    return None

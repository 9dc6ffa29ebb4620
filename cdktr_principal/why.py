"""Why a run, or a task of it, is not running: causes in plain words, the most telling first.

The words follow on the task's name, as in `load waits for extract`.

Each code is one cause; commands map it to an exit code. A feature that can hold a task back adds
its own cause here. Pure reading of the state; times are `ts` for people and clocks for leases.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Final

from cdktr_common.catalogue.values import Cause, CauseCode
from cdktr_principal import agents, queries
from cdktr_principal.core import Core, Moment
from cdktr_principal.records import FINAL, Agent, Attempt, Run, Task

MOST: Final = 100
"""Causes told of one run; a run of thousands of tasks has only so many kinds."""

LOOKED_AT: Final = 2000
"""Tasks of a run that are looked at."""

_NAMES: Final = 5


def explain(core: Core, run: Run, task_id: str | None, at: Moment) -> list[Cause]:
    """The causes for one task, or for all tasks of the run that are not over. Raises not_found."""
    if task_id is not None:
        return [of_task(core, queries.find_task(run, task_id), at)]
    if run.ended_ts is not None:
        return [Cause(code="ended", text=f"the run has ended: {run.state}", since_ts=run.ended_ts)]
    open_tasks = islice((task for task in run.tasks if task.state not in FINAL), LOOKED_AT)
    causes = [of_task(core, task, at) for task in open_tasks]
    causes.sort(key=lambda cause: _RANK.index(cause.code))
    return causes[:MOST]


_RANK: Final[tuple[CauseCode, ...]] = (
    "held", "silent", "cancelling", "disk_full", "no_agent", "no_label", "bound", "draining",
    "last_chance", "no_slot", "next", "running", "waits_for", "ended",
)  # fmt: skip


def of_task(core: Core, task: Task, at: Moment) -> Cause:
    """The cause that keeps this one task where it is."""
    if task.state in FINAL:
        return _ended(task)
    if task.state == "RUNNING":
        return _running(core, task, at)
    if task.held:
        return _held(task)
    if task.waits:
        return _waits_for(task, at)
    return _waits_for_agent(core, task)


def _cause(code: CauseCode, task: Task, text: str, **about: object) -> Cause:
    return Cause(code=code, task=task.plan.id, text=text, **about)  # type: ignore[arg-type]


def _ended(task: Task) -> Cause:
    last = task.attempts[-1] if task.attempts else None
    reason = f": {task.reason}" if task.reason else ""
    code = f" {task.code}" if task.state == "FAILED" and task.code is not None else ""
    return _cause(
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
        return _cause("silent", task, text, **about)
    if task.run.cancelling:
        return _cause("cancelling", task, f"is being ended {where}", **about)
    return _cause("running", task, f"runs {where}, attempt {attempt.n}", **about)


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
    return _cause(
        "held", task,
        f"is held since {attempt.agent} was lost ({attempt.reason}): let it go on with "
        f"cdktr-ctl continue {task.run.id} {task.plan.id}, or cancel the run",
        agents=[attempt.agent], since_ts=attempt.ended_ts,
    )  # fmt: skip


def _waits_for(task: Task, at: Moment) -> Cause:
    run = task.run
    open_ones = [name for name in task.plan.depends if run.by_id[name].state != "COMPLETED"]
    states = [f"{name} ({_where(run.by_id[name], at)})" for name in open_ones]
    return _cause("waits_for", task, f"waits for {_some(states)}", waits_for=open_ones)


def _where(task: Task, at: Moment) -> str:
    if task.state == "RUNNING":
        last = task.attempts[-1]
        return f"running on {last.agent} for {max(0.0, at.ts - last.assigned_ts):.0f} s"
    if task.held:
        return "held"
    return "waits itself" if task.state == "PENDING" else task.state


def _waits_for_agent(core: Core, task: Task) -> Cause:
    """A ready task: which agents could take it, and what keeps each from it?"""
    state, run = core.state, task.run
    if core.disk_full:
        return _cause(
            "disk_full", task, "waits: the principal's disk is full and nothing new is given out"
        )
    present = [agent for agent in state.agents.values() if agent.state != "gone"]
    if not present:
        return _cause("no_agent", task, "waits for an agent: none is there")
    if run.home is not None:
        return _bound(core, task)
    wanted = run.labels or tuple(task.plan.labels)
    fit = [agent for agent in present if set(wanted) <= set(agent.labels)]
    if not fit:
        text = f"waits for an agent with {', '.join(wanted)}: "
        others = [f"{agent.name} has {', '.join(agent.labels) or 'none'}" for agent in present]
        return _cause("no_label", task, text + _some(others), labels=list(wanted))
    return _of_fitting(core, task, fit)


def _bound(core: Core, task: Task) -> Cause:
    home = task.run.home or ""
    agent = core.state.agents.get(home)
    shown = agent.state if agent is not None else "gone"
    why = f" ({agent.reason})" if agent is not None and agent.reason else ""
    text = f"waits for {home}, where its run stays together and which is {shown}{why}"
    if shown == "ready":
        text = f"waits for {home}, where its run stays together and all slots are taken"
    elif shown == "silent":
        text += f"; should it not come back: cdktr-ctl lost {home}"
    return _cause("bound", task, text, agents=[home])


def _of_fitting(core: Core, task: Task, fit: list[Agent]) -> Cause:
    names = [agent.name for agent in fit]
    ready = [agent for agent in fit if agent.state == "ready"]
    if not ready:
        draining = [agent for agent in fit if agent.state == "draining"]
        code: CauseCode = "draining" if draining else "silent"
        told = [f"{a.name} is {a.state}{f' ({a.reason})' if a.reason else ''}" for a in fit]
        return _cause(code, task, f"waits for an agent: {_some(told)}", agents=names)
    free = [a for a in ready if len(core.state.held.get(a.name, {})) < a.slots]
    if not free:
        text = (
            f"waits for a slot: all are taken of {_some([f'{a.name} ({a.slots})' for a in ready])}"
        )
        return _cause("no_slot", task, text, agents=names)
    if task.last_chance and all(_holds_last_chance(core, agent) for agent in free):
        text = (
            f"was lost {task.losses} times and is not run beside another such task: waits for "
            f"the one on {_some([a.name for a in free])}"
        )
        return _cause("last_chance", task, text, agents=names)
    names = [agent.name for agent in free]
    text = f"is next: {_some(names)} {'has' if len(names) == 1 else 'have'} free slots"
    return _cause("next", task, text, agents=names)


def _holds_last_chance(core: Core, agent: Agent) -> bool:
    held = core.state.held.get(agent.name, {})
    return any(task in core.state.last_chances for task in held.values())


def _some(words: Iterable[str]) -> str:
    """The first few of them, and how many more."""
    listed = list(words)
    more = f" and {len(listed) - _NAMES} more" if len(listed) > _NAMES else ""
    return ", ".join(listed[:_NAMES]) + more

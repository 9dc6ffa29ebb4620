"""What must hold of the state after every fact. Checked by the tests, and never needed at work.

Each sentence of the result is one violation. Pure; reads only.
"""

from __future__ import annotations

from collections import Counter

from cdktr_principal.state.listening import Listening
from cdktr_principal.state.records import FINAL, Run, Task
from cdktr_principal.state.state import State


def violations(state: State) -> list[str]:
    """Sentences about what does not hold; empty when all is well."""
    found: list[str] = []
    queued = {task for queue in state.ready.values() for task in queue}
    for run in state.runs.values():
        found += _of_run(run)
        for task in run.tasks:
            found += [f"{run.id}/{task.plan.id}: {what}" for what in _of_task(state, task, queued)]
    live = {task for run in state.runs.values() for task in run.tasks}
    found += [f"{task.plan.id} is queued but belongs to no run" for task in queued - live]
    if state.due:
        found.append(f"{len(state.due)} tasks were left undecided")
    held = {token for tokens in state.held.values() for token in tokens}
    if held != set(state.tokens):
        found.append("tokens held by agents are not the current tokens")
    found += _of_counts(state)
    found += _of_what_waits(state)
    listening = Listening()
    for name, workflow in state.workflows.items():
        listening.change(name, None, workflow.plan)
    if state.listening != listening:
        found.append("who listens is not what the workflows in force say")
    if any(not queue for queue in state.ready.values()):
        found.append("an empty ready queue is kept")
    return found


def _of_counts(state: State) -> list[str]:
    found = []
    busy = {
        agent: sum(task.attempts[-1].slots for task in tokens.values())
        for agent, tokens in state.held.items()
    }
    if state.busy != busy:
        found.append(f"agents hold slots {busy}, but {state.busy} are counted")
    going = [run for run in state.runs.values() if run.ended_ts is None]
    running = Counter(run.workflow for run in going if run.state == "RUNNING")
    known = state.admission
    if known.running != running:
        found.append(f"{running} are running, but {known.running} are counted")
    queued = sum(run.queued for run in going)
    totals = (len(going) - queued, queued, running.total())
    if (known.in_work, known.waiting, known.begun) != totals:
        found.append(f"there are {totals} runs in work, waiting and begun, and others counted")
    return found


def _of_what_waits(state: State) -> list[str]:
    found = []
    for name, number in (*state.windows.open, *state.windows.throttled):
        workflow = state.workflows.get(name)
        plan = workflow.plan if workflow is not None else None
        if plan is None or number >= len(plan.listeners):
            found.append(f"listener {number} of {name} is not there, but events wait for it")
    later = state.deferred.waiting.values()
    if state.deferred.size != sum(each.size for each in later):
        found.append("what is deferred takes another size than is counted")
    if state.deferred.keys != {each.key: each for each in later if each.key is not None}:
        found.append("keys of what is deferred are not those of what is deferred")
    return found


def _of_run(run: Run) -> list[str]:
    found = []
    final = [task for task in run.tasks if task.state in FINAL]
    if run.open != len(run.tasks) - len(final):
        found.append(f"{run.id}: {run.open} open tasks, but {len(final)} of {len(run.tasks)} final")
    main = [task for task in run.tasks if not task.plan.phase and task.state not in FINAL]
    if run.open_main != len(main):
        found.append(f"{run.id}: {run.open_main} open tasks before its end, but {len(main)}")
    if run.ended_ts is None and not run.open:
        found.append(f"{run.id}: nothing is left of it, but it has not ended")
    if run.ended_ts is not None and run.open:
        found.append(f"{run.id}: ended with open tasks")
    if run.state in FINAL and run.ended_ts is None:
        found.append(f"{run.id}: {run.state} without an end")
    return found


def _of_task(state: State, task: Task, queued: set[Task]) -> list[str]:
    found = []
    parents = [task.run.by_id[name] for name in set(task.plan.depends)]
    missing = [parent for parent in parents if parent.state not in FINAL]
    if task.waits != len(missing):
        found.append(f"waits for {task.waits}, but {len(missing)} are not over")
    if (task.attempts or task.calls) and missing:
        found.append("was started before all it depends on was over")
    ready = task.state == "PENDING" and not task.waits and not task.held and _has_turn(task)
    if task.state == "PENDING" and task.plain and any(
        parent.state in FINAL and not parent.succeeded for parent in parents
    ):  # fmt: skip
        found.append("waits although something before it did not succeed")
    if task.held and task.state != "PENDING":
        found.append(f"{task.state}, but held")
    if (task in state.last_chances) != (task.last_chance and task.state not in FINAL):
        found.append(f"{task.losses} losses, last chance {task in state.last_chances}")
    if ready != (task in queued) or bool(task.order) != (task in queued):
        found.append(f"{task.state}, waits for {task.waits}, but queued is {task in queued}")
    running = [attempt for attempt in task.attempts if attempt.state == "RUNNING"]
    works = task.state == "RUNNING" and task.copies is None and not task.calls
    if len(running) != works:
        found.append(f"{task.state} with {len(running)} running attempts")
    if running and state.tokens.get(running[0].token) is not task:
        found.append("the token of its running attempt is not current")
    fences = [attempt.fence for attempt in task.attempts]
    if fences != sorted(set(fences)):
        found.append(f"fences do not grow: {fences}")
    return found


def _has_turn(task: Task) -> bool:
    """Is it one that stands in a ready queue once nothing before it is left?"""
    run = task.run
    if run.queued or task.retry_ts is not None or (task.plan.phase and run.settled is None):
        return False
    if task.plan.phase == "finally" and task.group is None:
        others = [hook for hook in run.hooks if hook.plan.phase != "finally"]
        return all(hook.state in FINAL for hook in others)
    if task.group is not None:
        made = task.group.copies
        assert made is not None
        return task.copy < made.begun
    return True

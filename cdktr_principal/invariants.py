"""What must hold of the state after every fact. Checked by the tests, and never needed at work.

Each sentence of the result is one violation. Pure; reads only.
"""

from __future__ import annotations

from cdktr_principal.records import FINAL, Run, Task
from cdktr_principal.state import State


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
    held = {token for tokens in state.held.values() for token in tokens}
    if held != set(state.tokens):
        found.append("tokens held by agents are not the current tokens")
    if any(not queue for queue in state.ready.values()):
        found.append("an empty ready queue is kept")
    return found


def _of_run(run: Run) -> list[str]:
    found = []
    final = [task for task in run.tasks if task.state in FINAL]
    if run.open != len(run.tasks) - len(final):
        found.append(f"{run.id}: {run.open} open tasks, but {len(final)} of {len(run.tasks)} final")
    if run.ended_ts is not None and run.open:
        found.append(f"{run.id}: ended with open tasks")
    if run.state in FINAL and run.ended_ts is None:
        found.append(f"{run.id}: {run.state} without an end")
    return found


def _of_task(state: State, task: Task, queued: set[Task]) -> list[str]:
    found = []
    parents = [task.run.by_id[name] for name in set(task.plan.depends)]
    missing = [parent for parent in parents if parent.state != "COMPLETED"]
    if task.waits != len(missing):
        found.append(f"waits for {task.waits}, but {len(missing)} have not completed")
    if task.attempts and missing:
        found.append("was started before all it depends on had completed")
    ready = task.state == "PENDING" and not task.waits and not task.held
    if task.held and task.state != "PENDING":
        found.append(f"{task.state}, but held")
    if (task in state.last_chances) != (task.last_chance and task.state not in FINAL):
        found.append(f"{task.losses} losses, last chance {task in state.last_chances}")
    if ready != (task in queued) or bool(task.order) != (task in queued):
        found.append(f"{task.state}, waits for {task.waits}, but queued is {task in queued}")
    running = [attempt for attempt in task.attempts if attempt.state == "RUNNING"]
    if len(running) != (task.state == "RUNNING"):
        found.append(f"{task.state} with {len(running)} running attempts")
    if running and state.tokens.get(running[0].token) is not task:
        found.append("the token of its running attempt is not current")
    fences = [attempt.fence for attempt in task.attempts]
    if fences != sorted(set(fences)):
        found.append(f"fences do not grow: {fences}")
    return found

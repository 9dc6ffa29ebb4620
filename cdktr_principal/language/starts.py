"""What starts a workflow, as a file says it: schedules and listeners to plain values.

Must stay true: what is written, loaded again, is the same. Pure.
"""

from __future__ import annotations

from typing import Any

from cdktr_common import schedules
from cdktr_common.catalogue.values import Listener, Plan, Schedule
from cdktr_common.durations import exact
from cdktr_principal.language.listening import MAX_BATCH


def starts(plan: Plan) -> dict[str, Any]:
    """The keys of the workflow, in the shortest form that says it."""
    found: dict[str, Any] = {}
    events = [*plan.events, *map(_listener, plan.listeners)]
    if events:
        found["events"] = events
    listed = schedules.of(plan)
    zones = {schedule.timezone for schedule in listed}
    # UTC for one of them is no word, and would be another zone beneath that of the workflow.
    shared = zones.pop() if len(zones) == 1 else ""
    said = [_schedule(schedule, shared) for schedule in listed]
    if said:
        found["cron" if isinstance(said[0], str) else "schedule"] = (
            said[0] if len(said) == 1 else said
        )
    return found | ({"timezone": shared} if shared else {})


def _schedule(schedule: Schedule, shared: str) -> Any:
    found: dict[str, Any] = {}
    blank = Schedule()
    if schedule.every_s is not None:
        found["every"] = exact(schedule.every_s)
    for key in ("cron", "at", "timezone", "start", "end"):
        if getattr(schedule, key):
            found[key] = getattr(schedule, key)
    if schedule.timezone == shared:
        found.pop("timezone", None)
    if schedule.jitter_s:
        found["jitter"] = exact(schedule.jitter_s)
    for key in ("catchup", "catchup_limit", "overlap", "params", "paused"):
        if getattr(schedule, key) != getattr(blank, key):
            found[key] = getattr(schedule, key)
    return found["cron"] if found.keys() == {"cron"} else found


def _listener(listener: Listener) -> Any:
    found: dict[str, Any] = {"event": listener.event}
    if listener.cond:
        found["if"] = listener.cond
    if listener.debounce_s:
        found["debounce"] = exact(listener.debounce_s)
    if listener.throttle_s:
        found["throttle"] = exact(listener.throttle_s)
    if listener.batch_s:
        size = {"size": listener.batch_size} if listener.batch_size != MAX_BATCH else {}
        found["batch"] = {**size, "window": exact(listener.batch_s)}
    return found["event"] if len(found) == 1 else found

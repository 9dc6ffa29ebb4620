"""What starts a workflow whose plan came by wire: the same limits that the loaders state.

Raises `Refused` at the first thing that is wrong. Pure.
"""

from __future__ import annotations

from typing import Final

from cdktr_common import schedules
from cdktr_common.catalogue.values import Plan, Schedule
from cdktr_principal.expressions import programs as expressions
from cdktr_principal.language import listening
from cdktr_principal.language.fields import MAX_NAME, is_one_line
from cdktr_principal.language.given import Wrong, checked
from cdktr_principal.requests.plan_fields import Refused
from cdktr_principal.requests.sizes import check_size

MAX_START_TIME: Final = 200
"""Of plans of before 0.3; nothing goes by it."""


def check_starts(plan: Plan) -> None:
    """Schedules, events and listeners. Raises Refused."""
    if len(plan.events) > listening.MAX_EVENTS or any(
        not 0 < len(event) <= MAX_NAME or not is_one_line(event) for event in plan.events
    ):
        raise Refused("an event name is 1 to 200 characters of one line", "bad_field")
    _listeners(plan)
    if plan.timezone and (told := schedules.timezone_problem(plan.timezone)):
        raise Refused(told)
    if plan.start_time is not None and len(plan.start_time) > MAX_START_TIME:
        raise Refused("start_time is too long", "too_large")
    _schedules(plan)


def _listeners(plan: Plan) -> None:
    if len(plan.listeners) > listening.MAX_LISTENERS:
        raise Refused(f"more than {listening.MAX_LISTENERS} listeners", "too_large")
    for number, listener in enumerate(plan.listeners, 1):
        told = listening.problem(listener)
        if not told and listener.cond:
            problems = expressions.problems(listener.cond, listening.ABOUT_EVENT)
            told = f"cond: {problems[0].what}" if problems else None
        if told:
            raise Refused(f"listener {number}: {told}", "bad_field")


def _schedules(plan: Plan) -> None:
    listed = schedules.of(plan)
    if len(listed) > schedules.MAX_SCHEDULES:
        raise Refused(f"more than {schedules.MAX_SCHEDULES} schedules", "too_large")
    seen: dict[object, int] = {}
    for number, schedule in enumerate(listed, 1):
        told = schedules.problem(schedule) or _params_problem(schedule, plan)
        if told:
            raise Refused(f"schedule {number}: {told}", "bad_field")
        first = seen.setdefault(schedules.same_instants(schedule), number)
        if first != number:
            raise Refused(f"schedule {number}: the same times as schedule {first}")


def _params_problem(schedule: Schedule, plan: Plan) -> str | None:
    check_size("params of a schedule", schedule.params)
    for name, value in schedule.params.items():
        if name not in plan.params:
            return f"the plan has no param '{name[:80]}'"
        try:
            checked(plan.params[name], value)
        except Wrong as wrong:
            return f"param {name} {wrong}"
    return None

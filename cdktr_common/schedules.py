"""What tells the schedules of a workflow apart, for those who must agree on it.

A schedule is known by when its instants are and by nothing else: with other params or another
catch-up it goes on where it was, with another time it is another one. Knows no calendar.
"""

from __future__ import annotations

import hashlib

from cdktr_common.catalogue.plan import Plan, Schedule


def of(plan: Plan) -> list[Schedule]:
    """All schedules of a workflow, also of a plan of before 0.3."""
    if plan.schedules or not plan.cron:
        return plan.schedules
    return [Schedule(cron=plan.cron, timezone=plan.timezone)]


def schedule_id(schedule: Schedule) -> str:
    """Its name within its workflow: eight hexadecimal digits that follow from its instants."""
    every = "" if schedule.every_s is None else f"{schedule.every_s:g}"
    cron = " ".join(schedule.cron.split())
    words = (cron, every, schedule.at, schedule.timezone, schedule.start, schedule.end)
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:8]

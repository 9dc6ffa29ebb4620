"""cdktr-cron forecast: what coming instants and past durations make of the agents' hours ahead."""

from __future__ import annotations

import heapq
import json
import statistics
import time
from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from cdktr_common import cli, durations
from cdktr_common.calendar.schedule import calendar
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.logd import HistoryList
from cdktr_common.catalogue.plan import Plan
from cdktr_common.catalogue.values import ScheduleRow
from cdktr_common.errors import NOT_FOUND, OK, USAGE
from cdktr_common.times import rfc3339
from cdktr_cron.outlook import Outlook, Shape, Work
from cdktr_cron.past import PROGRAM, Past

usage = f"""\
cdktr-cron forecast - how deep the queue will be and how late runs will start

Examples:
  cdktr-cron forecast --hours 24 --agents 4
  cdktr-cron forecast --agents 2 --slots 8 --json | jq .late_most_s

Usage:
  cdktr-cron forecast [options]

Options:
  --hours N               How far ahead, at most 744 [default: 24].
  --agents N              With so many agents; default: as many as there are now.
  --slots N               With so many slots each; default: as those there are have.
  --unknown TIME          How long a task takes that has never run [default: 1m].
  --json                  One JSON document.
{cli.OPTIONS}
Coming instants are those of all schedules that are not paused; a run takes what its tasks took in
a typical one of the last runs that logd has. Events, pools, labels and failures are left out, and
what is in work now. Exit codes: 0 told - 2 usage - 3 no schedules - 69 principal unreachable.
"""

MOST_INSTANTS = 200_000
MOST_ROWS = 50_000
RUNS = 20
"""Past runs of a workflow that are looked at."""

WIDTH = 30
MONTH_S = 30 * 86400.0


class Asked(NamedTuple):
    """What the command line says."""

    hours: float
    agents: int | None
    slots: int | None
    unknown_s: float


class Told(NamedTuple):
    """A simulation and what it was of."""

    outlook: Outlook
    agents: int
    slots: int
    from_ts: float
    to_ts: float
    runs: int
    guessed: list[str]


def main(args: cli.Args) -> int:
    """Simulate and draw."""
    asked = _asked(args)
    past = Past(*cli.client_endpoint(args))
    rows = [row for row in past.rows() if row.until_ts is None and not row.paused]
    if not rows:
        cli.fail(PROGRAM, "there are no schedules that are not paused", NOT_FOUND)
    told = _simulate(past, rows, asked)
    if args["--json"]:
        print(json.dumps(_document(told), indent=2))
    else:
        for line in _drawn(told):
            print(line)
    return OK


def _asked(args: cli.Args) -> Asked:
    def number(option: str, most: int) -> int | None:
        text = args[option]
        if text is None:
            return None
        if not text.isdigit() or not 1 <= int(text) <= most:
            cli.fail(PROGRAM, f"{option} is a number from 1 to {most:,}, not '{text}'", USAGE)
        return int(text)

    try:
        unknown_s = durations.seconds(args["--unknown"])
    except ValueError as fault:
        cli.fail(PROGRAM, f"--unknown: {fault}", USAGE)
    hours = number("--hours", 744) or 24
    return Asked(hours, number("--agents", 100_000), number("--slots", 10_000), unknown_s)


def _simulate(past: Past, rows: list[ScheduleRow], asked: Asked) -> Told:
    now = time.time()
    to = now + 3600 * asked.hours
    arrivals = _arrivals(rows, now, to)
    present = [row for row in past.ask(p.AgentList(), p.AgentPage).agents if row.state != "gone"]
    agents = asked.agents or max(1, len(present))
    typical = round(statistics.mean(row.slots for row in present)) if present else 1
    slots = asked.slots or max(1, typical)
    took = _past_runs(past, now)
    shapes: dict[str, Shape] = {}
    guessed = []
    for workflow in sorted({row.workflow for row in rows}):
        plan = past.ask(p.WorkflowShow(workflow=workflow), p.WorkflowDetail).plan
        if workflow not in took:
            guessed.append(workflow)
        overlap = {row.spec.overlap for row in rows if row.workflow == workflow}
        shapes[workflow] = shape(plan, took.get(workflow, {}), asked.unknown_s, overlap)
    parts = min(48, max(1, round(asked.hours))) if asked.hours <= 48 else 48
    outlook = Outlook(shapes, agents * slots, now, to, parts)
    outlook.run(arrivals)
    return Told(outlook, agents, slots, now, to, len(arrivals), guessed)


def _arrivals(rows: list[ScheduleRow], now: float, to: float) -> list[tuple[float, str]]:
    def of(row: ScheduleRow) -> Iterator[tuple[float, str]]:
        try:
            found = calendar(row.spec)
        except ValueError:
            return
        for instant in found.between(max(now, row.ticked_ts), to):
            yield instant.ts, row.workflow

    arrivals = []
    for one in heapq.merge(*(of(row) for row in rows)):
        arrivals.append(one)
        if len(arrivals) > MOST_INSTANTS:
            cli.fail(PROGRAM, f"more than {MOST_INSTANTS:,} instants: take fewer --hours", USAGE)
    return arrivals


def _past_runs(past: Past, now: float) -> dict[str, dict[str, float]]:
    """Of each workflow: how long each task took in a typical one of its last runs."""
    runs: dict[str, dict[str, dict[str, float]]] = defaultdict(dict)
    asked = HistoryList(table="tasks", since_ts=now - MONTH_S)
    for number, row in enumerate(past.history(asked)):
        if number >= MOST_ROWS:
            break
        mine = runs[row["workflow"]]
        if row["run"] not in mine and len(mine) >= RUNS:
            continue
        if row["started_ts"] is not None and row["ended_ts"] is not None:
            tasks = mine.setdefault(row["run"], {})
            tasks[row["task"]] = max(0.0, row["ended_ts"] - row["started_ts"])
    typical = {}
    for workflow, mine in runs.items():
        ordered = sorted(mine.values(), key=lambda tasks: sum(tasks.values()))
        if ordered:
            typical[workflow] = ordered[len(ordered) // 2]
    return typical


def shape(
    plan: Plan | None, took: dict[str, float], unknown_s: float, overlap: Collection[str] = ()
) -> Shape:
    """A run by the plan, with the durations of a past one; copies of a group side by side.
    `overlap` is what its schedules say of runs beside one another."""
    if plan is None or not plan.tasks:
        return Shape([Work(seconds) for seconds in took.values()] or [Work(unknown_s)])
    works: list[Work] = []
    numbers: dict[str, list[int]] = {}
    for task in _in_order(plan):
        mine = [
            seconds for name, seconds in took.items()
            if name == task.id or (task.group and name.startswith((f"{task.id}[", f"{task.id}.")))
        ]  # fmt: skip
        if task.group and len(mine) > 1:
            mine.remove(max(mine))  # the group itself, which spans its copies
        if task.noop or task.call:
            mine = [0.0]
        elif not mine:
            mine = [0.0 if task.phase or took else unknown_s]
        after = [number for name in task.depends for number in numbers.get(name, ())]
        numbers[task.id] = list(range(len(works), len(works) + len(mine)))
        slots = 0 if task.noop or task.call else task.slots
        works += [Work(seconds, after, slots) for seconds in mine]
    own = set(overlap) & {"queue", "skip", "cancel"}
    limit = plan.max_active_runs or (1 if own else 0)
    return Shape(works, limit, limit > 0 and "skip" in (own or {plan.overlap}))


def _in_order(plan: Plan) -> Iterator[Any]:
    """Tasks after those they depend on; one that depends on what is not there begins at once."""
    left = {task.id: task for task in plan.tasks}
    while left:
        ready = [t for t in left.values() if not any(d in left for d in t.depends)]
        for task in ready or list(left.values()):
            yield left.pop(task.id)


def _document(told: Told) -> dict[str, Any]:
    late = told.outlook.lateness
    return {
        "from": rfc3339(round(told.from_ts, 3)),
        "to": rfc3339(round(told.to_ts, 3)),
        "agents": told.agents,
        "slots": told.agents * told.slots,
        "runs": told.runs,
        "skipped": sum(bucket.skipped for bucket in told.outlook.buckets),
        "waiting_most": max(bucket.waiting for bucket in told.outlook.buckets),
        "late_most_s": round(max(late, default=0.0), 3),
        "late_p50_s": round(statistics.median(late), 3) if late else 0.0,
        "without_history": told.guessed,
        "parts": [
            {"from": rfc3339(round(bucket.from_ts, 3)), "runs": bucket.runs,
             "busy": round(bucket.busy, 4), "waiting": bucket.waiting,
             "late_s": round(bucket.late_s, 3), "skipped": bucket.skipped}
            for bucket in told.outlook.buckets
        ],
    }  # fmt: skip


def _drawn(told: Told) -> Iterator[str]:
    many = f"{told.agents} agent{'s' if told.agents > 1 else ''} with {told.slots} slots each"
    yield f"{told.runs:,} runs from {rfc3339(round(told.from_ts))} on, {many}"
    yield f"{'UTC':<17} {'runs':>6} {'busy':>5}  {'waiting tasks':<{WIDTH + 7}} latest start"
    most = max(bucket.waiting for bucket in told.outlook.buckets)
    for bucket in told.outlook.buckets:
        bar = "█" * -(-WIDTH * bucket.waiting // most) if most else ""
        waiting = f"{bar} {bucket.waiting}" if bucket.waiting else ""
        late = f"{durations.rough(bucket.late_s)} late" if bucket.late_s >= 0.05 else ""
        start = rfc3339(round(bucket.from_ts))[:16].replace("T", " ")
        line = f"{start:<17} {bucket.runs:>6,} {bucket.busy:>5.0%}  {waiting:<{WIDTH + 7}} {late}"
        yield line.rstrip()
    skipped = sum(bucket.skipped for bucket in told.outlook.buckets)
    if skipped:
        yield f"{skipped:,} runs would be skipped: one before them is still in work"
    if told.guessed:
        some = ", ".join(told.guessed[:5]) + (", …" if len(told.guessed) > 5 else "")
        yield f"of no past run, with --unknown in place of durations: {some}"

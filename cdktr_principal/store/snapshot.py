"""Snapshots: the folded state on disk, so that a restart replays little.

A snapshot is only ever a shortcut: state and facts after it give the same as all facts. One that
cannot be read is passed over for an older one, or for the whole journal. Knows the shape of the
state (this file changes with state.py), not what it means.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any, Final

import msgspec

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.values import (
    Payload,
    Plan,
    Reused,
    RunMark,
    RunState,
    TaskState,
    TickRef,
)
from cdktr_common.codec import encode
from cdktr_common.files import replace_file
from cdktr_principal.state import copies
from cdktr_principal.state.dag import graph
from cdktr_principal.state.deferred import Later
from cdktr_principal.state.failures import Failures
from cdktr_principal.state.past import Past
from cdktr_principal.state.records import FINAL, Agent, Attempt, KeyUse, Run, Task, Workflow
from cdktr_principal.state.schedules import Schedules
from cdktr_principal.state.state import State
from cdktr_principal.state.windows import Window

KEPT: Final = 2
"""Snapshots that are kept: the newest, and one to fall back to."""


class TaskImage(msgspec.Struct, omit_defaults=True):
    """What a task is besides its plan. `o` is its place in the ready queue, `h` is held, `b` how
    many copies of its own it has begun; what the others are stands where they are used."""

    s: TaskState = "PENDING"
    w: int = 0
    a: list[Attempt] = []
    l: int = 0  # noqa: E741 short keys: there may be many thousands
    c: int | None = None
    r: str = ""
    o: int = 0
    h: bool = False
    t: bool = False
    u: bool = False
    v: dict[str, Any] = {}
    x: str | None = None
    y: float | None = None
    z: float = 0.0
    k: str = ""
    j: int = 0
    m: str | None = None
    b: int = 0
    p: bool = False


class RunImage(msgspec.Struct, omit_defaults=True):
    """A run with its tasks in the order of the plan, followed by those that groups have made:
    `made` says by which, and for which values, in the order in which it came."""

    id: str
    workflow: str
    plan: Plan
    seq: int
    created_ts: float
    state: RunState
    open: int
    failed: int
    tasks: list[TaskImage]
    event: str | None = None
    payload: Payload = None
    key: str | None = None
    started_ts: float | None = None
    ended_ts: float | None = None
    code: int | None = None
    reason: str = ""
    cancelling: bool = False
    home: str | None = None
    params: dict[str, Any] = {}
    parent: str = ""
    depth: int = 0
    retry_of: str = ""
    reused: dict[str, Reused] = {}
    queued: bool = False
    begun_ts: float | None = None
    failures: list[int] = []
    cancelling_hooks: bool = False
    cancel_state: RunState = "CANCELLED"
    cancel_code: int = 130
    settled: f.RunSettled | None = None
    output: Any = None
    gives: bool = False
    made: list[tuple[int, list[Any]]] = []
    tick: TickRef | None = None
    chain: int = 0
    root: str = ""


class Image(msgspec.Struct):
    """The whole state at one seq."""

    seq: int
    epoch: int
    newest: dict[str, int]
    workflows: dict[str, Workflow]
    runs: list[RunImage]
    finished: list[str]
    keys: list[tuple[str, KeyUse]]
    agents: dict[str, Agent]
    ready_order: int
    schedules: Schedules | None = None
    windows: list[tuple[str, int, Window]] = []
    throttled: list[tuple[str, int, float]] = []
    deferred: list[Later] = []
    followers: list[tuple[str, int]] = []
    failed: list[tuple[int, int]] | None = None
    past: dict[str, list[RunMark]] = {}


def take(state: State) -> Image:
    """The state as plain values; two equal states give equal images."""
    return Image(
        seq=state.seq,
        epoch=state.epoch,
        newest=state.newest,
        workflows=state.workflows,
        runs=[_run_image(run) for run in state.runs.values()],
        finished=[run.id for run in state.finished],
        keys=list(state.keys.items()),
        agents=state.agents,
        ready_order=state.ready_order,
        schedules=state.schedules,
        windows=[(*place, window) for place, window in state.windows.open.items()],
        throttled=[(*place, until) for place, until in state.windows.throttled.items()],
        deferred=list(state.deferred.waiting.values()),
        followers=list(state.followers.items()),
        failed=list(state.failures.minutes.items()),
        past=state.past.marks,
    )


def _run_image(run: Run) -> RunImage:
    made = [task for task in run.tasks if task.copies is not None]
    made.sort(key=lambda task: task.copies.first if task.copies else 0)
    return RunImage(
        id=run.id, workflow=run.workflow, plan=run.plan, seq=run.seq, created_ts=run.created_ts,
        state=run.state, open=run.open, failed=run.failed, event=run.event,
        tasks=[_task_image(task) for task in run.tasks],
        payload=run.payload, key=run.key, started_ts=run.started_ts, ended_ts=run.ended_ts,
        code=run.code, reason=run.reason, cancelling=run.cancelling, home=run.home,
        params=run.params, parent=run.parent, depth=run.depth, retry_of=run.retry_of,
        reused=run.reuse, queued=run.queued, begun_ts=run.begun_ts, failures=run.failures,
        cancelling_hooks=run.cancelling_hooks, cancel_state=run.cancel_state,
        cancel_code=run.cancel_code, settled=run.settled, output=run.output, gives=run.gives,
        made=[(task.index, task.copies.items) for task in made if task.copies is not None],
        tick=run.tick, chain=run.chain, root=run.root if run.root != run.id else "",
    )  # fmt: skip


def _task_image(t: Task) -> TaskImage:
    image = TaskImage(t.state, t.waits, t.attempts, t.losses, t.code, t.reason, t.order, t.held)
    image.t, image.u, image.v, image.x = t.tolerated, t.reused, t.outputs, t.result
    image.y, image.z, image.k, image.j = t.retry_ts, t.retry_delay_s, t.calls, t.tries
    image.m = t.given_name
    if t.copies is not None:
        image.b, image.p = t.copies.begun, t.copies.stopping
    return image


def restore(image: Image) -> State:
    """The state an image was taken of."""
    state = State()
    state.seq = image.seq
    state.epoch = image.epoch
    state.newest = image.newest
    state.workflows = image.workflows
    for name, workflow in image.workflows.items():
        state.listening.change(name, None, workflow.plan)
    state.agents = image.agents
    state.keys.update(image.keys)
    state.schedules = image.schedules or _schedules(image.workflows)
    state.windows.open = {(name, n): window for name, n, window in image.windows}
    state.windows.throttled = {(name, n): until for name, n, until in image.throttled}
    state.followers.update(image.followers)
    for later in image.deferred:
        state.deferred.add(later)
    ready: list[Task] = []
    for run_image in image.runs:
        ready += _restore_run(state, run_image)
    for task in sorted(ready, key=lambda task: task.order):
        state.requeue(task)
    state.ready_order = image.ready_order
    for run_id in image.finished:
        run = state.runs[run_id]
        state.finished.append(run)
        state.finished_tasks += len(run.tasks)
        if image.failed is None and run.state == "FAILED" and run.ended_ts is not None:
            state.failures.add(run.ended_ts)  # taken before they were counted
    if image.failed is not None:
        state.failures = Failures(image.failed)
    state.past = Past(image.past)
    return state


def _schedules(workflows: dict[str, Workflow]) -> Schedules:
    """Of an image that was taken before there were any."""
    made = Schedules()
    for name, workflow in workflows.items():
        if workflow.plan is not None:
            made.loaded(name, workflow.plan, workflow.loaded_ts or 0.0)
    return made


def _restore_run(state: State, image: RunImage) -> list[Task]:
    fact = f.RunCreated(
        seq=image.seq, ts=image.created_ts, run=image.id, workflow=image.workflow, plan=image.plan,
        event=image.event, payload=image.payload, key=image.key, params=image.params,
        parent=image.parent, depth=image.depth, retry_of=image.retry_of, reused=image.reused,
        queued=image.queued, tick=image.tick, chain=image.chain,
        root=image.root,
    )  # fmt: skip
    run = Run(fact, graph(image.plan))
    for name in _SAME:
        setattr(run, name, getattr(image, name))
    run.begun_ts = image.created_ts if image.begun_ts is None else image.begun_ts
    state.runs[run.id] = run
    for index, items in image.made:
        copies.make(run.tasks[index], items)
    for task, told in zip(run.tasks, image.tasks, strict=True):
        _restore_task(state, task, told)
    run.open_main = sum(task.state not in FINAL and not task.plan.phase for task in run.tasks)
    for index, _ in image.made:
        _count_copies(run.tasks[index], image.tasks[index])
    if run.ended_ts is None:
        state.admission.created(run)
        if run.started_ts is not None:
            state.admission.started(run)
    return [task for task in run.tasks if task.order]


_SAME: Final = (
    "state", "open", "failed", "started_ts", "ended_ts", "code", "reason", "cancelling", "home",
    "failures", "cancelling_hooks", "cancel_state", "cancel_code", "settled", "output", "gives",
)  # fmt: skip


def _restore_task(state: State, task: Task, told: TaskImage) -> None:
    task.state, task.waits, task.attempts = told.s, told.w, told.a
    task.code, task.reason, task.order = told.c, told.r, told.o
    for name, value in (
        ("held", told.h), ("losses", told.l), ("tolerated", told.t), ("reused", told.u),
        ("outputs", told.v), ("result", told.x), ("retry_ts", told.y), ("retry_delay_s", told.z),
        ("calls", told.k), ("tries", told.j), ("given_name", told.m),
    ):  # fmt: skip
        if value != getattr(task, name):
            setattr(task, name, value)
    if task.retry_ts is not None and task.state == "PENDING":
        state.delayed[task] = None
    if task.last_chance and task.state not in FINAL:
        state.last_chances.add(task)
    if task.state == "RUNNING" and task.attempts and task.attempts[-1].state == "RUNNING":
        state.hold(task, task.attempts[-1])


def _count_copies(group: Task, told: TaskImage) -> None:
    made = group.copies
    assert made is not None
    made.begun, made.stopping = told.b, told.p
    for task in group.made():
        made.open[task.copy] -= task.state in FINAL
    made.left = sum(1 for left in made.open if left)
    made.active = sum(1 for left in made.open[: made.begun] if left)


def write(directory: Path, state: State) -> None:
    """Write a snapshot of the state and drop older ones."""
    body = encode(take(state))
    data = b"%08x\n%b" % (zlib.crc32(body), body)
    replace_file(directory / f"{state.seq:020}.snapshot", data, durable=True)
    for old in _snapshots(directory)[KEPT:]:
        old.unlink()


def _snapshots(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.snapshot"), reverse=True)


def oldest(directory: Path) -> int:
    """The seq of the oldest snapshot that is kept, so that any of them can be started from; 0
    without."""
    kept = _snapshots(directory)[:KEPT]
    return int(kept[-1].stem) if kept else 0


def newest(directory: Path) -> State:
    """The state of the newest snapshot that can be read; an empty one when there is none."""
    for path in _snapshots(directory):
        data = path.read_bytes()
        body = data[9:]
        if data[:8] != b"%08x" % zlib.crc32(body):
            continue
        try:
            return restore(msgspec.json.decode(body, type=Image))
        except msgspec.ValidationError:
            continue  # of another version: the journal has it all
    return State()

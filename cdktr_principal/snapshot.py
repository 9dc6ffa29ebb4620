"""Snapshots: the folded state on disk, so that a restart replays little.

A snapshot is only ever a shortcut: state and facts after it give the same as all facts. One that
cannot be read is passed over for an older one, or for the whole journal. Knows the shape of the
state (this file changes with state.py), not what it means.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Final

import msgspec

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.values import Payload, Plan, RunState, TaskState
from cdktr_common.codec import encode
from cdktr_common.files import replace_file
from cdktr_principal.dag import graph
from cdktr_principal.records import FINAL, Agent, Attempt, KeyUse, Run, Task, Workflow
from cdktr_principal.state import State

KEPT: Final = 2
"""Snapshots that are kept: the newest, and one to fall back to."""


class TaskImage(msgspec.Struct, omit_defaults=True):
    """What a task is besides its plan. `o` is its place in the ready queue, `h` is held."""

    s: TaskState = "PENDING"
    w: int = 0
    a: list[Attempt] = []
    l: int = 0  # noqa: E741 short keys: there may be many thousands
    c: int | None = None
    r: str = ""
    o: int = 0
    h: bool = False


class RunImage(msgspec.Struct, omit_defaults=True):
    """A run with its tasks in the order of the plan."""

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
    )


def _run_image(run: Run) -> RunImage:
    tasks = [
        TaskImage(t.state, t.waits, t.attempts, t.losses, t.code, t.reason, t.order, t.held)
        for t in run.tasks
    ]
    return RunImage(
        id=run.id, workflow=run.workflow, plan=run.plan, seq=run.seq, created_ts=run.created_ts,
        state=run.state, open=run.open, failed=run.failed, tasks=tasks, event=run.event,
        payload=run.payload, key=run.key, started_ts=run.started_ts, ended_ts=run.ended_ts,
        code=run.code, reason=run.reason, cancelling=run.cancelling, home=run.home,
    )  # fmt: skip


def restore(image: Image) -> State:
    """The state an image was taken of."""
    state = State()
    state.seq = image.seq
    state.epoch = image.epoch
    state.newest = image.newest
    state.workflows = image.workflows
    state.agents = image.agents
    state.keys.update(image.keys)
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
    return state


def _restore_run(state: State, image: RunImage) -> list[Task]:
    fact = f.RunCreated(
        seq=image.seq, ts=image.created_ts, run=image.id, workflow=image.workflow, plan=image.plan,
        event=image.event, payload=image.payload, key=image.key,
    )  # fmt: skip
    run = Run(fact, graph(image.plan))
    for name in ("state", "open", "failed", "started_ts", "ended_ts", "code", "reason"):
        setattr(run, name, getattr(image, name))
    run.cancelling = image.cancelling
    run.home = image.home
    state.runs[run.id] = run
    for task, told in zip(run.tasks, image.tasks, strict=True):
        task.state, task.waits, task.attempts = told.s, told.w, told.a
        task.losses, task.code, task.reason, task.order = told.l, told.c, told.r, told.o
        task.held = told.h
        if task.last_chance and task.state not in FINAL:
            state.last_chances.add(task)
        if task.state == "RUNNING":
            attempt = task.attempts[-1]
            state.tokens[attempt.token] = task
            state.held.setdefault(attempt.agent, {})[attempt.token] = task
    return [task for task in run.tasks if task.order]


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

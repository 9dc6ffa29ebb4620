"""Values that messages are made of: plans, rows, chunks, results.

Frozen, validated when decoded, without behaviour. Times ending in `_ts` are UTC epoch seconds,
durations ending in `_s` are seconds. A reader ignores keys it does not know; a key never changes
its meaning. These classes know nothing of sockets or of who sends them.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Payload = Any  # any JSON value; CDKTR carries it and never looks inside

RunState = Literal["PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"]
TaskState = Literal["PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "SKIPPED"]
AttemptState = Literal["RUNNING", "COMPLETED", "FAILED", "CANCELLED", "CRASHED", "RELEASED"]
ResultState = Literal["COMPLETED", "FAILED", "CANCELLED", "CRASHED", "RELEASED"]
AgentState = Literal["ready", "silent", "draining", "gone"]
Stream = Literal["stdout", "stderr"]
AgentLostPolicy = Literal["rerun", "fail", "hold"]
PrincipalLostPolicy = Literal["stop", "finish"]
LossCause = Literal["supervisor", "silence", "lease", "operator"]


CauseCode = Literal[
    "running", "ended", "waits_for", "no_agent", "no_label", "no_slot", "draining", "silent",
    "held", "cancelling", "bound", "last_chance", "disk_full", "next",
]  # fmt: skip
"""Those given today. On the wire it is text: an older reader is to show a newer one too."""


class Value(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all values: immutable, keyword arguments only, defaults left out on the wire."""


class TaskPlan(Value, frozen=True, kw_only=True):
    """One task as a run will execute it. Exactly one of `argv` (no shell) and `command` is set.

    What happens when its agent is lost: `rerun` elsewhere until `max_losses` attempts were lost,
    `fail` at once, or `hold` it until an operator says. `lost_after_s` is its lease (null: the
    principal's). `on_principal_lost`: `stop` at the end of the lease, or `finish`: it is never
    stopped for want of a principal, and never given to another agent without proof that it ended
    or an operator's word."""

    id: str
    name: str = ""
    description: str = ""
    depends: list[str] = []
    argv: list[str] | None = None
    command: str | None = None
    env: dict[str, str] = {}
    workdir: str | None = None
    timeout_s: float | None = None
    labels: list[str] = []
    max_losses: int = 3
    lost_after_s: float | None = None
    on_agent_lost: AgentLostPolicy = "rerun"
    on_principal_lost: PrincipalLostPolicy = "stop"


class Plan(Value, frozen=True, kw_only=True):
    """A workflow as loaded: what a run snapshots, so that later edits never change it."""

    workflow: str
    name: str = ""
    description: str = ""
    tasks: list[TaskPlan] = []
    env: dict[str, str] = {}
    workdir: str | None = None
    events: list[str] = []
    cron: str | None = None
    start_time: str | None = None
    placement: Literal["spread", "together"] = "spread"


class RunRef(Value, frozen=True, kw_only=True):
    """A run and the workflow it belongs to."""

    run: str
    workflow: str


class RunRow(Value, frozen=True, kw_only=True):
    """A run in a list. `done` counts tasks in a final state; `code` is the exit code of the first
    task that failed, as `--wait` returns it."""

    run: str
    workflow: str
    state: RunState
    name: str = ""
    event: str | None = None
    created_ts: float
    started_ts: float | None = None
    ended_ts: float | None = None
    tasks: int
    done: int = 0
    failed: int = 0
    code: int | None = None
    reason: str = ""
    seq: int = 0


class AttemptRow(Value, frozen=True, kw_only=True):
    """One execution of a task on one agent. How much it wrote to each stream is null while it
    runs and when the agent could not tell: a reader of its output knows by it when it has all."""

    n: int
    state: AttemptState
    agent: str
    fence: int
    assigned_ts: float
    started_ts: float | None = None
    ended_ts: float | None = None
    code: int | None = None
    reason: str = ""
    stdout_bytes: int | None = None
    stderr_bytes: int | None = None


class TaskRow(Value, frozen=True, kw_only=True):
    """A task of a run with all its attempts, oldest first. `held`: its agent was lost and it waits
    for an operator. `losses`: attempts lost with their agents."""

    task: str
    state: TaskState
    name: str = ""
    depends: list[str] = []
    code: int | None = None
    reason: str = ""
    held: bool = False
    losses: int = 0
    attempts: list[AttemptRow] = []


class Cause(Value, frozen=True, kw_only=True):
    """One reason why a task, or a whole run when `task` is empty, is not running. `text` says it in
    one line that follows on the name of the task (`waits for extract (runs on box1)`); `code` is
    one of `running`, `ended`, `waits_for`, `no_agent`, `no_label`, `no_slot`, `draining`,
    `silent`, `held`, `cancelling`, `bound`, `last_chance`, `disk_full`, `next`; the rest is what
    it speaks of: other tasks, agents, labels, and since when."""

    code: str
    text: str
    task: str = ""
    waits_for: list[str] = []
    agents: list[str] = []
    labels: list[str] = []
    since_ts: float | None = None


class Fault(Value, frozen=True, kw_only=True):
    """One thing wrong in a workflow file. Lines and columns count from 1."""

    file: str
    line: int = 0
    col: int = 0
    what: str
    hint: str = ""


class WorkflowRow(Value, frozen=True, kw_only=True):
    """A workflow in a list. `broken` holds the faults of a newer file that was not accepted: the
    last good version stays in force. `schedule` is empty when nothing is to fire by time."""

    workflow: str
    name: str = ""
    description: str = ""
    tasks: int = 0
    events: list[str] = []
    schedule: str = ""
    hash: str = ""
    file: str = ""
    loaded_ts: float | None = None
    broken: list[Fault] = []


class AgentLoad(Value, frozen=True, kw_only=True):
    """What an agent measures of its machine: CPU and memory in percent, 1-minute load average,
    bytes of output not yet taken by logd, results not yet taken by the principal."""

    cpu_pct: float = 0.0
    mem_pct: float = 0.0
    load1: float = 0.0
    spool_bytes: int = 0
    outbox: int = 0


class AgentRow(Value, frozen=True, kw_only=True):
    """An agent in a list. `state`: ready, silent (no beat for a while, or its supervisor does not
    answer), draining, gone; `reason` says why. `drain`: an operator asked for it, and it holds
    until `agent.undrain`."""

    agent: str
    state: AgentState
    host: str = ""
    version: str = ""
    slots: int = 0
    running: int = 0
    labels: list[str] = []
    load: AgentLoad | None = None
    heard_ts: float | None = None
    losses: int = 0
    reason: str = ""
    drain: bool = False


class RunContext(Value, frozen=True, kw_only=True):
    """What all tasks of one run share; sent once per batch instead of once per task."""

    workflow: str
    event: str | None = None
    payload: Payload = None
    env: dict[str, str] = {}
    workdir: str | None = None


class TaskSpec(Value, frozen=True, kw_only=True):
    """One attempt handed to an agent. `token` names the attempt in every later message about it;
    `fence` grows with each attempt of anything, for the task's own fenced writes; `key` is the
    same for all attempts of the task, for its own idempotent writes. Its lease lasts
    `lost_after_s` from when the request that brought or renewed it was sent; at its end all its
    processes are gone, unless `on_principal_lost` is `finish`."""

    token: str
    run: str
    task: str
    n: int
    fence: int
    argv: list[str] | None = None
    command: str | None = None
    env: dict[str, str] = {}
    workdir: str | None = None
    timeout_s: float | None = None
    lost_after_s: float = 600.0
    on_principal_lost: PrincipalLostPolicy = "stop"


class TaskResult(Value, frozen=True, kw_only=True):
    """How an attempt ended on its agent. `code` is the exit code, 128+n for signal n, 124 for a
    time-out, 126/127 when it could not be started. RELEASED: handed back; it counts as no
    attempt when it was never started, and never as a loss. `loss` is true when CRASHED because
    the agent went down under it."""

    token: str
    state: ResultState
    code: int | None = None
    reason: str = ""
    started_ts: float | None = None
    ended_ts: float | None = None
    stdout_bytes: int | None = None
    stderr_bytes: int | None = None
    loss: bool = False


class LogChunk(Value, frozen=True, kw_only=True):
    """At most 64 KiB of one output stream of one attempt, cut at a newline where there is one.

    `offset` is the position of its first byte in that stream and `line` the number of its first
    line, both from 0. Exactly one of `text` (valid UTF-8) and `b64` is set. `end` marks the end of
    the stream; such a chunk may be empty."""

    workflow: str
    run: str
    task: str
    n: int
    stream: Stream
    offset: int
    line: int = 0
    ts: float
    text: str | None = None
    b64: str | None = None
    end: bool = False


class LogMark(Value, frozen=True, kw_only=True):
    """How far logd has stored one stream: the offset it wants next."""

    run: str
    task: str
    n: int
    stream: Stream
    offset: int

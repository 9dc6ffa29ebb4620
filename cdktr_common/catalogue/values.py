"""Values that messages are made of: rows, chunks, results; and those of `plan`.

Frozen, validated when decoded, without behaviour. Times ending in `_ts` are UTC epoch seconds,
durations ending in `_s` are seconds. A reader ignores keys it does not know; a key never changes
its meaning. These classes know nothing of sockets or of who sends them.
"""

from __future__ import annotations

from typing import Any, Literal

from cdktr_common.catalogue.base import Value as Value
from cdktr_common.catalogue.plan import AgentLostPolicy as AgentLostPolicy
from cdktr_common.catalogue.plan import Call as Call
from cdktr_common.catalogue.plan import Container as Container
from cdktr_common.catalogue.plan import Group as Group
from cdktr_common.catalogue.plan import Listener as Listener
from cdktr_common.catalogue.plan import Param as Param
from cdktr_common.catalogue.plan import Plan as Plan
from cdktr_common.catalogue.plan import PrincipalLostPolicy as PrincipalLostPolicy
from cdktr_common.catalogue.plan import Retry as Retry
from cdktr_common.catalogue.plan import Schedule as Schedule
from cdktr_common.catalogue.plan import Step as Step
from cdktr_common.catalogue.plan import TaskPlan as TaskPlan

Payload = Any  # any JSON value; CDKTR carries it and never looks inside

RunState = Literal["PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"]
TaskState = Literal["PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "SKIPPED"]
AttemptState = Literal["RUNNING", "COMPLETED", "FAILED", "CANCELLED", "CRASHED", "RELEASED"]
ResultState = Literal["COMPLETED", "FAILED", "CANCELLED", "CRASHED", "RELEASED"]
AgentState = Literal["ready", "silent", "draining", "gone"]
Stream = str
"""`stdout`, `stderr`, or `artifact/PATH`."""
TickState = Literal["fired", "late", "coalesced", "skipped", "suppressed", "missed"]
LossCause = Literal["supervisor", "silence", "lease", "operator"]


CauseCode = Literal[
    "running", "ended", "waits_for", "no_agent", "no_label", "no_slot", "draining", "silent",
    "held", "cancelling", "bound", "last_chance", "disk_full", "next", "retry", "queued", "pool",
    "group", "concurrency", "call", "old_agent",
]  # fmt: skip
"""Those given today. On the wire it is text: an older reader is to show a newer one too."""


class RunRef(Value, frozen=True, kw_only=True):
    """A run and the workflow it belongs to."""

    run: str
    workflow: str


class TickRef(Value, frozen=True, kw_only=True):
    """The instant that a run is for: `due_ts`, of the schedule, and the instant before it. `state`:
    `fired`, `late` by `late_s`, or `backfill`, when somebody asks for a past instant."""

    schedule: str
    due_ts: float
    previous_ts: float | None = None
    state: str = "fired"
    late_s: float = 0.0


class RunRow(Value, frozen=True, kw_only=True):
    """A run in a list. `done` counts tasks in a final state; `code` is the exit code of the first
    task that failed, as `--wait` returns it. `queued`: it waits for others of its workflow to end.
    `parent` is the task that called it, RUN/TASK, `retry_of` the run it repeats in part. `settled`:
    it goes on, but only the tasks of its end are left. `tick`: the instant it is for."""

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
    queued: bool = False
    parent: str = ""
    retry_of: str = ""
    settled: bool = False
    tick: TickRef | None = None


class RunMark(Value, frozen=True, kw_only=True):
    """A run in a strip of its workflow's last ones."""

    run: str
    state: RunState
    created_ts: float
    started_ts: float | None = None
    ended_ts: float | None = None


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
    for an operator. `losses`: attempts lost with their agents. `retry_ts`: when it is to be tried
    again. `group` is the task that it was made by, `calls` the run it has called, `tolerated` a
    failure that is none for the run, `reused` that it was COMPLETED by an earlier run already.
    `progress` goes from 0 to 100."""

    task: str
    state: TaskState
    name: str = ""
    depends: list[str] = []
    code: int | None = None
    reason: str = ""
    held: bool = False
    losses: int = 0
    attempts: list[AttemptRow] = []
    outputs: dict[str, Any] = {}
    result: str | None = None
    retry_ts: float | None = None
    group: str = ""
    calls: str = ""
    tolerated: bool = False
    reused: bool = False
    progress: float | None = None


class Cause(Value, frozen=True, kw_only=True):
    """One reason why a task, or a whole run when `task` is empty, is not running. `text` says it in
    one line that follows on the name of the task (`waits for extract (runs on box1)`); `code` is
    one of `running`, `ended`, `waits_for`, `no_agent`, `no_label`, `no_slot`, `draining`,
    `silent`, `held`, `cancelling`, `bound`, `last_chance`, `disk_full`, `next`, `retry`, `queued`,
    `pool`, `group`, `concurrency`, `call`, `old_agent`; the rest is what it speaks of: other
    tasks, agents, labels, and since when."""

    code: str
    text: str
    task: str = ""
    waits_for: list[str] = []
    agents: list[str] = []
    labels: list[str] = []
    since_ts: float | None = None


class Fault(Value, frozen=True, kw_only=True):
    """One thing wrong in a workflow file. Lines and columns count from 1. `see` is where the
    documentation tells of it, like `docs/workflow.md#retry`."""

    file: str
    line: int = 0
    col: int = 0
    what: str
    hint: str = ""
    see: str = ""


class WorkflowRow(Value, frozen=True, kw_only=True):
    """A workflow in a list. `broken` holds the faults of a newer file that was not accepted: the
    last good version stays in force. `events` are names and patterns. `schedule` is empty when
    nothing is to fire by time; `next_ts` is when it fires next, as told by the one who fires.
    `paused`: neither time nor events start it; `paused_reason` says who wanted that. `last` are its
    last runs, oldest first, if they were asked for; `running` and `queued` how many are so now."""

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
    paused: bool = False
    paused_reason: str = ""
    next_ts: float | None = None
    last: list[RunMark] = []
    running: int = 0
    queued: int = 0


class ScheduleRef(Value, frozen=True, kw_only=True):
    """A schedule of a workflow by its id; one that is no longer in force by its end, too."""

    workflow: str
    schedule: str
    until_ts: float | None = None


class ScheduleRow(Value, frozen=True, kw_only=True):
    """A schedule and how far it is accounted for. Its instants are those after `since_ts` and, when
    it is no longer in force, up to `until_ts`. `ticked_ts` is the last one accounted for, or
    `since_ts`. `paused`: its instants start nothing now, since `paused_ts`; `pauses` are those that
    are over, from when to when, as long as instants of them may not be accounted for. `state`,
    `run` and `due_ts` are of the last instant that was told of, `next_ts` is what the one who fires
    said that it will fire next."""

    workflow: str
    schedule: str
    spec: Schedule
    since_ts: float
    ticked_ts: float
    until_ts: float | None = None
    paused: bool = False
    paused_ts: float | None = None
    pauses: list[list[float]] = []
    state: str = ""
    run: str = ""
    due_ts: float | None = None
    next_ts: float | None = None


class Tick(Value, frozen=True, kw_only=True):
    """What has become of an instant, or is to: `act` is `fire` (start the run that is due),
    `coalesced` (into the instant at `into_ts`), `suppressed` (it was paused then), or `missed`, for
    the `reason`. But for `fire` it may be several, one after another: `count` of them, the first at
    `from_ts`, the last at `due_ts`.

    `after_ts` is the `ticked_ts` that the teller knows: when it is another, nothing is done.
    `previous_ts` is the instant before `due_ts`. `delay_s`: it was not to be started sooner than so
    long after `due_ts`."""

    workflow: str
    schedule: str
    act: Literal["fire", "coalesced", "suppressed", "missed"]
    after_ts: float
    due_ts: float
    from_ts: float | None = None
    count: int = 1
    previous_ts: float | None = None
    delay_s: float = 0.0
    into_ts: float | None = None
    reason: str = ""


class TickResult(Value, frozen=True, kw_only=True):
    """What was recorded of a tick: its state and the run it has started. An empty `state`: nothing,
    since `ticked_ts`, how far the schedule is accounted for, is not what the tick said; null when
    there is no such schedule."""

    workflow: str
    schedule: str
    due_ts: float
    state: str = ""
    run: str = ""
    reason: str = ""
    ticked_ts: float | None = None


class NextTick(Value, frozen=True, kw_only=True):
    """When a schedule will fire next; null: never again."""

    workflow: str
    schedule: str
    next_ts: float | None


class Held(Value, frozen=True, kw_only=True):
    """An event waits in the window of a listener: number `listener` of the workflow, from 0. The
    window ends at `due_ts`."""

    workflow: str
    listener: int
    due_ts: float


class WindowRow(Value, frozen=True, kw_only=True):
    """Events wait in the window of a listener, by its number, until `due_ts`: `count` of them, the
    first since `first_ts`. `event` is the name of the last."""

    workflow: str
    listener: int
    due_ts: float
    first_ts: float
    count: int
    event: str


class DeferredRow(Value, frozen=True, kw_only=True):
    """An event to be fired, or a workflow to be started, at `due_ts`."""

    deferred: str
    due_ts: float
    event: str | None = None
    workflow: str | None = None
    key: str | None = None
    source: str = ""
    created_ts: float = 0.0


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
    until `agent.undrain`. `running` counts tasks, `busy` the slots that they take. `cpu` are
    percents of its machine, 5 s apart, the newest last, if they were asked for."""

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
    busy: int = 0
    cpu: list[float] = []


class AgentTask(Value, frozen=True, kw_only=True):
    """An attempt that an agent holds, since it was given to it."""

    run: str
    workflow: str
    task: str
    n: int
    since_ts: float
    started_ts: float | None = None
    slots: int = 1
    name: str = ""


class RunContext(Value, frozen=True, kw_only=True):
    """What all tasks of one run share; sent once per batch instead of once per task. Values of
    `sealed` are as in a task."""

    workflow: str
    event: str | None = None
    payload: Payload = None
    env: dict[str, str] = {}
    workdir: str | None = None
    dotenv: list[str] = []
    sealed: dict[str, list[str]] = {}


class TaskSpec(Value, frozen=True, kw_only=True):
    """One attempt handed to an agent. `token` names the attempt in every later message about it;
    `fence` grows with each attempt of anything, for the task's own fenced writes; `key` is the
    same for all attempts of the task, for its own idempotent writes. Its lease lasts
    `lost_after_s` from when the request that brought or renewed it was sent; at its end all its
    processes are gone, unless `on_principal_lost` is `finish`.

    No text in it is a template any more. What stands in `sealed` (for `env`) and `sealed_files`
    (for `files`) has secrets in it: a list of pieces whose 2nd, 4th and so on are references,
    `env:NAME` or `file:PATH`, to put in between. The rest is as in a task of a plan; `slots` is
    how many of the agent's it takes."""

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
    shell: list[str] = []
    script: str | None = None
    files: dict[str, str] = {}
    sealed: dict[str, list[str]] = {}
    sealed_files: dict[str, list[str]] = {}
    dotenv: list[str] = []
    pre: list[StepSpec] = []
    post: list[StepSpec] = []
    stop_signal: str = "TERM"
    stop_grace_s: float | None = None
    outputs: list[str] = []
    capture: bool = False
    artifacts: list[str] = []
    slots: int = 1
    container: Container | None = None


class StepSpec(Value, frozen=True, kw_only=True):
    """A `pre` or `post` step of an attempt, as in a plan, without templates."""

    name: str = ""
    argv: list[str] | None = None
    command: str | None = None
    shell: list[str] = []
    script: str | None = None
    env: dict[str, str] = {}
    sealed: dict[str, list[str]] = {}
    timeout_s: float | None = None
    image: str = ""


class TaskResult(Value, frozen=True, kw_only=True):
    """How an attempt ended on its agent. `code` is the exit code, 128+n for signal n, 124 for a
    time-out, 126/127 when it could not be started. RELEASED: handed back; it counts as no
    attempt when it was never started, and never as a loss. `loss` is true when CRASHED because
    the agent went down under it. `outputs` and `result` are what it wrote for other tasks."""

    token: str
    state: ResultState
    code: int | None = None
    reason: str = ""
    started_ts: float | None = None
    ended_ts: float | None = None
    stdout_bytes: int | None = None
    stderr_bytes: int | None = None
    loss: bool = False
    outputs: dict[str, Any] = {}
    result: str | None = None


class Reused(Value, frozen=True, kw_only=True):
    """What a run takes over from the run it repeats in part: a task that was COMPLETED, with what
    it gave; or, when `items` is not null, only the values that a group was made for, or the run
    that a task had called and that is repeated in turn."""

    outputs: dict[str, Any] = {}
    result: str | None = None
    items: list[Any] | None = None
    calls: str = ""


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

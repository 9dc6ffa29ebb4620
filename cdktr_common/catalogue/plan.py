"""What a workflow says, compiled: the one model behind every way of writing it.

A loader makes a `Plan`; a run carries it as its snapshot; nothing here knows in which dialect it
was written. Where `templates` is true, texts that say so may hold expressions, `{{ … }}`, which
the principal evaluates when the task's turn has come; without it every text means itself.
"""

from __future__ import annotations

from typing import Any, Literal

from cdktr_common.catalogue.base import Value

AgentLostPolicy = Literal["rerun", "fail", "hold"]
PrincipalLostPolicy = Literal["stop", "finish"]
Phase = Literal["", "on_success", "on_failure", "on_cancel", "finally"]
Overlap = Literal["queue", "skip", "cancel"]
CatchUp = Literal["none", "last", "all"]
ParamType = Literal["string", "integer", "number", "boolean", "list", "object"]


class Param(Value, frozen=True, kw_only=True):
    """A value that a run is given. Without `required`, one that is not given is `default`. A text
    is turned into what `type` says, or refused; so is what is not in `enum` (when it has any), or
    does not match `pattern` whole."""

    type: ParamType = "string"
    description: str = ""
    default: Any = None
    required: bool = False
    enum: list[Any] = []
    pattern: str | None = None


class Retry(Value, frozen=True, kw_only=True):
    """When a failed attempt is followed by another: at most `limit` times, after `delay_s` that
    grows by the factor `backoff` each time, up to `max_delay_s`, and is longer by a random part of
    up to `jitter` of itself. `on_exit_codes`: only these codes; empty: any failure."""

    limit: int = 0
    delay_s: float = 0.0
    backoff: float = 1.0
    max_delay_s: float | None = None
    jitter: float = 0.0
    on_exit_codes: list[int] = []


class Step(Value, frozen=True, kw_only=True):
    """What runs before (`pre`) or after (`post`) a task, in its directory and with its variables
    and these. What is run is told as in a task. `image` is its own container's, when it is not that
    of the task. `argv`, `env`, `image` and `name` may be templates."""

    name: str = ""
    argv: list[str] | None = None
    command: str | None = None
    shell: list[str] = []
    script: str | None = None
    env: dict[str, str] = {}
    timeout_s: float | None = None
    image: str = ""


class Container(Value, frozen=True, kw_only=True):
    """The container that a task asks for; only an agent with the label `container` gets it.
    `mounts` are as the file had them. `cpus` and `memory` are limits, in words of the runtime.
    `image` may be a template."""

    image: str
    entrypoint: list[str] = []
    mounts: list[dict[str, Any]] = []
    networks: list[str] = []
    cpus: str = ""
    memory: str = ""


class Call(Value, frozen=True, kw_only=True):
    """A run of another workflow as a task: of `workflow`, or of `plan`. Its params may be
    templates, each keeping its type. The task ends as that run does and has its output; with
    `detached` it is COMPLETED as soon as the run exists, and has its id as result."""

    workflow: str | None = None
    plan: Plan | None = None
    params: dict[str, Any] = {}
    detached: bool = False


class Group(Value, frozen=True, kw_only=True):
    """A task that stands for others, made when its turn has come: `tasks` once (`parallel`), or
    once for each value of `each`, or for each combination of the lists of `matrix`. These are
    lists or templates of lists. `{{ VAR.value }}` and `{{ VAR.index }}`, VAR being `var`, tell
    the copies apart. The ids of copies are `GROUP[INDEX]`, of several tasks `GROUP[INDEX].ID`, of
    a group made once `GROUP.ID`. At most `concurrency` copies are in work (0: all). A failed copy
    leaves the others alone, unless `fail_fast`, and fails the group when all are over."""

    tasks: list[TaskPlan]
    each: Any = None
    matrix: dict[str, Any] = {}
    var: str = "item"
    concurrency: int = 0
    fail_fast: bool = False


class TaskPlan(Value, frozen=True, kw_only=True):
    """One task. What it does is exactly one of: `argv` (no shell), `command` (given to `shell`, by
    default `/bin/sh -c`), `script` (a file; it is the last argument of `argv` if there is one,
    else it is executed by itself, with `shell` or `/bin/sh` when it has no `#!`), `group`, `call`,
    or `noop`.

    It starts when all of `depends` are over and each is as `rules` says of it: `success` (when
    nothing is said), `failure`, `always`, or an expression; and when `cond`, an expression, is
    true. Else it is SKIPPED. A failed task whose code `tolerated` holds (true: any) counts as a
    success for what follows and for the run. One that has a dependency by `failure` which was not
    skipped is handled: it does not fail the run.

    Templates may be: `name`, `argv`, values of `env`, contents of `files`. `{{ secrets.NAME }}`
    stands in values of `env` and in `files` alone. `outputs` are the names it is to write to
    `$CDKTR_OUTPUT`; `capture`: what it writes to stdout is its result unless it writes one.

    What happens when its agent is lost: `rerun` elsewhere until `max_losses` attempts were lost,
    `fail` at once, or `hold` it until an operator says. `lost_after_s` is its lease (null: the
    principal's). `on_principal_lost`: `stop` at the end of the lease, or `finish`: it is never
    stopped for want of a principal, and never given to another agent without proof that it ended
    or an operator's word. `pools`: how much of each named pool it takes. `phase`: when, instead of
    by dependencies, a task of the run's end runs."""

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
    rules: dict[str, str] = {}
    cond: str = ""
    shell: list[str] = []
    script: str | None = None
    group: Group | None = None
    call: Call | None = None
    noop: bool = False
    templates: bool = False
    files: dict[str, str] = {}
    dotenv: list[str] = []
    pre: list[Step] = []
    post: list[Step] = []
    stop_signal: str = "TERM"
    stop_grace_s: float | None = None
    retry: Retry | None = None
    tolerated: bool | list[int] = False
    outputs: list[str] = []
    capture: bool = False
    artifacts: list[str] = []
    priority: int = 0
    slots: int = 1
    exclusive: bool = False
    pools: dict[str, int] = {}
    container: Container | None = None
    phase: Phase = ""
    tags: list[str] = []


class Schedule(Value, frozen=True, kw_only=True):
    """When a workflow starts by itself. Exactly one of `cron` (five fields, or six with seconds
    first), `every_s` (counted from `start`, else from 1970-01-01T00:00:00Z) and `at` (once). `cron`
    and times without an offset are of `timezone`; empty: UTC. No instant before `start` or after
    `end` counts.

    `jitter_s`: each start is later by a part of it that follows from workflow, schedule and
    instant. `catchup`: what becomes of instants that passed while no one reported them: none of
    them starts a run, the `last` does, or the last `catchup_limit` do. `overlap`: what becomes of
    an instant while an earlier run is in work; empty: as the workflow says. `params` are given to
    the run. `paused`: its instants start nothing.

    What tells two schedules of a workflow apart is when their instants are: see *Time* in the
    protocol."""

    cron: str = ""
    every_s: float | None = None
    at: str = ""
    timezone: str = ""
    start: str = ""
    end: str = ""
    jitter_s: float = 0.0
    catchup: CatchUp = "last"
    catchup_limit: int = 100
    overlap: Literal["", "allow", "queue", "skip", "cancel"] = ""
    params: dict[str, Any] = {}
    paused: bool = False


class Listener(Value, frozen=True, kw_only=True):
    """Events that start a workflow: those whose name is like `event` (`*`: any characters, `?`: one
    character, `[abc]`: one of these) and for which `cond` is true, an expression that may speak of
    `event.name` and `event.payload`. Names that begin with `run.` are only like patterns that do.

    At most one of: `debounce_s`, one run so long after the last of them, with its payload;
    `throttle_s`, a run at once, and then none for so long; `batch_s` and `batch_size`, one run when
    so many have come or so long after the first, with the list of their payloads."""

    event: str
    cond: str = ""
    debounce_s: float = 0.0
    throttle_s: float = 0.0
    batch_s: float = 0.0
    batch_size: int = 0


class Plan(Value, frozen=True, kw_only=True):
    """A workflow as loaded: what a run snapshots, so that later edits never change it.

    At most `max_active_runs` of its runs are in work (0: any number); one more waits (`queue`), is
    not run (`skip`), or first cancels those that are (`cancel`). `deadline_s` counts from when a
    run may begin. `output` is evaluated when the run has completed: a template, or an object of
    templates. `secrets` maps names to references, `env:NAME` or `file:PATH`, which only agents
    resolve. `templates`: values of its `env` are templates. `events` are listened to by their whole
    names, and as `listeners` say. `cron` and `start_time` stand in plans of before 0.3, in place of
    `schedules`."""

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
    params: dict[str, Param] = {}
    output: Any = None
    secrets: dict[str, str] = {}
    dotenv: list[str] = []
    deadline_s: float | None = None
    max_active_runs: int = 0
    overlap: Overlap = "queue"
    timezone: str = ""
    tags: list[str] = []
    templates: bool = False
    schedules: list[Schedule] = []
    listeners: list[Listener] = []

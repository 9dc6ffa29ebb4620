"""The facts: all that the principal ever writes to its journal, and all that it publishes.

A fact holds what was decided (a token granted, a task skipped), never what was asked, so that
folding old facts needs no decision. Their order is `seq`; times are for people.
"""

from __future__ import annotations

from typing import Any, ClassVar

from cdktr_common.catalogue.base import Fact
from cdktr_common.catalogue.values import (
    AgentState,
    Fault,
    Held,
    LossCause,
    Payload,
    Plan,
    ResultState,
    Reused,
    RunState,
    TickRef,
    TickState,
)


class EpochStarted(Fact, frozen=True, kw_only=True, tag="epoch.started"):
    """A principal took over the journal. Agents that know another epoch say hello again."""

    epoch: int
    version: str = ""
    host: str = ""

    example: ClassVar[str] = '{"type":"epoch.started","seq":1,"ts":1.5,"epoch":1,"version":"0.1.0"}'

    def topic(self) -> str:
        return "principal/"


class WorkflowLoaded(Fact, frozen=True, kw_only=True, tag="workflow.loaded"):
    """A workflow file was read without fault and is now in force, also after a restart that finds
    the file broken."""

    workflow: str
    hash: str
    file: str = ""
    plan: Plan

    example: ClassVar[str] = (
        '{"type":"workflow.loaded","seq":2,"ts":1.5,"workflow":"etl","hash":"9f2c",'
        '"plan":{"workflow":"etl","tasks":[{"id":"a","argv":["true"]}]}}'
    )

    def topic(self) -> str:
        return "workflow/"


class WorkflowBroken(Fact, frozen=True, kw_only=True, tag="workflow.broken"):
    """A workflow file has faults; the last good version, if any, stays in force."""

    workflow: str
    file: str = ""
    hash: str = ""
    faults: list[Fault] = []

    example: ClassVar[str] = (
        '{"type":"workflow.broken","seq":3,"prev":2,"ts":1.5,"workflow":"etl",'
        '"faults":[{"file":"etl.yaml","line":4,"col":3,"what":"unknown dependency"}]}'
    )

    def topic(self) -> str:
        return "workflow/"


class WorkflowRemoved(Fact, frozen=True, kw_only=True, tag="workflow.removed"):
    """The file of a workflow is gone. Its runs go on: each has its own snapshot."""

    workflow: str

    example: ClassVar[str] = '{"type":"workflow.removed","seq":4,"ts":1.5,"workflow":"etl"}'

    def topic(self) -> str:
        return "workflow/"


class WorkflowPaused(Fact, frozen=True, kw_only=True, tag="workflow.paused"):
    """A workflow, or all of them when it is empty, is started neither by time nor by events from
    now on; or is again."""

    workflow: str = ""
    paused: bool
    reason: str = ""

    example: ClassVar[str] = (
        '{"type":"workflow.paused","seq":4,"prev":3,"ts":1.5,"workflow":"etl","paused":true,'
        '"reason":"by anna"}'
    )

    def topic(self) -> str:
        return "workflow/"


class EventFired(Fact, frozen=True, kw_only=True, tag="event.fired"):
    """An event was accepted; `runs` are the runs it started, each with its own `run.created`, of
    `workflows`. `held` are listeners in whose window it waits, `passed` tells of workflows that
    listen to it and that it did not start, why. `params` are those it was given, when it waits
    somewhere. `deferred`: it had been told before, to be fired now. `source` is who fired it.
    `cause` is the run whose end it tells of, `chain` how many runs had started one another by
    events before that one."""

    event: str
    payload: Payload = None
    key: str | None = None
    digest: str = ""
    runs: list[str] = []
    workflows: list[str] = []
    held: list[Held] = []
    passed: dict[str, str] = {}
    params: dict[str, Any] = {}
    deferred: str = ""
    source: str = ""
    cause: str = ""
    chain: int = 0

    example: ClassVar[str] = (
        '{"type":"event.fired","seq":5,"ts":1.5,"event":"new-file","payload":{"a":1},'
        '"runs":["k3f9x2mq7a"],"workflows":["etl"]}'
    )

    def topic(self) -> str:
        return "event/"


class EventDeferred(Fact, frozen=True, kw_only=True, tag="event.deferred"):
    """An event, or the start of a workflow, was accepted for later: at `due_ts` an `event.fired`, a
    `run.created` or an `event.dropped` names it."""

    deferred: str
    due_ts: float
    event: str | None = None
    workflow: str | None = None
    payload: Payload = None
    params: dict[str, Any] = {}
    key: str | None = None
    digest: str = ""
    source: str = ""

    example: ClassVar[str] = (
        '{"type":"event.deferred","seq":5,"ts":1.5,"deferred":"d7k2x9","due_ts":61.5,'
        '"event":"new-file"}'
    )

    def topic(self) -> str:
        return "event/"


class EventDropped(Fact, frozen=True, kw_only=True, tag="event.dropped"):
    """What was deferred will not be fired: somebody took it back, or it was refused when it was
    due. Or, with `listener`: what has waited in the window of that listener of `workflow`, by its
    number, starts no run."""

    deferred: str = ""
    workflow: str = ""
    listener: int | None = None
    reason: str = ""

    example: ClassVar[str] = (
        '{"type":"event.dropped","seq":6,"prev":5,"ts":2.5,"deferred":"d7k2x9",'
        '"reason":"taken back"}'
    )

    def topic(self) -> str:
        return "event/"


class TickRecorded(Fact, frozen=True, kw_only=True, tag="tick.recorded"):
    """What has become of an instant of a schedule: `fired` or `late` by `late_s` (as `run`),
    `coalesced` into the instant at `into_ts`, `skipped` since others of its workflow were in work,
    `suppressed` since it was paused, or `missed` for the `reason`. `count` instants, the first at
    `from_ts` and the last at `due_ts`, if it was more than one."""

    workflow: str
    schedule: str
    state: TickState
    due_ts: float
    from_ts: float | None = None
    count: int = 1
    run: str = ""
    late_s: float = 0.0
    into_ts: float | None = None
    reason: str = ""

    example: ClassVar[str] = (
        '{"type":"tick.recorded","seq":7,"ts":60.1,"workflow":"etl","schedule":"3f9a01c2",'
        '"state":"fired","due_ts":60.0,"run":"k3f9x2mq7a"}'
    )

    def topic(self) -> str:
        return "tick/"


class ScheduleClosed(Fact, frozen=True, kw_only=True, tag="schedule.closed"):
    """A schedule that is no longer in force is accounted for up to its end."""

    workflow: str
    schedule: str
    until_ts: float

    example: ClassVar[str] = (
        '{"type":"schedule.closed","seq":8,"prev":7,"ts":70.5,"workflow":"etl",'
        '"schedule":"3f9a01c2","until_ts":65.0}'
    )

    def topic(self) -> str:
        return "tick/"


class RunCreated(Fact, frozen=True, kw_only=True, tag="run.created"):
    """A run exists and will run. `plan` is the snapshot it runs by; `key` with `digest` (of
    workflow and payload) makes a repeated trigger the same run. `params` are all its params as
    they count, defaults included. `queued`: it begins with its `run.admitted`. `parent` is the
    task that called it, as RUN/TASK, and `depth` counts how many called one another. `retry_of`
    names the run that it repeats, and `reused`, by ids of tasks, what it takes over from there.
    `tick` is the instant it is for. `listener` is the number of the listener whose window it ends,
    or, if that throttles, begins; `deferred` what was told before to be started now; `chain` how
    many runs have started one another by events before this one, and `root` the first of them."""

    run: str
    workflow: str
    plan: Plan
    event: str | None = None
    payload: Payload = None
    key: str | None = None
    digest: str = ""
    params: dict[str, Any] = {}
    queued: bool = False
    parent: str = ""
    depth: int = 0
    retry_of: str = ""
    reused: dict[str, Reused] = {}
    tick: TickRef | None = None
    listener: int | None = None
    deferred: str = ""
    chain: int = 0
    root: str = ""

    example: ClassVar[str] = (
        '{"type":"run.created","seq":6,"ts":1.5,"run":"k3f9x2mq7a","workflow":"etl",'
        '"plan":{"workflow":"etl","tasks":[{"id":"a","argv":["true"]}]}}'
    )

    def topic(self) -> str:
        return f"run/{self.workflow}/"


class RunFact(Fact, frozen=True, kw_only=True):
    """What concerns one run: published on the stream of its workflow."""

    workflow: str
    run: str

    def topic(self) -> str:
        return f"run/{self.workflow}/"


class TaskAssigned(RunFact, frozen=True, kw_only=True, tag="task.assigned"):
    """Attempt `n` of a task was given to an agent. Its `seq` is the attempt's fence, and
    `lost_after_s` its lease, whatever the settings of a later principal are. `asked_s` is when
    the agent asked for it, by its own clock: no hello from before that can disown it. `slots` is
    how many of the agent's it takes; `name` the task's name, when it is a template."""

    task: str
    n: int
    token: str
    agent: str
    boot: str
    lost_after_s: float = 600.0
    asked_s: float = 0.0
    slots: int = 1
    name: str = ""

    example: ClassVar[str] = (
        '{"type":"task.assigned","seq":7,"prev":6,"ts":1.5,"workflow":"etl","run":"k3f9x2mq7a",'
        '"task":"a","n":1,"token":"k3f9x2mq7a/a/1/1-d41f","agent":"box1","boot":"b7"}'
    )


class TaskReleased(RunFact, frozen=True, kw_only=True, tag="task.released"):
    """An attempt was handed back without fault of the task; the task waits again."""

    task: str
    n: int
    token: str
    agent: str = ""
    reason: str = ""
    started_ts: float | None = None
    ended_ts: float | None = None
    stdout_bytes: int | None = None
    stderr_bytes: int | None = None

    example: ClassVar[str] = (
        '{"type":"task.released","seq":8,"prev":7,"ts":1.5,"workflow":"etl","run":"k3f9x2mq7a",'
        '"task":"a","n":1,"token":"k3f9x2mq7a/a/1/1-d41f","agent":"box1","reason":"drained"}'
    )


class TaskCrashed(RunFact, frozen=True, kw_only=True, tag="task.crashed"):
    """An attempt was lost with its agent: `cause` tells how that is known. `requeued` tells whether
    the task waits again, `held` that it waits for an operator; else a `task.ended` follows."""

    task: str
    n: int
    token: str
    agent: str = ""
    reason: str = ""
    cause: LossCause = "supervisor"
    requeued: bool = True
    held: bool = False
    started_ts: float | None = None
    ended_ts: float | None = None
    stdout_bytes: int | None = None
    stderr_bytes: int | None = None

    example: ClassVar[str] = (
        '{"type":"task.crashed","seq":8,"prev":7,"ts":1.5,"workflow":"etl","run":"k3f9x2mq7a",'
        '"task":"a","n":1,"token":"k3f9x2mq7a/a/1/1-d41f","agent":"box1","reason":"host died"}'
    )


class TaskUnheld(RunFact, frozen=True, kw_only=True, tag="task.unheld"):
    """An operator let a held task go on: it waits for an agent again."""

    task: str

    example: ClassVar[str] = (
        '{"type":"task.unheld","seq":9,"prev":8,"ts":1.5,"workflow":"etl","run":"k3f9x2mq7a",'
        '"task":"a"}'
    )


class TaskReady(RunFact, frozen=True, kw_only=True, tag="task.ready"):
    """A task waits for an agent from now on: its condition was found true, or the time for its
    next attempt has come."""

    task: str

    example: ClassVar[str] = (
        '{"type":"task.ready","seq":9,"prev":8,"ts":1.5,"workflow":"etl","run":"k3f9x2mq7a",'
        '"task":"a"}'
    )


class TaskRetrying(RunFact, frozen=True, kw_only=True, tag="task.retrying"):
    """An attempt has failed and another follows at `retry_ts`, `delay_s` from now: its
    `task.ready` tells when that has come. `agent` is empty when a called run has failed."""

    task: str
    n: int
    token: str = ""
    agent: str = ""
    code: int | None = None
    reason: str = ""
    retry_ts: float = 0.0
    delay_s: float = 0.0
    started_ts: float | None = None
    ended_ts: float | None = None
    stdout_bytes: int | None = None
    stderr_bytes: int | None = None

    example: ClassVar[str] = (
        '{"type":"task.retrying","seq":9,"prev":7,"ts":2.5,"workflow":"etl","run":"k3f9x2mq7a",'
        '"task":"a","n":1,"token":"k3f9x2mq7a/a/1/1-d41f","agent":"box1","code":75,'
        '"retry_ts":12.5,"delay_s":10.0}'
    )


class TaskExpanded(RunFact, frozen=True, kw_only=True, tag="task.expanded"):
    """A group has made its tasks: one copy of them for each of `items`. Their ids and plans
    follow from the group's plan."""

    task: str
    items: list[Any] = []

    example: ClassVar[str] = (
        '{"type":"task.expanded","seq":9,"prev":7,"ts":2.5,"workflow":"etl","run":"k3f9x2mq7a",'
        '"task":"load","items":["a.csv","b.csv"]}'
    )


class TaskCalled(RunFact, frozen=True, kw_only=True, tag="task.called"):
    """A task has started a run of another workflow and ends as that does."""

    task: str
    n: int = 1
    calls: str

    example: ClassVar[str] = (
        '{"type":"task.called","seq":9,"prev":7,"ts":2.5,"workflow":"etl","run":"k3f9x2mq7a",'
        '"task":"report","calls":"p81xw0zt5c"}'
    )


class TaskEnded(RunFact, frozen=True, kw_only=True, tag="task.ended"):
    """A task reached COMPLETED, FAILED or CANCELLED. `n` 0: it never ran. `outputs` and `result`
    are what it gave to those that follow."""

    task: str
    state: ResultState
    n: int = 0
    token: str = ""
    agent: str = ""
    code: int | None = None
    reason: str = ""
    started_ts: float | None = None
    ended_ts: float | None = None
    stdout_bytes: int | None = None
    stderr_bytes: int | None = None
    outputs: dict[str, Any] = {}
    result: str | None = None

    example: ClassVar[str] = (
        '{"type":"task.ended","seq":9,"prev":7,"ts":2.5,"workflow":"etl","run":"k3f9x2mq7a",'
        '"task":"a","state":"COMPLETED","n":1,"token":"k3f9x2mq7a/a/1/1-d41f","agent":"box1",'
        '"code":0,"started_ts":1.6,"ended_ts":2.4,"stdout_bytes":6,"stderr_bytes":0}'
    )


class TaskSkipped(RunFact, frozen=True, kw_only=True, tag="task.skipped"):
    """A task will not run, because of `because`, a task it depends on, or for the `reason`."""

    task: str
    because: str = ""
    reason: str = ""

    example: ClassVar[str] = (
        '{"type":"task.skipped","seq":10,"prev":9,"ts":2.5,"workflow":"etl","run":"k3f9x2mq7a",'
        '"task":"b","because":"a"}'
    )


class TaskStale(RunFact, frozen=True, kw_only=True, tag="task.stale"):
    """A result came for an attempt that is no longer the current one. It changes nothing."""

    task: str
    token: str
    agent: str = ""
    state: str = ""

    example: ClassVar[str] = (
        '{"type":"task.stale","seq":11,"prev":10,"ts":2.5,"workflow":"etl","run":"k3f9x2mq7a",'
        '"task":"a","token":"k3f9x2mq7a/a/1/1-d41f","agent":"box1","state":"COMPLETED"}'
    )


class RunAdmitted(RunFact, frozen=True, kw_only=True, tag="run.admitted"):
    """A queued run begins: others of its workflow have ended."""

    example: ClassVar[str] = (
        '{"type":"run.admitted","seq":12,"prev":11,"ts":2.5,"workflow":"etl","run":"k3f9x2mq7a"}'
    )


class RunSettled(RunFact, frozen=True, kw_only=True, tag="run.settled"):
    """All tasks of a run are over but those of its end (`on_success`, `on_failure`, `on_cancel`,
    `finally`), which follow. The run will end so, unless one of them fails."""

    state: RunState
    code: int = 0
    reason: str = ""

    example: ClassVar[str] = (
        '{"type":"run.settled","seq":12,"prev":11,"ts":2.5,"workflow":"etl","run":"k3f9x2mq7a",'
        '"state":"FAILED","code":3}'
    )


class RunCancelling(RunFact, frozen=True, kw_only=True, tag="run.cancelling"):
    """Somebody asked for the end of a run; agents are told in the answers to their beats. `state`
    and `code` are what the run ends with: a run over its deadline has FAILED. `hooks`: also the
    tasks of its end are to be ended, not only those before."""

    reason: str = ""
    state: RunState = "CANCELLED"
    code: int = 130
    hooks: bool = False

    example: ClassVar[str] = (
        '{"type":"run.cancelling","seq":12,"prev":11,"ts":2.5,"workflow":"etl",'
        '"run":"k3f9x2mq7a","reason":"cancelled by cdktr-ctl"}'
    )


class RunEnded(RunFact, frozen=True, kw_only=True, tag="run.ended"):
    """A run reached COMPLETED, FAILED or CANCELLED. `code` is what `--wait` exits with; `output`
    what its workflow says that it gives."""

    state: RunState
    code: int = 0
    reason: str = ""
    output: Any = None

    example: ClassVar[str] = (
        '{"type":"run.ended","seq":13,"prev":12,"ts":2.5,"workflow":"etl","run":"k3f9x2mq7a",'
        '"state":"COMPLETED"}'
    )


class AgentJoined(Fact, frozen=True, kw_only=True, tag="agent.joined"):
    """A supervisor of an agent came up (a new `boot`) or changed its slots or labels. `aid` is
    the identity kept in the agent's state directory; names are for people. `tasks_v`: as in its
    hello."""

    agent: str
    aid: str
    boot: str
    slots: int
    labels: list[str] = []
    host: str = ""
    version: str = ""
    tasks_v: int = 0

    example: ClassVar[str] = (
        '{"type":"agent.joined","seq":14,"ts":1.5,"agent":"box1","aid":"a91","boot":"b7","slots":4}'
    )

    def topic(self) -> str:
        return "agent/"


class AgentChanged(Fact, frozen=True, kw_only=True, tag="agent.changed"):
    """An agent fell silent, was heard again, began to drain or left. Leases are not touched by
    silence: only proof shortens them."""

    agent: str
    boot: str
    state: AgentState
    reason: str = ""

    example: ClassVar[str] = (
        '{"type":"agent.changed","seq":15,"prev":14,"ts":1.5,"agent":"box1","boot":"b7",'
        '"state":"silent"}'
    )

    def topic(self) -> str:
        return "agent/"


class AgentDraining(Fact, frozen=True, kw_only=True, tag="agent.draining"):
    """An operator asked that an agent gets no new work (`drain`), or that it does again."""

    agent: str
    drain: bool
    reason: str = ""

    example: ClassVar[str] = (
        '{"type":"agent.draining","seq":16,"prev":15,"ts":1.5,"agent":"box1","drain":true,'
        '"reason":"kernel update"}'
    )

    def topic(self) -> str:
        return "agent/"


FACTS: tuple[type[Fact], ...] = (
    EpochStarted,
    WorkflowLoaded,
    WorkflowBroken,
    WorkflowRemoved,
    WorkflowPaused,
    EventFired,
    EventDeferred,
    EventDropped,
    TickRecorded,
    ScheduleClosed,
    RunCreated,
    TaskAssigned,
    TaskReleased,
    TaskCrashed,
    TaskUnheld,
    TaskReady,
    TaskRetrying,
    TaskExpanded,
    TaskCalled,
    TaskEnded,
    TaskSkipped,
    TaskStale,
    RunAdmitted,
    RunSettled,
    RunCancelling,
    RunEnded,
    AgentJoined,
    AgentChanged,
    AgentDraining,
)

FactDict = dict[str, Any]
"""A fact as plain JSON, for readers that need no classes."""

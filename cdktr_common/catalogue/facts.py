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
    LossCause,
    Payload,
    Plan,
    ResultState,
    RunState,
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


class EventFired(Fact, frozen=True, kw_only=True, tag="event.fired"):
    """An event was accepted; `runs` are the runs it started, each with its own `run.created`."""

    event: str
    payload: Payload = None
    key: str | None = None
    digest: str = ""
    runs: list[str] = []
    workflows: list[str] = []

    example: ClassVar[str] = (
        '{"type":"event.fired","seq":5,"ts":1.5,"event":"new-file","payload":{"a":1},'
        '"runs":["k3f9x2mq7a"],"workflows":["etl"]}'
    )

    def topic(self) -> str:
        return "event/"


class RunCreated(Fact, frozen=True, kw_only=True, tag="run.created"):
    """A run exists and will run. `plan` is the snapshot it runs by; `key` with `digest` (of
    workflow and payload) makes a repeated trigger the same run."""

    run: str
    workflow: str
    plan: Plan
    event: str | None = None
    payload: Payload = None
    key: str | None = None
    digest: str = ""

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
    the agent asked for it, by its own clock: no hello from before that can disown it."""

    task: str
    n: int
    token: str
    agent: str
    boot: str
    lost_after_s: float = 600.0
    asked_s: float = 0.0

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


class TaskEnded(RunFact, frozen=True, kw_only=True, tag="task.ended"):
    """A task reached COMPLETED, FAILED or CANCELLED. `n` 0: it never ran."""

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

    example: ClassVar[str] = (
        '{"type":"task.ended","seq":9,"prev":7,"ts":2.5,"workflow":"etl","run":"k3f9x2mq7a",'
        '"task":"a","state":"COMPLETED","n":1,"token":"k3f9x2mq7a/a/1/1-d41f","agent":"box1",'
        '"code":0,"started_ts":1.6,"ended_ts":2.4,"stdout_bytes":6,"stderr_bytes":0}'
    )


class TaskSkipped(RunFact, frozen=True, kw_only=True, tag="task.skipped"):
    """A task will not run because `because`, a task it depends on, did not complete."""

    task: str
    because: str

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


class RunCancelling(RunFact, frozen=True, kw_only=True, tag="run.cancelling"):
    """Somebody asked for the end of a run; agents are told in the answers to their beats."""

    reason: str = ""

    example: ClassVar[str] = (
        '{"type":"run.cancelling","seq":12,"prev":11,"ts":2.5,"workflow":"etl",'
        '"run":"k3f9x2mq7a","reason":"cancelled by cdktr-ctl"}'
    )


class RunEnded(RunFact, frozen=True, kw_only=True, tag="run.ended"):
    """A run reached COMPLETED, FAILED or CANCELLED. `code` is what `--wait` exits with."""

    state: RunState
    code: int = 0
    reason: str = ""

    example: ClassVar[str] = (
        '{"type":"run.ended","seq":13,"prev":12,"ts":2.5,"workflow":"etl","run":"k3f9x2mq7a",'
        '"state":"COMPLETED"}'
    )


class AgentJoined(Fact, frozen=True, kw_only=True, tag="agent.joined"):
    """A supervisor of an agent came up (a new `boot`) or changed its slots or labels. `aid` is
    the identity kept in the agent's state directory; names are for people."""

    agent: str
    aid: str
    boot: str
    slots: int
    labels: list[str] = []
    host: str = ""
    version: str = ""

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
    EventFired,
    RunCreated,
    TaskAssigned,
    TaskReleased,
    TaskCrashed,
    TaskUnheld,
    TaskEnded,
    TaskSkipped,
    TaskStale,
    RunCancelling,
    RunEnded,
    AgentJoined,
    AgentChanged,
    AgentDraining,
)

FactDict = dict[str, Any]
"""A fact as plain JSON, for readers that need no classes."""

"""What is asked of the principal, and what it answers. It never speaks first."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from cdktr_common.catalogue.base import Message, Reply, Request
from cdktr_common.catalogue.values import (
    AgentLoad,
    AgentRow,
    AgentTask,
    Cause,
    DeferredRow,
    Held,
    NextTick,
    Payload,
    Plan,
    RunContext,
    RunRef,
    RunRow,
    RunState,
    ScheduleRef,
    ScheduleRow,
    TaskResult,
    TaskRow,
    TaskSpec,
    Tick,
    TickRef,
    TickResult,
    WindowRow,
    WorkflowRow,
)


class RunStarted(Reply, frozen=True, kw_only=True, tag="run.started"):
    """The runs that were started, after their commit. `duplicate` tells that the key had been
    used before with the same content: these are the runs of that time and nothing new. Of an event
    also: how many workflows listen to it (`listeners`), in whose windows it waits (`held`), and
    which it did not start, why (`passed`). `deferred` names what is to happen at `due_ts`;
    `dropped` is why it never will: somebody took it back, or it was refused when it was due."""

    runs: list[RunRef] = []
    duplicate: bool = False
    listeners: int = 0
    held: list[Held] = []
    passed: dict[str, str] = {}
    deferred: str = ""
    due_ts: float | None = None
    dropped: str = ""

    example: ClassVar[str] = (
        '{"type":"run.started","id":"7","runs":[{"run":"k3f9x2mq7a","workflow":"etl"}]}'
    )


class RunStatus(Reply, frozen=True, kw_only=True, tag="run.status"):
    """One run as it stands now."""

    run: RunRow

    example: ClassVar[str] = (
        '{"type":"run.status","id":"7","run":{"run":"k3f9x2mq7a","workflow":"etl",'
        '"state":"RUNNING","created_ts":1.5,"tasks":3}}'
    )


class RunPage(Reply, frozen=True, kw_only=True, tag="run.page"):
    """Runs, newest first. `more`: older ones can be asked for with `before` = the last `seq` of a
    row. `seq` of the page: facts after it are not in here."""

    runs: list[RunRow] = []
    more: bool = False
    seq: int = 0
    epoch: int = 0

    example: ClassVar[str] = '{"type":"run.page","id":"7","more":true}'


class RunDetail(Reply, frozen=True, kw_only=True, tag="run.detail"):
    """A run, the plan it was started with, what it was given and what it gave. `seq`: facts after
    it are not in here."""

    run: RunRow
    plan: Plan
    payload: Payload = None
    key: str | None = None
    params: dict[str, Any] = {}
    output: Any = None
    seq: int = 0

    example: ClassVar[str] = (
        '{"type":"run.detail","id":"7","run":{"run":"k3f9x2mq7a","workflow":"etl",'
        '"state":"RUNNING","created_ts":1.5,"tasks":1},'
        '"plan":{"workflow":"etl","tasks":[{"id":"a","argv":["true"]}]}}'
    )


class TaskPage(Reply, frozen=True, kw_only=True, tag="task.page"):
    """Tasks of a run in the order of the plan. `next` is what to pass as `after` for more; `seq`:
    facts after it are not in here."""

    run: str
    tasks: list[TaskRow] = []
    next: int | None = None
    seq: int = 0

    example: ClassVar[str] = (
        '{"type":"task.page","id":"7","run":"k3f9x2mq7a","tasks":[{"task":"a","state":"PENDING"}]}'
    )


class RunExplained(Reply, frozen=True, kw_only=True, tag="run.explained"):
    """Why a run, or one task of it, is where it is: the causes, the most telling first."""

    run: RunRow
    causes: list[Cause] = []

    example: ClassVar[str] = (
        '{"type":"run.explained","id":"7","run":{"run":"k3f9x2mq7a","workflow":"etl",'
        '"state":"RUNNING","created_ts":1.5,"tasks":3},"causes":[{"code":"no_label",'
        '"text":"waits for an agent with gpu: box1 has none","task":"a","labels":["gpu"]}]}'
    )


class TaskContinued(Reply, frozen=True, kw_only=True, tag="task.continued"):
    """The tasks that wait for an agent again."""

    run: str
    tasks: list[str] = []

    example: ClassVar[str] = '{"type":"task.continued","id":"7","run":"k3f9x2mq7a","tasks":["a"]}'


class SchedulePage(Reply, frozen=True, kw_only=True, tag="schedule.page"):
    """Schedules in force, and those that are no longer but not accounted for up to their end; by
    workflow. `next` is what to pass as `after` for more. `seq`: facts after it are not in here."""

    schedules: list[ScheduleRow] = []
    seq: int = 0
    epoch: int = 0
    next: str | None = None

    example: ClassVar[str] = (
        '{"type":"schedule.page","id":"7","schedules":[{"workflow":"etl","schedule":"3f9a01c2",'
        '"spec":{"cron":"0 3 * * *"},"since_ts":1.5,"ticked_ts":60.0}],"seq":12}'
    )


class TickReported(Reply, frozen=True, kw_only=True, tag="tick.reported"):
    """What became of each tick, in the order in which they were told; after the commit."""

    results: list[TickResult] = []
    epoch: int = 0

    example: ClassVar[str] = (
        '{"type":"tick.reported","id":"7","results":[{"workflow":"etl","schedule":"3f9a01c2",'
        '"due_ts":120.0,"state":"fired","run":"k3f9x2mq7a","ticked_ts":120.0}]}'
    )


class EventWaiting(Reply, frozen=True, kw_only=True, tag="event.waiting"):
    """What is deferred, the next first. `total`: how many there are. `windows`: where events wait
    that were fired, those that end next first."""

    deferred: list[DeferredRow] = []
    total: int = 0
    windows: list[WindowRow] = []

    example: ClassVar[str] = (
        '{"type":"event.waiting","id":"7","deferred":[{"deferred":"d7k2x9","due_ts":61.5,'
        '"event":"new-file"}],"total":1}'
    )


class WorkflowPage(Reply, frozen=True, kw_only=True, tag="workflow.page"):
    """All workflows in force, and all files that are broken; or those that were paused or resumed.
    `paused`: all are, whatever their rows say. `next` is what to pass as `after` for more; `seq`:
    facts after it are not in here."""

    workflows: list[WorkflowRow] = []
    paused: bool = False
    next: str | None = None
    seq: int = 0

    example: ClassVar[str] = (
        '{"type":"workflow.page","id":"7","workflows":[{"workflow":"etl","tasks":3}]}'
    )


class WorkflowDetail(Reply, frozen=True, kw_only=True, tag="workflow.detail"):
    """One workflow with its plan; `plan` is null when only a broken file is known."""

    workflow: WorkflowRow
    plan: Plan | None = None

    example: ClassVar[str] = (
        '{"type":"workflow.detail","id":"7","workflow":{"workflow":"etl","tasks":1}}'
    )


class WorkflowReloaded(Reply, frozen=True, kw_only=True, tag="workflow.reloaded"):
    """What a look at the workflow directory found: ids of workflows."""

    loaded: list[str] = []
    removed: list[str] = []
    broken: list[str] = []
    unchanged: int = 0

    example: ClassVar[str] = '{"type":"workflow.reloaded","id":"7","loaded":["etl"],"unchanged":4}'


class AgentPage(Reply, frozen=True, kw_only=True, tag="agent.page"):
    """All agents heard of since the journal began and not yet forgotten. `seq`: facts after it are
    not in here."""

    agents: list[AgentRow] = []
    seq: int = 0

    example: ClassVar[str] = (
        '{"type":"agent.page","id":"7","agents":[{"agent":"box1","state":"ready","slots":4}]}'
    )


class AgentDetail(Reply, frozen=True, kw_only=True, tag="agent.detail"):
    """One agent and the attempts it holds, the oldest first. `seq`: facts after it are not in
    here."""

    agent: AgentRow
    tasks: list[AgentTask] = []
    seq: int = 0

    example: ClassVar[str] = (
        '{"type":"agent.detail","id":"7","agent":{"agent":"box1","state":"ready","slots":4,'
        '"running":1,"busy":1},"tasks":[{"run":"k3f9x2mq7a","workflow":"etl","task":"a","n":1,'
        '"since_ts":1.5}]}'
    )


class EventPage(Reply, frozen=True, kw_only=True, tag="event.page"):
    """Facts in order. `last` is the seq up to which everything that matches is in `events`;
    `newest` the seq of the newest fact there is, `oldest` of the oldest: those before it were
    dropped by retention."""

    events: list[msgspec.Raw] = []
    last: int = 0
    newest: int = 0
    oldest: int = 1
    epoch: int = 0

    example: ClassVar[str] = (
        '{"type":"event.page","id":"7","events":[{"type":"workflow.removed","seq":4,"ts":1.5,'
        '"workflow":"etl"}],"last":4,"newest":4,"epoch":1}'
    )


class AgentWelcome(Reply, frozen=True, kw_only=True, tag="agent.welcome"):
    """Tokens sorted: `adopt` are current and go on, `ack` results are recorded and can be
    forgotten, `drop` are no longer wanted: end what runs, keep its output. Results of the outbox
    in none of the lists are to be reported."""

    epoch: int
    beat_s: float = 2.0
    lost_after_s: float = 600.0
    adopt: list[str] = []
    ack: list[str] = []
    drop: list[str] = []
    endpoints: dict[str, list[str]] = {}

    example: ClassVar[str] = (
        '{"type":"agent.welcome","id":"7","epoch":3,"adopt":["k3f9x2mq7a/a/1/1-d41f"]}'
    )


class AgentOrders(Reply, frozen=True, kw_only=True, tag="agent.orders"):
    """The answer to a beat: the leases of `running` less `drop` are renewed from the time the beat
    was sent, unless it said `stuck`. `cancel` and `drop` are to be ended; only a cancel is
    reported. `drain`: an operator wants no new work there. `hello` asks the agent to introduce
    itself again. `lease_s` is the shortest of the leases, for agents that count one for all."""

    epoch: int
    lease_s: float = 600.0
    cancel: list[str] = []
    drop: list[str] = []
    drain: bool = False
    hello: bool = False

    example: ClassVar[str] = (
        '{"type":"agent.orders","id":"7","epoch":3,"cancel":["k3f9x2mq7a/a/1/1-d41f"]}'
    )


class AgentStatus(Reply, frozen=True, kw_only=True, tag="agent.status"):
    """One agent as it stands now, and for `agent.lost` the attempts that were given up."""

    agent: AgentRow
    lost: list[str] = []

    example: ClassVar[str] = (
        '{"type":"agent.status","id":"7","agent":{"agent":"box1","state":"draining","slots":4,'
        '"running":1,"reason":"drained by an operator","drain":true}}'
    )


class AgentGone(Reply, frozen=True, kw_only=True, tag="agent.gone"):
    """The farewell was recorded."""

    example: ClassVar[str] = '{"type":"agent.gone","id":"7"}'


class TaskBatch(Reply, frozen=True, kw_only=True, tag="task.batch"):
    """Tasks to run, possibly none; committed before this was sent. `runs` holds what the tasks
    of one run share."""

    epoch: int
    tasks: list[TaskSpec] = []
    runs: dict[str, RunContext] = {}
    hello: bool = False

    example: ClassVar[str] = (
        '{"type":"task.batch","id":"7","epoch":3,"tasks":[{"token":"k3f9x2mq7a/a/1/1-d41f",'
        '"run":"k3f9x2mq7a","task":"a","n":1,"fence":7,"argv":["true"]}],'
        '"runs":{"k3f9x2mq7a":{"workflow":"etl"}}}'
    )


class TaskReported(Reply, frozen=True, kw_only=True, tag="task.reported"):
    """`ack`: recorded, now or before. `drop`: not the current attempt; recorded as stale. Both
    can be forgotten by the agent."""

    ack: list[str] = []
    drop: list[str] = []
    epoch: int = 0

    example: ClassVar[str] = (
        '{"type":"task.reported","id":"7","ack":["k3f9x2mq7a/a/1/1-d41f"],"epoch":3}'
    )


class RecorderWelcome(Reply, frozen=True, kw_only=True, tag="recorder.welcome"):
    """The recorder's endpoints are now told to everybody in `hello`."""

    epoch: int
    newest: int = 0

    example: ClassVar[str] = '{"type":"recorder.welcome","id":"7","epoch":3,"newest":12}'


class RunStart(Request, frozen=True, kw_only=True, tag="run.start"):
    """Start one run: of `workflow` (an id, or a name that only one workflow has), or of a
    definition that is run without being stored: `plan`, or `source`, the text of a workflow file
    in any dialect, which `file` names in errors (`strip_image`: its containers as processes). The
    same `key` with the same content again gives the same run; with another content it is a
    conflict. `params` are checked against what the workflow declares. `tick` is the past instant of
    a schedule that the run is for. With `at_ts` or `delay_s` a workflow is started then, by the
    plan in force then."""

    workflow: str | None = None
    plan: Plan | None = None
    payload: Payload = None
    key: str | None = None
    params: dict[str, Any] = {}
    source: str | None = None
    file: str = ""
    strip_image: bool = False
    tick: TickRef | None = None
    at_ts: float | None = None
    delay_s: float = 0.0

    example: ClassVar[str] = '{"type":"run.start","id":"7","workflow":"etl","payload":{"a":1}}'
    answers: ClassVar[tuple[type, ...]] = (RunStarted,)


class EventFire(Request, frozen=True, kw_only=True, tag="event.fire"):
    """Start every workflow that listens to `event`. That may be none: it is recorded all the same.
    `key` as in `run.start`; `params` go to those that declare them, and one that none declares is
    refused. With `at_ts` or `delay_s` it is fired then. `source` says who fires it, for people.
    Names that begin with `run.` are not taken: they are of the ends of runs."""

    event: str
    payload: Payload = None
    key: str | None = None
    params: dict[str, Any] = {}
    source: str = ""
    at_ts: float | None = None
    delay_s: float = 0.0

    example: ClassVar[str] = '{"type":"event.fire","id":"7","event":"new-file","payload":{"a":1}}'
    answers: ClassVar[tuple[type, ...]] = (RunStarted,)


class RunList(Request, frozen=True, kw_only=True, tag="run.list"):
    """Runs the principal remembers (all that are running, and recent ones), newest first, that fit
    all that is given. `workflow` is an id, a name, or a pattern of ids like `etl-*`, as of events;
    `event` a name or pattern; `states`: one of these; created from `since_ts` on and before
    `until_ts`; `agent`: an attempt of it was there."""

    workflow: str | None = None
    state: RunState | None = None
    limit: int = 50
    before: int | None = None
    states: list[RunState] = []
    since_ts: float | None = None
    until_ts: float | None = None
    event: str | None = None
    agent: str | None = None

    example: ClassVar[str] = '{"type":"run.list","id":"7","state":"RUNNING","limit":10}'
    answers: ClassVar[tuple[type, ...]] = (RunPage,)


class RunShow(Request, frozen=True, kw_only=True, tag="run.show"):
    """One run with its plan. Runs are named by id, by a unique beginning of it, or `last`: the
    newest that no other run has called."""

    run: str

    example: ClassVar[str] = '{"type":"run.show","id":"7","run":"last"}'
    answers: ClassVar[tuple[type, ...]] = (RunDetail,)


class RunWait(Request, frozen=True, kw_only=True, tag="run.wait"):
    """Answered when the run has ended, or after `wait_s` with the run as it is then."""

    run: str
    wait_s: float = 30.0

    example: ClassVar[str] = '{"type":"run.wait","id":"7","run":"k3f9","wait_s":10.0}'
    answers: ClassVar[tuple[type, ...]] = (RunStatus,)


class RunCancel(Request, frozen=True, kw_only=True, tag="run.cancel"):
    """End a run: waiting tasks at once, running ones as soon as their agents have stopped them.
    The tasks of its end follow, as `on_cancel` and `finally`; they go on, however often it is
    asked, but for `now`: they are ended too. Answered at once; a run that has ended is answered as
    it is."""

    run: str
    reason: str = ""
    now: bool = False

    example: ClassVar[str] = '{"type":"run.cancel","id":"7","run":"k3f9","now":true}'
    answers: ClassVar[tuple[type, ...]] = (RunStatus,)


class RunRetry(Request, frozen=True, kw_only=True, tag="run.retry"):
    """Repeat a run that has ended as a new run, with the same plan, params and payload. Tasks that
    were COMPLETED are not run again, their outputs are taken over, but for those in `tasks` and
    all that follow them; `all`: everything is run again. `key` as in `run.start`."""

    run: str
    tasks: list[str] = []
    all: bool = False
    key: str | None = None

    example: ClassVar[str] = '{"type":"run.retry","id":"7","run":"k3f9"}'
    answers: ClassVar[tuple[type, ...]] = (RunStarted,)


class RunWhy(Request, frozen=True, kw_only=True, tag="run.why"):
    """Why is a run, or a task of it, not running? Each cause in one line, with a code."""

    run: str
    task: str | None = None

    example: ClassVar[str] = '{"type":"run.why","id":"7","run":"k3f9","task":"a"}'
    answers: ClassVar[tuple[type, ...]] = (RunExplained,)


class TaskContinue(Request, frozen=True, kw_only=True, tag="task.continue"):
    """Let tasks go on that are held since their agent was lost (`on_agent_lost: hold`): the one
    named, or all of the run. Without effect on others."""

    run: str
    task: str | None = None

    example: ClassVar[str] = '{"type":"task.continue","id":"7","run":"k3f9","task":"a"}'
    answers: ClassVar[tuple[type, ...]] = (TaskContinued,)


class TaskList(Request, frozen=True, kw_only=True, tag="task.list"):
    """The tasks of a run with all their attempts, in pages."""

    run: str
    after: int = 0
    limit: int = 500

    example: ClassVar[str] = '{"type":"task.list","id":"7","run":"k3f9"}'
    answers: ClassVar[tuple[type, ...]] = (TaskPage,)


class WorkflowList(Request, frozen=True, kw_only=True, tag="workflow.list"):
    """All workflows, or those whose ids come after `after`, up to `limit` (0: all). `last`: with so
    many of their last runs each, at most 100, and at most 30 of those that others have pushed out
    of memory. `workflow` is a pattern of ids like `etl-*`."""

    workflow: str | None = None
    after: str = ""
    limit: int = 0
    last: int = 0

    example: ClassVar[str] = '{"type":"workflow.list","id":"7"}'
    answers: ClassVar[tuple[type, ...]] = (WorkflowPage,)


class WorkflowShow(Request, frozen=True, kw_only=True, tag="workflow.show"):
    """One workflow, by id or unambiguous name."""

    workflow: str

    example: ClassVar[str] = '{"type":"workflow.show","id":"7","workflow":"etl"}'
    answers: ClassVar[tuple[type, ...]] = (WorkflowDetail,)


class WorkflowReload(Request, frozen=True, kw_only=True, tag="workflow.reload"):
    """Look at the workflow directory now; answered when that is done."""

    example: ClassVar[str] = '{"type":"workflow.reload","id":"7"}'
    answers: ClassVar[tuple[type, ...]] = (WorkflowReloaded,)


class WorkflowPause(Request, frozen=True, kw_only=True, tag="workflow.pause"):
    """Let neither time nor events start a workflow, or any (`workflow` null), until it is resumed.
    What runs goes on, and `run.start` still starts it. Holds over restarts."""

    workflow: str | None = None
    reason: str = ""

    example: ClassVar[str] = '{"type":"workflow.pause","id":"7","workflow":"etl"}'
    answers: ClassVar[tuple[type, ...]] = (WorkflowPage,)


class WorkflowResume(Request, frozen=True, kw_only=True, tag="workflow.resume"):
    """Take a pause back: that of a workflow, or that of all (`workflow` null), which leaves those
    paused that were paused one by one. Instants that passed meanwhile start nothing."""

    workflow: str | None = None
    reason: str = ""

    example: ClassVar[str] = '{"type":"workflow.resume","id":"7","workflow":"etl"}'
    answers: ClassVar[tuple[type, ...]] = (WorkflowPage,)


class ScheduleList(Request, frozen=True, kw_only=True, tag="schedule.list"):
    """The schedules of a workflow, or of all, in pages."""

    workflow: str | None = None
    after: str = ""
    limit: int = 1000

    example: ClassVar[str] = '{"type":"schedule.list","id":"7"}'
    answers: ClassVar[tuple[type, ...]] = (SchedulePage,)


class TickReport(Request, frozen=True, kw_only=True, tag="tick.report"):
    """What has become of instants that were due, those of one schedule in order. Each is recorded
    if it follows on what is recorded of its schedule, so that several programs may tell the same
    and each instant counts once. `closed`: schedules no longer in force that are accounted for up
    to their end. `next`: when schedules will fire next, for people."""

    ticks: list[Tick] = []
    closed: list[ScheduleRef] = []
    next: list[NextTick] = []

    example: ClassVar[str] = (
        '{"type":"tick.report","id":"7","ticks":[{"workflow":"etl","schedule":"3f9a01c2",'
        '"act":"fire","after_ts":60.0,"due_ts":120.0,"previous_ts":60.0}]}'
    )
    answers: ClassVar[tuple[type, ...]] = (TickReported,)


class EventPending(Request, frozen=True, kw_only=True, tag="event.pending"):
    """What is to be fired or started later, and windows in which events wait: up to `limit` of
    each."""

    limit: int = 100

    example: ClassVar[str] = '{"type":"event.pending","id":"7"}'
    answers: ClassVar[tuple[type, ...]] = (EventWaiting,)


class EventCancel(Request, frozen=True, kw_only=True, tag="event.cancel"):
    """Take back what is deferred. Answered with what was."""

    deferred: str
    reason: str = ""

    example: ClassVar[str] = '{"type":"event.cancel","id":"7","deferred":"d7k2x9"}'
    answers: ClassVar[tuple[type, ...]] = (EventWaiting,)


class AgentList(Request, frozen=True, kw_only=True, tag="agent.list"):
    """All agents. `cpu`: with so many of their last samples each, at most 60."""

    cpu: int = 0

    example: ClassVar[str] = '{"type":"agent.list","id":"7"}'
    answers: ClassVar[tuple[type, ...]] = (AgentPage,)


class AgentShow(Request, frozen=True, kw_only=True, tag="agent.show"):
    """One agent, and what it works on."""

    agent: str

    example: ClassVar[str] = '{"type":"agent.show","id":"7","agent":"box1"}'
    answers: ClassVar[tuple[type, ...]] = (AgentDetail,)


class AgentDrain(Request, frozen=True, kw_only=True, tag="agent.drain"):
    """Give this agent no new work; what it runs may end. Holds, also over restarts of both, until
    `agent.undrain`."""

    agent: str
    reason: str = ""

    example: ClassVar[str] = '{"type":"agent.drain","id":"7","agent":"box1"}'
    answers: ClassVar[tuple[type, ...]] = (AgentStatus,)


class AgentUndrain(Request, frozen=True, kw_only=True, tag="agent.undrain"):
    """Give this agent work again."""

    agent: str

    example: ClassVar[str] = '{"type":"agent.undrain","id":"7","agent":"box1"}'
    answers: ClassVar[tuple[type, ...]] = (AgentStatus,)


class AgentLost(Request, frozen=True, kw_only=True, tag="agent.lost"):
    """An operator's word that an agent and all it ran is dead: its attempts are given up at once
    instead of at the end of their leases. Refused (`conflict`) while the agent is heard of, unless
    `force`. If it was not dead, two copies may run until it hears of it."""

    agent: str
    reason: str = ""
    force: bool = False

    example: ClassVar[str] = '{"type":"agent.lost","id":"7","agent":"box1","reason":"burnt"}'
    answers: ClassVar[tuple[type, ...]] = (AgentStatus,)


class EventList(Request, frozen=True, kw_only=True, tag="event.list"):
    """Facts after `after`, at most `limit`, on topics that begin with `topic`. With `wait_s`, and
    nothing there yet, the answer waits for the next fact. `after` -1: none, only tell `newest`."""

    after: int = 0
    limit: int = 1000
    topic: str = ""
    wait_s: float = 0.0

    example: ClassVar[str] = '{"type":"event.list","id":"7","after":3,"wait_s":20.0}'
    answers: ClassVar[tuple[type, ...]] = (EventPage,)


class AgentHello(Request, frozen=True, kw_only=True, tag="agent.hello"):
    """An agent introduces itself: first, on an unknown epoch, and when asked to. `aid` is kept in
    its state directory, `boot` is new with each supervisor. `running` and `outbox` are all tokens
    it has. Tokens the principal had given to an older boot and that are in neither are lost: the
    supervisor has ended what its predecessor left before it speaks. `sent_s` is a clock of the
    agent's machine that never goes back (CLOCK_BOOTTIME): a hello or fetch that is overtaken by a
    later one, as an old connection may deliver it, is refused instead of believed. 0: unknown.
    `tasks_v` is the newest form of tasks that it understands: 0 is `argv` and `command` alone, 1
    all that this page says."""

    agent: str
    aid: str
    boot: str
    slots: int
    labels: list[str] = []
    host: str = ""
    version: str = ""
    protocol: int = 1
    running: list[str] = []
    outbox: list[str] = []
    sent_s: float = 0.0
    tasks_v: int = 0

    example: ClassVar[str] = (
        '{"type":"agent.hello","id":"7","agent":"box1","aid":"a91","boot":"b7","slots":4,'
        '"running":["k3f9x2mq7a/a/1/1-d41f"]}'
    )
    answers: ClassVar[tuple[type, ...]] = (AgentWelcome,)


class AgentBeat(Request, frozen=True, kw_only=True, tag="agent.beat"):
    """An agent is alive and holds these tokens (running and not yet started). The answer is held
    back up to `wait_s` unless there is something to order. `stuck`: the part of the agent that
    owns the tasks does not answer the one that speaks; no lease is renewed. `progress`, from 0 to
    100, is of tokens whose tasks have told any."""

    agent: str
    boot: str
    running: list[str] = []
    load: AgentLoad | None = None
    draining: bool = False
    stuck: bool = False
    wait_s: float = 0.0
    progress: dict[str, float] = {}

    example: ClassVar[str] = (
        '{"type":"agent.beat","id":"7","agent":"box1","boot":"b7",'
        '"running":["k3f9x2mq7a/a/1/1-d41f"],"wait_s":2.0}'
    )
    answers: ClassVar[tuple[type, ...]] = (AgentOrders,)


class AgentBye(Request, frozen=True, kw_only=True, tag="agent.bye"):
    """An agent that has drained leaves. It holds nothing any more."""

    agent: str
    boot: str

    example: ClassVar[str] = '{"type":"agent.bye","id":"7","agent":"box1","boot":"b7"}'
    answers: ClassVar[tuple[type, ...]] = (AgentGone,)


class TaskFetch(Request, frozen=True, kw_only=True, tag="task.fetch"):
    """Ask for tasks that take up to `free` slots together, or what results told since have freed;
    with none ready the answer waits up to `wait_s`. One fetch of an agent is open at a time: a
    newer one replaces it. `sent_s` as in `agent.hello`."""

    agent: str
    boot: str
    free: int
    wait_s: float = 0.0
    sent_s: float = 0.0

    example: ClassVar[str] = (
        '{"type":"task.fetch","id":"7","agent":"box1","boot":"b7","free":2,"wait_s":20.0}'
    )
    answers: ClassVar[tuple[type, ...]] = (TaskBatch,)


class TaskReport(Request, frozen=True, kw_only=True, tag="task.report"):
    """Results of attempts. Reported until each was answered with ack or drop."""

    agent: str
    boot: str
    results: list[TaskResult]

    example: ClassVar[str] = (
        '{"type":"task.report","id":"7","agent":"box1","boot":"b7","results":['
        '{"token":"k3f9x2mq7a/a/1/1-d41f","state":"COMPLETED","code":0}]}'
    )
    answers: ClassVar[tuple[type, ...]] = (TaskReported,)


class RecorderHello(Request, frozen=True, kw_only=True, tag="recorder.hello"):
    """A recorder (logd) says where it takes requests and where it publishes."""

    requests: list[str]
    live: list[str]
    stored: int = 0

    example: ClassVar[str] = (
        '{"type":"recorder.hello","id":"7","requests":["ipc:///h/run/logd.sock"],'
        '"live":["ipc:///h/run/logs.sock"],"stored":9}'
    )
    answers: ClassVar[tuple[type, ...]] = (RecorderWelcome,)


class AgentLoads(Message, frozen=True, kw_only=True, tag="agent.loads"):
    """Published once a second on `load/`, when somebody listens: rows of the agents that were heard
    of since, or whose slots were taken or freed."""

    agents: list[AgentRow]

    example: ClassVar[str] = (
        '{"type":"agent.loads","agents":[{"agent":"box1","state":"ready","slots":4,"running":1,'
        '"load":{"cpu_pct":12.5},"busy":1}]}'
    )


PRINCIPAL_REQUESTS: tuple[type[Request], ...] = (
    RunStart,
    EventFire,
    RunList,
    RunShow,
    RunWait,
    RunCancel,
    RunRetry,
    RunWhy,
    TaskContinue,
    TaskList,
    WorkflowList,
    WorkflowShow,
    WorkflowReload,
    WorkflowPause,
    WorkflowResume,
    ScheduleList,
    TickReport,
    EventPending,
    EventCancel,
    AgentList,
    AgentShow,
    AgentDrain,
    AgentUndrain,
    AgentLost,
    EventList,
    AgentHello,
    AgentBeat,
    AgentBye,
    TaskFetch,
    TaskReport,
    RecorderHello,
)

"""The decisions of the principal: a request and a moment in, facts and answers out.

Theory of operation. A loop turn hands over each message with `take`, then calls `settle` once,
which gives ready tasks to the agents that wait for them. Every change is a fact: `emit` stamps
it, applies it to the state and keeps it for the journal. The caller makes `facts` durable before
it sends `answers`. What is not folded from facts (who waits, leases, when an agent was heard)
lives in the `Session` and may be lost: after a restart agents say hello again and every lease
starts anew.

Pure: time and randomness come with the `Moment`; no socket, disk or process is known here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from cdktr_common import __version__
from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.base import Fact, Reply
from cdktr_common.catalogue.values import (
    Payload,
    Plan,
    RunContext,
    RunRef,
    TaskResult,
    TaskSpec,
)
from cdktr_common.errors import CANCELLED, OWN_FAULT, ProtocolError
from cdktr_principal import ready
from cdktr_principal.folder import Scan
from cdktr_principal.limits import check_payload, check_plan, digest
from cdktr_principal.session import Ask, FetchWait, Session
from cdktr_principal.state import Attempt, Run, State, Task

LEASE_GRACE_S: Final = 5.0
"""How much longer than the agent the principal waits before it calls a lease ended."""

BATCH_BYTES: Final = 1 << 20
"""About how large the answer to one fetch may get: payloads and commands together."""

BATCH_TASKS: Final = 512

F = TypeVar("F", bound=Fact)


class Moment(msgspec.Struct):
    """When something is decided: `ts` for people, `clock` (never steps) for deadlines, and a
    source of fresh random names."""

    ts: float
    clock: float
    fresh: Callable[[int], str]


class Timing(msgspec.Struct):
    """Time constants, in seconds."""

    beat_s: float = 2.0
    silent_s: float = 7.0
    lost_after_s: float = 600.0


class Core:
    """See the module text. `facts` and `answers` are taken and cleared by the caller."""

    def __init__(self, state: State, timing: Timing) -> None:
        self.state = state
        self.timing = timing
        self.session = Session()
        self.facts: list[Fact] = []
        self.answers: list[tuple[Ask, Reply]] = []

    # Facts

    def emit(self, kind: type[F], topic: str, at: Moment, **fields: object) -> F:
        """Decide a fact: it is applied now, and durable when the turn is committed."""
        state = self.state
        fact = kind(seq=state.seq + 1, prev=state.newest.get(topic, 0), ts=at.ts, **fields)
        state.apply(fact, topic)
        self.facts.append(fact)
        return fact

    def about(self, kind: type[F], run: Run, at: Moment, **fields: object) -> F:
        """Decide a fact about a run."""
        return self.emit(kind, run.topic, at, workflow=run.workflow, run=run.id, **fields)

    def begin_epoch(self, host: str, at: Moment) -> None:
        """This principal takes over. Every attempt in work gets a whole new lease."""
        number = self.state.epoch + 1
        self.emit(f.EpochStarted, "principal/", at, epoch=number, version=__version__, host=host)
        for token in self.state.tokens:
            self.renew(token, at)

    # Starting runs

    def run_start(self, ask: Ask, request: p.RunStart, at: Moment) -> Reply:
        """`run.start`: the run, new or the one this key started before."""
        check_payload(request.payload)
        if (request.plan is None) == (request.workflow is None):
            raise ProtocolError("bad_field", "run.start: give either workflow or plan")
        if request.plan is not None:
            check_plan(request.plan)
            plan = request.plan
        else:
            plan = self.find_workflow(request.workflow or "")
        key = _key(request.key, request.id)
        content = digest(request.plan or plan.workflow, request.payload)
        known = self._known_key(key, content)
        if known is not None:
            return known
        run = self._create(plan, None, request.payload, key, content, at)
        return p.RunStarted(runs=[RunRef(run=run, workflow=plan.workflow)])

    def event_fire(self, ask: Ask, request: p.EventFire, at: Moment) -> Reply:
        """`event.fire`: a run of every workflow that listens; none is an answer too."""
        check_payload(request.payload)
        if not request.event or len(request.event) > 200:
            raise ProtocolError("bad_field", "event.fire: an event name has 1 to 200 characters")
        key = _key(request.key, request.id)
        content = digest("event/" + request.event, request.payload)
        known = self._known_key(key, content)
        if known is not None:
            return known
        plans = [
            workflow.plan
            for _, workflow in sorted(self.state.workflows.items())
            if workflow.plan is not None and request.event in workflow.plan.events
        ]
        runs = [
            RunRef(
                run=self._create(plan, request.event, request.payload, None, "", at),
                workflow=plan.workflow,
            )
            for plan in plans
        ]
        self.emit(
            f.EventFired, "event/", at, event=request.event, payload=request.payload, key=key,
            digest=content, runs=[r.run for r in runs], workflows=[r.workflow for r in runs],
        )  # fmt: skip
        return p.RunStarted(runs=runs)

    def _known_key(self, key: str | None, content: str) -> Reply | None:
        use = self.state.keys.get(key) if key is not None else None
        if use is None:
            return None
        if use.digest != content:
            raise ProtocolError(
                "conflict", f"key '{key}' was used with another workflow, event or payload"
            )
        runs = [RunRef(run=run, workflow=workflow) for run, workflow in use.runs]
        return p.RunStarted(runs=runs, duplicate=True)

    def find_workflow(self, name: str) -> Plan:
        """The plan in force of an id, or of a name that only one workflow has."""
        workflows = self.state.workflows
        found = workflows.get(name)
        if found is None:
            named = [w for w, v in workflows.items() if v.plan is not None and v.plan.name == name]
            if len(named) > 1:
                ids = sorted(named)
                raise ProtocolError("ambiguous", f"'{name}' names {', '.join(ids)}", ids)
            found = workflows[named[0]] if named else None
        if found is None:
            near = ready.nearest(name, workflows)
            raise ProtocolError("not_found", f"no workflow '{name}'", near)
        if found.plan is None:
            fault = found.broken[0].what if found.broken else "it has faults"
            raise ProtocolError("invalid", f"workflow '{name}' cannot run: {fault}")
        return found.plan

    def _create(
        self, plan: Plan, event: str | None, payload: Payload, key: str | None, content: str,
        at: Moment,
    ) -> str:  # fmt: skip
        run_id = at.fresh(10)
        while run_id in self.state.runs:
            run_id = at.fresh(10)
        self.emit(
            f.RunCreated, f"run/{plan.workflow}/", at, run=run_id, workflow=plan.workflow,
            plan=plan, event=event, payload=payload, key=key, digest=content,
        )  # fmt: skip
        self._end_if_done(self.state.runs[run_id], at)
        return run_id

    # Giving out tasks

    def task_fetch(self, ask: Ask, request: p.TaskFetch, at: Moment) -> Reply | None:
        """`task.fetch`: waits for `settle`. The same fetch again gets the same batch again."""
        again = self.session.batch_again(request.agent, request.id)
        if again is not None:
            return again
        if not self.knows(request.agent, request.boot):
            return p.TaskBatch(epoch=self.state.epoch, hello=True)
        if request.free < 1:
            raise ProtocolError("bad_field", "task.fetch: free is at least 1")
        due = at.clock + max(0.0, request.wait_s)
        wait = FetchWait(ask, request.id, request.agent, request.boot, request.free, due)
        replaced = self.session.fetches.pop(request.agent, None)
        self.session.fetches[request.agent] = wait
        if replaced is not None:
            self.answers.append((replaced.ask, p.TaskBatch(epoch=self.state.epoch)))
        return None

    def settle(self, at: Moment) -> None:
        """Give ready tasks to waiting agents, an even share to each."""
        fetches = self.session.fetches
        if not fetches or not self.state.ready:
            return
        for share in ready.shares(self.state, list(fetches.values())):
            wait, tasks = share
            if tasks:
                del fetches[wait.agent]
                self._give(wait, tasks, at)

    def _give(self, wait: FetchWait, tasks: list[Task], at: Moment) -> None:
        specs: list[TaskSpec] = []
        runs: dict[str, RunContext] = {}
        size = 0
        for task in tasks:
            run = task.run
            if task.state != "PENDING" or run.home not in (None, wait.agent):
                continue
            if size > BATCH_BYTES or len(specs) >= BATCH_TASKS:
                break
            if run.id not in runs:
                runs[run.id] = ready.context(run)
                size += ready.size_of_context(run)
            size += ready.size_of(task.plan)
            specs.append(self._assign(task, wait, at))
        batch = p.TaskBatch(epoch=self.state.epoch, tasks=specs, runs=runs)
        self.session.last_batch[wait.agent] = (wait.request_id, batch)
        self.answers.append((wait.ask, batch))

    def _assign(self, task: Task, wait: FetchWait, at: Moment) -> TaskSpec:
        run, plan = task.run, task.plan
        n = task.attempts[-1].n + 1 if task.attempts else 1
        token = f"{run.id}/{plan.id}/{n}/{self.state.epoch}-{at.fresh(10)}"
        fact = self.about(
            f.TaskAssigned, run, at, task=plan.id, n=n, token=token, agent=wait.agent,
            boot=wait.boot,
        )  # fmt: skip
        self.renew(token, at)
        return TaskSpec(
            token=token, run=run.id, task=plan.id, n=n, fence=fact.seq, argv=plan.argv,
            command=plan.command, env=plan.env, workdir=plan.workdir, timeout_s=plan.timeout_s,
            lost_after_s=self.timing.lost_after_s,
        )  # fmt: skip

    def renew(self, token: str, at: Moment) -> None:
        """A whole new lease for an attempt."""
        self.session.leases[token] = at.clock + self.timing.lost_after_s + LEASE_GRACE_S

    # Results

    def task_report(self, ask: Ask, request: p.TaskReport, at: Moment) -> Reply:
        """`task.report`: each result is recorded if its attempt is the current one."""
        ack: list[str] = []
        drop: list[str] = []
        for result in request.results:
            if self._result(result, request.agent, at):
                ack.append(result.token)
            else:
                drop.append(result.token)
        return p.TaskReported(ack=ack, drop=drop, epoch=self.state.epoch)

    def _result(self, result: TaskResult, agent: str, at: Moment) -> bool:
        task = self.state.tokens.get(result.token)
        if task is None:
            return self._late_result(result, agent, at)
        self.session.leases.pop(result.token, None)
        attempt = task.attempts[-1]
        times = {"started_ts": result.started_ts, "ended_ts": result.ended_ts}
        if result.state == "RELEASED" or (result.state == "CRASHED" and not result.loss):
            self.release(task, attempt, result.reason, at, **times)
        elif result.state == "CRASHED":
            self.crash(task, attempt, result.reason or "agent lost", at, **times)
        else:
            self._end(task, result.state, attempt, result.code, result.reason, at, **times)
        return True

    def _late_result(self, result: TaskResult, agent: str, at: Moment) -> bool:
        """A result of an attempt that is not current: told before (fine), or stale."""
        run_id, _, rest = result.token.partition("/")
        task_id = rest.partition("/")[0]
        run = self.state.runs.get(run_id)
        task = run.by_id.get(task_id) if run is not None else None
        if run is None or task is None:
            return False
        for attempt in task.attempts:
            if attempt.token == result.token and attempt.state == result.state:
                return True
        self.about(
            f.TaskStale, run, at, task=task_id, token=result.token, agent=agent, state=result.state
        )
        return False

    def release(
        self, task: Task, attempt: Attempt, reason: str, at: Moment, **times: float | None
    ) -> None:
        """An attempt was handed back; nobody is to blame."""
        self.about(
            f.TaskReleased, task.run, at, task=task.plan.id, n=attempt.n, token=attempt.token,
            agent=attempt.agent, reason=reason, **times,
        )  # fmt: skip
        if task.run.cancelling:
            self._end_unstarted(task, at)

    def crash(
        self, task: Task, attempt: Attempt, reason: str, at: Moment, **times: float | None
    ) -> None:
        """An attempt was lost with its agent: again elsewhere, or FAILED after the last loss."""
        self.session.leases.pop(attempt.token, None)
        last = task.losses + 1 >= task.plan.max_losses
        self.about(
            f.TaskCrashed, task.run, at, task=task.plan.id, n=attempt.n, token=attempt.token,
            agent=attempt.agent, reason=reason, requeued=not last and not task.run.cancelling,
            **times,
        )  # fmt: skip
        if task.run.cancelling:
            self._end_unstarted(task, at)
        elif last:
            reason = f"agent lost {task.losses} times, last: {reason}"
            self._end(task, "FAILED", None, OWN_FAULT, reason, at)

    def _end_unstarted(self, task: Task, at: Moment) -> None:
        self._end(task, "CANCELLED", None, CANCELLED, task.run.reason, at)

    def _end(
        self, task: Task, outcome: str, attempt: Attempt | None, code: int | None, reason: str,
        at: Moment, **times: float | None,
    ) -> None:  # fmt: skip
        run = task.run
        named = {} if attempt is None else {
            "n": attempt.n, "token": attempt.token, "agent": attempt.agent
        }  # fmt: skip
        self.about(
            f.TaskEnded, run, at, task=task.plan.id, state=outcome, code=code, reason=reason,
            **named, **times,
        )  # fmt: skip
        if outcome != "COMPLETED" and run.graph.dependents[task.index]:
            self._skip_dependents(task, at)
        if run.open == 0:
            self._end_if_done(run, at)

    def _skip_dependents(self, task: Task, at: Moment) -> None:
        todo = [task]
        while todo:
            cause = todo.pop()
            for index in cause.run.graph.dependents[cause.index]:
                dependent = cause.run.tasks[index]
                if dependent.state == "PENDING":
                    self.about(
                        f.TaskSkipped, cause.run, at, task=dependent.plan.id,
                        because=cause.plan.id,
                    )  # fmt: skip
                    todo.append(dependent)

    def _end_if_done(self, run: Run, at: Moment) -> None:
        if run.open:
            return
        cancelled = run.cancelling and any(task.state == "CANCELLED" for task in run.tasks)
        if cancelled:
            outcome, code = "CANCELLED", CANCELLED
        elif run.failed:
            outcome, code = "FAILED", run.code or 1
        else:
            outcome, code = "COMPLETED", 0
        self.about(f.RunEnded, run, at, state=outcome, code=code, reason=run.reason)
        self.session.ended.append(run)

    def run_cancel(self, run: Run, reason: str, at: Moment) -> None:
        """Ask for the end of a run: waiting tasks end now, running ones when their agents say."""
        if run.cancelling or run.ended_ts is not None:
            return
        self.about(f.RunCancelling, run, at, reason=reason or "cancelled")
        for task in run.tasks:
            if task.state == "PENDING":
                self._end_unstarted(task, at)
        for task in run.tasks:
            if task.state == "RUNNING":
                self.session.order(task.attempts[-1].agent)

    def knows(self, agent: str, boot: str) -> bool:
        """Has this supervisor said hello to this principal?"""
        return self.session.greeted.get(agent) == boot

    # Definitions

    def definitions_changed(self, scan: Scan, at: Moment) -> p.WorkflowReloaded:
        """Take in what a look at the workflow directory found."""
        known = self.state.workflows
        loaded, broken = [], []
        for workflow, file, content, plan in scan.loaded:
            now = known.get(workflow)
            if now is None or now.plan is None or now.broken or now.hash != content:
                loaded.append(workflow)
                self.emit(
                    f.WorkflowLoaded, "workflow/", at, workflow=workflow, hash=content, file=file,
                    plan=plan,
                )  # fmt: skip
        for workflow, file, content, faults in scan.broken:
            broken.append(workflow)
            if workflow not in known or known[workflow].broken_hash != content:
                self.emit(
                    f.WorkflowBroken, "workflow/", at, workflow=workflow, file=file, hash=content,
                    faults=faults,
                )  # fmt: skip
        whole = not any(trouble.startswith("cannot read") for trouble in scan.troubles)
        removed = sorted(known.keys() - scan.present) if whole else []
        for workflow in removed:
            self.emit(f.WorkflowRemoved, "workflow/", at, workflow=workflow)
        return p.WorkflowReloaded(
            loaded=loaded, broken=broken, removed=removed, unchanged=scan.unchanged
        )


def _key(key: str | None, request_id: str | None) -> str | None:
    if key is not None:
        if not key or len(key) > 200:
            raise ProtocolError("bad_field", "a key has 1 to 200 characters")
        return key
    return f"id:{request_id}" if request_id else None

"""What can be done about what is selected: verbs, the subjects they are about, and the requests
that come of it.

Pure. Here it is decided what a verb means for each subject, how much is asked before it is done,
and in which words it is told. Nobody is asked about what can be taken back. One run is cancelled
after a question; several at once, whatever ends things for good, and any change of a protected
principal want a word typed. Knows no view and no terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final, Literal, NamedTuple

from cdktr_common.catalogue.base import Request
from cdktr_common.catalogue.principal import (
    AgentDrain,
    AgentStatus,
    AgentUndrain,
    RunCancel,
    RunDetail,
    RunRetry,
    RunShow,
    RunStart,
    RunStarted,
    RunStatus,
    WorkflowPause,
    WorkflowResume,
)
from cdktr_common.catalogue.values import RunMark

Kind = Literal["run", "task", "workflow", "agent", "schedule", "event"]
Ask = Literal["nothing", "question", "word"]
"""How much is asked before: a word is that of `Deed.word`, to be typed."""

ENDED: Final = frozenset({"COMPLETED", "FAILED", "CANCELLED"})
"""States of runs that are over."""


class Subject(NamedTuple):
    """What an action is about: a row, or what the view as a whole shows.

    `id` names it among its kind, as people see it: a run's id, a workflow's, an agent's name, for
    a task RUN/TASK. `run`, `workflow`, `task` and `n` (the attempt) are what it belongs to, as far
    as known: of a workflow, `run` is its last one. `state` as in its row: of a run or task its
    state, of an agent its, of a workflow `paused` or empty."""

    kind: Kind
    id: str
    run: str = ""
    workflow: str = ""
    task: str = ""
    n: int = 0
    text: str = ""
    state: str = ""

    @property
    def of_run(self) -> str:
        """The run it is or belongs to."""
        return self.run or (self.id if self.kind == "run" else "")

    @property
    def of_workflow(self) -> str:
        """The workflow it is or belongs to."""
        return self.workflow or (self.id if self.kind == "workflow" else "")


class Step(NamedTuple):
    """One request, and whom it is about in words."""

    name: str
    request: Request


class Deed(NamedTuple):
    """All that a verb comes to. `skipped` are names with the reason why nothing is asked for them;
    `effect` says what will be so."""

    verb: str
    steps: list[Step]
    skipped: list[tuple[str, str]]
    ask: Ask
    word: str
    effect: str

    @property
    def title(self) -> str:
        """What is to be done, to what."""
        said = SAID[self.verb]
        names = [step.name for step in self.steps]
        return f"{said} {names[0]}" if len(names) == 1 else f"{said} {counted(self.verb, names)}"


class Refused(Exception):
    """Nothing can be done, for this reason."""


Made = Step | str
"""A step, or why there is none."""

SAID: Final = {
    "again": "run again", "retry": "retry the failed tasks of", "retry_here": "run again from here",
    "retry_all": "retry all of", "cancel": "cancel", "kill": "end at once", "pause": "pause",
    "resume": "resume", "drain": "drain", "undrain": "undrain", "run": "start",
}  # fmt: skip
_THINGS: Final = {
    "pause": "workflows", "resume": "workflows", "run": "workflows", "drain": "agents",
    "undrain": "agents",
}  # fmt: skip
EFFECTS: Final = {
    "cancel": "running tasks are stopped; those of its end still run",
    "kill": "every task is ended now, those of its end too",
    "drain": "no new work for it; what it runs may end",
    "pause": "neither time nor events start it; what runs goes on",
}
ENDS_THINGS: Final = frozenset({"kill", "drain"})
"""Verbs for which a word is to be typed, even for one subject."""


def counted(verb: str, names: Sequence[str]) -> str:
    """How many of what."""
    return f"{len(names)} {_THINGS.get(verb, 'runs')}"


def deed(verb: str, subjects: Iterable[Subject], who: str = "", protected: str = "") -> Deed:
    """What the verb comes to. `who` does it, as told to others; `protected` is the name of the
    principal if it is. Raises Refused when it comes to nothing."""
    steps: dict[str, Step] = {}
    skipped: list[tuple[str, str]] = []
    for subject in subjects:
        made = MAKERS[verb](subject, who)
        if isinstance(made, Step):
            steps.setdefault(made.name, made)
        else:
            skipped.append((subject.id, made))
    if not steps:
        first = skipped[0] if skipped else ("", "nothing is selected")
        raise Refused(f"{first[0]}: {first[1]}" if first[0] else first[1])
    names = list(steps)
    word = protected or (str(len(names)) if len(names) > 1 else _short(names[0]))
    if protected or len(names) > 1 or verb in ENDS_THINGS:
        ask: Ask = "word"
    else:
        ask = "question" if verb == "cancel" else "nothing"
    return Deed(verb, list(steps.values()), skipped, ask, word, EFFECTS.get(verb, ""))


def _short(name: str) -> str:
    """What one is called by: of `etl k3f9x2mq7a` the last part."""
    return name.rpartition(" ")[2]


def _run_of(subject: Subject, make: Callable[[str], Request], ended: bool | None) -> Made:
    """A step about the run that a subject is or has. `ended`: only if it is (not) over."""
    run = subject.of_run
    if not run:
        return "no run of it is known"
    if subject.kind == "run" and subject.state:
        over = subject.state in ENDED
        if ended is True and not over:
            return "it is still in work; c cancels it"
        if ended is False and over:
            return f"it has ended ({subject.state.lower()})"
    workflow = subject.of_workflow
    return Step(f"{workflow} {run}" if workflow else run, make(run))


def _cancel(now: bool) -> Callable[[Subject, str], Made]:
    return lambda subject, who: _run_of(
        subject, lambda run: RunCancel(run=run, reason=who, now=now), False
    )


def _again(subject: Subject, who: str) -> Made:
    """First what it was given has to be known."""
    return _run_of(subject, lambda run: RunShow(run=run), None)


def _retry(all: bool) -> Callable[[Subject, str], Made]:
    return lambda subject, who: _run_of(subject, lambda run: RunRetry(run=run, all=all), True)


def _retry_here(subject: Subject, who: str) -> Made:
    if not subject.task:
        return "from which task? choose it in its run"
    return _run_of(subject, lambda run: RunRetry(run=run, tasks=[subject.task]), True)


def _pause(subject: Subject, who: str) -> Made:
    workflow = subject.of_workflow
    return Step(workflow, WorkflowPause(workflow=workflow, reason=who)) if workflow else _NONE


def _resume(subject: Subject, who: str) -> Made:
    workflow = subject.of_workflow
    return Step(workflow, WorkflowResume(workflow=workflow, reason=who)) if workflow else _NONE


def _start(subject: Subject, who: str) -> Made:
    workflow = subject.of_workflow
    return Step(workflow, RunStart(workflow=workflow)) if workflow else _NONE


def _drain(subject: Subject, who: str) -> Made:
    if subject.kind != "agent":
        return "it is no agent"
    return Step(subject.id, AgentDrain(agent=subject.id, reason=who))


def _undrain(subject: Subject, who: str) -> Made:
    if subject.kind != "agent":
        return "it is no agent"
    return Step(subject.id, AgentUndrain(agent=subject.id))


_NONE: Final = "it belongs to no workflow"

MAKERS: Final[dict[str, Callable[[Subject, str], Made]]] = {
    "run": _start, "again": _again, "retry": _retry(False), "retry_all": _retry(True),
    "retry_here": _retry_here, "cancel": _cancel(False), "kill": _cancel(True), "pause": _pause,
    "resume": _resume, "drain": _drain, "undrain": _undrain,
}  # fmt: skip
"""What each verb asks for one subject. The answer to that of `again` leads to `once_more`."""


def which(verb: str, subjects: Sequence[Subject], cancelled: AbstractSet[str]) -> str:
    """The verb that a key means here: one more cancel is to end it now, and what is paused is
    resumed, when all of it is."""
    if verb == "cancel" and all(each.of_run in cancelled for each in subjects):
        return "kill"
    if verb == "pause" and all(each.state == "paused" for each in subjects):
        return "resume"
    return verb


RUN_VERBS: Final = frozenset({"cancel", "retry", "again", "explain", "logs"})


def its_run(verb: str, subject: Subject, marks: Sequence[RunMark]) -> Subject:
    """Of a workflow the run that a verb about runs means, `marks` being its last ones: the newest
    one; of a cancel the newest that can be cancelled, of a retry the newest that has ended."""
    if verb not in RUN_VERBS or subject.kind != "workflow" or not marks:
        return subject
    wanted = {"cancel": False, "retry": True}.get(verb)
    fit = [mark for mark in marks if wanted is None or (mark.state in ENDED) == wanted]
    mark = (fit or marks)[-1]
    return Subject("run", mark.run, mark.run, subject.of_workflow, state=mark.state)


def once_more(detail: RunDetail) -> RunStart:
    """The start of another run with what one was given, by the plan in force now."""
    return RunStart(workflow=detail.run.workflow, params=detail.params, payload=detail.payload)


def done(verb: str, name: str, reply: Any) -> str:
    """What is told when the answer is there: what is so now, and how to take it back."""
    match reply:
        case RunStarted(runs=[]) if reply.deferred:
            return f"{name} starts later"
        case RunStarted(runs=[]):
            return f"{name}: nothing was started"
        case RunStarted(runs=[ref, *_]) if verb.startswith("retry"):
            return f"{name} is repeated as {ref.run}; c cancels it"
        case RunStarted(runs=[ref, *_]):
            return f"{ref.workflow} started: {ref.run}; c cancels it"
        case RunStatus(run=run) if run.state in ENDED:
            return f"{name} has ended: {run.state.lower()}"
        case RunStatus() if verb == "kill":
            return f"{name} is being ended"
        case RunStatus():
            return f"{name} is being cancelled; c again ends it at once"
        case AgentStatus() if verb == "drain":
            return f"{name} gets no new work; u undrains it"
        case AgentStatus():
            return f"{name} gets work again"
    back = {"pause": "is paused; p resumes it", "resume": "is resumed; p pauses it"}
    return f"{name} {back.get(verb, 'is done')}"


def done_all(verb: str, done: int, faults: Sequence[tuple[str, str]]) -> str:
    """The same for several."""
    past = {
        "run": "started", "again": "started again", "cancel": "being cancelled",
        "kill": "being ended", "pause": "paused", "resume": "resumed", "drain": "drained",
        "undrain": "undrained",
    }  # fmt: skip
    text = f"{done} {past.get(verb, 'repeated')}"
    if faults:
        text += f", {len(faults)} not: {faults[0][0]}: {faults[0][1]}"
    return text

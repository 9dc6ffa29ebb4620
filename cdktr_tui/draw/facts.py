"""Facts in words, for the list of what happens: what each is about, who had to do with it, and what
it says. Pure; texts from outside are made clean here.
"""

from __future__ import annotations

from typing import Final

from cdktr_common import clean
from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.base import Fact
from cdktr_tui.draw.line import Span, Style

MOST: Final = 300
"""Cells of what is said at most."""

_STYLES: Final[dict[str, Style]] = {
    "FAILED": "bad", "CANCELLED": "warn", "COMPLETED": "ok", "CRASHED": "lost", "silent": "lost",
    "gone": "lost", "missed": "bad", "skipped": "skip", "suppressed": "warn", "late": "warn",
}  # fmt: skip


def about(fact: Fact) -> str:
    """What a fact is about: an event, an agent, `RUN/load@2 etl`: where there is little room the
    workflow is what is cut, since the task is what is looked for."""
    if isinstance(fact, f.RunCreated | f.RunFact):
        task = getattr(fact, "task", "")
        n = getattr(fact, "n", 0)
        name = fact.run + (f"/{task}" if task else "") + (f"@{n}" if n else "")
        return clean.line(f"{name} {fact.workflow}", MOST)
    if isinstance(fact, f.EpochStarted):
        return "principal"
    if isinstance(fact, f.WorkflowPaused) and not fact.workflow:
        return "all workflows"
    for name in ("workflow", "agent", "event", "deferred"):
        if told := getattr(fact, name, None):
            return clean.line(told, MOST)
    return ""


def style(fact: Fact) -> Style:
    """How much it wants to be looked at."""
    if isinstance(fact, f.WorkflowBroken | f.TaskStale):
        return "bad" if isinstance(fact, f.WorkflowBroken) else "dim"
    if isinstance(fact, f.TaskCrashed):
        return "lost"
    if isinstance(fact, f.TaskRetrying):
        return "warn"
    return _STYLES.get(getattr(fact, "state", ""), "")


def by(fact: Fact) -> str:
    """Who had to do with it."""
    if isinstance(fact, f.EventFired | f.EventDeferred):
        return clean.line(fact.source, MOST)
    if isinstance(fact, f.RunFact):
        return clean.line(getattr(fact, "agent", ""), MOST)
    if isinstance(fact, f.EpochStarted):
        return clean.line(fact.host, MOST)
    return ""


def says(fact: Fact) -> Span:
    """What it says besides, in one line; who had to do with it when it is nothing else."""
    said = clean.line(", ".join(_parts(fact)), MOST)
    if not said and isinstance(fact, f.RunFact) and by(fact):
        said = clean.line(f"on {by(fact)}", MOST)
    return said, style(fact)


def _parts(fact: Fact) -> list[str]:
    parts = _of_run(fact) if isinstance(fact, f.RunFact | f.RunCreated) else _of_others(fact)
    if reason := getattr(fact, "reason", ""):
        parts.append(reason)
    return [part for part in parts if part]


def _of_run(fact: f.RunFact | f.RunCreated) -> list[str]:
    match fact:
        case f.RunCreated():
            started = f"by {fact.event}" if fact.event else "by time" if fact.tick else ""
            again = f"repeats {fact.retry_of}" if fact.retry_of else ""
            called = f"called by {fact.parent}" if fact.parent else ""
            return [started, again, called, "queued" if fact.queued else ""]
        case f.RunEnded() | f.RunSettled():
            return [fact.state, f"exit {fact.code}" if fact.code else ""]
        case f.TaskEnded():
            return [fact.state, f"exit {fact.code}" if fact.code is not None else ""]
        case f.TaskRetrying():
            code = f"exit {fact.code}" if fact.code is not None else ""
            return [code, f"again in {fact.delay_s:g}s"]
        case f.TaskCrashed():
            return [fact.cause, "held" if fact.held else "again" if fact.requeued else ""]
        case f.TaskCalled():
            return [f"calls {fact.calls}"]
        case f.TaskSkipped():
            return [f"because of {fact.because}" if fact.because else ""]
        case f.RunCancelling():
            return [fact.state if fact.state != "CANCELLED" else "", "now" if fact.hooks else ""]
    return []


def _of_others(fact: Fact) -> list[str]:
    match fact:
        case f.EventFired():
            runs = ", ".join(fact.workflows[:5])
            more = f" and {len(fact.workflows) - 5} more" if len(fact.workflows) > 5 else ""
            held = f"{len(fact.held)} wait" if fact.held else ""
            passed = f"{len(fact.passed)} passed" if fact.passed else ""
            return [f"starts {runs}{more}" if runs else "starts nothing", held, passed]
        case f.EventDeferred():
            return [fact.deferred, f"starts {fact.workflow}" if fact.workflow else ""]
        case f.TickRecorded():
            times = f"{fact.count} instants" if fact.count > 1 else ""
            late = f"{fact.late_s:.0f}s late" if fact.late_s >= 1 else ""
            return [fact.state, fact.run, times, late]
        case f.WorkflowBroken():
            faults = fact.faults[0].what if fact.faults else ""
            return [f"{len(fact.faults)} faults", faults]
        case f.WorkflowLoaded():
            return [fact.file]
        case f.WorkflowPaused():
            return ["paused" if fact.paused else "resumed"]
        case f.AgentChanged():
            return [fact.state]
        case f.AgentJoined():
            return [f"{fact.slots} slots", *fact.labels]
        case f.AgentDraining():
            return ["to be drained" if fact.drain else "no longer drained"]
        case f.EpochStarted():
            return [f"epoch {fact.epoch}", fact.version]
    return []

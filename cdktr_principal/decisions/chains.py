"""The ends of runs as events: a workflow that listens to them follows another.

Such an event is recorded when somebody listens who wants this one; else `run.ended` says it all.
Runs that have started one another so are counted, and what would make the chain too long, or too
wide, is told and not started: a loop of workflows ends. A run that others call counts as its caller
does. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cdktr_common.codec import encode
from cdktr_principal.decisions import events
from cdktr_principal.requests.sizes import MAX_BYTES
from cdktr_principal.state.records import Run

if TYPE_CHECKING:
    from cdktr_principal.decisions.core import Core, Moment

MAX_CHAIN: Final = 16
"""Runs that may have started one another by their ends."""

MAX_FOLLOWERS: Final = 1000
"""Runs that may follow on one run, directly or not: two workflows that each follow on any run would
else make two of one, again and again."""

SHOWN: Final = 5
"""Workflows of a chain that are named."""

NAMES: Final = {"COMPLETED": "run.completed", "FAILED": "run.failed", "CANCELLED": "run.cancelled"}


def ended(core: Core, run: Run, at: Moment) -> None:
    """A run is over."""
    name = NAMES[run.state]
    if core.state.listening.of(name):
        payload = {
            "run": run.id, "workflow": run.workflow, "name": run.plan.name or run.workflow,
            "state": run.state, "code": run.code, "reason": run.reason, "event": run.event,
            "output": _output(run), "chain": run.chain, "parent": run.parent,
        }  # fmt: skip
        event = events.Event(name, payload, cause=run.id, chain=run.chain, root=run.root)
        events.fire(core, event, at)


def _output(run: Run) -> Any:
    """What the run gave, if it is no larger than payloads are; else null."""
    return run.output if len(encode(run.output)) <= MAX_BYTES else None


def too_long(core: Core, workflow: str, event: events.Event) -> str:
    """Why a workflow is not started by the end of a run; empty when it is."""
    if core.state.followers.get(event.root, 0) >= MAX_FOLLOWERS:
        return f"{MAX_FOLLOWERS:,} runs have followed on run {event.root}"
    if event.follows < MAX_CHAIN:
        return ""
    names = [workflow]
    cause = event.cause
    while cause and len(names) <= SHOWN:
        run = core.state.runs.get(cause)
        if run is None:
            break
        names.append(run.workflow)
        cause = _cause(run)
    shown = names[:SHOWN][::-1]
    begin = "… > " if len(names) > SHOWN else ""
    return f"the chain of events is {MAX_CHAIN} runs long: {begin}{' > '.join(shown)}"


def _cause(run: Run) -> str:
    """The run that this one has followed on, or was called by."""
    last = run.payload[-1] if isinstance(run.payload, list) and run.payload else run.payload
    if (run.event or "").startswith("run.") and isinstance(last, dict):
        return str(last.get("run", ""))
    return run.parent.partition("/")[0]

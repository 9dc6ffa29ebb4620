"""Facts of time and events in words: what an event started, what became of an instant.

The rest of what `cdktr-ctl events` shows stands there as keys and values: it says what it means.
These have to be told, since what matters is in what did not happen, and why. Pure: a fact as it
came over the wire goes in; out come a sentence and the keys that it has told of.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from cdktr_cli.table import harmless
from cdktr_common.durations import rough
from cdktr_common.times import rfc3339

Fact = dict[str, Any]


def sentence(fact: Fact) -> tuple[str, frozenset[str]]:
    """What it says, and of which keys; nothing of most facts."""
    known = _SENTENCES.get(str(fact.get("type")))
    return ("", frozenset()) if known is None else (harmless(known[0](fact)), known[1])


def _fired(fact: Fact) -> str:
    parts = []
    runs = zip(fact.get("workflows") or [], fact.get("runs") or [], strict=False)
    if started := [f"{workflow} as {run}" for workflow, run in runs]:
        parts.append(f"started {', '.join(started)}")
    for held in fact.get("held") or []:
        parts.append(f"{held['workflow']} holds it in a window to {_about(held.get('due_ts'))}")
    for workflow, why in (fact.get("passed") or {}).items():
        parts.append(f"{workflow} not started: {why}")
    told = f"'{fact.get('event')}' {'; '.join(parts) or 'has no listener'}"
    if fact.get("cause"):
        told += f"; by the end of {fact['cause']}"
    return told + (f"; told before as {fact['deferred']}" if fact.get("deferred") else "")


def _deferred(fact: Fact) -> str:
    is_event = fact.get("event") is not None
    what = (
        f"'{fact['event']}' is to be fired" if is_event else f"{fact.get('workflow')} is to start"
    )
    return f"{what} {_about(fact.get('due_ts'))} as {fact.get('deferred')}"


def _dropped(fact: Fact) -> str:
    why = fact.get("reason") or "no reason was given"
    if fact.get("listener") is not None:
        return f"what {fact.get('workflow')} held in a window starts nothing: {why}"
    return f"{fact.get('deferred')} will not be: {why}"


def _tick(fact: Fact) -> str:
    count = fact.get("count", 1)
    due = f"due {_at(fact.get('due_ts'))}"
    if count > 1:
        due = f"{count} due from {_at(fact.get('from_ts'))} to {_at(fact.get('due_ts'))}"
    why = f": {fact['reason']}" if fact.get("reason") else ""
    became = {
        "fired": f"fired as {fact.get('run')}",
        "late": f"fired late by {rough(fact.get('late_s', 0.0))} as {fact.get('run')}",
        "coalesced": f"coalesced into the one due {_at(fact.get('into_ts'))}",
        "skipped": f"skipped{why}",
        "suppressed": f"suppressed{why}",
        "missed": f"missed{why}",
    }
    state = str(fact.get("state"))
    return f"{fact.get('workflow')}/{fact.get('schedule')} {due}: {became.get(state, state)}"


def _closed(fact: Fact) -> str:
    where = f"{fact.get('workflow')}/{fact.get('schedule')}"
    return f"{where} has ended, all told up to {_at(fact.get('until_ts'))}"


def _paused(fact: Fact) -> str:
    who = fact.get("workflow") or "every workflow"
    why = f": {fact['reason']}" if fact.get("reason") else ""
    return f"{who} {'is paused' if fact.get('paused') else 'goes on'}{why}"


def _about(ts: float | None) -> str:
    return _at(None if ts is None else round(ts))


def _at(ts: float | None) -> str:
    try:
        return "?" if ts is None else rfc3339(ts)
    except (OverflowError, ValueError, OSError):
        return str(ts)


_SENTENCES: Final[dict[str, tuple[Callable[[Fact], str], frozenset[str]]]] = {
    "event.fired": (
        _fired,
        frozenset({"event", "runs", "workflows", "held", "passed", "cause", "deferred"}),
    ),
    "event.deferred": (_deferred, frozenset({"event", "workflow", "deferred", "due"})),
    "event.dropped": (_dropped, frozenset({"deferred", "reason", "workflow", "listener"})),
    "tick.recorded": (
        _tick,
        frozenset(
            {"workflow", "schedule", "state", "due", "from", "count", "run", "late_s", "into",
             "reason"}
        ),
    ),
    "schedule.closed": (_closed, frozenset({"workflow", "schedule", "until"})),
    "workflow.paused": (_paused, frozenset({"workflow", "paused", "reason"})),
}  # fmt: skip

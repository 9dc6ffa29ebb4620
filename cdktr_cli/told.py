"""What is said of an event besides the runs that it started: that nobody listens, that it waits in
a window, which workflows it passed over and why, until when it is deferred.

Pure: the answer of the principal as it came over the wire goes in, sentences come out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from cdktr_cli.table import harmless, rfc3339

Answer = dict[str, Any]


def unheard(started: Answer) -> bool:
    """Does nobody listen? Asked of the answer to an event that was fired now."""
    return not any(
        started.get(name) for name in ("runs", "listeners", "held", "passed", "deferred")
    )


def sentences(started: Answer, event: str | None) -> Iterator[str]:
    """For people, one line each. `event` None: a workflow was started."""
    if started.get("deferred"):
        what = "is to be fired" if event is not None else "is to be started"
        which = f"'{harmless(event)}' " if event is not None else "it "
        due = clock(started.get("due_ts"))
        yield f"{which}{what} {due}, as {started['deferred']}: cdktr-ctl pending"
    elif event is not None and unheard(started):
        yield f"no workflow listens to '{harmless(event)}'"
    for held in started.get("held") or []:
        until = clock(held.get("due_ts"))
        yield f"{harmless(held['workflow'])} waits for more of them, {until} at the latest"
    for workflow, why in (started.get("passed") or {}).items():
        yield f"{harmless(workflow)} was not started: {harmless(why)}"


def fields(started: Answer, event: bool) -> Answer:
    """For programs: what is there to tell, times spelled out."""
    told: Answer = {}
    if event and unheard(started):
        told["listeners"] = 0
    if started.get("held"):
        told["held"] = [
            {"workflow": one["workflow"], "listener": one.get("listener", 0),
             "due": rfc3339(one.get("due_ts"))}
            for one in started["held"]
        ]  # fmt: skip
    if started.get("passed"):
        told["passed"] = started["passed"]
    if started.get("deferred"):
        told |= {"deferred": started["deferred"], "due": rfc3339(started.get("due_ts"))}
    return told


def document(started: Answer) -> Answer:
    """The same with all that there may be to tell, for `--json`."""
    return {
        "listeners": started.get("listeners", 0), "held": [], "passed": {}, "deferred": None,
        "due": None,
    } | fields(started, False)  # fmt: skip


def clock(ts: float | None) -> str:
    """`at 22:30:00`, with the date when that is another day; by the clocks of this machine."""
    if ts is None:
        return "later"
    then = time.localtime(ts)
    today = then[:3] == time.localtime()[:3]
    return time.strftime("at %H:%M:%S" if today else "on %Y-%m-%d at %H:%M:%S", then)

"""What is said of an event besides the runs that it started: that nobody listens, that it waits in
a window, which workflows it passed over and why, until when it is deferred.

Pure: the answer of the principal as it came over the wire goes in, sentences come out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

from cdktr_cli.table import harmless, rfc3339

Answer = dict[str, Any]

_HEARD: Final = ("runs", "listeners", "held", "passed")


def unheard(started: Answer) -> bool:
    """Does nobody listen to an event? That was asked when it was first told: of one that is put off
    and told again, the answer does not say."""
    said_before = started.get("deferred") and started.get("duplicate")
    return not said_before and not any(started.get(name) for name in _HEARD)


def _waited(started: Answer) -> bool:
    """Has an event that came before been held, and is it held no longer? Then nobody says which
    run it went to."""
    told = started.get("runs") or started.get("held") or started.get("passed")
    return bool(started.get("duplicate") and started.get("listeners")) and not told


def sentences(started: Answer, event: str | None) -> Iterator[str]:
    """For people, one line each. `event` None: a workflow was started."""
    later = started.get("deferred")
    if later and started.get("due_ts") is not None:
        what = "is to start" if event is None else "is to be fired"
        yield f"{what} {clock(started['due_ts'])}, as {later}: cdktr-ctl pending"
    elif later and started.get("dropped"):
        never = "started" if event is None else "fired"
        why = harmless(started["dropped"])
        yield f"was put off before, as {later}, and will not be {never}: {why}"
    elif later:
        done = "started" if event is None else "fired"
        yield f"was put off before, as {later}, and has been {done}"
    if event is not None and not later and _waited(started):
        yield "came before, and the window in which it waited has ended"
    if event is not None and unheard(started):
        yield f"no workflow listens to '{harmless(event)}'{' now' if later else ''}"
    for held in started.get("held") or []:
        until = clock(held.get("due_ts"))
        yield f"{harmless(held['workflow'])} holds it in a window, to end {until}"
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
    if started.get("dropped"):
        told["dropped"] = started["dropped"]
    return told


def document(started: Answer) -> Answer:
    """The same with all that there may be to tell, for `--json`."""
    return {
        "listeners": started.get("listeners", 0), "held": [], "passed": {}, "deferred": None,
        "due": None, "dropped": None,
    } | fields(started, False)  # fmt: skip


def clock(ts: float | None) -> str:
    """`at 22:30:00`, with the date when that is another day; by the clocks of this machine."""
    if ts is None:
        return "later"
    then = time.localtime(ts)
    today = then[:3] == time.localtime()[:3]
    return time.strftime("at %H:%M:%S" if today else "on %Y-%m-%d at %H:%M:%S", then)

"""Which events start a workflow: `events` to names and listeners.

A name by itself is listened to as it is; a pattern, a condition or a window makes it a `Listener`.
Who matches them says the principal's part for events. Pure.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple

from cdktr_common.catalogue.values import Listener, Plan
from cdktr_principal.expressions.names import Names
from cdktr_principal.language import fields, order
from cdktr_principal.language.draft import check
from cdktr_principal.language.fields import MAX_LIST, MAX_NAME, kind, length, nearest, scalar, text
from cdktr_principal.language.nodes import Faults, List, Map, Node, Scalar
from cdktr_principal.language.reading import PAGE, Key, Keys, read, unknown_keys
from cdktr_principal.state.listening import ENDS, is_glob

MAX_EVENTS: Final = 1000
MAX_LISTENERS: Final = 100
"""Of a workflow; names by themselves are events, the rest are listeners."""

MAX_BATCH: Final = 1000
MAX_WINDOW_S: Final = 7 * 86400.0

OF_RUNS: Final = ("run.completed", "run.failed", "run.cancelled")
"""Events that the end of a run is."""

ABOUT_EVENT: Final = Names(run=False, work=False)
"""What the `if` of a listener may speak of."""

SEE: Final = f"{PAGE}#events"


class Listened(NamedTuple):
    """What `events` says."""

    events: list[str]
    listeners: list[Listener]


def never(name: str) -> bool:
    """Is it of the names that runs give off, and none of those that there are?"""
    return name.startswith(ENDS) and not any(fnmatchcase(one, name) for one in OF_RUNS)


# A listener that is a mapping.


def _name(node: Node, faults: Faults) -> str | None:
    found = text("the name of an event", MAX_NAME, one_line=True, chars=True)(node, faults)
    if found is not None and never(found):
        hint = nearest(found, OF_RUNS) or f"there are {', '.join(OF_RUNS)}"
        faults.at(node, f"'{found[:60]}' never comes", hint)
    return found


def _window(what: str) -> fields.Reader[float | None]:
    return length(what, 0.0, "more than 0", most=(MAX_WINDOW_S, "7d"))


_BATCH: Final[Keys] = {
    "size": Key("batch_size", fields.whole("size", 2, MAX_BATCH), "events"),
    "window": Key("batch_s", _window("window"), "events"),
}


def _batch(node: Node, faults: Faults) -> dict[str, Any] | None:
    """`{size, window}`, or the window alone."""
    if not isinstance(node, Map):
        window = _window("batch")(node, faults)
        return None if window is None else {"batch_s": window, "batch_size": MAX_BATCH}
    unknown_keys(node, _BATCH, faults, "batch")
    if "window" not in node.items:
        faults.at(node, "batch has no window", "window: how long the first event waits at most")
    return {"batch_size": MAX_BATCH, **read(node, _BATCH, faults)}


LISTENER: Final[Keys] = {
    "event": Key("event", _name, "events"),
    "if": Key("cond", order.condition, "events"),
    "debounce": Key("debounce_s", _window("debounce"), "events"),
    "throttle": Key("throttle_s", _window("throttle"), "events"),
    "batch": Key("batch", _batch, "events"),
}
_WINDOWS: Final = ("debounce", "throttle", "batch")
_INSTEAD: Final = {
    "name": "use event", "events": "use event, one name or pattern", "when": "use if",
    "filter": "use if", "window": "write batch: {window: 1m}", "size": "write batch: {size: 10}",
}  # fmt: skip


# All of them.


def events(node: Node, faults: Faults) -> Listened | None:
    """A name, a mapping, or a list of these; each once."""
    if isinstance(node, Scalar) and node.value is None and not node.text:
        return Listened([], [])
    listed = node.items if isinstance(node, List) else [node]
    if len(listed) > MAX_LIST:
        faults.at(node, f"events has {len(listed)} items, at most {MAX_LIST} are allowed")
        return None
    with faults.noting() as notes:
        found = [_listener(item, faults) for item in listed]
    check(notes, ABOUT_EVENT, faults)
    whole = [one for one in found if one is not None]
    names = dict.fromkeys(one.event for one in whole if _is_plain(one))
    listeners = dict.fromkeys(one for one in whole if not _is_plain(one))
    return _limited(Listened(list(names), list(listeners)), node, faults)


def _is_plain(listener: Listener) -> bool:
    return listener == Listener(event=listener.event) and not is_glob(listener.event)


def joined(one: Listened, other: Listened) -> Listened:
    """Both, each once."""
    return Listened(
        list(dict.fromkeys([*one.events, *other.events])),
        list(dict.fromkeys([*one.listeners, *other.listeners])),
    )


def _limited(found: Listened, node: Node, faults: Faults) -> Listened:
    for what, count, most in (
        ("events", len(found.events), MAX_EVENTS),
        ("patterns and mappings of events", len(found.listeners), MAX_LISTENERS),
    ):
        if count > most:
            faults.at(node, f"{count} {what}, and at most {most} are allowed")
    return found


def _listener(node: Node, faults: Faults) -> Listener | None:
    if not isinstance(node, Map):
        if isinstance(node, List):
            faults.at(node, f"an item of events must be a name or a mapping, not {kind(node)}")
            return None
        if scalar(node, faults, "the name of an event") is None:
            return None
        name = _name(node, faults)
        return None if name is None else Listener(event=name)
    strange = unknown_keys(node, LISTENER, faults, "events", _INSTEAD)
    found = read(node, LISTENER, faults)
    if "event" not in node.items and not strange:
        faults.at(node, "the event is missing", "event: its name, or a pattern like file.*")
    windows = [key for key in _WINDOWS if key in node.items]
    if len(windows) > 1:
        what = f"both {windows[0]} and {windows[1]}"
        faults.add(*node.marks[windows[1]], what, "keep one of them")
    found |= found.pop("batch", {})
    return Listener(**found) if "event" in found else None


def heard(plan: Plan) -> list[str]:
    """Names and patterns of all events that start it, for a list."""
    return list(dict.fromkeys([*plan.events, *(one.event for one in plan.listeners)]))


def problem(listener: Listener) -> str | None:
    """What is wrong with a listener that came by wire, but for its condition."""
    if not 0 < len(listener.event) <= MAX_NAME or not fields.is_one_line(listener.event):
        return "an event name is 1 to 200 characters of one line"
    if never(listener.event):
        return f"'{listener.event[:60]}' never comes"
    windows = (listener.debounce_s, listener.throttle_s, listener.batch_s)
    if sum(window != 0 for window in windows) > 1:
        return "a listener has at most one of debounce_s, throttle_s and batch_s"
    if not all(0 <= window <= MAX_WINDOW_S for window in windows):
        return "debounce_s, throttle_s and batch_s are at most 7d"
    if (listener.batch_s > 0) != (listener.batch_size > 0):
        return "batch_s and batch_size go together"
    if listener.batch_size and not 2 <= listener.batch_size <= MAX_BATCH:
        return f"batch_size is 2 to {MAX_BATCH}"
    if len(listener.cond) > order.MAX_CONDITION:
        return f"cond has at most {order.MAX_CONDITION} characters"
    return None

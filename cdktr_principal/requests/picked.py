"""Which runs and workflows a listing is about: what was asked for as one question of each.

A pattern is read as one of events is. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import translate

from cdktr_common.catalogue import principal as p
from cdktr_common.errors import ProtocolError
from cdktr_principal.state.listening import is_glob
from cdktr_principal.state.records import Run

Fits = Callable[[Run], bool]


def like(wanted: str) -> Callable[[str], bool]:
    """Is a word this one, or like this pattern?"""
    if not is_glob(wanted):
        return wanted.__eq__
    match = re.compile(translate(wanted)).match
    return lambda word: match(word) is not None


def refuse_empty(request: str, name: str, wanted: str | None) -> None:
    """Nothing is called by no name: who asks for it has left something out. Raises bad_field."""
    if wanted == "":
        raise ProtocolError("bad_field", f"{request}: {name} is empty; without it all are meant")


def of_runs(request: p.RunList) -> list[Fits]:
    """All of them have to be true of a run that `run.list` is about; the quick ones come first.
    Raises bad_field."""
    for name in ("workflow", "event", "agent"):
        refuse_empty("run.list", name, getattr(request, name))
    asked: list[Fits] = []
    states = set(request.states)
    if request.state is not None:
        states = states & {request.state} if states else {request.state}
    if states or (request.states and request.state is not None):
        asked.append(lambda run: run.state in states)
    if (since := request.since_ts) is not None:
        asked.append(lambda run: run.created_ts >= since)
    if (until := request.until_ts) is not None:
        asked.append(lambda run: run.created_ts < until)
    if (workflow := request.workflow) is not None:
        of_id = like(workflow)
        asked.append(lambda run: of_id(run.workflow) or run.plan.name == workflow)
    if request.event is not None:
        of_event = like(request.event)
        asked.append(lambda run: run.event is not None and of_event(run.event))
    if (agent := request.agent) is not None:
        asked.append(lambda run: any(a.agent == agent for t in run.tasks for a in t.attempts))
    return asked

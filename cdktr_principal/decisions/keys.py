"""What the same key asks for twice is done once, for as long as keys are remembered; that of what
is deferred, for as long as it is. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import Held, RunRef
from cdktr_common.errors import ProtocolError
from cdktr_principal.state.deferred import Later
from cdktr_principal.state.records import KeyUse

if TYPE_CHECKING:
    from cdktr_principal.decisions.core import Core


def of(key: str | None, request_id: str | None) -> str | None:
    """The key of a request: its own, or what its id stands for."""
    if key is not None:
        if not key or len(key) > 200:
            raise ProtocolError("bad_field", "a key has 1 to 200 characters")
        return key
    return f"id:{request_id}" if request_id else None


def known(core: Core, key: str | None, content: str) -> p.RunStarted | None:
    """What this key was answered with before. Raises ProtocolError when it was used with other
    content."""
    if key is None:
        return None
    later: Later | None = core.state.deferred.keys.get(key)
    known = later or core.state.keys.get(key)
    if known is None:
        return None
    if known.digest != content:
        raise ProtocolError(
            "conflict", f"key '{key}' was used with another workflow, event or payload"
        )
    if isinstance(known, Later):
        return p.RunStarted(duplicate=True, deferred=known.deferred, due_ts=known.due_ts)
    return p.RunStarted(
        runs=[RunRef(run=run, workflow=workflow) for run, workflow in known.runs], duplicate=True,
        listeners=known.listeners, held=_still_held(core, known), passed=known.passed,
        deferred=known.deferred, dropped=known.dropped,
    )  # fmt: skip


def _still_held(core: Core, known: KeyUse) -> list[Held]:
    """The windows in which an event waits even now; those that have ended are not told."""
    held = []
    for each in known.held:
        window = core.state.windows.open.get((each.workflow, each.listener))
        if window is not None and window.first_ts <= known.ts:
            held.append(msgspec.structs.replace(each, due_ts=window.due_ts))
    return held

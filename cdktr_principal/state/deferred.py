"""What was accepted for later: events to be fired, workflows to be started.

Part of the state: changed by facts alone. What is in here is named, sooner or later, by exactly one
fact: the event that was fired, the run that was created, or why it was dropped. Knows no clock.
"""

from __future__ import annotations

from typing import Any

import msgspec

from cdktr_common.catalogue import facts as f
from cdktr_common.codec import encode


class Later(msgspec.Struct, omit_defaults=True):
    """The fields are those of `event.deferred`; `size` is what it takes, about, in bytes."""

    deferred: str
    due_ts: float
    created_ts: float
    event: str | None = None
    workflow: str | None = None
    payload: Any = None
    params: dict[str, Any] = {}
    key: str | None = None
    digest: str = ""
    source: str = ""
    size: int = 0


class Deferred:
    """All of it by id, in the order in which it came; what has a key also by that. `size`: bytes
    that it takes together."""

    def __init__(self) -> None:
        self.waiting: dict[str, Later] = {}
        self.keys: dict[str, Later] = {}
        self.size = 0

    def add(self, later: Later) -> None:
        """Something waits."""
        later.size = later.size or len(encode((later.payload, later.params)))
        self.waiting[later.deferred] = later
        self.size += later.size
        if later.key is not None:
            self.keys[later.key] = later

    def told(self, fact: f.EventDeferred) -> None:
        """As a fact says it."""
        later = Later(
            fact.deferred, fact.due_ts, fact.ts, fact.event, fact.workflow, fact.payload,
            fact.params, fact.key, fact.digest, fact.source,
        )  # fmt: skip
        self.add(later)

    def done(self, name: str) -> Later | None:
        """It waits no longer; what it was, if it has waited."""
        later = self.waiting.pop(name, None)
        if later is not None:
            self.size -= later.size
            if later.key is not None:
                self.keys.pop(later.key, None)
        return later

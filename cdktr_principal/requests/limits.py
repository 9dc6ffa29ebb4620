"""What comes with a trigger: how large its payload may be, which times there are, and a short name
of it all. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from cdktr_common.catalogue.values import Payload, Plan, TickRef
from cdktr_common.codec import encode
from cdktr_common.errors import ProtocolError
from cdktr_principal.language.fields import is_one_line
from cdktr_principal.requests.sizes import check_size

YEARS: Final = (0.0, 253_402_300_799.0)
"""Instants that a calendar has: 1970 to 9999."""

MAX_WORD: Final = 100

MAX_REASON: Final = 500
"""Characters of a reason that somebody gives, or that is recorded."""


def check_payload(payload: Payload) -> None:
    """Raises ProtocolError too_large."""
    check_size("the payload", payload)


def check_instants(what: str, *instants: float | None) -> None:
    """Refuse times that are none. Raises bad_field."""
    for ts in instants:
        if ts is not None and not YEARS[0] <= ts <= YEARS[1]:
            raise ProtocolError("bad_field", f"{what}: {ts:g} is no time from 1970 to 9999")


def check_reason(reason: str) -> None:
    """Raises bad_field."""
    if len(reason) > MAX_REASON or not is_one_line(reason):
        raise ProtocolError("bad_field", f"a reason is one line of at most {MAX_REASON} characters")


def check_tick(tick: TickRef | None) -> None:
    """Refuse an instant that nobody can mean. Raises bad_field."""
    if tick is None:
        return
    check_instants("tick", tick.due_ts, tick.previous_ts)
    for name, text in (("schedule", tick.schedule), ("state", tick.state)):
        if not 0 < len(text) <= MAX_WORD or not text.isprintable():
            raise ProtocolError("bad_field", f"tick: {name} is 1 to {MAX_WORD} characters")


def digest(subject: Plan | str, payload: Payload, params: Mapping[str, Any] | None = None) -> str:
    """A short name of what a trigger asked for, to tell the same from another. `params` as they
    were given."""
    content = encode([subject, payload, params] if params else [subject, payload])
    return hashlib.blake2b(content, digest_size=8).hexdigest()

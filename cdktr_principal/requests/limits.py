"""What comes with a trigger: how large its payload may be, and a short name of it all. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from cdktr_common.catalogue.values import Payload, Plan
from cdktr_common.codec import encode
from cdktr_principal.requests.sizes import check_size


def check_payload(payload: Payload) -> None:
    """Raises ProtocolError too_large."""
    check_size("the payload", payload)


def digest(subject: Plan | str, payload: Payload, params: Mapping[str, Any] | None = None) -> str:
    """A short name of what a trigger asked for, to tell the same from another. `params` as they
    were given."""
    content = encode([subject, payload, params] if params else [subject, payload])
    return hashlib.blake2b(content, digest_size=8).hexdigest()

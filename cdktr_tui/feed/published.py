"""What is published, read: facts, live output and what else goes to whoever listens.

What this version does not know is left out. Pure; no socket.
"""

from __future__ import annotations

import operator
from functools import reduce
from typing import Any

import msgspec

from cdktr_common.catalogue import FACTS, PUBLISHED

_published: msgspec.json.Decoder[Any] = msgspec.json.Decoder(
    reduce(operator.or_, (*FACTS, *PUBLISHED))
)


def read(body: bytes | msgspec.Raw) -> Any:
    """A message; None for what only newer programs know."""
    try:
        return _published.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None

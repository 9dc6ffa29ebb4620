"""How large and how deep a value may be that somebody gives a run: its payload, its params.

Pure.
"""

from __future__ import annotations

from typing import Any, Final

from cdktr_common.codec import encode
from cdktr_common.errors import ProtocolError

MAX_BYTES: Final = 256 << 10
MAX_DEPTH: Final = 64


def check_size(what: str, value: Any, most: int = MAX_BYTES) -> None:
    """Raises ProtocolError too_large."""
    if value is None:
        return
    _check_depth(what, value)
    size = len(encode(value))
    if size > most:
        raise ProtocolError("too_large", f"{what}: {size:,} bytes, and {most:,} are allowed")


def _check_depth(what: str, value: Any) -> None:
    """Deeper values could be read here and fail to be written elsewhere."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for each in level
            if isinstance(each, list | dict)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return
    raise ProtocolError("too_large", f"{what}: nested more than {MAX_DEPTH} deep")

"""How long something takes, as workflow files write it. Pure."""

from __future__ import annotations

import re
from typing import Final

_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def duration(text: str) -> float | None:
    """Seconds that `90s`, `5m`, `1h30m`, `500ms` or a plain number stand for; None for anything
    else. The order of units is free, each may come once."""
    if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,12})?", text):
        return float(text)
    parts = _PART.findall(text) if len(text) <= 60 else []
    units = [unit for _, unit in parts]
    if not parts or "".join(f"{n}{unit}" for n, unit in parts) != text:
        return None
    if len(set(units)) != len(units):
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)

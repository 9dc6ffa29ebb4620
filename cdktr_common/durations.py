"""Lengths of time as people write and read them: `90`, `1.5s`, `10m`, `1h30m`."""

from __future__ import annotations

import re
from typing import Any, Final

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def seconds(text: str) -> float:
    """Seconds of `90`, `250ms`, `10m`, `1h30m`, `2d`. Raises ValueError."""
    rest, total = text.strip().lower(), 0.0
    if not rest:
        raise ValueError("an empty length of time")
    while rest:
        digits = len(rest) - len(rest.lstrip("0123456789."))
        letters = len(rest[digits:]) - len(rest[digits:].lstrip("abcdefghijklmnopqrstuvwxyz"))
        unit = rest[digits : digits + letters] or ("s" if total == 0 else "")
        if not digits or unit not in _UNITS or rest[:digits].count(".") > 1:
            raise ValueError(f"'{text}' is no length of time; write 90, 250ms, 10m, 1h30m or 2d")
        total += float(rest[:digits]) * _UNITS[unit]
        rest = rest[digits + letters :]
    return total


def spell(span_s: float | None) -> str:
    """A length of time for a table: `12 ms`, `1.20 s`, `2m03s`, `5h01m`; nothing for None."""
    if span_s is None:
        return ""
    span_s = max(0.0, span_s)
    if span_s < 0.9995:
        return f"{span_s * 1000:.0f} ms"
    if span_s < 59.995:
        return f"{span_s:.2f} s"
    whole = round(span_s)
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02d}h"


def rough(span_s: float | None) -> str:
    """A length of time in a sentence: `400 ms`, `3.2 s`, `41 s`, `2m03s`; `?` for None."""
    if span_s is None:
        return "?"
    if 0.9995 <= span_s < 59.5:
        return f"{span_s:.1f} s" if span_s < 9.95 else f"{span_s:.0f} s"
    return spell(60.0 if 59.5 <= span_s < 60 else span_s)


_WHOLE = (("h", 3600), ("m", 60), ("s", 1))


def exact(span_s: float) -> Any:
    """A length of time as files have it, to be read again as the same: `1m30s`; what is not in
    whole seconds as a number of them."""
    if span_s != int(span_s) or span_s <= 0:
        text = f"{span_s:.12f}".rstrip("0").rstrip(".")
        return int(text) if text.isdigit() else float(text)
    rest, text = int(span_s), ""
    for unit, size in _WHOLE:
        if rest >= size:
            text += f"{rest // size}{unit}"
            rest %= size
    return text


_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")


def strict(text: str) -> float | None:
    """What workflow files take for a length of time: seconds that `90s`, `5m`, `1h30m`, `500ms` or
    a plain number stand for; None for anything else. The order of units is free, each may come
    once."""
    if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,12})?", text):
        return float(text)
    parts = _PART.findall(text) if len(text) <= 60 else []
    units = [unit for _, unit in parts]
    if not parts or "".join(f"{n}{unit}" for n, unit in parts) != text:
        return None
    if len(set(units)) != len(units):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)

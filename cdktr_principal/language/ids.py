"""Ids for tasks that a file knows by name only. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

_OTHER = re.compile(r"[^a-z0-9]+")
_LONGEST: Final = 60


def slug(name: str) -> str:
    """`name` as an id, as far as its letters allow: `Load, été 2` is `load-ete-2`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return _OTHER.sub("-", plain)[:_LONGEST].strip("-")


class Ids:
    """Ids given so far: no two are the same, and equal names get a number each."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        self._last: dict[str, int] = {}

    def of(self, name: str, default: str = "task") -> str:
        """A new id that reads like `name`."""
        base = slug(name) or default
        number = self._last.get(base, 0) + 1
        found = base if number == 1 else f"{base}-{number}"
        while found in self._taken:
            number += 1
            found = f"{base}-{number}"
        self._last[base] = number
        self._taken.add(found)
        return found

"""What an expression speaks of: the names in its source, with their places.

Must stay true: a name that a macro of the language binds (`x` in `list.map(x, x + 1)`) is no
reference. Pure; knows neither values nor the library that evaluates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Reference(NamedTuple):
    """The longest path that is known without evaluating: `tasks.a.outputs["x"]` is `("tasks", "a",
    "outputs", "x")`. `offset` counts characters of the source, from 0."""

    path: tuple[str, ...]
    offset: int


def references(source: str) -> tuple[Reference, ...]:
    """All references, in order of their places."""
    raise NotImplementedError


def renamed(source: str, rename: Callable[[tuple[str, ...]], str | None]) -> str:
    """The source with each reference replaced by what `rename` says of its path; None: as it
    stands."""
    raise NotImplementedError

"""Who listens to which events, found without a look at every workflow.

Theory of operation. Listeners with a whole name stand in a table by that name. A glob stands under
its beginning, the text before its first special character, so that an event looks at those globs
alone that begin as it does. What was found for a name is remembered until a workflow changes: most
events come again. Part of the state: it follows from the workflows in force, and changes with the
facts about them alone. Pure; knows nothing of conditions or windows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fnmatch import translate
from functools import lru_cache
from typing import Final

from cdktr_common.catalogue.values import Plan

ENDS: Final = "run."
"""How names begin that tell of the ends of runs; only patterns that begin so are like them."""

REMEMBERED: Final = 10_000
"""Names of events whose listeners are remembered."""

Numbers = tuple[int | None, ...]
"""Listeners of one workflow in order, None being its plain names, which come first."""

_SPECIAL: Final = re.compile(r"[*?\[]")


class Listening:
    """See the module text."""

    def __init__(self) -> None:
        self._whole: dict[str, dict[str, Numbers]] = {}
        self._globs: dict[str, dict[tuple[str, int], re.Pattern[str]]] = {}
        self._lengths: list[int] | None = None
        self._known: dict[str, Sequence[tuple[str, Numbers]]] = {}

    def __eq__(self, other: object) -> bool:
        """Do both know the same listeners?"""
        if not isinstance(other, Listening):
            return NotImplemented
        return (self._whole, self._globs) == (other._whole, other._globs)

    def of(self, event: str) -> Sequence[tuple[str, Numbers]]:
        """The workflows that listen to an event, by id, each with those of its listeners that
        are like it."""
        found = self._known.get(event)
        if found is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            found = self._known[event] = sorted(self._found(event).items())
        return found

    def _found(self, event: str) -> dict[str, Numbers]:
        found = dict(self._whole.get(event, {}))
        for workflow, number, pattern in self.near(event):
            if pattern.match(event):
                found[workflow] = (*found.get(workflow, ()), number)
        return {workflow: tuple(sorted(heard, key=_place)) for workflow, heard in found.items()}

    def near(self, event: str) -> list[tuple[str, int, re.Pattern[str]]]:
        """The globs that begin as an event does."""
        if self._lengths is None:
            self._lengths = sorted({len(begin) for begin in self._globs})
        least = len(ENDS) if event.startswith(ENDS) else 0
        return [
            (workflow, number, pattern)
            for length in self._lengths
            if least <= length <= len(event)
            for (workflow, number), pattern in self._globs.get(event[:length], {}).items()
        ]

    def change(self, workflow: str, before: Plan | None, now: Plan | None) -> None:
        """A workflow is in force with another plan, or no longer."""
        if _all(before) == _all(now):
            return
        for pattern, number in _all(before):
            self._remove(workflow, number, pattern)
        for pattern, number in _all(now):
            self._add(workflow, number, pattern)
        self._known.clear()
        self._lengths = None

    def _add(self, workflow: str, number: int | None, pattern: str) -> None:
        special = _SPECIAL.search(pattern)
        if number is None or special is None:
            here = self._whole.setdefault(pattern, {})
            here[workflow] = tuple(sorted({*here.get(workflow, ()), number}, key=_place))
        else:
            globs = self._globs.setdefault(pattern[: special.start()], {})
            globs[workflow, number] = _compiled(pattern)

    def _remove(self, workflow: str, number: int | None, pattern: str) -> None:
        special = _SPECIAL.search(pattern)
        if number is None or special is None:
            here = self._whole.get(pattern, {})
            here.pop(workflow, None)
            if not here:
                self._whole.pop(pattern, None)
        else:
            begin = pattern[: special.start()]
            globs = self._globs[begin]
            del globs[workflow, number]
            if not globs:
                del self._globs[begin]


def is_glob(pattern: str) -> bool:
    """May it be like several names?"""
    return _SPECIAL.search(pattern) is not None


def _all(plan: Plan | None) -> list[tuple[str, int | None]]:
    return [] if plan is None else list(_patterns(plan))


def _patterns(plan: Plan) -> Iterator[tuple[str, int | None]]:
    for name in dict.fromkeys(plan.events):
        yield name, None
    for number, listener in enumerate(plan.listeners):
        yield listener.event, number


def _place(number: int | None) -> int:
    return -1 if number is None else number


@lru_cache(10_000)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern))

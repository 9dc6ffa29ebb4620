"""A regular expression that somebody typed, looked for in texts that somebody else wrote.

Some expressions take for ever on some texts. Whoever looks gives a guard, which ends a look that
takes too long; from then on the expression is `late` and finds nothing, which is to be told. A long
text is looked at in pieces, since time grows with the square of the length. Pure: the guard knows
the clock.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

PIECE: Final = 4096
"""Characters that are looked at in one go."""

LAP: Final = 1024
"""Characters that two pieces have in common: what is no longer is never missed."""

Guard = Callable[[], AbstractContextManager[Any]]
"""Makes what is entered before each look. It raises Late, in there, when that takes too long."""


class Late(Exception):
    """A look took too long."""


class Expression:
    """Raises ValueError, in words, for what is none."""

    def __init__(self, body: str, flags: int = 0, guard: Guard = nullcontext) -> None:
        self.late = False
        self._guard = guard()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                self._compiled = re.compile(body, flags)
        except (re.error, OverflowError, RecursionError) as fault:
            at = getattr(fault, "pos", None)
            where = "" if at is None else f" at character {at + 1}"
            raise ValueError(f"{getattr(fault, 'msg', fault)}{where}") from None
        except Warning as doubt:
            words = str(doubt).replace(" at position", ", after character")
            raise ValueError(f"{words}: write \\[ for a bracket") from None

    def within(self, text: str) -> bool:
        """Is it anywhere in there?"""
        if self.late:
            return False
        try:
            with self._guard:
                return self._within(text)
        except Late:
            self.late = True
            return False

    def _within(self, text: str) -> bool:
        search, start = self._compiled.search, 0
        while start + PIECE < len(text):
            stop = start + PIECE
            found = search(text, start, stop)
            while found is not None:
                # What stands at the end of a piece only may be there because the piece ends.
                if found.end() < stop or self._compiled.match(text, found.start()):
                    return True
                found = search(text, found.start() + 1, stop)
            start = stop - LAP
        return search(text, start) is not None

    def anywhere(self, text: str) -> bool:
        """The same for one that is only a text: that takes no time to speak of."""
        return self._compiled.search(text) is not None

    def first(self, text: str) -> int | None:
        """Where it begins, if it can be told in time."""
        try:
            with self._guard:
                found = self._compiled.search(text)
        except Late:
            return None
        return None if found is None else found.start()

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where it is, in a text as short as what is shown of one."""
        if self.late:
            return []
        try:
            with self._guard:
                return [found.span() for found in self._compiled.finditer(text)
                        if found.end() > found.start()]  # fmt: skip
        except Late:
            self.late = True
            return []

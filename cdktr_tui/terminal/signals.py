"""Signals that end the program: it leaves the terminal in order, with the exit code that a shell
would tell of a program that the signal has killed.

While another program has the terminal, ctrl+c and ctrl+\\ typed there are meant for that one; they
come here as well, since both belong to the same terminal, and end nothing. Knows no widget.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

TYPED: Final = (signal.SIGINT, signal.SIGQUIT)
"""Those that a terminal sends for keys."""
ENDING: Final = (signal.SIGTERM, signal.SIGHUP, *TYPED)

_away = False


@contextmanager
def elsewhere() -> Iterator[None]:
    """Meanwhile another program has the terminal."""
    global _away
    _away = True
    try:
        yield
    finally:
        _away = False


def obey(end: Callable[[int], object]) -> None:
    """`end` is called in the loop that runs here, with the exit code."""
    loop = asyncio.get_running_loop()

    def told(number: int, _: Any) -> None:
        if not (number in TYPED and _away) and not loop.is_closed():
            loop.call_soon_threadsafe(end, 128 + number)

    for number in ENDING:
        signal.signal(number, told)

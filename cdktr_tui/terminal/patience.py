"""How long a look with an expression may take: a timer ends it in the midst.

`re` asks for signals now and then while it looks, and for nothing else. Only the main thread is
told of signals, so elsewhere nothing is bounded. The timer counts the time that this program
computes, so that a busy machine ends no look that is quick.
"""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType
from typing import Final, Self

from cdktr_tui.model.expression import Late

EACH_S: Final = 0.05
"""For one text."""

ALL_S: Final = 0.5
"""For all looks together that took long, of a filter that is held against many rows at once."""

LONG_S: Final = 0.002

_armed = False


def _ring(_number: int, _frame: FrameType | None) -> None:
    if _armed:  # one that comes when all is over has nothing to end
        raise Late


class Patience:
    """One expression's; to be entered before each look."""

    def __init__(self, each_s: float = EACH_S, all_s: float = ALL_S) -> None:
        self._each_s, self._all_s = each_s, all_s
        self._spent = self._began = 0.0
        self._bounded = threading.current_thread() is threading.main_thread()
        if self._bounded:
            signal.signal(signal.SIGVTALRM, _ring)

    def __enter__(self) -> Self:
        global _armed
        if self._bounded:
            if self._spent > self._all_s:
                raise Late
            self._began = time.thread_time()
            _armed = True
            signal.setitimer(signal.ITIMER_VIRTUAL, self._each_s)
        return self

    def __exit__(self, *_: object) -> None:
        global _armed
        if self._bounded:
            _armed = False
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            took = time.thread_time() - self._began
            if took > LONG_S:
                self._spent += took


def unhurried() -> Patience:
    """For what is looked at bit by bit: only no single text may take too long."""
    return Patience(each_s=1.0, all_s=float("inf"))

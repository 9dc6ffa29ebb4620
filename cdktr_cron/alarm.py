"""Waking at a time of day, to the microsecond, and at once when somebody sets the clock.

A timerfd on CLOCK_REALTIME is armed for the very moment and is cancelled by a step of the clock;
both make the poll loop turn, and whoever is asked then looks at the time anew. Where the system has
none, a timer of the loop looks again after a bounded time. Knows no schedules: waking once too
often is harmless, and nobody is told why.
"""

from __future__ import annotations

import ctypes
import math
import os
import time
from contextlib import suppress
from typing import Final

from cdktr_common.loop import Loop, Timer

RECHECK_S: Final = 1.0
"""Without a timerfd a clock that is set is noticed so late at most."""

_REALTIME: Final = 0
_ABSTIME, _CANCEL_ON_SET = 1, 2


class _Timespec(ctypes.Structure):
    _fields_ = [("sec", ctypes.c_long), ("nsec", ctypes.c_long)]


class _Itimerspec(ctypes.Structure):
    _fields_ = [("interval", _Timespec), ("value", _Timespec)]


class Alarm:
    """Makes the loop turn at the time of day that was set last."""

    def __init__(self, loop: Loop, use_timerfd: bool = True) -> None:
        self._loop = loop
        self._due: float | None = None
        self._timer: Timer | None = None
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._create() if use_timerfd else None
        if self._fd is not None:
            loop.watch(self._fd, self._rang)

    def _create(self) -> int | None:
        try:
            fd = self._libc.timerfd_create(_REALTIME, os.O_NONBLOCK | os.O_CLOEXEC)
        except AttributeError:
            return None  # not Linux
        return int(fd) if fd >= 0 else None

    @property
    def exact(self) -> bool:
        """Does the system wake us, or do we look?"""
        return self._fd is not None

    def set(self, due_ts: float | None) -> None:
        """Wake then; a moment that has passed wakes at once, None never."""
        if due_ts == self._due:
            return
        self._due = due_ts
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._fd is None or not self._arm(due_ts):
            self._look(due_ts)

    def _arm(self, due_ts: float | None) -> bool:
        at = _Itimerspec()
        if due_ts is not None:
            # Not a moment too soon: it would be for nothing. All zero would mean never.
            ns = max(1, math.ceil(due_ts * 1e9))
            at.value.sec, at.value.nsec = divmod(ns, 1_000_000_000)
        flags = _ABSTIME | _CANCEL_ON_SET
        settime = self._libc.timerfd_settime
        return bool(settime(self._fd, flags, ctypes.byref(at), None) == 0)

    def _look(self, due_ts: float | None) -> None:
        if due_ts is None:
            return
        wait_s = min(RECHECK_S, max(0.0, due_ts - time.time()))
        self._timer = self._loop.later(wait_s, self._again)

    def _again(self) -> None:
        """The loop turns: that is all that was wanted. It will be set again."""
        self._due = self._timer = None

    def _rang(self) -> None:
        with suppress(OSError):  # cancelled: the clock was set, which is a reason to look as well
            os.read(self._fd or 0, 8)
        self._due = None

    def close(self) -> None:
        if self._fd is not None:
            self._loop.unwatch(self._fd)
            os.close(self._fd)
            self._fd = None

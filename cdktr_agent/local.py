"""What the two processes of an agent say to each other: JSON lines over a unix stream socket.

The network process speaks first (`attach`), the supervisor answers with `state`: all it holds, so
that either of them can be replaced at any time. The lines of a turn travel in one write. Nothing
of this is visible outside the agent, and it knows no ZeroMQ.
"""

from __future__ import annotations

import math
import socket
from collections.abc import Iterable
from contextlib import suppress
from typing import Literal

import msgspec

from cdktr_common.catalogue.values import RunContext, TaskResult, TaskSpec

EndReason = Literal["cancel", "drop", "drain"]


class Local(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type"):
    """Base of all lines."""


class Attach(Local, frozen=True, tag="attach"):
    """A network process is here; what it was started with holds from now on."""

    slots: int
    cwd: str
    spool_limit: int
    stop_grace_s: float
    umask: int = 0o077  # of tasks; that of the agent itself is always this


class Run(Local, frozen=True, tag="run"):
    """Run these as slots become free. Their leases count from `asked_at`."""

    tasks: list[TaskSpec]
    runs: dict[str, RunContext]
    asked_at: float


class Renew(Local, frozen=True, tag="renew"):
    """The principal has renewed these leases, each for its task's `lost_after_s` from `sent_at`:
    when the beat was sent that asked for it."""

    tokens: list[str]
    sent_at: float


class End(Local, frozen=True, tag="end"):
    """End these with all that belongs to them. A dropped one leaves no result."""

    tokens: list[str]
    why: EndReason


class Release(Local, frozen=True, tag="release"):
    """Hand back all that was not started."""


class Ack(Local, frozen=True, tag="ack"):
    """The principal has recorded these results."""

    tokens: list[str]


class Freed(Local, frozen=True, tag="freed"):
    """So many bytes of spool were stored by logd and removed."""

    size: int


class Pulse(Local, frozen=True, tag="pulse"):
    """Is somebody awake there? Answered by `alive`."""

    at: float


class Quit(Local, frozen=True, tag="quit"):
    """Leave; what still runs is ended first."""


class Hold(msgspec.Struct, omit_defaults=True):
    """An attempt that the supervisor holds, running or waiting. `until`: the end of its lease, at
    which none of its processes may be alive; None: it has no end. Run, task, number and fence are
    what its processes are known by."""

    token: str
    run: str
    task: str
    n: int
    fence: int
    lost_after_s: float
    until: float | None = None
    slots: int = 1

    def renew(self, since: float) -> None:
        """Its lease counts from `since`, if that is later than what it counted from."""
        if self.until is not None:
            self.until = max(self.until, since + self.lost_after_s)


def hold(spec: TaskSpec, deadline: float) -> Hold:
    """What is to be known of an attempt besides its work; `deadline` infinite for none."""
    until = None if math.isinf(deadline) else deadline
    who = (spec.token, spec.run, spec.task, spec.n, spec.fence)
    return Hold(*who, spec.lost_after_s, until, spec.slots)


class State(Local, frozen=True, tag="state"):
    """All the supervisor holds: attempts running and waiting, results, spool files. `tasks_v`: the
    newest form of tasks that it understands."""

    boot: str
    held: list[Hold]
    results: list[TaskResult]
    spools: list[str]
    version: str = ""
    tasks_v: int = 0


class Ended(Local, frozen=True, tag="ended"):
    """Attempts that are over: with a result (in the outbox since before this was sent), or dropped
    without one."""

    results: list[TaskResult]
    dropped: list[str] = []


class Alive(Local, frozen=True, tag="alive"):
    """The answer to the pulse sent `at`."""

    at: float


class Wrote(Local, frozen=True, tag="wrote"):
    """These spool files have grown."""

    names: list[str]


class Progress(Local, frozen=True, tag="progress"):
    """How far tasks say they have come, from 0 to 100, by token."""

    of: dict[str, float]


ToSupervisor = Attach | Run | Renew | End | Release | Ack | Freed | Pulse | Quit
ToNetwork = State | Ended | Wrote | Alive | Progress

_encode = msgspec.json.Encoder().encode
orders: msgspec.json.Decoder[ToSupervisor] = msgspec.json.Decoder(ToSupervisor)
news: msgspec.json.Decoder[ToNetwork] = msgspec.json.Decoder(ToNetwork)


class Line:
    """One end of the connection. Neither `take` nor `flush` ever waits."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        with suppress(OSError):  # a smaller buffer only means more turns
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self.sock = sock
        self.closed = False
        self._in = b""
        self._out = b""

    def take(self) -> bytes:
        """The whole lines that have arrived; sets `closed` at the end of the connection."""
        parts = [self._in]
        while True:
            try:
                data = self.sock.recv(1 << 18)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                self.closed = True
                break
            parts.append(data)
        buffer = b"".join(parts)
        cut = buffer.rfind(b"\n") + 1
        self._in = buffer[cut:]
        return buffer[:cut]

    def put(self, messages: Iterable[Local]) -> None:
        """Queue lines and send what goes."""
        self._out += b"".join([_encode(message) + b"\n" for message in messages])
        self.flush()

    def flush(self) -> bool:
        """Send on. False: there is more than the other side has taken so far."""
        while self._out and not self.closed:
            try:
                sent = self.sock.send(self._out)
            except BlockingIOError:
                return False
            except OSError:
                self._out = b""  # the end of the connection shows when reading
                break
            self._out = self._out[sent:]
        return True

    @property
    def idle(self) -> bool:
        """Is everything sent?"""
        return not self._out

    def close(self) -> None:
        self.closed = True
        self.sock.close()

"""What a check of a server asks with: sockets as any client has them, and one line of the report.

Plain ZeroMQ and JSON; nothing here knows what a message means. Events that are fired carry one name
and keys of this run, so that what is left behind can be told.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import zmq

from cdktr_common.sockets import resolve
from cdktr_conform.report import Line

EVENT: Final = "cdktr-conform"
"""The name of all events that are fired."""

PATIENCE_S: Final = 10.0

Message = dict[str, Any]


class Silent(Exception):
    """No answer came in time."""

    def __init__(self, sent: bytes) -> None:
        super().__init__("no answer")
        self.sent = sent


class Skip(Exception):
    """There is nothing to look at here."""


class Peer:
    """One client's socket."""

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self.socket = socket

    def send(self, frames: list[bytes]) -> None:
        self.socket.send_multipart(frames)

    def receive(self, seconds: float | None = None) -> list[bytes]:
        """The frames of the next message. Raises Silent."""
        if not self.socket.poll(round((PATIENCE_S if seconds is None else seconds) * 1000)):
            raise Silent(b"")
        return self.socket.recv_multipart()

    def ask(self, body: bytes, front: list[bytes] | None = None) -> Message:
        """The body of the answer to one request. Raises Silent."""
        self.send([*(front or []), body])
        try:
            return parsed(self.receive()[-1])
        except Silent:
            raise Silent(body) from None


class Bench:
    """See the module text."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.mark = f"conform-{os.urandom(4).hex()}"
        self.fired = 0
        self._count = 0
        self.busy_with = ""  # why nothing may be fired
        self.welcome = self.ask(type="hello", program="cdktr-conform")
        self.recorder = self.ask(type="log.query", limit=1).get("code") != "unknown_type"

    def new(self) -> str:
        """A word that was never used."""
        self._count += 1
        return f"{self.mark}-{self._count}"

    @contextmanager
    def peer(self, kind: int = zmq.REQ, **options: int) -> Iterator[Peer]:
        """A connection of its own."""
        with self._context.socket(kind) as socket:
            socket.linger = 0
            for name, value in options.items():
                socket.setsockopt(getattr(zmq, name), value)
            socket.connect(self.endpoint)
            yield Peer(socket)

    @contextmanager
    def subscribed(self, *topics: str) -> Iterator[Peer]:
        """A subscription to what the daemon publishes."""
        offered = self.welcome.get("endpoints", {}).get("logs" if self.recorder else "events", [])
        address = resolve(offered, self.endpoint)
        if address is None:
            raise Skip("hello names no address of what is published")
        with self._context.socket(zmq.SUB) as socket:
            socket.linger = 0
            for topic in topics:
                socket.subscribe(topic)
            socket.connect(address)
            yield Peer(socket)

    def ask(self, **message: Any) -> Message:
        """One request on a connection of its own. Raises Silent."""
        with self.peer() as peer:
            return peer.ask(json.dumps(message).encode())

    def may_fire(self) -> None:
        """Raises Skip when an event would start something; counts it when not."""
        if self.busy_with:
            raise Skip(self.busy_with)
        self.fired += 1

    def fire(self, **fields: Any) -> Message:
        """`event.fire` with the name that all events of a check have."""
        self.may_fire()
        return self.ask(**{"type": "event.fire", "event": EVENT, **fields})

    def newest(self) -> int:
        """The seq of the newest fact."""
        return int(self.ask(type="event.list", after=-1).get("newest", 0))

    def facts(self, after: int, topic: str = "") -> list[Message]:
        """All facts after one."""
        found: list[Message] = []
        while True:
            page = self.ask(type="event.list", after=after, topic=topic)
            found += page.get("events", [])
            if page.get("last", 0) >= page.get("newest", 0) or page.get("last", 0) <= after:
                return found
            after = page["last"]

    def own(self, after: int) -> list[Message]:
        """The events of these checks among the facts after one."""
        facts = self.facts(after, "event/")
        return [one for one in facts if one.get("event") == EVENT and one["type"] == "event.fired"]

    def close(self) -> None:
        self._context.term()


class Check(NamedTuple):
    """A check of one clause, of `principal`, of a `recorder`, or of `any`."""

    clause: str
    what: str
    run: Callable[[Bench, Line], None]
    of: str


def parsed(body: bytes) -> Message:
    """A body as an object; what is none comes back as what an error would be."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {"type": "", "unreadable": body.decode(errors="replace")}
    return value if isinstance(value, dict) else {"type": "", "unreadable": value}


def checks() -> tuple[list[Check], Callable[..., Callable[..., None]]]:
    """A list of checks, and what puts one more on it."""
    listed: list[Check] = []

    def check(clause: str, what: str, of: str = "principal") -> Callable[..., None]:
        def note(run: Callable[[Bench, Line], None]) -> None:
            listed.append(Check(clause, what, run, of))

        return note

    return listed, check


def elapsed(since: float) -> float:
    return time.monotonic() - since

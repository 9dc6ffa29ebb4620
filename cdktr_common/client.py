"""Asking a server: a channel for daemons (never blocks) and a client for commands (waits).

Every request carries an id and is sent again with the same id until it is answered, so that a
lost message, a restarted server or a slow one costs time and nothing else. Knows the catalogue's
shape (which replies a request may get), not what the messages mean.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
import zmq

from cdktr_common.catalogue.base import Reply, Request
from cdktr_common.codec import decode_reply, encode, head
from cdktr_common.errors import ProtocolError, Unreachable
from cdktr_common.sockets import dealer

R = TypeVar("R", bound=Reply)

Answer = Reply | ProtocolError


class _Pending(msgspec.Struct):
    kind: type[Request]
    body: bytes
    answered: Callable[[Answer], None]
    resend_s: float
    due: float


class Channel:
    """Requests to one endpoint whose answers arrive by call-back. The owner calls `pump` when the
    socket can be read and `resend` about once a second."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str) -> None:
        self._context = context
        self.endpoint = endpoint
        self.socket = dealer(context, endpoint)
        self._pending: dict[str, _Pending] = {}
        self._prefix = os.urandom(6).hex()
        self._count = 0

    def ask(
        self,
        request: Request,
        answered: Callable[[Answer], None],
        resend_s: float = 5.0,
        request_id: str | None = None,
    ) -> str:
        """Send; `answered` is called once, with the reply or the error it was answered with.
        Unanswered it is sent again every `resend_s` (give long polls more than they wait)."""
        self._count += 1
        rid = request_id or f"{self._prefix}-{self._count}"
        body = encode(msgspec.structs.replace(request, id=rid))
        now = time.monotonic()
        due = now + resend_s if self._send(body) else now
        self._pending[rid] = _Pending(type(request), body, answered, resend_s, due)
        return rid

    def forget(self, request_id: str) -> None:
        """Do not wait for this answer any longer."""
        self._pending.pop(request_id, None)

    @property
    def unsent(self) -> bool:
        """Is something due, as right after a connect that is still under way? Then `resend` may be
        called sooner."""
        now = time.monotonic()
        return any(pending.due <= now for pending in self._pending.values())

    def _send(self, body: bytes) -> bool:
        try:
            self.socket.send_multipart((b"", body), zmq.NOBLOCK)
        except zmq.Again:
            return False  # not connected now: it goes out with the next resend
        return True

    def pump(self) -> None:
        """Take what has arrived and call back. A late second answer is dropped."""
        while True:
            try:
                frames = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            pending = self._pending.pop(head(frames[-1]).id or "", None)
            if pending is None:
                continue
            answer: Answer
            try:
                answer = decode_reply(frames[-1], pending.kind)
            except ProtocolError as refusal:
                answer = refusal
            pending.answered(answer)

    def resend(self) -> None:
        """Send again what has waited too long for its answer."""
        now = time.monotonic()
        for pending in self._pending.values():
            if pending.due <= now and self._send(pending.body):
                pending.due = now + pending.resend_s

    def close(self) -> None:
        self.socket.close(0)


def _answers(body: bytes, request_id: str) -> bool:
    """Is it the answer to that request? An error without id is: the id could not be read."""
    told = head(body)
    return told.id == request_id or (told.id is None and told.type == "error")


class Client:
    """Requests one after another, waiting for each answer. For commands and tests."""

    def __init__(self, endpoint: str, timeout_s: float = 5.0) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.endpoint = endpoint
        self.timeout_s = timeout_s
        self._socket = dealer(self._context, endpoint)
        self._monitor = self._socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        self._poller = zmq.Poller()
        for socket in (self._socket, self._monitor):
            self._poller.register(socket, zmq.POLLIN)
        self._connected_anew = False
        self._prefix = os.urandom(6).hex()
        self._count = 0

    def ask(
        self,
        request: Request,
        expected: type[R],
        *,
        wait_s: float = 0.0,
        timeout_s: float | None = None,
        request_id: str | None = None,
    ) -> R:
        """The reply to `request`. `wait_s`: how long the server may hold it back (a long poll),
        added to the time-out. Raises Unreachable when nothing came, ProtocolError when refused."""
        self._count += 1
        rid = request_id or f"{self._prefix}-{self._count}"
        body = encode(msgspec.structs.replace(request, id=rid))
        limit = (self.timeout_s if timeout_s is None else timeout_s) + wait_s
        end = time.monotonic() + limit
        every = max(1.0, wait_s + 1.0)
        next_send = 0.0
        while (now := time.monotonic()) < end:
            if self._connected_anew:  # what was under way is lost
                next_send = 0.0
            if now >= next_send and self._send(body, end - now):
                next_send = now + every
            frames = self._receive(min(end, max(next_send, now)) - now)
            if frames is not None and _answers(frames[-1], rid):
                reply = decode_reply(frames[-1], type(request))
                if not isinstance(reply, expected):
                    raise ProtocolError("bad_message", f"unexpected reply {type(reply).__name__}")
                return reply
        raise Unreachable(self.endpoint, limit)

    def _send(self, body: bytes, seconds: float) -> bool:
        if not self._socket.poll(math.ceil(seconds * 1000), zmq.POLLOUT):
            return False
        self._note_connections()
        self._connected_anew = False
        self._socket.send_multipart((b"", body))
        return True

    def _note_connections(self) -> None:
        while self._monitor.poll(0):
            self._monitor.recv_multipart()
            self._connected_anew = True

    def _receive(self, seconds: float) -> list[bytes] | None:
        self._poller.poll(math.ceil(max(0, seconds) * 1000))
        self._note_connections()
        if self._socket.poll(0):
            return self._socket.recv_multipart()
        return None

    def close(self) -> None:
        """Also a second time."""
        if self._socket.closed:
            return
        self._socket.disable_monitor()
        self._monitor.close(0)
        self._socket.close(0)
        self._context.term()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

"""Many questions to one server at a time, over one connection: for pipes of thousands of lines.

Answers come in any order and are told apart by ids. When the connection is lost, all that has no
answer yet is asked again with the same ids, which a server that has taken it already answers as
before. Nothing here blocks but the making of a connection; who waits, and for how long, is decided
by the caller. Knows frames and ids, no message.
"""

from __future__ import annotations

import socket
import time
from typing import Final, NamedTuple

from cdktr_cli.quick import COMMAND, LARGEST, LONG, MORE, Dealer, Lost, Message, frame, request
from cdktr_cli.quick import message as decoded

CONNECT_S: Final = 1.0
_READ: Final = 1 << 18


class Answer(NamedTuple):
    """An answer; `again`: what it answers was sent more than once, and it may tell of the first
    time."""

    message: Message
    again: bool


class Pipeline:
    """One connection to one endpoint, made when there is something to ask."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.asked: dict[str, bytes] = {}
        """What has no answer yet, by id, in the order in which it was asked."""
        self._again: set[str] = set()
        self.size = 0
        """Bytes of all that has no answer yet."""
        self._maker = Dealer(endpoint, CONNECT_S)
        self._socket: socket.socket | None = None
        self._out = bytearray()
        self._in = bytearray()

    def ask(self, request_id: str, body: bytes) -> None:
        """Have it asked; the next `exchange` sends it."""
        self.asked[request_id] = body
        self.size += len(body)
        if self._socket is not None:
            self._out += request(body)

    @property
    def socket(self) -> socket.socket | None:
        """To be waited for: readable always, writable when there is something to `send`."""
        return self._socket

    @property
    def unsent(self) -> bool:
        """Is there something that the connection has not taken yet?"""
        return bool(self._out)

    def connect(self) -> None:
        """Make the connection if there is none. Raises Lost, and ProtocolError for good."""
        if self._socket is not None:
            return
        made, rest = self._maker.detach(time.monotonic() + CONNECT_S)
        made.setblocking(False)
        self._socket, self._in = made, bytearray(rest)
        self._out = bytearray().join(map(request, self.asked.values()))

    def close(self) -> None:
        """Give the connection up; what was asked stays asked."""
        if self._socket is not None:
            self._socket.close()
            self._again.update(self.asked)
        self._socket = None
        self._out.clear()
        self._in.clear()

    def exchange(self) -> list[Answer]:
        """Send what can be sent, take what is there: the answers to what was asked. Raises Lost."""
        try:
            self._send()
            self._receive()
            answers = self._take()  # also of what came while the connection was made
            self._send()
        except (OSError, Lost) as fault:
            self.close()
            raise Lost(str(fault)) from None
        return answers

    def _send(self) -> None:
        assert self._socket is not None
        try:
            while self._out:
                del self._out[: self._socket.send(self._out)]
        except BlockingIOError:
            pass

    def _receive(self) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(_READ)
        except BlockingIOError:
            return
        if not data:
            raise Lost("closed")
        self._in += data

    def _take(self) -> list[Answer]:
        """The whole frames that have come; commands are answered on the way."""
        buffer, at, answers = self._in, 0, []
        while len(buffer) - at >= 2:
            flags = buffer[at]
            head = 9 if flags & LONG else 2
            size = int.from_bytes(buffer[at + 1 : at + head], "big")
            if size > LARGEST:
                raise Lost("a frame larger than any answer")
            end = at + head + size
            if len(buffer) < end:
                break
            if flags & COMMAND:
                self._command(bytes(buffer[at + head : end]))
            elif not flags & MORE:
                answer = decoded(bytes(buffer[at + head : end]))
                request_id = str(answer.get("id"))
                body = self.asked.pop(request_id, None)
                if body is not None:
                    self.size -= len(body)
                    answers.append(Answer(answer, request_id in self._again))
                    self._again.discard(request_id)
            at = end
        del buffer[:at]
        return answers

    def _command(self, body: bytes) -> None:
        if body.startswith(b"\x04PING"):
            self._out += frame(COMMAND, b"\x04PONG" + body[7:])

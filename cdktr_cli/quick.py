"""A question to a ZeroMQ server with nothing but a socket: ZMTP 3.0, mechanism NULL, as a DEALER.

For commands that are run in loops and hooks: importing libzmq and the catalogue costs a process
four times what this whole exchange does. It speaks to any CDKTR server; like the other client it
sends a request again with the same id until it is answered. The wire is that of ZeroMQ RFC 23; the
messages are plain JSON objects here, as they are for a listener in any language.
"""

from __future__ import annotations

import json
import socket
import time
from typing import Any, Final

from cdktr_common.errors import ProtocolError, Unreachable

Message = dict[str, Any]

_GREETING: Final = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
MORE, LONG, COMMAND = 1, 2, 4
LARGEST: Final = 64 << 20


class Lost(Exception):
    """The connection failed or ended; another one may do."""


class Dealer:
    """One connection to one endpoint, made again when it is lost."""

    def __init__(self, endpoint: str, timeout_s: float) -> None:
        self.endpoint = endpoint
        self.timeout_s = timeout_s
        self._socket: socket.socket | None = None
        self._buffer = b""

    def ask(self, body: bytes, request_id: str, wait_s: float = 0.0) -> Message:
        """The reply to a request that carries that id. `wait_s`: how long the server may hold it
        back. Raises ProtocolError when refused, Unreachable when nothing came."""
        end = time.monotonic() + self.timeout_s + wait_s
        pause_s = 0.02
        while time.monotonic() < end:
            try:
                return self._exchange(body, request_id, end)
            except Lost:
                self.close()
                time.sleep(max(0.0, min(pause_s, end - time.monotonic())))
                pause_s = min(pause_s * 2, 0.5)
        self.close()
        raise Unreachable(self.endpoint, self.timeout_s + wait_s)

    def close(self) -> None:
        """Give the connection up."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._buffer = None, b""

    def __enter__(self) -> Dealer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _exchange(self, body: bytes, request_id: str, end: float) -> Message:
        try:
            if self._socket is None:
                self._connect(end)
            self._send(request(body))
            while True:
                reply = message(self._receive(end))
                if reply.get("id") == request_id:
                    return unless_error(reply)
        except OSError as fault:
            raise Lost(str(fault)) from None

    def detach(self, end: float) -> tuple[socket.socket, bytes]:
        """A new connection for somebody else to use, and what has been read from it already.
        Raises Lost, and ProtocolError when nobody there can be spoken to."""
        try:
            self.close()
            self._connect(end)
        except (OSError, Lost) as fault:
            self.close()
            raise Lost(str(fault)) from None
        assert self._socket is not None
        made, rest, self._socket, self._buffer = self._socket, self._buffer, None, b""
        return made, rest

    def _connect(self, end: float) -> None:
        scheme, _, address = self.endpoint.partition("://")
        if scheme == "ipc":
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.settimeout(_left(end))
            self._socket.connect(address)
        else:
            host, _, port = address.rpartition(":")
            self._socket = socket.create_connection((host.strip("[]"), int(port)), _left(end))
        ready = b"\x05READY" + _property(b"Socket-Type", b"DEALER") + _property(b"Identity", b"")
        self._send(_GREETING + frame(COMMAND, ready))
        greeting = self._read(64, end)
        if greeting[0] != 0xFF or greeting[9] != 0x7F or greeting[10] < 3:
            raise ProtocolError("bad_message", f"{self.endpoint} does not speak ZMTP 3")
        if greeting[12:32].rstrip(b"\0") != b"NULL":
            raise ProtocolError("denied", f"{self.endpoint} asks for keys")

    def _receive(self, end: float) -> bytes:
        """The last frame of the next message; commands on the way are answered."""
        while True:
            flags = self._read(1, end)[0]
            size = int.from_bytes(self._read(8 if flags & LONG else 1, end), "big")
            if size > LARGEST:
                raise Lost("a frame larger than any answer")
            body = self._read(size, end)
            if flags & COMMAND:
                if body.startswith(b"\x04PING"):
                    self._send(frame(COMMAND, b"\x04PONG" + body[7:]))
            elif not flags & MORE:
                return body

    def _read(self, size: int, end: float) -> bytes:
        assert self._socket is not None
        while len(self._buffer) < size:
            self._socket.settimeout(_left(end))
            data = self._socket.recv(1 << 16)
            if not data:
                raise Lost("closed")
            self._buffer += data
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def _send(self, data: bytes) -> None:
        assert self._socket is not None
        self._socket.sendall(data)


def _left(end: float) -> float:
    return max(0.001, end - time.monotonic())


def request(body: bytes) -> bytes:
    """What goes out for a request: the empty frame that a REQ socket sends too, then the body."""
    return bytes((MORE, 0)) + frame(0, body)


def frame(flags: int, body: bytes) -> bytes:
    """A frame of ZMTP 3."""
    if len(body) < 256:
        return bytes((flags, len(body))) + body
    return bytes((flags | LONG,)) + len(body).to_bytes(8, "big") + body


def _property(name: bytes, value: bytes) -> bytes:
    return bytes((len(name),)) + name + len(value).to_bytes(4, "big") + value


def message(body: bytes) -> Message:
    """The object that a body is; an empty one when it is none."""
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def unless_error(reply: Message) -> Message:
    """The reply itself. Raises ProtocolError when it is a refusal."""
    if reply.get("type") != "error":
        return reply
    raise ProtocolError(
        str(reply.get("code")), str(reply.get("detail", "")), reply.get("near") or []
    )

"""ZeroMQ sockets with the options that every CDKTR program uses, and the frames they carry.

Servers are ROUTER and echo every frame but the last, so plain REQ, REQ with correlation and
DEALER clients all work. Nothing lingers; a dead peer shows within seconds (ZMTP heartbeats).
Knows frames and addresses, no messages.
"""

from __future__ import annotations

import os
import socket as stdsocket
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

import zmq

from cdktr_common.errors import BAD_SETTINGS, BUSY, Refusal

MAX_FRAMES: Final = 8
"""Frames a request may have, routing frames included; more is dropped unanswered."""

MAX_REQUEST: Final = 4 << 20
"""Bytes a frame sent to a server may have; libzmq closes the connection of a larger one."""

MAX_REPLY: Final = 64 << 20
"""Bytes a frame from a server may have."""

IPC_PATH_MAX: Final = 107

Envelope = tuple[bytes, ...]
"""Where a reply goes: every frame of the request but the last."""


class BindError(Refusal):
    """An endpoint cannot be bound or connected to; carries the exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code

    @property
    def exit(self) -> int:
        return self.exit_code


def _common(socket: zmq.Socket[bytes], max_frame: int) -> None:
    socket.linger = 0
    socket.setsockopt(zmq.HEARTBEAT_IVL, 1000)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 3000)
    socket.setsockopt(zmq.HEARTBEAT_TTL, 6000)
    # A heartbeat waits behind what the peer does not take: what TCP gets no answer to for so long
    # ends the connection, too.
    socket.setsockopt(zmq.TCP_MAXRT, 5000)
    socket.setsockopt(zmq.HANDSHAKE_IVL, 3000)
    socket.setsockopt(zmq.MAXMSGSIZE, max_frame)


def _server(context: zmq.Context[zmq.Socket[bytes]], kind: int) -> zmq.Socket[bytes]:
    if "CDKTR_TAP" in os.environ:
        from cdktr_common.tap import TappedSocket

        return context.socket(kind, socket_class=TappedSocket)
    return context.socket(kind)


def _reconnect(socket: zmq.Socket[bytes], endpoint: str) -> None:
    """Again and again, ever further apart; a peer on this machine costs nothing to look for, and
    one that starts a moment later is to be found at once."""
    socket.setsockopt(zmq.RECONNECT_IVL, 50)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, 100 if endpoint.startswith("ipc://") else 1000)


def router(context: zmq.Context[zmq.Socket[bytes]]) -> zmq.Socket[bytes]:
    """A server socket, not yet bound."""
    socket = _server(context, zmq.ROUTER)
    _common(socket, MAX_REQUEST)
    socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
    socket.setsockopt(zmq.SNDHWM, 10_000)
    socket.setsockopt(zmq.RCVHWM, 10_000)
    return socket


def dealer(context: zmq.Context[zmq.Socket[bytes]], endpoint: str) -> zmq.Socket[bytes]:
    """A client socket. It connects by itself, again and again."""
    socket = context.socket(zmq.DEALER)
    _common(socket, MAX_REPLY)
    _reconnect(socket, endpoint)
    socket.setsockopt(zmq.CONNECT_TIMEOUT, 2000)
    socket.setsockopt(zmq.IMMEDIATE, 1)
    _connect(socket, endpoint)
    return socket


def publisher(context: zmq.Context[zmq.Socket[bytes]]) -> zmq.Socket[bytes]:
    """A publishing socket (XPUB, so that the owner sees whether anyone listens), not yet bound."""
    socket = _server(context, zmq.XPUB)
    _common(socket, 1 << 16)
    socket.setsockopt(zmq.SNDHWM, 10_000)
    return socket


def subscriber(
    context: zmq.Context[zmq.Socket[bytes]], endpoint: str, topics: Iterable[str]
) -> zmq.Socket[bytes]:
    """A subscription to all topics that begin with one of `topics`."""
    socket = context.socket(zmq.SUB)
    _common(socket, MAX_REPLY)
    socket.setsockopt(zmq.RCVHWM, 100_000)
    _reconnect(socket, endpoint)
    for topic in topics:
        socket.setsockopt(zmq.SUBSCRIBE, topic.encode())
    _connect(socket, endpoint)
    return socket


def bind(socket: zmq.Socket[bytes], endpoints: Iterable[str]) -> list[str]:
    """Bind all; returns the real addresses (`tcp://host:0` gets its port). The caller holds the
    lock of its state directory: binding an ipc path silently takes it from another owner.

    Raises BindError naming the endpoint."""
    bound: list[str] = []
    for endpoint in endpoints:
        if endpoint.startswith("ipc://"):
            _check_ipc(endpoint[6:])
            os.makedirs(os.path.dirname(endpoint[6:]) or ".", mode=0o700, exist_ok=True)
        try:
            socket.bind(endpoint)
        except zmq.ZMQError as fault:
            code = BUSY if fault.errno == zmq.EADDRINUSE else BAD_SETTINGS
            raise BindError(f"cannot bind {endpoint}: {fault.strerror}", code) from None
        bound.append(bytes(socket.getsockopt(zmq.LAST_ENDPOINT)).rstrip(b"\0").decode())
    return bound


def _check_ipc(path: str) -> None:
    if len(os.fsencode(path)) > IPC_PATH_MAX:
        raise BindError(
            f"the socket path {path} is {len(os.fsencode(path))} bytes long and the system allows "
            f"{IPC_PATH_MAX}: set CDKTR_HOME to a shorter directory",
            BAD_SETTINGS,
        )


def _connect(socket: zmq.Socket[bytes], endpoint: str) -> None:
    if endpoint.startswith("ipc://"):
        _check_ipc(endpoint[6:])
    try:
        socket.connect(endpoint)
    except zmq.ZMQError as fault:
        raise BindError(f"cannot connect to {endpoint}: {fault.strerror}", BAD_SETTINGS) from None


def receive(socket: zmq.Socket[bytes], most: int) -> list[tuple[Envelope, bytes]]:
    """What has arrived, at most `most` messages, without waiting. Messages of too many frames are
    read and dropped: their sender is not one of ours."""
    arrived: list[tuple[Envelope, bytes]] = []
    for _ in range(most):
        try:
            frames = [socket.recv(zmq.NOBLOCK)]
            while socket.getsockopt(zmq.RCVMORE):
                frame = socket.recv()
                if len(frames) <= MAX_FRAMES:
                    frames.append(frame)
        except zmq.Again:
            break
        if len(frames) <= MAX_FRAMES:
            arrived.append((tuple(frames[:-1]), frames[-1]))
    return arrived


def send(socket: zmq.Socket[bytes], envelope: Envelope, body: bytes) -> bool:
    """Reply. False when the peer is gone or takes nothing: it will ask again."""
    with suppress(zmq.ZMQError):
        socket.send_multipart((*envelope, body), zmq.NOBLOCK)
        return True
    return False


def resolve(endpoints: Iterable[str], reached_at: str) -> str | None:
    """The endpoint to use by someone who reached a program at `reached_at`: one of the same
    transport if there is one, `*` or an all-addresses host replaced by the host reached."""
    candidates = list(endpoints)
    scheme = reached_at.partition("://")[0]
    usable = [e for e in candidates if e.startswith(scheme + "://")]
    if scheme == "ipc":
        usable += [e for e in candidates if e.startswith("tcp://")]
    if not usable:
        return None
    chosen = usable[0]
    if chosen.startswith("tcp://"):
        host, _, port = chosen[6:].rpartition(":")
        if host in ("*", "0.0.0.0", "[::]"):
            host = reached_at[6:].rpartition(":")[0] if scheme == "tcp" else "127.0.0.1"
        chosen = f"tcp://{host}:{port}"
    return chosen


def wake_pair() -> tuple[stdsocket.socket, stdsocket.socket]:
    """A connected pair for waking a poll loop from a thread or a signal; both never block."""
    reader, writer = stdsocket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)
    return reader, writer

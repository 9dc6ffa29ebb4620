"""The HTTP server: uvicorn with h11, and with bounds on what a connection may cost.

Requests have to be begun and their headers to be whole within HEAD_S; when there are too many
connections, the one that has waited longest without a request has to go. uvicorn has neither, and
it reports its own troubles as plain text. Knows no hooks.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from cdktr_common import cli
from cdktr_common.errors import BAD_SETTINGS, BUSY
from cdktr_common.sockets import BindError

HEAD_S: Final = 10.0
IDLE_S: Final = 30
MOST_CONNECTIONS: Final = 256
MOST_HEAD: Final = 16 << 10
"""Bytes that the head of a request may have."""


class Patient(H11Protocol):
    """One connection, whose patience has an end."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.since = self.loop.time()
        self._late: asyncio.TimerHandle | None = None
        if len(self.connections) > MOST_CONNECTIONS:
            idle = [one for one in self.connections if isinstance(one, Patient) and one.idle]
            min(idle, key=lambda one: one.since, default=self).transport.abort()
        self._hurry()

    @property
    def idle(self) -> bool:
        """Is no request in work?"""
        return self.cycle is None or self.cycle.response_complete

    def data_received(self, data: bytes) -> None:
        if self.idle and self._late is None:
            self._hurry()  # the next request of a connection that was kept
        super().data_received(data)
        if not self.idle:
            self._calm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._calm()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        self.since = self.loop.time()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        body = json.dumps(
            {"error": {"code": "bad_message", "detail": "no HTTP, or no end of headers"}}
        )
        head = (
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        self.transport.write((head + body).encode())
        self.transport.close()

    def _hurry(self) -> None:
        self._late = self.loop.call_later(HEAD_S, self._too_late)

    def _too_late(self) -> None:
        self._late = None
        if self.idle:
            self.transport.abort()

    def _calm(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


class Server(uvicorn.Server):
    """Signals belong to the program, and `started` is told."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


class _Faults(logging.Handler):
    """Bugs in answering are shown, as everything is that this program says."""

    def __init__(self, log: cli.Log) -> None:
        super().__init__(logging.ERROR)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log("error", self.format(record))


def server(app: Any, ready: Callable[[], None], log: cli.Log) -> Server:
    """The server of an application, not yet serving."""
    logger = logging.getLogger("uvicorn")
    logger.addHandler(_Faults(log))
    logger.propagate = False
    config = uvicorn.Config(
        app, http=Patient, ws="none", loop="asyncio", lifespan="off", log_config=None,
        access_log=False, proxy_headers=False, server_header=False, timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=10, h11_max_incomplete_event_size=MOST_HEAD,
    )  # fmt: skip
    return Server(config, ready)


def bind(host: str, port: int) -> tuple[socket.socket, str]:
    """A socket to serve on, and its real address. Raises BindError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        bound = socket.create_server((host, port), family=family, backlog=256)
    except OSError as fault:
        code = BUSY if fault.errno == errno.EADDRINUSE else BAD_SETTINGS
        raise BindError(f"cannot bind {host}:{port}: {fault.strerror}", code) from None
    # Inherited by its connections. asyncio sets it only where it made the socket itself, and an
    # answer in two pieces would wait 40 ms for the sender's delayed acknowledgement.
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    real = bound.getsockname()
    shown = f"[{real[0]}]" if family == socket.AF_INET6 else real[0]
    return bound, f"http://{shown}:{real[1]}"

"""From asyncio to the principal: one socket for all requests, answers told apart by their ids.

A request is sent again with the same id until it is answered or given up, so a lost message or a
restarted principal costs time and nothing else. It gives up early while nobody is connected: who
posts has to be told soon. Knows the catalogue's shape, not what the messages mean.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any, Final

import msgspec
import zmq
import zmq.asyncio

from cdktr_common.catalogue.base import Reply, Request
from cdktr_common.codec import decode_reply, encode, head
from cdktr_common.errors import ProtocolError
from cdktr_common.sockets import dealer

CONNECT_S: Final = 2.0
RESEND_S: Final = 1.5
RETRY_S: Final = 0.02


class Bridge:
    """Inside a running event loop. `close` at the end."""

    def __init__(self, endpoint: str, timeout_s: float) -> None:
        self._context = zmq.asyncio.Context()
        self._socket: Any = dealer(self._context, endpoint)  # type: ignore[arg-type]
        self._timeout_s = timeout_s
        self._waiting: dict[str, asyncio.Future[bytes]] = {}
        self._prefix = os.urandom(6).hex()
        self._count = 0
        self._reader = asyncio.get_running_loop().create_task(self._read())

    async def ask(self, request: Request, timeout_s: float | None = None) -> Reply:
        """The reply. Raises the ProtocolError it was refused with, or `timeout`."""
        self._count += 1
        rid = f"{self._prefix}-{self._count}"
        body = encode(msgspec.structs.replace(request, id=rid))
        loop = asyncio.get_running_loop()
        answer = self._waiting[rid] = loop.create_future()
        end = loop.time() + (self._timeout_s if timeout_s is None else timeout_s)
        try:
            while loop.time() < end:
                await self._send(body, end)
                wait = min(RESEND_S, end - loop.time())
                if (await asyncio.wait([answer], timeout=max(0.0, wait)))[0]:
                    return decode_reply(answer.result(), type(request))
        finally:
            del self._waiting[rid]
        raise ProtocolError("timeout", "the principal does not answer")

    async def _send(self, body: bytes, end: float) -> None:
        loop = asyncio.get_running_loop()
        give_up = min(end, loop.time() + CONNECT_S)
        while True:
            try:
                await self._socket.send_multipart((b"", body), zmq.NOBLOCK)
                return
            except zmq.Again:
                if loop.time() >= give_up:
                    raise ProtocolError("unavailable", "the principal is not there") from None
            await asyncio.sleep(RETRY_S)

    async def _read(self) -> None:
        while True:
            frames = await self._socket.recv_multipart()
            waiting = self._waiting.get(head(frames[-1]).id or "")
            if waiting is not None and not waiting.done():
                waiting.set_result(frames[-1])

    async def close(self) -> None:
        """Nothing is asked any more."""
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        self._socket.close(0)
        self._context.term()

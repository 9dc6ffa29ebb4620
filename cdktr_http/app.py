"""What is answered to whom: posts to hooks, and whether all is well.

The order of the questions is that of their cost: is there such a hook, is the body small enough
and here in time, is it signed, is it not too often, can it be read; only then is the principal
asked. Every answer is JSON, every refusal has a code. Neither bodies nor secrets are ever logged.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cdktr_common import cli
from cdktr_common.catalogue.common import Ping, Pong
from cdktr_common.catalogue.principal import EventFire, RunStarted
from cdktr_common.errors import ProtocolError
from cdktr_http import bodies, signatures
from cdktr_http.bridge import Bridge
from cdktr_http.hooks import Hook, Hooks
from cdktr_http.rates import Rate

BODY_S: Final = 10.0
"""Within so many seconds a body has to be here."""

IN_FLIGHT: Final = 64
"""Posts that the principal has at the same time."""

ROOM_S: Final = 2.0
"""How long another one waits for its turn."""

MOST_HEAD: Final = 16 << 10
"""Bytes of the headers of a post."""

HEALTH_S: Final = 1.0
PATIENCE_S: Final = 2.5
"""How long the principal may take to say how it is: a connection that was lost is made again."""

RETRY_S: Final = 5
"""What a sender is told to wait when the principal cannot take anything now."""

_STATUS: Final = {
    "too_large": 413, "conflict": 409, "busy": 503, "disk_full": 503, "unavailable": 503,
    "timeout": 503, "denied": 503, "version": 503,
}  # fmt: skip
"""Of what the principal refuses; anything else is what was posted: 422."""


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, code: str, detail: str, retry_s: float | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.retry_s = retry_s

    def response(self) -> Response:
        """As the sender sees it."""
        headers = {}
        if self.retry_s is not None:
            headers["Retry-After"] = str(max(1, math.ceil(self.retry_s)))
        if self.status in (408, 413, 431):
            headers["Connection"] = "close"  # the rest of the body is not wanted
        return error(self.status, self.code, self.detail, headers)


def error(
    status: int, code: str, detail: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    """A refusal as JSON."""
    return JSONResponse({"error": {"code": code, "detail": detail}}, status, headers)


class Gate:
    """All posts come through here. `hooks` may be exchanged while it works."""

    def __init__(self, hooks: Hooks, bridge: Bridge, log: cli.Log) -> None:
        self._bridge = bridge
        self._log = log
        self._room = asyncio.Semaphore(IN_FLIGHT)
        self._health: tuple[float, str] = (-math.inf, "")
        self._asking = asyncio.Lock()
        self._rates: dict[str, Rate] = {}
        self._hooks: dict[str, Hook] = {}
        self.exchange(hooks)

    def exchange(self, hooks: Hooks) -> None:
        """From now on, these."""
        self._rates = {
            event: self._rates[event]
            if event in self._rates and _rate(self._hooks[event]) == _rate(hook)
            else Rate(*_rate(hook))
            for event, hook in hooks.hooks.items()
        }
        self._hooks = hooks.hooks

    async def post(self, request: Request) -> Response:
        """`POST /hooks/EVENT`."""
        began = time.monotonic()
        event = request.path_params["event"]
        told: dict[str, Any] = {"event": ascii(event)[1:-1][:80]}
        try:
            response = await self._post(request, event, told)
        except Refused as refused:
            response = refused.response()
            told["code"] = refused.code
            told["why"] = ascii(refused.detail[:100])
        except ClientDisconnect:
            response = Response(status_code=400)
            told["code"] = "gone"
        self._log(
            "info", "posted", status=response.status_code, **told,
            ms=round((time.monotonic() - began) * 1000, 1),
            sender=request.client.host if request.client else "?",
        )  # fmt: skip
        return response

    async def _post(self, request: Request, event: str, told: dict[str, Any]) -> Response:
        hook = self._hooks.get(event)
        if hook is None:
            raise Refused(404, "not_found", "there is no such hook")
        if sum(len(name) + len(value) for name, value in request.headers.raw) > MOST_HEAD:
            raise Refused(431, "too_large", f"headers have at most {MOST_HEAD:,} bytes")
        body = await _body(request, hook.max_body)
        told["bytes"] = len(body)
        headers = {name.lower(): _text(value) for name, value in request.headers.items()}
        try:
            signatures.check(hook, headers, body, time.time())
        except signatures.Denied as denied:
            raise Refused(401, "denied", str(denied)) from None
        wait = self._rates[event].take(time.monotonic())
        if wait:
            raise Refused(429, "busy", f"more than {hook.rate} in {hook.per_s:g} s", wait)
        value = _value(headers, body)
        payload: dict[str, Any] = {
            "body": value,
            "content_type": bodies.media_type(headers.get("content-type", ""))[0],
        }
        if hook.headers:
            payload["headers"] = {n: headers[n] for n in hook.headers if n in headers}
        delivered = signatures.delivery(hook, headers, body, value)
        told["delivery"] = delivered or "-"
        started = await self._fire(
            EventFire(
                event=event,
                payload=payload,
                key=None if delivered is None else signatures.key(event, delivered),
                source="cdktr-http",
            )
        )
        told["runs"] = len(started.runs)
        runs = [run.run for run in started.runs]
        return JSONResponse({"runs": runs, "duplicate": started.duplicate}, 202)

    async def _fire(self, request: EventFire) -> RunStarted:
        try:
            async with asyncio.timeout(ROOM_S):
                await self._room.acquire()
        except TimeoutError:
            raise Refused(429, "busy", f"{IN_FLIGHT} posts are in work", RETRY_S) from None
        try:
            reply = await self._bridge.ask(request)
        except ProtocolError as refusal:
            status = _STATUS.get(refusal.code, 503 if refusal.retry else 422)
            retry_s = RETRY_S if status == 503 else None
            raise Refused(status, refusal.code, refusal.detail, retry_s) from None
        finally:
            self._room.release()
        assert isinstance(reply, RunStarted)
        return reply

    async def health(self, request: Request) -> Response:
        """`GET /health`: does the principal answer, and has it room? Asked at most once a
        second, however many want to know."""
        async with self._asking:
            now = time.monotonic()
            if now - self._health[0] > HEALTH_S:
                try:
                    pong = await self._bridge.ask(Ping(), PATIENCE_S)
                    status = pong.status if isinstance(pong, Pong) else "ok"
                except ProtocolError as fault:
                    status = fault.code
                self._health = (time.monotonic(), status)
        status = self._health[1]
        if status == "ok":
            return JSONResponse({"status": "ok"})
        headers = {"Retry-After": str(RETRY_S)}
        return error(503, status, "the principal can take nothing now", headers)


def _rate(hook: Hook) -> tuple[int, float]:
    return hook.rate, hook.per_s


def _text(value: str) -> str:
    """A header that is UTF-8, which HTTP leaves open; anything else is Latin-1 as it was."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeDecodeError:
        return value


async def _body(request: Request, most: int) -> bytes:
    """All of it, if it is small enough and here in time."""
    said = request.headers.get("content-length", "")
    too_large = Refused(413, "too_large", f"a body has at most {most:,} bytes")
    if said.isdigit() and int(said) > most:
        raise too_large
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused(415, "unsupported", "compressed bodies are not taken")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise too_large
    except TimeoutError:
        raise Refused(408, "timeout", f"the body did not come within {BODY_S:g} s") from None
    return bytes(body)


def _value(headers: dict[str, str], body: bytes) -> Any:
    try:
        return bodies.decode(headers.get("content-type", ""), body)
    except bodies.Unreadable as fault:
        raise Refused(fault.status, fault.code, str(fault)) from None


async def _not_served(request: Request, fault: Exception) -> Response:
    """Of what is asked for and is not there, or not in this way."""
    assert isinstance(fault, HTTPException)
    codes = {404: "not_found", 405: "unsupported"}
    text = {404: "POST /hooks/EVENT and GET /health are served", 405: "not in this way"}
    return error(
        fault.status_code,
        codes.get(fault.status_code, "bad_message"),
        text.get(fault.status_code, "not served"),
        dict(fault.headers or {}),
    )


def app(gate: Gate) -> Starlette:
    """The application around a gate."""
    served = Starlette(
        routes=[
            Route("/hooks/{event:path}", gate.post, methods=["POST"]),
            Route("/health", gate.health, methods=["GET"]),
        ],
        exception_handlers={HTTPException: _not_served},
    )
    served.router.redirect_slashes = False
    return served

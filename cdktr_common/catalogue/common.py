"""What every daemon understands: hello, ping, and the error that any request may be answered."""

from __future__ import annotations

from typing import ClassVar

from cdktr_common.catalogue.base import Message, Reply, Request


class Error(Reply, frozen=True, kw_only=True, tag="error"):
    """The request was not done. `code` is one of the closed table of codes; `retry` tells whether
    the very same request may succeed later. `detail` is for people, `near` the closest valid
    names, `data` what a program may want to know besides."""

    code: str
    detail: str = ""
    retry: bool = False
    near: list[str] = []

    example: ClassVar[str] = (
        '{"type":"error","id":"7","code":"not_found","detail":"no workflow \'elt\'","near":["etl"]}'
    )


class Welcome(Reply, frozen=True, kw_only=True, tag="welcome"):
    """Who answers and where everything is: `endpoints` maps `principal`, `events`, `logd` and
    `logs` to addresses. `*` as host of a tcp address is the host this program was reached at."""

    program: str
    version: str
    protocol: int
    endpoints: dict[str, list[str]] = {}
    epoch: int = 0

    example: ClassVar[str] = (
        '{"type":"welcome","id":"7","program":"cdktr-principal","version":"0.1.0","protocol":1,'
        '"endpoints":{"events":["ipc:///h/run/events.sock"]},"epoch":3}'
    )


class Pong(Reply, frozen=True, kw_only=True, tag="pong"):
    """Alive. `counts` are since the program started: messages taken, refused and so on."""

    program: str
    version: str
    epoch: int = 0
    seq: int = 0
    started_ts: float = 0.0
    pid: int = 0
    counts: dict[str, int] = {}
    status: str = "ok"

    example: ClassVar[str] = (
        '{"type":"pong","id":"7","program":"cdktr-principal","version":"0.1.0","seq":12}'
    )


class Hello(Request, frozen=True, kw_only=True, tag="hello"):
    """The first message of a client that wants to know endpoints or to check the protocol."""

    to: ClassVar[str] = "any"

    program: str = ""
    version: str = ""
    protocol: int = 1

    example: ClassVar[str] = '{"type":"hello","id":"7","program":"my-listener"}'
    answers: ClassVar[tuple[type, ...]] = (Welcome,)


class Ping(Request, frozen=True, kw_only=True, tag="ping"):
    """Is anybody there?"""

    to: ClassVar[str] = "any"

    example: ClassVar[str] = '{"type":"ping","id":"7"}'
    answers: ClassVar[tuple[type, ...]] = (Pong,)


class StreamStat(Message, frozen=True, kw_only=True, tag="stream.stat"):
    """Published every second or two on `stat/`: the newest seq of each stream that moved, so that
    a subscriber also notices when it was the last message that it missed.

    The principal's has `counts` of what is: `runs_pending`, `runs_queued`, `runs_running`,
    `tasks_ready` (that wait for an agent), `tasks_running`, `slots` and `slots_busy` of agents that
    are not gone, `agents_ready`, `agents_silent`, `agents_draining`, `agents_gone`, `failed_day`
    (runs that FAILED within the last 24 hours, remembered or not) and `paused` (workflows)."""

    newest: int = 0
    streams: dict[str, int] = {}
    counts: dict[str, int] = {}
    ts: float = 0.0

    example: ClassVar[str] = (
        '{"type":"stream.stat","newest":13,"streams":{"run/etl/":13},"counts":{"runs_running":2}}'
    )


COMMON_REQUESTS: tuple[type[Request], ...] = (Hello, Ping)

"""A command's way to the principal and, by what the principal tells, to logd.

Every request waits at most the time-out of the settings and says who did not answer. Knows
endpoints and time-outs, not what is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from cdktr_cli import whereabouts
from cdktr_common import PROTOCOL, __version__, versions
from cdktr_common.catalogue.base import Reply, Request
from cdktr_common.catalogue.common import Hello, Welcome
from cdktr_common.client import Client
from cdktr_common.errors import ProtocolError, Unreachable
from cdktr_common.settings import Settings
from cdktr_common.sockets import resolve

R = TypeVar("R", bound=Reply)


class Connection:
    """Open until the process ends: sockets do not linger."""

    def __init__(self, settings: Settings, endpoint: str) -> None:
        self.settings = settings
        self.endpoint = endpoint
        self.timeout_s = settings.default_zmq_timeout_ms / 1000
        self._client = Client(endpoint, self.timeout_s)
        self._logd: Client | None = None
        self._welcome: Welcome | None = None

    @classmethod
    def of(cls, args: Mapping[str, Any], changes: bool = False) -> Connection:
        """By the common options and the settings; `changes`: is it to change anything there?"""
        from cdktr_common.cli import client_endpoint

        return cls(*client_endpoint(args, changes))

    def ask(
        self,
        request: Request,
        expected: type[R],
        *,
        wait_s: float = 0.0,
        timeout_s: float | None = None,
        request_id: str | None = None,
    ) -> R:
        """The principal's answer. Raises ProtocolError, and Unreachable with a hint."""
        try:
            return self._client.ask(
                request, expected, wait_s=wait_s, timeout_s=timeout_s, request_id=request_id
            )
        except Unreachable:
            limit = (self.timeout_s if timeout_s is None else timeout_s) + wait_s
            raise Unreachable(self.endpoint, limit, whereabouts.hint(self.endpoint)) from None

    def close(self) -> None:
        """Give the sockets up; a command that ends need not."""
        self._client.close()
        if self._logd is not None:
            self._logd.close()

    def welcome(self) -> Welcome:
        """What the principal says of itself and of the endpoints of all. Asked once."""
        if self._welcome is None:
            hello = Hello(program="cdktr", version=__version__, protocol=PROTOCOL)
            told = self.ask(hello, Welcome)
            versions.check("cdktr", told.program, told.version, told.protocol)
            self._welcome = told
        return self._welcome

    def endpoint_of(self, part: str) -> str | None:
        """Where `events`, `logd` or `logs` is to be reached; None: it has not announced itself."""
        return resolve(self.welcome().endpoints.get(part, []), self.endpoint)

    def forget_endpoints(self) -> None:
        """Ask for the endpoints again next time."""
        self._welcome = None

    def ask_logd(self, request: Request, expected: type[R], *, timeout_s: float | None = None) -> R:
        """logd's answer. Raises ProtocolError `unavailable` when the principal knows no logd."""
        if self._logd is None:
            endpoint = self.endpoint_of("logd")
            if endpoint is None:
                raise ProtocolError(
                    "unavailable", f"no logd has announced itself to {self.endpoint}"
                )
            self._logd = Client(endpoint, self.timeout_s)
        return self._logd.ask(request, expected, timeout_s=timeout_s)

"""A query at logd, page by page: begun under a name of its own, so that it can be stopped.

How far it is is told on stderr when that is a terminal. Knows pages, not how they are shown.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from cdktr_cli.connection import Connection
from cdktr_common.catalogue.logd import QueryNext, QueryPage, QueryRun, QueryStop, QueryStopped
from cdktr_common.errors import ProtocolError, Unreachable

_NUMBERS: Final = ("INT", "FLOAT", "DOUBLE", "DECIMAL")
_QUIET_S: Final = 1.0
"""Nothing is said of what is over sooner."""

_LET_GO_S: Final = 1.0
_LOOK_S: Final = 0.05


class Asking:
    """`columns`, `count` and `cut` are known when rows have come."""

    def __init__(
        self, principal: Connection, sql: str, limit: int, timeout_s: float, *, parquet: bool
    ) -> None:
        self._principal = principal
        self._timeout_s = timeout_s
        self._name = f"sql-{os.urandom(6).hex()}"
        self._run = QueryRun(
            sql=sql,
            query=self._name,
            limit=limit,
            timeout_s=timeout_s,
            format="parquet" if parquet else "rows",
        )
        self._types: list[str] = []
        self.columns: list[str] = []
        self.count = 0
        self.cut = False

    def rows(self) -> Iterator[list[Any]]:
        """As they come. Raises ProtocolError, Unreachable."""
        for page in self._pages():
            self.count += len(page.rows)
            yield from page.rows

    def data(self) -> Iterator[bytes]:
        """The bytes of a file."""
        for page in self._pages():
            yield b64decode(page.b64 or "")

    def numbers(self) -> list[bool]:
        """Which columns are of numbers."""
        return [any(word in kind and "[" not in kind for word in _NUMBERS) for kind in self._types]

    def stop(self) -> bool:
        """End it at logd; when nobody answers it ends by its own time. False: it was told to end,
        and goes on."""
        until = time.monotonic() + _LET_GO_S
        stop = QueryStop(query=self._name)
        with suppress(ProtocolError, Unreachable):
            while self._principal.ask_logd(stop, QueryStopped, timeout_s=1.0).found:
                if time.monotonic() > until:
                    return False
                time.sleep(_LOOK_S)
        return True

    def _pages(self) -> Iterator[QueryPage]:
        with _Progress(self) as progress:
            page = self._ask(self._run)
            while True:
                self.columns, self._types = page.columns, page.types
                self.cut = page.cut
                progress.pause()
                yield page
                if page.next is None:
                    return
                progress.go_on()
                page = self._ask(QueryNext(query=self._name, page=page.next))

    def _ask(self, request: QueryRun | QueryNext) -> QueryPage:
        limit = self._timeout_s + self._principal.timeout_s
        return self._principal.ask_logd(request, QueryPage, timeout_s=limit)


class _Progress:
    """A line on a terminal's stderr while there is nothing else to see."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._began = time.monotonic()
        self._over = threading.Event()
        self._shown = False
        self._paused = not sys.stderr.isatty()
        self._thread = threading.Thread(target=self._tell, daemon=True)

    def __enter__(self) -> _Progress:
        if not self._paused:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.pause()
        self._over.set()

    def pause(self) -> None:
        """Rows are shown now: take the line away."""
        self._paused = True
        if self._shown:
            self._shown = False
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def go_on(self) -> None:
        self._paused = not sys.stderr.isatty() or sys.stdout.isatty()

    def _tell(self) -> None:
        while not self._over.wait(_QUIET_S):
            if not self._paused:
                self._shown = True
                took = time.monotonic() - self._began
                said = f"{took:.0f} s, {self._asking.count} rows; ctrl-c stops it"
                print(f"\r{said}\x1b[K", end="", file=sys.stderr, flush=True)

"""One query of somebody, in a thread of its own: from its text to pages.

It reads through a session of its own, prepares a page, and waits until the next is asked for. It
shares nothing with the loop but the queue of what it is to do; whoever ends it interrupts its
session. Its thread gives way to that of the loop. Knows nothing of who asks.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from cdktr_common.catalogue.logd import QueryPage, QueryRun
from cdktr_common.codec import encode
from cdktr_common.errors import ProtocolError
from cdktr_common.loop import worker
from cdktr_logd import allowed, cells
from cdktr_logd.queries import FETCH, PAGE_BYTES, PAGE_ROWS
from cdktr_logd.reader import Column, QueryFault, QueryStarved, QueryWrong, Session, Statement

BYTES_MOST: Final = 256 << 20
"""A query gives so much, as rows or as a file; what gives more is refused there."""

ROW_MOST: Final = 16 << 20

DEPTH_MOST: Final = 100
"""Brackets in brackets. To find the type of what is nested deeper takes longer and longer, and
cannot be interrupted."""

_NICE: Final = 10

Tell = Callable[[bytes | None, bool, ProtocolError | None], None]
"""A page and whether it is the last; or that it is over (no page), perhaps with why."""


class Question:
    """`tell` is called from the thread."""

    def __init__(
        self, name: str, request: QueryRun, session: Session, directory: Path, tell: Tell
    ) -> None:
        self.name = name
        self._request = request
        self._session = session
        self._file = directory / f"{os.urandom(8).hex()}.parquet"
        self._tell = tell
        self._more: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._began = time.monotonic()
        self._thread = worker(self._work, "question")
        try:
            self._thread.start()
        except RuntimeError:  # no memory for its stack: logd has reached its bound
            session.close()
            raise ProtocolError("busy", "there is no memory for one more query now") from None

    def more(self) -> None:
        """Prepare the next page."""
        self._more.put(True)

    def end(self) -> None:
        """Be over soon. To be called again until it is: an interrupt between two statements is
        lost."""
        self._more.put(False)
        self._session.interrupt()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def overgrown(self) -> bool:
        """Does it write a file that is too large?"""
        try:
            return self._file.stat().st_size > BYTES_MOST
        except OSError:
            return False

    def _work(self) -> None:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        fault: ProtocolError | None = None
        try:
            for page in self._pages():
                self._tell(encode(page), page.next is None, None)
                if page.next is None or not self._more.get():
                    break
        except (ProtocolError, QueryFault) as refused:
            fault = _refusal(refused)
        except (ValueError, OverflowError, RecursionError, TypeError) as strange:
            fault = ProtocolError("bad_field", f"a value that cannot be told: {strange}")
        except OSError as trouble:
            fault = ProtocolError("unavailable", f"the file cannot be written: {trouble}")
        self._session.close()
        self._file.unlink(missing_ok=True)
        self._tell(None, True, fault)

    # From the text to what is executed.

    def _pages(self) -> Iterator[QueryPage]:
        session = self._session
        session.begin()
        statement = self._one(self._request.sql)
        if statement.kind == "EXPLAIN":
            self._check_explain(statement)
            session.execute(statement.text)
            columns = [Column("explain_key", "VARCHAR"), Column("explain_value", "VARCHAR")]
            yield from self._rows(columns)
            return
        nested = self._checked(statement)
        columns = session.columns(nested)
        if self._request.format == "parquet":
            yield from self._bytes(nested, columns)
            return
        shown = [form for one in columns if (form := cells.shown_as(one.name, one.kind))]
        replaced = f" REPLACE ({', '.join(shown)})" if shown else ""
        limit = self._request.limit + 1
        session.execute(f"SELECT *{replaced} FROM ({nested}) LIMIT {limit}")
        yield from self._rows(columns)

    def _one(self, sql: str) -> Statement:
        if self._session.depth(sql) > DEPTH_MOST:
            raise ProtocolError("too_large", f"brackets are nested at most {DEPTH_MOST} deep")
        statements = self._session.statements(sql)
        if len(statements) != 1:
            raise ProtocolError("bad_field", f"one statement at a time, not {len(statements)}")
        if statements[0].parameters:
            raise ProtocolError("bad_field", "there are no parameters: write the values")
        return statements[0]

    def _check_explain(self, statement: Statement) -> None:
        inner = allowed.explained(statement.text)
        if inner is None or self._request.format != "rows":
            raise ProtocolError("denied", "EXPLAIN or EXPLAIN ANALYZE and a statement, as rows")
        self._checked(self._one(inner))

    def _checked(self, statement: Statement) -> str:
        """The text of a statement that may be executed."""
        if statement.kind == "MULTI":
            raise ProtocolError("denied", "PIVOT needs its values here: ON state IN ('FAILED')")
        if statement.tree is None:
            raise ProtocolError("denied", f"statements that read only, not {statement.kind}")
        if allowed.shows_tables(statement.tree):
            return f"SELECT * FROM ({allowed.TABLES_SQL}) AS views(name)"
        allowed.check(statement.tree)
        return self._session.nested(statement)

    # Pages.

    def _rows(self, columns: list[Column]) -> Iterator[QueryPage]:
        """A page is given when the first row after it is there: so it knows whether it is the
        last."""
        forms = [cells.cell if one.kind is None else cells.form(one.kind) for one in columns]
        rows: list[Any] = []
        number = count = size = total = 0
        cut = False
        for values in self._fetched():
            if count == self._request.limit:
                cut = True
                break
            if total >= BYTES_MOST:
                most = BYTES_MOST >> 20
                words = f"the first {count} rows are {most} MiB, and a query gives no more"
                raise ProtocolError("too_large", f"{words}: choose fewer rows or columns")
            if size >= PAGE_BYTES or len(rows) == PAGE_ROWS:
                yield self._page(columns, number, rows, more=True)
                number, rows, size = number + 1, [], 0
            body = encode(cells.row(values, forms))
            if len(body) > ROW_MOST:
                raise ProtocolError("too_large", f"a row of {len(body)} bytes")
            rows.append(msgspec.Raw(body))
            count, size, total = count + 1, size + len(body), total + len(body)
        yield self._page(columns, number, rows, more=False, cut=cut)

    def _fetched(self) -> Iterator[tuple[Any, ...]]:
        while rows := self._session.fetch(FETCH):
            yield from rows

    def _bytes(self, nested: str, columns: list[Column]) -> Iterator[QueryPage]:
        limit = self._request.limit
        sql = f"SELECT * FROM ({nested})"
        written = self._session.write_parquet(f"{sql} LIMIT {limit}", self._file)
        cut = False
        if written >= limit:
            self._session.execute(f"SELECT 1 FROM ({sql} LIMIT 1 OFFSET {limit})")
            cut = bool(self._session.fetch(1))
        with self._file.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            number = 0
            while True:
                data = file.read(PAGE_BYTES)
                more = file.tell() < size
                page = self._page(columns, number, [], more=more, cut=cut and not more)
                yield msgspec.structs.replace(page, b64=b64encode(data).decode())
                if not more:
                    return
                number += 1

    def _page(
        self, columns: list[Column], number: int, rows: list[Any], *, more: bool, cut: bool = False
    ) -> QueryPage:
        return QueryPage(
            query=self.name,
            columns=[one.name for one in columns],
            types=[one.type for one in columns],
            rows=rows,
            next=number + 1 if more else None,
            cut=cut,
            took_s=round(time.monotonic() - self._began, 6),
        )


def _refusal(fault: ProtocolError | QueryFault) -> ProtocolError:
    if isinstance(fault, ProtocolError):
        return fault
    if isinstance(fault, QueryStarved):
        return ProtocolError("too_large", f"{fault}: choose fewer rows or columns, or a LIMIT")
    if isinstance(fault, QueryWrong):
        return ProtocolError("bad_field", str(fault))
    return ProtocolError("unavailable", str(fault))

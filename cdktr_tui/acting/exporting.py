"""All output of a scope, from its first byte, taken out of the program: to a file or a pager.

It is read from the recorder page by page, whatever is loaded on the screen, and given on in whole
lines; nothing of it can steer a terminal that it may be shown on later. Who takes the text may say
that it is enough.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec

from cdktr_common import clean
from cdktr_common.catalogue.base import Request
from cdktr_common.catalogue.logd import LogPage
from cdktr_common.errors import ProtocolError
from cdktr_common.times import rfc3339
from cdktr_tui.model import asks
from cdktr_tui.model.strand import Strand
from cdktr_tui.model.tape import Block, Source, Tape

Form = Literal["txt", "ndjson", "csv"]
FORMS: Final[dict[str, Form]] = {"ndjson": "ndjson", "jsonl": "ndjson", "csv": "csv"}
"""By the ending of a file; what is none of them is plain text."""

FIELDS: Final = ("time", "run", "task", "n", "stream", "line", "text")

LONGEST: Final = 1 << 20
"""Cells of a line that are written."""

Asks = Callable[[Request, Callable[[Any], None], Callable[[ProtocolError], None]], int]


class Export:
    """`take` gets the text in pieces and tells whether more is wanted; `done` gets how many lines
    it were, and what went wrong."""

    def __init__(
        self, ask: Asks, scope: asks.Scope, form: Form, take: Callable[[str], bool],
        done: Callable[[int, str | None], None],
    ) -> None:  # fmt: skip
        self._ask, self._scope, self._form = ask, scope, form
        self._take, self._done = take, done
        self._strands: dict[Source, Strand] = {}
        self._open: dict[Source, Block] = {}
        self.lines = 0

    def start(self) -> None:
        """Ask for the first page."""
        if self._form == "csv":
            self._take(",".join(FIELDS) + "\n")
        self._next(0)

    def _next(self, after: int) -> None:
        def told(page: LogPage) -> None:
            if not self._take(self._page(page)):
                self._done(self.lines, None)
            elif page.next is None:
                self._take("".join(map(self._text, self._open.values())))
                self._done(self.lines, None)
            else:
                self._next(page.next)

        def refused(fault: ProtocolError) -> None:
            self._done(self.lines, f"{fault.code}: {fault.detail}")

        self._ask(asks.after(self._scope, after), told, refused)

    def _page(self, page: LogPage) -> str:
        """The lines that are whole by now; the last one of a stream may go on in the next page."""
        tape, said = Tape(), []
        for chunk in page.chunks:
            source = asks.source_of(chunk)
            strand = self._strands.setdefault(source, Strand(source, 0))
            before = strand.open
            blocks = strand.take(tape, chunk, 0, 0)
            if before is not None and strand.open is not before:
                said.append(self._text(self._open.pop(source)))
            for block in blocks:
                if block is strand.open:
                    self._open[source] = block
                else:
                    said.append(self._text(block))
        return "".join(said)

    def _text(self, block: Block) -> str:
        self.lines += len(block.lines) - block.part
        source, time = block.source, rfc3339(block.ts)
        rows = [clean.line(text, LONGEST) for text in block.lines]
        if self._form == "txt":
            of = "" if self._scope.task else f"{clean.line(source.task)} | "
            return "".join(f"{time} {of}{row}\n" for row in rows)
        numbers = range(block.line, block.line + len(rows))
        records = [(time, *source, number, row) for number, row in zip(numbers, rows, strict=True)]
        if self._form == "csv":
            out = io.StringIO()
            csv.writer(out, lineterminator="\n").writerows(records)
            return out.getvalue()
        encode = msgspec.json.encode
        named = (dict(zip(FIELDS, one, strict=True)) for one in records)
        return "".join(clean.json(encode(one).decode()) + "\n" for one in named)


def to_file(
    ask: Asks, scope: asks.Scope, form: Form, path: str, said: Callable[[str, str], None]
) -> str | None:
    """Write all of it to a new file that only its owner reads. What is wrong at once, if anything
    is; `said` is told in the end how it went."""
    try:
        number = os.open(os.path.expanduser(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return "there is such a file already"
    except OSError as fault:
        return str(fault.strerror or fault)
    file = os.fdopen(number, "w", encoding="utf-8", errors="replace")
    wrong: list[str] = []

    def take(text: str) -> bool:
        try:
            file.write(text)
        except OSError as fault:
            wrong.append(str(fault.strerror or fault))
        return not wrong

    def done(lines: int, fault: str | None) -> None:
        try:
            file.close()
        except OSError as late:
            wrong.append(str(late.strerror or late))
        reason = fault or next(iter(wrong), None)
        if reason:
            said(f"{path}: only {lines:,} lines: {clean.line(reason, 200)}", "bad")
        else:
            said(f"wrote {lines:,} lines to {path}", "ok")

    Export(ask, scope, form, take, done).start()
    return None

"""Texts that leave the program: to a file, to a pager or an editor, as JSON, CSV or plain text.

What is written is what was told, but for what would steer a terminal: a pager, a shell into which
it is pasted and `cat` shall not obey it either.
"""

from __future__ import annotations

import csv as csv_of
import io
import os
import shlex
import subprocess
import tempfile
import time
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from textual.app import App, SuspendNotSupported

from cdktr_common import clean
from cdktr_tui.draw.line import plain
from cdktr_tui.terminal import signals
from cdktr_tui.widgets import columns
from cdktr_tui.widgets.rows import RowsView

CELLS: Final = 160
"""A table as text is so wide; it has no screen."""


def harmless(text: str) -> str:
    """The text without what a terminal obeys."""
    return "\n".join(clean.line(each, 1 << 20) for each in text.split("\n"))


def texts(rows: RowsView, keys: Sequence[str], titles: bool = False) -> list[str]:
    """Rows as they are shown, whole."""
    placed = columns.place(rows.columns, CELLS, True)
    lines = [columns.header(placed)] if titles else []
    lines += [columns.row(placed, rows.cells(key, rows.now)) for key in keys]
    return [plain(line).rstrip() for line in lines]


def ndjson(records: Sequence[Any]) -> str:
    """A line of JSON each."""
    return harmless("".join(msgspec.json.encode(one).decode() + "\n" for one in records))


def csv(records: Sequence[Any]) -> str:
    """A column for each key that any of them has; what is no single value is JSON."""
    rows = [msgspec.to_builtins(one) for one in records]
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv_of.writer(out, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in names])
    return harmless(out.getvalue())


def _cell(value: Any) -> Any:
    if isinstance(value, list | dict | bool):
        return msgspec.json.encode(value).decode()
    return "" if value is None else value


def free(name: str, form: str) -> str:
    """A name that no file has."""
    return f"{name}-{time.strftime('%Y%m%d-%H%M%S')}.{form}"


def write(path: str, text: str) -> str | None:
    """Write a new file that only its owner reads; what is wrong if that cannot be."""
    path = os.path.expanduser(path)
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(number, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
    except FileExistsError:
        return "there is such a file already"
    except OSError as fault:
        return str(fault.strerror or fault)
    return None


def page(app: App[Any], text: str, form: str = "txt") -> str | None:
    """Show a text in $PAGER; the program waits. What is wrong if that cannot be."""
    command = os.environ.get("PAGER") or "less -S"
    return _run(app, command, harmless(text), form)[1]


def edit(app: App[Any], text: str, form: str = "txt") -> tuple[str, str | None]:
    """The text as it comes out of $EDITOR, or what is wrong."""
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    return _run(app, command, text, form)


def _run(app: App[Any], command: str, text: str, form: str) -> tuple[str, str | None]:
    with tempfile.TemporaryDirectory(prefix="cdktr-tui-") as folder:
        path = os.path.join(folder, f"text.{form}")
        fault = write(path, text)
        if fault:
            return text, fault
        try:
            words = [*shlex.split(command), path]
            with app.suspend(), signals.elsewhere():
                subprocess.run(words, env={**os.environ, "LESSSECURE": "1"}, check=False)
            with open(path, encoding="utf-8", errors="replace") as file:
                return file.read(), None
        except SuspendNotSupported:
            return text, "this terminal cannot be given away"
        except (OSError, ValueError) as wrong:
            return text, f"{command}: {getattr(wrong, 'strerror', None) or wrong}"

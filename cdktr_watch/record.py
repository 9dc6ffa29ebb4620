"""What this program owns: `watch/NAME/seen` in CDKTR_HOME, what it told last and what is not told
yet.

A line is a JSON object. What is to be told is written and synced *before* it is sent, with a number
that goes into its key, and the numbers that the principal has acknowledged are written after it;
so whatever line a kill falls on, the same event is sent again under the same key or not at all. A
last line that was cut off is dropped. The first is there before the file has its name, so a file
without it has lost what was in it. When most lines say what is no longer true, the file is
written anew. Knows no files but its own.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from cdktr_common.errors import DAMAGED, Refusal
from cdktr_common.files import replace_file
from cdktr_watch.changes import Change, State

STALE_LINES: Final = 20_000
"""Lines without meaning that are left in the file, at least, before it is written anew."""


class RecordDamaged(Refusal):
    """The record is not what was written; ends the program with 74."""

    @property
    def exit(self) -> int:
        return DAMAGED


def directory(home: Path, name: str) -> Path:
    """Where a watch of this name keeps its record."""
    plain = quote(name, safe="")
    if len(plain) > 100 or plain in (".", ".."):
        plain = plain[:80] + "-" + hashlib.blake2b(name.encode(), digest_size=8).hexdigest()
    return home / "watch" / plain


class Record:
    """See the module text. `told` and `waiting` are what the file says; raises RecordDamaged and
    OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.told: dict[str, State] = {}
        self.waiting: dict[int, Change] = {}
        self.scope = ""
        self._last = 0
        self._lines = 0
        self._unsaved: list[str] = []
        self._saved_to = 0
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            replace_file(path, b'{"scope":"","last":0}\n', durable=True)
        self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._size = self._read()
        os.ftruncate(self._fd, self._size)
        self._saved_to = self._last

    @property
    def fresh(self) -> bool:
        """Has nothing been watched under this record yet?"""
        return not self.scope

    def _read(self) -> int:
        """Take in the file; where its last whole line ends."""
        with open(self._fd, "rb", closefd=False) as file:
            content = file.read()
        whole = content.rfind(b"\n") + 1
        lines = content[:whole].split(b"\n")[:-1]
        if not lines or not lines[0].startswith(b'{"scope":'):
            raise self._damaged(1)
        for number, line in enumerate(lines, 1):
            try:
                self._fold(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError):
                raise self._damaged(number) from None
        self._lines = len(lines)
        return whole

    def _damaged(self, number: int) -> RecordDamaged:
        return RecordDamaged(
            f"{self.path}:{number} is not what was written there. Nothing has been altered. "
            "Bring a copy back; or remove it: then all files are taken as told"
        )

    def _fold(self, line: dict[str, Any]) -> None:
        if "scope" in line:
            self.scope = line["scope"]
            self._last = max(self._last, int(line["last"]))
        elif "told" in line:
            for number in line["told"]:
                self.waiting.pop(number, None)
        else:
            state = State(line["ino"], line["size"], line["mtime_ns"], line["ctime_ns"])
            change = Change(line["kind"], line["path"], state, line.get("from", ""))
            if not line.get("again"):
                self._apply(change)
            if "n" in line:
                self._last = max(self._last, int(line["n"]))
                self.waiting[int(line["n"])] = change

    def _apply(self, change: Change) -> None:
        left = self.told.get(change.source)
        if left is not None and left.ino == change.state.ino:  # else another one has come there
            del self.told[change.source]
        if change.kind in ("deleted", "forgotten"):
            self.told.pop(change.path, None)
        else:
            self.told[change.path] = change.state

    # Writing. `told` is kept by whoever decides (it is the same mapping); here only the file is.

    def begin(self, scope: str) -> None:
        """Another set of files is watched from now on."""
        self.scope = scope
        self._note({"scope": scope, "last": self._last})

    def note(self, change: Change, tell: bool) -> None:
        """A change that is to be told, or that nobody wants to hear of."""
        line: dict[str, Any] = {"n": self._last + 1} if tell else {}
        self._note(line | _line(change))
        if tell:
            self._last += 1
            self.waiting[self._last] = change

    def acknowledged(self, numbers: Iterable[int]) -> None:
        """The principal has these."""
        numbers = list(numbers)
        for number in numbers:
            self.waiting.pop(number, None)
        self._note({"told": numbers})

    def sendable(self, number: int) -> bool:
        """Is it on the disk?"""
        return number <= self._saved_to

    def _note(self, line: dict[str, Any]) -> None:
        self._unsaved.append(json.dumps(line, separators=(",", ":")))

    @property
    def unsaved(self) -> bool:
        """Is there something to save?"""
        return bool(self._unsaved)

    def save(self) -> None:
        """Make all of it durable. Raises OSError, and then the file is as it was."""
        if not self._unsaved:
            return
        data = "".join(line + "\n" for line in self._unsaved).encode()
        at = self._size
        try:
            view = memoryview(data)
            while view:
                written = os.pwrite(self._fd, view, at)
                view, at = view[written:], at + written
            os.fdatasync(self._fd)
        except OSError:
            os.ftruncate(self._fd, self._size)
            raise
        self._size = at
        self._lines += len(self._unsaved)
        self._unsaved.clear()
        self._saved_to = self._last
        if self._lines > 2 * (len(self.told) + len(self.waiting)) + STALE_LINES:
            self.compact()

    def compact(self) -> None:
        """Write the file anew, with what is true."""
        lines: list[dict[str, Any]] = [{"scope": self.scope, "last": self._last}]
        lines += [_line(Change("known", path, state)) for path, state in self.told.items()]
        lines += [{"n": n, "again": True} | _line(c) for n, c in self.waiting.items()]
        text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
        replace_file(self.path, text.encode(), durable=True)
        os.close(self._fd)
        self._fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        self._size, self._lines = len(text), len(lines)

    def close(self) -> None:
        """Give the file up."""
        os.close(self._fd)


def _line(change: Change) -> dict[str, Any]:
    line = {"kind": change.kind, "path": change.path, **change.state._asdict()}
    return line | ({"from": change.source} if change.source else {})

"""What takes long to read, read in a thread of its own so that the loop never waits for it: the
workflow directory, and definitions that came by wire.

One scan at a time; a request during a scan asks for one more after it. Sources are read in the
order in which they came. Hands over what it found; what that changes is the core's to decide.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from cdktr_common.catalogue.values import Fault, Plan
from cdktr_common.loop import worker
from cdktr_principal.folder import Folder, Scan, Seen
from cdktr_principal.language.dialects import load_text

T = TypeVar("T")


class Source(NamedTuple):
    """The text of a definition that is to be read; `about` comes back with what it says."""

    text: str
    workflow: str
    file: str
    strip_image: bool
    about: Any


class Read(NamedTuple):
    """What a source says: a plan, or its faults."""

    plan: Plan | None
    faults: list[Fault]
    about: Any


class Definitions:
    """Scans and reads on request; `wake` is called from the thread when results can be `taken`."""

    def __init__(self, path: Path, refresh_s: float, wake: Callable[[], None]) -> None:
        self.refresh_s = refresh_s
        self._folder = Folder(str(path))
        self._known: dict[str, Seen] = {}
        self._wake = wake
        self._asked = threading.Event()
        self._scan_asked = False
        self._sources: queue.SimpleQueue[Source] = queue.SimpleQueue()
        self._found: queue.SimpleQueue[Scan] = queue.SimpleQueue()
        self._read: queue.SimpleQueue[Read] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def scan(self) -> Scan:
        """Look now, waiting for it. Only before the first `request`, and in the thread."""
        scan = self._folder.scan(self._known)
        self._known = scan.known
        return scan

    def request(self) -> None:
        """Look soon, in the thread."""
        self._scan_asked = True
        self._ask()

    def read(self, source: Source) -> None:
        """Read a definition soon, in the thread."""
        self._sources.put(source)
        self._ask()

    def _ask(self) -> None:
        if self._thread is None:
            self._thread = worker(self._work, "definitions")
            self._thread.start()
        self._asked.set()

    def _work(self) -> None:
        while True:
            self._asked.wait()
            self._asked.clear()
            # Somebody waits for a source; the directory is looked at again and again.
            while not self._sources.empty():
                self._read.put(_read(self._sources.get()))
                self._wake()
            if self._scan_asked:
                self._scan_asked = False
                self._found.put(self.scan())
                self._wake()

    def taken(self) -> list[Scan]:
        """What has been found since the last call."""
        return _all(self._found)

    def taken_reads(self) -> list[Read]:
        """The sources that have been read since the last call."""
        return _all(self._read)


def _read(source: Source) -> Read:
    data = source.text.encode("utf-8", "surrogatepass")
    plan, faults = load_text(
        data, source.workflow, source.file, strip_image=source.strip_image, lone_task=True
    )
    return Read(plan, faults, source.about)


def _all(found: queue.SimpleQueue[T]) -> list[T]:
    items = []
    while not found.empty():
        items.append(found.get())
    return items

"""The workflow directory, looked at in a thread of its own so that the loop never waits for it.

One scan at a time; a request during a scan asks for one more after it. Hands over what it found;
what that changes is the core's to decide.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from pathlib import Path

from cdktr_principal.folder import Folder, Scan, Seen


class Definitions:
    """Scans on request; `wake` is called from the thread when results can be `taken`."""

    def __init__(self, path: Path, refresh_s: float, wake: Callable[[], None]) -> None:
        self.refresh_s = refresh_s
        self._folder = Folder(str(path))
        self._known: dict[str, Seen] = {}
        self._wake = wake
        self._asked = threading.Event()
        self._found: queue.SimpleQueue[Scan] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def scan(self) -> Scan:
        """Look now, waiting for it. Only before the first `request`, and in the thread."""
        scan = self._folder.scan(self._known)
        self._known = scan.known
        return scan

    def request(self) -> None:
        """Look soon, in the thread."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="definitions", daemon=True)
            self._thread.start()
        self._asked.set()

    def _work(self) -> None:
        while True:
            self._asked.wait()
            self._asked.clear()
            self._found.put(self.scan())
            self._wake()

    def taken(self) -> list[Scan]:
        """What has been found since the last call."""
        scans = []
        while not self._found.empty():
            scans.append(self._found.get())
        return scans

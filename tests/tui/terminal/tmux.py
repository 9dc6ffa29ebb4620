"""A terminal that somebody sits at: a server of tmux of its own, with one window.

What is seen is what tmux made of the bytes, so a sequence that no terminal understands shows here.
Waiting is for text, never for time.
"""

from __future__ import annotations

import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PATIENCE_S = 30.0
PROMPT = "here$"


class Tmux:
    """A shell in a window of `cols` x `rows`."""

    def __init__(self, env: Mapping[str, str], cols: int = 80, rows: int = 24) -> None:
        self._dir = tempfile.TemporaryDirectory(prefix="cdktr-tmux", dir="/tmp")
        self._socket = str(Path(self._dir.name) / "s")
        kept = {**env, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        self._tmux(
            "-f", "/dev/null", "new-session", "-d", "-x", str(cols), "-y", str(rows),
            "sh", env=kept,
        )  # fmt: skip
        self._tmux("set-option", "-g", "window-size", "manual")
        self.run(f"PS1='{PROMPT} '; clear")
        self.until(lambda now: now.strip() == PROMPT, what="a shell")

    def __enter__(self) -> Tmux:
        return self

    def __exit__(self, *_: object) -> None:
        self._tmux("kill-server")
        self._dir.cleanup()

    def _tmux(self, *words: str, env: Mapping[str, str] | None = None) -> str:
        argv = ["tmux", "-S", self._socket, *words]
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=20, check=True)
        return done.stdout

    @property
    def text(self) -> str:
        return self._tmux("capture-pane", "-p")

    @property
    def title(self) -> str:
        """Of the pane: what a program wrote there by a sequence."""
        return self._tmux("display-message", "-p", "#{pane_title}").strip()

    @property
    def alternate(self) -> bool:
        """Is the other screen shown, on which programs draw?"""
        return self._tmux("display-message", "-p", "#{alternate_on}").strip() == "1"

    def until(self, seen: Callable[[str], bool], within: float = PATIENCE_S, what: str = "") -> str:
        """The screen when that is so."""
        end = time.monotonic() + within
        while not seen(text := self.text):
            assert time.monotonic() < end, f"waited {within} s for {what}, and see:\n{text}"
            threading.Event().wait(0.02)
        return text

    def shows(self, *texts: str, within: float = PATIENCE_S) -> str:
        """The screen when all of these are on it."""
        return self.until(lambda now: all(each in now for each in texts), within, repr(texts))

    def loses(self, text: str, within: float = PATIENCE_S) -> str:
        return self.until(lambda now: text not in now, within, f"no {text!r}")

    def line(self, text: str) -> str:
        """The line that has this text in it."""
        return next((row for row in self.text.split("\n") if text in row), "")

    def type(self, text: str) -> None:
        """Letters as they are."""
        self._tmux("send-keys", "-l", text)

    def press(self, *keys: str) -> None:
        """Keys by their names: Enter, Escape, C-d."""
        self._tmux("send-keys", *keys)

    def run(self, command: Sequence[str] | str) -> None:
        """Type a command at the prompt."""
        self.type(command if isinstance(command, str) else " ".join(command))
        self.press("Enter")

    def resize(self, cols: int, rows: int) -> None:
        self._tmux("resize-window", "-x", str(cols), "-y", str(rows))

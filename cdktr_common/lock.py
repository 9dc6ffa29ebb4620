"""One owner per state directory: a flock on our own file, with the owner's name inside.

Taken before anything is opened or bound. The lock lives and dies with the process; the text in
the file is only there to tell people who holds it.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from cdktr_common.errors import BUSY, Refusal


class Locked(Refusal):
    """Somebody else owns the directory; ends a program with exit code 75."""

    def __init__(self, path: Path, owner: dict[str, Any]) -> None:
        since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(owner.get("since_ts", 0)))
        who = (
            f"{owner.get('program', 'another program')} (pid {owner.get('pid', '?')} on "
            f"{owner.get('host', '?')}, since {since})"
        )
        super().__init__(f"{path.parent} is in use by {who}")
        self.owner = owner

    @property
    def exit(self) -> int:
        return BUSY


class Lock:
    """Held from construction until the process ends or `release`. Raises Locked."""

    def __init__(self, path: Path, program: str, **details: Any) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            raise Locked(path, read_owner(path)) from None
        self.update(program=program, **details)

    def update(self, **details: Any) -> None:
        """Tell more about the owner."""
        owner = {"pid": os.getpid(), "host": socket.gethostname(), "since_ts": time.time()}
        text = json.dumps({**owner, **details}).encode()
        with suppress(OSError):  # on a full disk the lock holds all the same
            os.pwrite(self._fd, text, 0)
            os.ftruncate(self._fd, len(text))

    def release(self) -> None:
        """Give the directory up."""
        os.close(self._fd)


def read_owner(path: Path) -> dict[str, Any]:
    """What the owner wrote of itself; empty when there is nothing readable."""
    try:
        owner = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return owner if isinstance(owner, dict) else {}


def holder(path: Path) -> dict[str, Any] | None:
    """The owner of `path` if it is locked now, else None."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return read_owner(path)
    finally:
        os.close(fd)
    return None

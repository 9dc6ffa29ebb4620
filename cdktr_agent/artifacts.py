"""The files that a task hands over: found, read and spooled as streams, a piece at a time.

Only regular files below the task's directory, no links, and within stated limits; whatever is left
out is said in the reason of its result. Read after nobody of the task lives, between other work;
when the spool is full it waits a while for logd to take something. Knows nothing of who keeps them.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator
from typing import Final

from cdktr_agent import globs
from cdktr_agent.attempt import Attempt
from cdktr_agent.environment import SCRIPT
from cdktr_agent.masking import Masker
from cdktr_agent.places import NAMES

COUNT: Final = 100
"""Artifacts of an attempt."""

LARGEST: Final = 64 << 20
"""Bytes of one."""

ALL: Final = 256 << 20
"""Bytes of all of an attempt."""

LONGEST: Final = 400
"""Bytes of a name, with its directories."""

LOOK_AT: Final = 50_000
"""Names that are looked at in the search for them."""

SAID: Final = 3
"""Of how many that are left out the name is told."""

TURN_S: Final = 0.005
PAUSE_S: Final = 0.05
WAIT_S: Final = 10.0
"""How long it waits for room in the spool without any getting free."""

_READ: Final = 1 << 18

Work = Iterator[float]
"""A pause is to follow each piece of it."""


class Shipment:
    """All artifacts of one attempt."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._root = attempt.root
        self._left_out: list[str] = []
        self._no_room = False  # and nothing of the spool got free for long
        self._room = ALL
        self._ts = time.time()
        self._work = self._ship()

    def go_on(self) -> float | None:
        """Do a piece; how long to pause, or None when all is done."""
        end = time.monotonic() + TURN_S
        for pause in self._work:
            if pause or time.monotonic() > end:
                return pause
        if self._left_out:
            more = len(self._left_out) - SAID
            said = self._left_out[:SAID] + ([f"and {more} more"] if more > 0 else [])
            self._attempt.notes.append(f"artifacts left out: {', '.join(said)}")
        return None

    def _ship(self) -> Work:
        names: list[str] = []
        try:
            state = globs.begin(self._attempt.spec.artifacts)
            yield from self._find(state, names)
        except (ValueError, OSError) as fault:
            self._left_out.append(str(fault))
        if not names and not self._left_out:
            patterns = " ".join(self._attempt.spec.artifacts)
            self._left_out.append(f"nothing is like {patterns[:LONGEST]}")
        for index, name in enumerate(sorted(names)):
            if index < COUNT:
                yield from self._one(name)
            else:
                self._left_out.append(f"{name} (more than {COUNT})")

    # Finding

    def _find(self, state: globs.State, names: list[str]) -> Work:
        place = self._attempt.place
        ours = place is not None and os.path.realpath(self._root) == os.path.realpath(place.path)
        waiting = [("", state)]
        seen = 0
        while waiting:
            directory, state = waiting.pop()
            for entry in self._entries(directory):
                seen += 1
                if seen > LOOK_AT:
                    raise ValueError(f"more than {LOOK_AT} names to look at")
                name = f"{directory}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    inner = globs.below(state, entry.name)
                    if inner is not None:
                        waiting.append((f"{name}/", inner))
                elif globs.meant(state, entry.name) and not (ours and name in (*NAMES, SCRIPT)):
                    names.append(name)
            yield 0.0

    def _entries(self, directory: str) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(os.path.join(self._root, directory)) as entries:
                yield from entries
        except OSError as fault:
            self._left_out.append(f"{directory or 'all'} ({fault.strerror})")

    # Reading

    def _one(self, name: str) -> Work:
        try:
            fd = self._open(name)
        except (OSError, ValueError) as fault:
            why = fault.strerror if isinstance(fault, OSError) else fault
            is_link = isinstance(fault, OSError) and fault.errno == errno.ELOOP
            self._left_out.append(f"{name} ({'a link' if is_link else why})")
            return
        try:
            yield from self._send(name, fd)
        except OSError as fault:
            self._left_out.append(f"{name} ({fault.strerror})")
        finally:
            os.close(fd)

    def _open(self, name: str) -> int:
        """Raises OSError, or ValueError when it is none of those that are taken."""
        try:
            size = len(name.encode())
        except UnicodeEncodeError:
            raise ValueError("its name is not UTF-8") from None
        if size > LONGEST:
            raise ValueError(f"a name of more than {LONGEST} bytes")
        path = os.path.join(self._root, name)
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        seen = os.fstat(fd)
        why = ""
        if not stat.S_ISREG(seen.st_mode):
            why = "not a regular file"
        elif seen.st_size > LARGEST:
            why = f"more than {LARGEST >> 20} MiB"
        elif seen.st_size > self._room:
            why = f"more than {ALL >> 20} MiB in all"
        elif not os.path.realpath(path).startswith(os.path.realpath(self._root).rstrip("/") + "/"):
            why = "outside of the task's directory"
        if why:
            os.close(fd)
            raise ValueError(why)
        self._room -= seen.st_size
        return fd

    def _send(self, name: str, fd: int) -> Work:
        """As much of it as there was when it was opened."""
        left = os.fstat(fd).st_size
        secrets = self._attempt.secrets
        masker = Masker(secrets) if secrets is not None else None
        spool = self._attempt.spool
        while True:
            waited = 0.0
            while spool.full and not self._no_room:
                waited += PAUSE_S
                self._no_room = waited > WAIT_S
                yield PAUSE_S
            if self._no_room:
                self._left_out.append(f"{name} (no room in the spool)")
                return
            data = os.read(fd, min(_READ, left))
            left -= len(data)
            last = not data or not left
            if masker is not None:
                data = masker.feed(data) + (masker.end() if last else b"")
            if not spool.put(f"artifact/{name}", data, self._ts, last):
                self._left_out.append(f"{name} (no room in the spool)")
                return
            if last:
                return
            yield 0.0

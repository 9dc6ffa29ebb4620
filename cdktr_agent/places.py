"""Directories for attempts: one each, empty and 0700 when it is taken, gone when it is over.

Most tasks leave nothing there, so a directory that nobody has touched is given to the next attempt
as it is: what that costs is one `stat`. (A change shows in its ctime, once that is older than the
clock's grain.) What was written to is removed piece by piece between other work, since a task may
leave a million files. Knows nothing of what stands in them.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

OUTPUT: Final = ".cdktr-output"
RESULT: Final = ".tork-output"
PROGRESS: Final = ".cdktr-progress"
NAMES: Final = (OUTPUT, RESULT, PROGRESS)

NO_FILE: Final = "it is no regular file"

GRAIN_NS: Final = 50_000_000
"""Two changes that are so far apart have different times, whatever the file system."""

SPARE: Final = 64
"""Directories kept for those to come."""

TIDY_S: Final = 0.005
"""How long removing may hold up other work."""


class Place:
    """One of them. `env` tells a task about it."""

    __slots__ = ("changed_ns", "clean", "env", "path", "trusted")

    def __init__(self, path: str) -> None:
        self.path = path
        self.changed_ns = 0
        self.trusted = False
        self.clean = False  # was it untouched when somebody last looked?
        base = os.fsencode(path)
        output, result, progress = (base + b"/" + os.fsencode(name) for name in NAMES)
        self.env = {
            b"CDKTR_TASK_DIR": base,
            b"CDKTR_OUTPUT": output,
            b"TORK_OUTPUT": result,
            b"CDKTR_PROGRESS": progress,
            b"TORK_PROGRESS": progress,
        }

    def untouched(self) -> bool:
        """Has nothing been made, removed or changed there since it was taken? Not always known."""
        try:
            self.clean = self.trusted and os.stat(self.path).st_ctime_ns == self.changed_ns
        except OSError:
            self.clean = False  # even that may have been removed
        return self.clean

    def read(self, name: str, most: int) -> bytes | None:
        """What stands in a file there, one byte more than `most` at most; None without one. Raises
        OSError, which says of anything but a regular file that it is none."""
        path = f"{self.path}/{name}"
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as fault:
            if fault.errno in (errno.ELOOP, errno.ENXIO):
                raise OSError(fault.errno, NO_FILE) from None
            raise
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise OSError(errno.EINVAL, NO_FILE)
            data = b""
            while len(data) <= most and (part := os.read(fd, most + 1 - len(data))):
                data += part
            return data
        finally:
            os.close(fd)


class Places:
    """Those below `root`, which belongs to us alone."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._count = 0
        self._spare: list[Place] = []
        self._removing: list[Iterator[None]] = []

    def clear(self) -> None:
        """Remove what an earlier supervisor left."""
        os.makedirs(self._root, mode=0o700, exist_ok=True)
        for name in os.listdir(self._root):
            self._removing.append(_removal(f"{self._root}/{name}"))
        # A new name is not one of those that are still being removed.
        self._count = max([0, *(int(n) for n in os.listdir(self._root) if n.isdigit())])

    def take(self) -> Place:
        """An empty one. On a full disk it is one that does not exist: most tasks do not miss it.
        Raises OSError."""
        if self._spare:
            place = self._spare.pop()
            if place.clean:  # nothing has changed since it was looked at
                place.clean = False
                return place
        else:
            self._count += 1
            place = Place(f"{self._root}/{self._count}")
            try:
                os.mkdir(place.path, 0o700)
            except OSError as fault:
                if fault.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                place.trusted = False
                return place
        place.changed_ns = os.stat(place.path).st_ctime_ns
        place.trusted = time.time_ns() - place.changed_ns > GRAIN_NS
        return place

    def give_back(self, place: Place) -> None:
        """It is not needed any more, and nobody lives who could write to it; nor has since it was
        found `clean`, if it was."""
        try:
            clean = (
                place.clean
                or place.untouched()
                or (os.stat(place.path).st_mode & 0o7777 == 0o700 and not os.listdir(place.path))
            )
        except OSError:
            clean = False
        if clean and len(self._spare) < SPARE:
            self._spare.append(place)
        else:
            self._removing.append(_removal(place.path))

    @property
    def untidy(self) -> bool:
        """Is there something to be removed?"""
        return bool(self._removing)

    def tidy(self) -> None:
        """Remove for a moment."""
        end = time.monotonic() + TIDY_S
        while self._removing and time.monotonic() < end:
            try:
                next(self._removing[-1])
            except StopIteration:
                self._removing.pop()
            except OSError:
                self._removing.pop()  # the next supervisor tries again


def _removal(path: str) -> Iterator[None]:
    """Remove a file or a tree, a name at a time. Never follows a link."""
    waiting = [path]
    listed = set()
    while waiting:
        path = waiting[-1]
        try:
            os.rmdir(path)
        except NotADirectoryError:
            os.unlink(path)
        except FileNotFoundError:
            pass
        except OSError:
            if path not in listed:  # not empty, or not ours to look into yet
                listed.add(path)
                with suppress(OSError):
                    yield from _emptying(path, waiting)
                continue
        waiting.pop()
        yield


def _emptying(path: str, waiting: list[str]) -> Iterator[None]:
    """Remove the files of a directory; the directories in it are put to those that wait."""
    os.chmod(path, 0o700)
    with os.scandir(path) as names:
        for entry in names:
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            else:
                with suppress(OSError):
                    os.unlink(entry.path)
            yield

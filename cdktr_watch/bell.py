"""The one place that knows the inotify library: watched directories by number, events in words.

An event says which path to look at, not what is there. When the kernel had to drop events it says
so (`overflow`); when it allows no more watches, `Exhausted` does.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Final, NamedTuple

from inotify_simple import INotify, flags

_MASK: Final = (
    flags.CREATE | flags.MODIFY | flags.ATTRIB | flags.CLOSE_WRITE | flags.MOVED_FROM
    | flags.MOVED_TO | flags.DELETE | flags.DELETE_SELF | flags.MOVE_SELF | flags.ONLYDIR
)  # fmt: skip

_WORDS: Final = {
    flags.CREATE: "made", flags.MODIFY: "written", flags.ATTRIB: "touched",
    flags.CLOSE_WRITE: "closed", flags.MOVED_FROM: "from", flags.MOVED_TO: "to",
    flags.DELETE: "gone",
}  # fmt: skip

_LOST: Final = flags.DELETE_SELF | flags.MOVE_SELF | flags.UNMOUNT | flags.IGNORED


class Exhausted(Exception):
    """The system allows no more watches to this user; the text says which limit."""


class Rang(NamedTuple):
    """`what`: made, written, touched, closed, from, to, gone; `lost`, of the watched directory
    itself; `overflow`, of all. `cookie` ties a `to` to its `from`."""

    what: str
    directory: str = ""
    name: str = ""
    is_directory: bool = False
    cookie: int = 0


class Bell:
    """Rings when something happens in a watched directory. Raises Exhausted."""

    def __init__(self) -> None:
        try:
            self._inotify = INotify(nonblocking=True)
        except OSError as fault:
            raise Exhausted(f"fs.inotify.max_user_instances ({fault.strerror})") from None
        self._paths: dict[int, list[str]] = {}
        self._numbers: dict[str, int] = {}

    def fileno(self) -> int:
        """Readable when it has rung."""
        return int(self._inotify.fileno())

    def watch(self, directory: str) -> None:
        """Ring for what happens directly in it. Raises Exhausted, and OSError when it is not
        there."""
        try:
            number = self._inotify.add_watch(directory, _MASK)
        except OSError as fault:
            if fault.errno in (errno.ENOSPC, errno.ENOMEM):
                raise Exhausted("fs.inotify.max_user_watches") from None
            raise
        before = self._numbers.get(directory)
        if before != number:
            if before is not None:
                self._drop(directory)
            self._numbers[directory] = number
            self._paths.setdefault(number, []).append(directory)

    def forget(self, directory: str) -> None:
        """Neither it nor what is below it is where it was."""
        below = directory + "/"
        for path in [p for p in self._numbers if p == directory or p.startswith(below)]:
            self._drop(path)

    def _drop(self, path: str) -> None:
        number = self._numbers.pop(path)
        paths = self._paths[number]
        paths.remove(path)
        if not paths:
            del self._paths[number]
            try:
                self._inotify.rm_watch(number)
            except OSError:
                pass  # it went with its directory

    def __len__(self) -> int:
        return len(self._paths)

    def rung(self) -> Iterator[Rang]:
        """What has happened, in order."""
        for event in self._inotify.read(timeout=0):
            if event.mask & flags.Q_OVERFLOW:
                yield Rang("overflow")
            for path in tuple(self._paths.get(event.wd, ())):
                yield from self._rang(path, event.mask, event.name, event.cookie)

    def _rang(self, path: str, mask: int, name: str, cookie: int) -> Iterator[Rang]:
        if mask & _LOST:
            self.forget(path)
            yield Rang("lost", path)
            return
        for flag, word in _WORDS.items():
            if mask & flag and name:
                yield Rang(word, path, name, bool(mask & flags.ISDIR), cookie)

    def close(self) -> None:
        """Ring no more."""
        self._inotify.close()

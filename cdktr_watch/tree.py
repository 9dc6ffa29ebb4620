"""The watched directories of one watch: what rings becomes a notice about a path, and a look at
everything tells what is there.

A directory is watched first and listed then, so that what is made in it meanwhile is seen twice
rather than not at all. A watched directory that goes away (unmounted, renamed, removed) takes
nothing with it: its files are told to be gone only when it is back without them. Knows the file
system; what is told is decided in `changes`.
"""

from __future__ import annotations

import errno
import os
import stat as modes
import time
from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

from cdktr_watch.bell import Bell, Exhausted, Rang
from cdktr_watch.changes import Changes, State
from cdktr_watch.config import Watch

MOVES_MOST: Final = 10_000
"""Files that left a directory and whose new name may still be heard of."""

FOREIGN: Final = {
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "afs", "ncpfs", "lustre", "glusterfs",
    "fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone", "virtiofs", "fuse.gcsfuse",
}  # fmt: skip
"""File systems on which other machines make changes that no inotify tells of."""


class Tree:
    """See the module text. `trouble` is what keeps it from hearing everything, for people."""

    def __init__(self, watch: Watch, changes: Changes) -> None:
        self.watch = watch
        self.trouble = ""
        self.overflows = 0
        self.away: set[str] = set()
        self.unread: set[str] = set()
        self._changes = changes
        self._filter = watch.filter
        self._files = {root for root in watch.roots if not os.path.isdir(root)}
        self._roots = [root for root in watch.roots if root not in self._files]
        self._left: OrderedDict[int, tuple[str, bool, bool]] = OrderedDict()
        self.bell: Bell | None = None
        if watch.poll_s is None:
            try:
                self.bell = Bell()
            except Exhausted as limit:
                self._exhausted(limit)

    def _exhausted(self, limit: Exhausted) -> None:
        self.trouble = f"the system's limit {limit} is reached"
        if self.bell is not None:
            self.bell.close()
            self.bell = None

    # Which paths.

    def meant(self, path: str) -> bool:
        """Is a file at this path watched?"""
        if path in self._files:
            return True
        for root in self._roots:
            below = path[len(root.rstrip("/")) + 1 :]
            near = self.watch.recursive or "/" not in below
            if _is_below(path, root) and near and self._filter.file(below):
                return True
        return False

    def _entered(self, path: str) -> bool:
        """Is a directory at this path watched with all in it?"""
        if path in self._roots:
            return True
        return self.watch.recursive and any(
            _is_below(path, root) and self._filter.directory(path[len(root.rstrip("/")) + 1 :])
            for root in self._roots
        )

    # Looking.

    def look(self) -> dict[str, State]:
        """All files that are there now. Directories that are watched as such and are not there are
        `away` afterwards, those that cannot be read `unread`: of neither is anything known."""
        self.unread = set()
        self.away = {root for root in self._roots if not os.path.isdir(root)}
        found: dict[str, State] = {}
        for root in self._roots:
            found.update(self._below(root))
        for path in self._files:
            directory = os.path.dirname(path)
            if not self._listen(directory):
                self.away.add(directory)
            try:
                state = look_at(path)
            except OSError:
                self.unread.add(path)
                continue
            if state is not None:
                found[path] = state
        return found

    def _below(self, top: str) -> Iterator[tuple[str, State]]:
        directories = [top]
        while directories:
            directory = directories.pop()
            if not self._listen(directory):
                continue
            try:
                with os.scandir(directory) as entries:
                    listed = [(entry.path, _is_directory(entry)) for entry in entries]
            except (FileNotFoundError, NotADirectoryError):
                continue  # gone meanwhile: that rings
            except OSError:
                self.unread.add(directory)
                continue
            for path, is_directory in listed:
                if is_directory:
                    directories += [path] if self._entered(path) else []
                elif self.meant(path):
                    try:
                        state = look_at(path)
                    except OSError:
                        self.unread.add(path)
                        continue
                    if state is not None:
                        yield path, state

    def _listen(self, directory: str) -> bool:
        """Watch it. False: it is not there."""
        if self.bell is None:
            return os.path.isdir(directory)
        try:
            self.bell.watch(directory)
        except OSError:
            return False
        except Exhausted as limit:
            self._exhausted(limit)
        return True

    # Hearing.

    def hear(self, now: float) -> bool:
        """Pass on what has rung. True: a look at everything is needed."""
        again = False
        assert self.bell is not None
        for rang in self.bell.rung():
            if rang.what == "overflow":
                self.overflows += 1
                again = True
            elif rang.what == "lost":
                again = again or self._lost(rang.directory)
            elif rang.is_directory:
                self._directory(rang, os.path.join(rang.directory, rang.name), now)
            else:
                self._file(rang, os.path.join(rang.directory, rang.name), now)
            if self.bell is None:
                return True
        return again

    def _lost(self, directory: str) -> bool:
        if directory in self._roots or any(os.path.dirname(f) == directory for f in self._files):
            self.away.add(directory)
            return True
        return False

    def _file(self, rang: Rang, path: str, now: float) -> None:
        changes, meant = self._changes, self.meant(path)
        if rang.what == "from":
            self._leaves(rang.cookie, path, False, meant and changes.being_written(path))
        if not meant and rang.what != "to":
            return
        if rang.what in ("made", "written"):
            changes.written(path, now)
        elif rang.what == "closed":
            changes.closed(path, now)
        elif rang.what == "touched":
            changes.touched(path, now)
        elif rang.what in ("gone", "from"):
            changes.gone(path, now)
        elif rang.what == "to":
            before, _, unfinished = self._left.pop(rang.cookie, ("", False, False))
            if meant:
                (changes.written if unfinished else changes.closed)(path, now)
                if before:
                    changes.renamed(before, path, now)

    def _directory(self, rang: Rang, path: str, now: float) -> None:
        if rang.what in ("from", "gone"):
            if self.bell is not None:
                self.bell.forget(path)
            if rang.what == "from":
                self._leaves(rang.cookie, path, True, False)
            for told in [one for one in self._changes.told if one.startswith(path + "/")]:
                self._changes.gone(told, now)
        elif rang.what in ("to", "made"):
            before = self._left.pop(rang.cookie, ("", False, False))[0]
            if self._entered(path):
                wall = time.time()
                for found, state in self._below(path):
                    self._changes.found(found, state, now, wall)
                    if before:
                        self._changes.renamed(before + found[len(path) :], found, now)

    def _leaves(self, cookie: int, path: str, is_directory: bool, unfinished: bool) -> None:
        self._left[cookie] = (path, is_directory, unfinished)
        if len(self._left) > MOVES_MOST:
            self._left.popitem(last=False)

    def close(self) -> None:
        """Hear no more."""
        if self.bell is not None:
            self.bell.close()


def look_at(path: str) -> State | None:
    """The file at `path`; None: there is none, or what is there is no file. Raises OSError when
    that cannot be known."""
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as fault:
        if fault.errno == errno.ELOOP:
            return None
        raise
    if not modes.S_ISREG(found.st_mode):
        return None
    return State(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _is_below(path: str, root: str) -> bool:
    return path.startswith(root if root.endswith("/") else root + "/")


def foreign(path: str) -> str:
    """The kind of file system at `path` if other machines may write to it, else nothing."""
    best, kind = "", ""
    try:
        with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as mounts:
            for line in mounts:
                where, what = line.split()[1:3]
                where = where.replace("\\040", " ")
                if (path == where or _is_below(path, where)) and len(where) >= len(best):
                    best, kind = where, what
    except OSError:
        return ""
    return kind if kind in FOREIGN else ""

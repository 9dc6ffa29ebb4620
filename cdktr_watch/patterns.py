"""Which files of a watched directory are meant.

A pattern without a slash is about the name of a file, wherever it lies; one with a slash is about
its path from the watched directory, in which `**` stands for any number of directories. `*`, `?`
and `[...]` never stand for a slash. Names that begin with a dot or end in `~` are what editors and
copying programs leave behind while they work: only a pattern that spells that out, or `hidden`,
means them. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache


class Filter:
    """What `--glob`, `--exclude` and `--hidden` say. No glob: all files."""

    def __init__(
        self, globs: Iterable[str] = (), excludes: Iterable[str] = (), hidden: bool = False
    ) -> None:
        self._globs = tuple(globs)
        self._excludes = tuple(excludes)
        self._hidden = hidden

    def file(self, path: str) -> bool:
        """Is the file at `path`, counted from the watched directory, meant?"""
        if not self.directory(path.rpartition("/")[0]):
            return False
        if any(matches(pattern, path) for pattern in self._excludes):
            return False
        name = path.rpartition("/")[2]
        passing = name.startswith(".") or name.endswith("~")
        if not self._globs:
            return self._hidden or not passing
        return any(
            matches(pattern, path) and (self._hidden or not passing or _spelt(pattern, name))
            for pattern in self._globs
        )

    def directory(self, path: str) -> bool:
        """May anything below this directory be meant? The watched directory itself is ``."""
        parts = path.split("/") if path else []
        for count in range(1, len(parts) + 1):
            if parts[count - 1].startswith(".") and not self._hidden:
                return False
            if any(matches(pattern, "/".join(parts[:count])) for pattern in self._excludes):
                return False
        return True


def matches(pattern: str, path: str) -> bool:
    """Does a path fit a pattern, by the rules of this module's text?"""
    pattern = pattern.rstrip("/")
    subject = path if "/" in pattern else path.rpartition("/")[2]
    return _compiled(pattern.removeprefix("/")).fullmatch(subject) is not None


def _spelt(pattern: str, name: str) -> bool:
    last = pattern.rpartition("/")[2]
    return (not name.startswith(".") or last.startswith(".")) and (
        not name.endswith("~") or last.endswith("~")
    )


@lru_cache(1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    text, at = "", 0
    while at < len(pattern):
        rest = pattern[at:]
        if rest.startswith("**/"):
            text, at = text + "(?:[^/]+/)*", at + 3
        elif rest == "**":
            text, at = text + ".*", at + 2
        elif rest[0] == "*":
            text, at = text + "[^/]*", at + 1
        elif rest[0] == "?":
            text, at = text + "[^/]", at + 1
        elif rest[0] == "[" and (end := rest.find("]", 2)) > 0:
            inner = rest[1:end].replace("\\", "\\\\").replace("[", "\\[")
            text += f"(?!/)[^{inner[1:]}]" if inner[0] in "!^" else f"(?!/)[{inner}]"
            at += end + 1
        else:
            text, at = text + re.escape(rest[0]), at + 1
    try:
        return re.compile(text, re.DOTALL)
    except re.error:
        return re.compile(re.escape(pattern))

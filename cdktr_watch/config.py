"""What to watch: from the command line, or several watches from a file.

Each watch is checked whole before anything is watched, and a fault names its place. Knows no
inotify and no protocol.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, Final

import msgspec

from cdktr_common.cli import near
from cdktr_common.durations import strict
from cdktr_common.errors import BAD_SETTINGS, NOT_FOUND, Refusal
from cdktr_watch.patterns import Filter

KINDS: Final = ("created", "modified", "moved", "deleted")
DEFAULT_ON: Final = ("created", "modified")
"""A workflow that puts its files away or takes them apart does not start itself again by that."""

MOST_WATCHES: Final = 100
MOST_ROOTS: Final = 1000


class ConfigFault(Refusal):
    """What to watch is not said as it has to be; ends the program with 78, or 3 for a path."""

    def __init__(self, text: str, code: int = BAD_SETTINGS) -> None:
        super().__init__(text)
        self._code = code

    @property
    def exit(self) -> int:
        return self._code


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to watch. `settle_s` None: a file is told when it was closed after writing."""

    event: str
    name: str
    roots: tuple[str, ...]
    globs: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    recursive: bool = False
    hidden: bool = False
    on: tuple[str, ...] = DEFAULT_ON
    settle_s: float | None = None
    existing: bool = False
    poll_s: float | None = None

    @property
    def filter(self) -> Filter:
        """Which files are meant."""
        return Filter(self.globs, self.excludes, self.hidden)

    @property
    def scope(self) -> str:
        """A short name of what decides which files are looked at: when it changes, files that are
        new to the record are not therefore new."""
        said = [self.roots, self.globs, self.excludes, self.recursive, self.hidden]
        return hashlib.blake2b(msgspec.json.encode(said), digest_size=8).hexdigest()


def watch(
    where: str,
    *,
    event: str,
    paths: list[str],
    name: str = "",
    glob: list[str] | None = None,
    exclude: list[str] | None = None,
    recursive: bool = False,
    hidden: bool = False,
    on: str | list[str] | None = None,
    settle: str | float | None = None,
    existing: bool = False,
    poll: str | float | None = None,
) -> Watch:
    """A watch that was checked. `where` begins what is said of a fault. Raises ConfigFault."""
    _check_event(where, event)
    if not paths or len(paths) > MOST_ROOTS:
        raise ConfigFault(f"{where}paths: 1 to {MOST_ROOTS} are needed")
    for path in paths:
        if not os.path.isdir(path) and not os.path.isdir(os.path.dirname(path) or "."):
            raise ConfigFault(f"{where}no such directory: {path}", NOT_FOUND)
    return Watch(
        event=event,
        name=name or event,
        roots=tuple(dict.fromkeys(os.path.abspath(path) for path in paths)),
        globs=tuple(glob or ()),
        excludes=tuple(exclude or ()),
        recursive=recursive,
        hidden=hidden,
        on=_kinds(where, on),
        settle_s=_span(where, "settle", settle, 0.0),
        existing=existing,
        poll_s=_span(where, "poll", poll, 0.1),
    )


def read_file(file: str) -> list[Watch]:
    """The watches of a file: `watches:` with a list. Raises ConfigFault or OSError."""
    import yaml

    try:
        content = yaml.safe_load(Path(file).read_text())
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as fault:
        raise ConfigFault(f"{file}: {fault}") from None
    rows = content.get("watches") if isinstance(content, dict) else None
    if not isinstance(rows, list) or not 0 < len(rows) <= MOST_WATCHES or len(content) > 1:
        raise ConfigFault(f"{file}: `watches:` with a list of 1 to {MOST_WATCHES} is needed")
    found = [_row(file, f"{file}: watch {number}: ", row) for number, row in enumerate(rows, 1)]
    names = [one.name for one in found]
    for one in found:
        if names.count(one.name) > 1:
            raise ConfigFault(
                f"{file}: two watches are named '{one.name}'; give each a `name:` of its own, "
                "under which it remembers what it told"
            )
    return found


_KEYS: Final[dict[str, tuple[type, ...]]] = {
    "event": (str,), "paths": (str, list), "name": (str,), "glob": (str, list),
    "exclude": (str, list), "recursive": (bool,), "hidden": (bool,), "on": (str, list),
    "settle": (str, int, float), "existing": (bool,), "poll": (str, int, float),
}  # fmt: skip


def _row(file: str, where: str, row: Any) -> Watch:
    if not isinstance(row, dict):
        raise ConfigFault(f"{where}not a mapping")
    # To YAML, a plain `on` is the opposite of `off`.
    row = {"on" if key is True else key: value for key, value in row.items()}
    for key, value in row.items():
        if key not in _KEYS:
            raise ConfigFault(f"{where}unknown key '{key}'{near(str(key), list(_KEYS))}")
        wrong = not isinstance(value, _KEYS[key])
        wrong |= isinstance(value, bool) and bool not in _KEYS[key]
        if wrong or (isinstance(value, list) and not all(isinstance(one, str) for one in value)):
            raise ConfigFault(f"{where}{key} is {value!r}, which cannot be meant")
    for key in ("event", "paths"):
        if key not in row:
            raise ConfigFault(f"{where}{key} is missing")
    several = {
        key: [row[key]] if isinstance(row[key], str) else row[key]
        for key in ("paths", "glob", "exclude")
        if key in row
    }
    beside = os.path.dirname(file)
    several["paths"] = [os.path.join(beside, os.path.expanduser(p)) for p in several["paths"]]
    return watch(where, **{**row, **several})


def _check_event(where: str, event: str) -> None:
    if not 0 < len(event) <= 200 or not event.isprintable() or event.startswith("run."):
        raise ConfigFault(
            f"{where}'{event[:40]}' is no name of an event: 1 to 200 characters of one line, "
            "not beginning with `run.`"
        )


def _kinds(where: str, on: str | list[str] | None) -> tuple[str, ...]:
    if on is None:
        return DEFAULT_ON
    words = [word.strip() for word in on.split(",")] if isinstance(on, str) else on
    for word in words:
        if word not in KINDS:
            raise ConfigFault(f"{where}on: '{word}' is none of {', '.join(KINDS)}"
                              f"{near(word, KINDS)}")  # fmt: skip
    return tuple(kind for kind in KINDS if kind in words)


def _span(where: str, what: str, said: str | float | None, least: float) -> float | None:
    if said is None:
        return None
    span = strict(str(said))
    if span is None or not least <= span <= 86_400:
        raise ConfigFault(f"{where}{what} is '{said}'; write 500ms, 2s or 10m, {least:g} s to 24h")
    return span

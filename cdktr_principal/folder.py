"""The workflow directory: which files there are, what has changed, what they say.

`scan` takes what the last scan knew and returns what is new; nothing is kept in between and
nothing is shared, so it may run in a worker thread. Only changed files are read, only changed
content is parsed. A broken, unreadable or clashing file never hides the others. Knows nothing of
what is in force: that is the principal's state.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from cdktr_common.catalogue.values import Fault, Plan
from cdktr_common.settings_file import FILES as SETTINGS_FILES
from cdktr_principal.language.dialects import Loaded, load_text
from cdktr_principal.language.fields import ID
from cdktr_principal.language.source import MAX_BYTES

SUFFIXES: Final = (".yaml", ".yml")
MAX_FILES: Final = 20_000
"""Workflow files that are looked at; more are reported and left alone."""

_FRESH_NS: Final = 2_000_000_000
"""A file this young may change again within the same tick of its clock: it is read next time."""

_CLASH: Final = "clash:"
_UNREADABLE: Final = "unreadable:"


class Seen(NamedTuple):
    """What is known of a file. Equal time and size: not read; equal hash: not parsed."""

    mtime_ns: int
    size: int
    hash: str


class Good(NamedTuple):
    """A new or changed file that has no faults."""

    workflow: str
    file: str
    hash: str
    plan: Plan


class Broken(NamedTuple):
    """A new or changed file that cannot be used. Any earlier version stays in force."""

    workflow: str
    file: str
    hash: str
    faults: list[Fault]


class Scan(NamedTuple):
    """What a look at the directory found. Pass `known` to the next one. `removed` are ids that
    `known` had and that no file has now; `present` are the ids of all files, good and broken.
    `troubles` are sentences about the directory itself, the same as long as they last."""

    loaded: list[Good]
    broken: list[Broken]
    removed: list[str]
    unchanged: int
    known: dict[str, Seen]
    present: frozenset[str]
    troubles: list[str]


class Found(NamedTuple):
    """A file of the directory: its name below it, its path, its id."""

    name: str
    path: str
    workflow: str
    mtime_ns: int
    size: int


def workflow_id(name: str) -> str:
    """The id of the workflow in a file: its path below the directory without extension, with
    dots for slashes."""
    stem = name.rpartition(".")[0] if name.endswith(SUFFIXES) else name
    return stem.replace("/", ".")


class Folder:
    """A workflow directory. It need not exist."""

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)

    def scan(
        self, known: Mapping[str, tuple[int, int, str]], loading: Loading | None = None
    ) -> Scan:
        """Look at all files and load those that changed since the scan that returned `known`."""
        troubles: list[str] = []
        by_id: dict[str, list[Found]] = {}
        for found in self.files(troubles):
            by_id.setdefault(found.workflow, []).append(found)
        scan = Scan([], [], [], 0, {}, frozenset(by_id), troubles)
        unchanged = 0
        for group in by_id.values():
            if len(group) > 1:
                unchanged += _clash(group, known, scan)
            else:
                unchanged += _look(group[0], known.get(group[0].name), scan, loading or load)
        if any(trouble.startswith("cannot read") for trouble in troubles):
            # What is below an unreadable directory may still be there: it is not removed.
            for name, seen in known.items():
                scan.known.setdefault(name, Seen(*seen))
        left = {workflow_id(name) for name in scan.known}
        removed = sorted({workflow_id(name) for name in known} - left)
        return scan._replace(removed=removed, unchanged=unchanged)

    def files(self, troubles: list[str]) -> Iterator[Found]:
        """Workflow files in a fixed order: first all that is really there, then what links lead
        to. A directory reached on several ways is visited once."""
        if not os.path.isdir(self.path):
            troubles.append(f"no workflow directory {_shown(self.path)}")
            return
        visited: set[tuple[int, int]] = set()
        ahead, links = [""], list[str]()
        count = 0
        while ahead or links:
            below = (ahead or links).pop(0)
            directory = os.path.join(self.path, below)
            try:
                status = os.stat(directory)
                if (status.st_dev, status.st_ino) in visited:
                    continue
                visited.add((status.st_dev, status.st_ino))
                with os.scandir(directory) as listing:
                    entries = sorted(listing, key=lambda entry: entry.name)
            except OSError as fault:
                troubles.append(f"cannot read {_shown(directory)}: {fault.strerror}")
                continue
            for entry in entries:
                name = os.path.join(below, entry.name)
                if entry.name.startswith(".") or entry.name in SETTINGS_FILES:
                    continue
                if _is_dir(entry):
                    (links if entry.is_symlink() else ahead).append(name)
                elif name.endswith(SUFFIXES) and (found := self._found(entry, name, troubles)):
                    count += 1
                    if count > MAX_FILES:
                        troubles.append(f"more than {MAX_FILES} workflow files: the rest is left")
                        return
                    yield found

    def _found(self, entry: os.DirEntry[str], name: str, troubles: list[str]) -> Found | None:
        shown = _shown(name)
        try:
            status = entry.stat()
        except OSError:
            if entry.is_symlink():
                troubles.append(f"{shown} is a link that leads nowhere")
            return None  # or gone meanwhile
        if not stat.S_ISREG(status.st_mode):
            troubles.append(f"{shown} is neither a file nor a directory")
            return None
        return Found(shown, entry.path, workflow_id(shown), status.st_mtime_ns, status.st_size)


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _shown(path: str) -> str:
    """A path as text that can be sent: file names may be any bytes."""
    return os.fsencode(path).decode("utf-8", "replace")


def read(path: str) -> bytes:
    """The content of a file, one byte more at most than a workflow file may have. Raises
    OSError."""
    # O_NONBLOCK: were it swapped for a pipe meanwhile, opening must not wait for a writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:
        return file.read(MAX_BYTES + 1)


Loading = Callable[["Found", bytes], Loaded]
"""Content of a file to what it says."""


def load(
    found: Found,
    data: bytes,
    dialect: str | None = None,
    strip_image: bool = False,
    lone_task: bool = False,
) -> Loaded:
    """The plan in the content of a file."""
    if len(found.workflow) > 200 or not all(
        ID.fullmatch(part) for part in found.workflow.split(".") or [""]
    ):
        what = f"the path gives the workflow id '{found.workflow[:200]}'"
        hint = "rename it: letters, digits, _ and -, and directories, together at most 200"
        return Loaded(None, [Fault(file=found.name, line=1, col=1, what=what, hint=hint)])
    return load_text(data, found.workflow, found.name, dialect, strip_image, lone_task)


def _look(found: Found, seen: tuple[int, int, str] | None, scan: Scan, loading: Loading) -> int:
    """Load a file if it changed. Returns how many files turned out unchanged."""
    old = seen[2] if seen else ""
    same = seen is not None and seen[:2] == (found.mtime_ns, found.size)
    if same and not old.startswith((_CLASH, _UNREADABLE)):
        scan.known[found.name] = Seen(found.mtime_ns, found.size, old)
        return 1
    try:
        data = read(found.path)
    except OSError as fault:
        return _unreadable(found, fault, old, scan)
    digest = hashlib.sha256(data).hexdigest()[:16]
    fresh = time.time_ns() - found.mtime_ns < _FRESH_NS
    scan.known[found.name] = Seen(-1 if fresh else found.mtime_ns, found.size, digest)
    if digest == old:
        return 1
    plan, faults = loading(found, data)
    if plan is not None:
        scan.loaded.append(Good(found.workflow, found.name, digest, plan))
    else:
        scan.broken.append(Broken(found.workflow, found.name, digest, faults))
    return 0


def _unreadable(found: Found, fault: OSError, old: str, scan: Scan) -> int:
    if fault.errno == errno.ENOENT:
        return 0  # removed since it was listed
    state = f"{_UNREADABLE}{fault.errno}"
    scan.known[found.name] = Seen(found.mtime_ns, found.size, state)
    if state == old:
        return 1
    told = Fault(file=found.name, what=f"cannot be read: {fault.strerror}")
    scan.broken.append(Broken(found.workflow, found.name, state, [told]))
    return 0


def _clash(group: list[Found], known: Mapping[str, tuple[int, int, str]], scan: Scan) -> int:
    """Several files give one id: none of them is loaded."""
    facts = repr([(found.name, found.mtime_ns, found.size) for found in group])
    state = _CLASH + hashlib.sha256(facts.encode()).hexdigest()[:16]
    told = all(found.name in known and known[found.name][2] == state for found in group)
    for found in group:
        scan.known[found.name] = Seen(found.mtime_ns, found.size, state)
    if told:
        return len(group)
    names = [found.name for found in group]
    faults = [
        Fault(
            file=name,
            line=1,
            col=1,
            what=f"{' and '.join(names)} give the same workflow id '{group[0].workflow}'",
            hint="rename or remove one of them",
        )
        for name in names
    ]
    scan.broken.append(Broken(group[0].workflow, names[0], state, faults))
    return 0

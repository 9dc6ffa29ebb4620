"""A machine with Debian's python3 and nothing of the project: a root directory copied from the
installed packages that python3 and a shell depend on, in a network namespace of its own.

The list of files is dpkg's, so nothing else of this machine comes along. Needs root and iproute2.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SEEDS = ("python3", "dash", "coreutils", "libc-bin", "base-files", "libstdc++6")
"""python3 and what every Debian has (libstdc++6: apt needs it, and so does libzmq)."""

SKIPPED = re.compile(r"^/usr/share/(doc|man|locale|lintian|bug|perl|info)/|/test/|/__pycache__/")


def packages() -> list[str]:
    """The seeds and all that they depend on."""
    found: dict[str, None] = {}
    todo = list(SEEDS)
    while todo:
        name = todo.pop()
        if name in found:
            continue
        query = ["dpkg-query", "-W", "-f", "${db:Status-Status},${Pre-Depends},${Depends}", name]
        answer = subprocess.run(query, capture_output=True, text=True, check=False)
        status, _, depends = answer.stdout.partition(",")
        if status != "installed":
            continue  # a virtual package or an alternative that is not there
        found[name] = None
        if name in ("debconf", "perl-base", "media-types"):
            continue  # needed to install packages, not to run them
        for choice in depends.split(","):
            for one in choice.split("|"):
                word = re.sub(r"\(.*?\)|:any", "", one).strip()
                if word:
                    todo.append(word)
    return list(found)


def make(root: Path) -> None:
    """Lay out the root: about two seconds."""
    for link in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / link).mkdir(parents=True)
        (root / link).symlink_to(f"usr/{link}")
    for directory in ("dev", "proc", "tmp", "root", "etc", "opt"):
        (root / directory).mkdir()
    listed = subprocess.run(
        ["dpkg-query", "-L", *packages()], capture_output=True, text=True, check=True
    )
    for name in dict.fromkeys(listed.stdout.splitlines()):
        source = Path(name)
        if not name.startswith("/") or SKIPPED.search(name) or source.is_dir():
            continue
        target = root / name[1:]
        if source.is_symlink() or source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            if not os.path.lexists(target):
                shutil.copy2(source, target, follow_symlinks=False)
    (root / "etc" / "hostname").write_text("bare\n")
    for device, kind in (("null", "c 1 3"), ("zero", "c 1 5"), ("urandom", "c 1 9")):
        subprocess.run(
            ["mknod", "-m", "666", str(root / "dev" / device), *kind.split()], check=True
        )


@contextmanager
def namespace(name: str, outside: str, inside: str) -> Iterator[None]:
    """A network namespace with a wire to this one: address `outside` here, `inside` there."""
    here = f"{name}0"

    def ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True, capture_output=True, text=True)

    ip("netns", "add", name)
    try:
        ip("link", "add", here, "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("addr", "add", f"{outside}/30", "dev", here)
        ip("link", "set", here, "up")
        ip("-n", name, "addr", "add", f"{inside}/30", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")
        ip("-n", name, "link", "set", "lo", "up")
        yield
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False)
        subprocess.run(["ip", "link", "del", here], check=False, capture_output=True)

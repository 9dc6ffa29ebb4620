"""The ground a campaign stands on: hosts with networks and disks of their own, on one machine.

With namespaces (root, or a kernel that lets users have their own) each host is a network namespace
behind a router, so that a cut is silent as in life; small disks are tmpfs; all of it is gone with
the process that made it. Without them, hosts are only names, and what cannot be done is left out
and said. It knows hosts, no programs.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

INSIDE = "CDKTR_TEST_INSIDE"
"""Set in a process that has namespaces of its own."""

UNSHARE = ("unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child")


def isolated() -> bool:
    """Are we in namespaces of our own?"""
    return os.environ.get(INSIDE) == "1"


def isolating() -> list[str] | None:
    """Words to put before a command so that it runs in namespaces of its own; None where the
    machine does not allow it."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    words = [UNSHARE[0], *user, *UNSHARE[1:]]
    probe = (
        "mount -t tmpfs none /run && ip netns add probe && ip rule add from 10.1.1.1 blackhole && "
        "echo 1 > /proc/sys/net/ipv4/ip_forward"
    )
    try:
        done = subprocess.run([*words, "sh", "-c", probe], capture_output=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return words if done.returncode == 0 else None


def as_init(main: Callable[[], int]) -> int:
    """As process 1: run `main` in a child and bury the orphans, as an init does. Its exit code."""
    child = os.fork()
    if not child:
        code = 70
        try:
            code = main()
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: os.kill(child, number))
    while True:
        pid, status = os.wait()
        if pid == child:
            return os.waitstatus_to_exitcode(status) & 0xFF


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


class Ground:
    """Hosts by name; the router is the namespace this process lives in."""

    def __init__(self, hosts: Sequence[str], disks: bool = True) -> None:
        self.apart = isolated()
        self._hosts = list(hosts)
        self._mounts: list[Path] = []
        if self.apart:
            self._prepare()

    def _prepare(self) -> None:
        if not os.path.ismount("/run"):
            subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
        _ip("link", "set", "lo", "up")
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        for host in self._hosts:
            _ip("netns", "add", host)
            _ip("link", "add", host, "type", "veth", "peer", "name", "eth0", "netns", host)
            _ip("addr", "add", f"{self.router(host)}/24", "dev", host)
            _ip("link", "set", host, "up")
            _ip("-n", host, "addr", "add", f"{self.address(host)}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                _ip("-n", host, "link", "set", device, "up")
            _ip("-n", host, "route", "add", "default", "via", self.router(host))

    def address(self, host: str) -> str:
        """The address of a host."""
        return f"10.77.{self._hosts.index(host) + 1}.2" if self.apart else "127.0.0.1"

    def router(self, host: str) -> str:
        """The address of the router as that host sees it."""
        return f"10.77.{self._hosts.index(host) + 1}.1" if self.apart else "127.0.0.1"

    def on(self, host: str) -> list[str]:
        """Words to put before a command so that it runs on that host, with the same pid."""
        return ["nsenter", f"--net=/run/netns/{host}"] if self.apart else []

    # Cuts. All of them are silent: nobody is told that packets are dropped.

    def cut(self, source: str, target: str) -> None:
        """Nothing goes from `source` to `target` any more."""
        _ip("rule", "add", *self._way(source, target))

    def heal(self, source: str, target: str) -> None:
        """It goes again."""
        _ip("rule", "del", *self._way(source, target))

    def _way(self, source: str, target: str) -> list[str]:
        ends = ["from", self.address(source), "to", self.address(target)]
        return [*ends, "blackhole"]

    def unplug(self, host: str) -> None:
        """Pull the cable of a host."""
        _ip("link", "set", host, "down")

    def plug(self, host: str) -> None:
        """Put it back."""
        _ip("link", "set", host, "up")

    # Disks

    def disk(self, path: Path, megabytes: int) -> None:
        """Give a directory a small disk of its own."""
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.apart:
            options = f"size={megabytes}m,mode=700"
            subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(path)], check=True)
            self._mounts.append(path)

    @staticmethod
    def fill(path: Path) -> Path:
        """Leave nothing free on the disk of a directory; the file to delete to free it."""
        file = path / "filling"
        with file.open("wb") as out:
            step = 64 << 20
            while step >= 4096:
                at = os.fstat(out.fileno()).st_size
                try:
                    os.posix_fallocate(out.fileno(), at, step)
                except OSError as fault:
                    if fault.errno != errno.ENOSPC:
                        raise
                    os.ftruncate(out.fileno(), at)
                    step //= 2
        return file

    def keep_disks(self) -> None:
        """Copy what is on the small disks to where it is still there when they are gone."""
        for path in self._mounts:
            copy = path.with_name(path.name + ".kept")
            with suppress(OSError, shutil.Error):
                shutil.copytree(path, copy, dirs_exist_ok=True, ignore=_no_sockets)
        self.release_disks()
        for path in self._mounts:
            with suppress(OSError):
                path.rmdir()
                path.with_name(path.name + ".kept").rename(path)

    def release_disks(self) -> None:
        """Take the small disks away."""
        for path in reversed(self._mounts):
            subprocess.run(["umount", "-l", str(path)], check=False, capture_output=True)


def _no_sockets(directory: str, names: list[str]) -> list[str]:
    return [name for name in names if not os.path.isfile(os.path.join(directory, name))
            and not os.path.isdir(os.path.join(directory, name))]  # fmt: skip


def living(directory: Path, spare: Sequence[int] = ()) -> dict[int, str]:
    """Processes that belong to a campaign in `directory`, told by their environment, that are not
    dead: pid and command line."""
    mark = os.fsencode(str(directory))
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) in (os.getpid(), *spare):
            continue
        with suppress(OSError):
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            if state not in "ZX" and mark in (entry / "environ").read_bytes():
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                found[int(entry.name)] = command.decode(errors="replace").strip()
    return found

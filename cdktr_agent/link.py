"""The network process's hold on its supervisor: attach to the one that runs, or start one.

Started detached, in a session of its own, by the interpreter that runs us and with the import path
given as text: nothing of ours gets into the environment of tasks, and a zipapp works as well.
"""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from pathlib import Path

from cdktr_agent import local
from cdktr_common.lock import holder, read_owner

_CODE = (
    "import sys; sys.path[:0] = [sys.argv.pop(1)]; "
    "from cdktr_agent.supervisor import run; sys.exit(run())"
)


class Link:
    """At most one connection; `line` is None while there is none."""

    def __init__(self, directory: str, aid: str) -> None:
        self._directory = directory
        self._aid = aid
        self._pid = 0
        self.line: local.Line | None = None

    def supervisor(self) -> tuple[int, str]:
        """Pid and boot of the supervisor that is here, frozen or not; (0, "") for none."""
        owner = read_owner(Path(self._directory) / "supervisor.lock")
        pid, boot = owner.get("pid"), owner.get("boot")
        if not isinstance(pid, int) or not isinstance(boot, str):
            return 0, ""
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return 0, ""
        # The number may be somebody else's by now.
        return (pid, boot) if self._aid.encode() in words else (0, "")

    def open(self) -> bool:
        """Attach or start. False: somebody holds the lock and does not answer yet; try again.
        Raises OSError when the machine has no room for a process."""
        self._reap()
        sock = self._connect()
        if sock is None:
            if holder(Path(self._directory) / "supervisor.lock") is not None:
                return False
            sock = self._start()
        self.line = local.Line(sock)
        return True

    def _connect(self) -> socket.socket | None:
        directory = os.open(self._directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.setblocking(False)  # one who is frozen accepts nobody, and a few wait there already
        try:
            sock.connect(f"/proc/self/fd/{directory}/supervisor.sock")  # never too long
            return sock
        except OSError:
            sock.close()
            return None
        finally:
            os.close(directory)

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        log = os.open(f"{self._directory}/supervisor.log", flags, 0o600)
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        package = str(Path(__file__).resolve().parent.parent)
        # -P: the current directory is not a place to import from.
        argv = [sys.executable, "-P", "-c", _CODE, package, self._directory, self._aid, "3"]
        try:
            self._pid = os.posix_spawn(
                sys.executable,
                argv,
                os.environ,
                file_actions=(
                    (os.POSIX_SPAWN_DUP2, theirs.fileno(), 3),
                    (os.POSIX_SPAWN_DUP2, null, 0),
                    (os.POSIX_SPAWN_DUP2, null, 1),
                    (os.POSIX_SPAWN_DUP2, log, 2),
                ),
                setsid=True,
                setsigmask=(),
            )
        except OSError:
            ours.close()
            raise
        finally:
            os.close(log)
            os.close(null)
            theirs.close()
        return ours

    def close(self) -> None:
        """The connection has ended."""
        if self.line is not None:
            self.line.close()
            self.line = None
        self._reap()

    def _reap(self) -> None:
        if self._pid:
            with suppress(ChildProcessError):
                if os.waitpid(self._pid, os.WNOHANG) == (0, 0):
                    return
            self._pid = 0
